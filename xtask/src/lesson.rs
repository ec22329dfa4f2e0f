//! The lesson as a learner takes it: their folder of a step, and what they do in it.

pub mod attempt;
pub mod help;
pub mod my;
pub mod progress;
pub mod start;
pub mod watch;

use anyhow::Result;

use crate::heart::{Heart, Item, source};
use crate::output::{HINT, paint};
use crate::steps::{Number, Root, Step, Workshop, read_text};
use progress::Progress;

/// What the commands on a learner's folder have in common.
#[derive(clap::Args, Debug)]
pub struct Common {
    /// The step, like 02.
    pub step: Number,
    /// This part, instead of the first that is not done.
    #[arg(long, value_name = "K")]
    pub part: Option<usize>,
    #[command(flatten)]
    root: Root,
}

/// A step that somebody is learning.
pub struct Lesson {
    pub workshop: Workshop,
    pub step: Step,
    /// The learner's folder of it, which is there.
    pub mine: Step,
    pub heart: Heart,
}

impl Lesson {
    /// Opens the learner's folder.
    pub fn open(common: &Common) -> Result<Self> {
        let workshop = common.root.open()?;
        let step = workshop.step(common.step)?.clone();
        let heart = Heart::read(&step)?;
        if let Some(part) = common.part {
            heart.part(part)?;
        }
        Ok(Lesson {
            mine: my::open(&workshop, &step)?,
            workshop,
            step,
            heart,
        })
    }

    /// The first part that is not done; the last if all are.
    pub fn current(&self) -> Result<usize> {
        let green = Progress::read(&self.workshop)?.of(&self.step).green;
        Ok((green + 1).min(self.heart.parts.len()))
    }

    /// What is to be done in a part: where to write, what to read, and who helps. The function in
    /// which it went wrong comes first, of whatever part it is.
    pub fn task(&self, number: usize, wrong: Option<&Item>) -> Result<String> {
        let part = self.heart.part(number)?;
        let others = part.items.iter();
        let others = others.filter(|item| wrong.is_none_or(|wrong| !std::ptr::eq(*item, wrong)));
        let mut text = String::new();
        for (at, item) in wrong.into_iter().chain(others).enumerate() {
            let path = self.mine.dir.join(&item.file);
            let found = read_text(&path).and_then(|text| {
                let found = source::function(&text, &item.file, &item.item)?;
                Ok(found.line(&text))
            });
            let place = match found {
                Ok(line) => format!("{}/{}:{line}", self.mine.name, item.file),
                Err(_) => format!("{}/{}", self.mine.name, item.file),
            };
            let label = if at == 0 { "write" } else { "" };
            let row = format!("{place}  {}", item.item);
            text += &line(label, &row);
        }
        let read = format!("{}  {}", self.heart.place(&self.step, number)?, part.title);
        text += &line("read", &read);
        let number = self.step.number;
        text += &line(
            "then",
            &format!("make try-{number:02}  (or make watch-{number:02}: at each save)"),
        );
        let help = format!("make hint-{number:02}, and at last make reveal-{number:02}");
        Ok(text + &line("help", &help))
    }
}

/// A line with a label.
pub fn line(label: &str, text: &str) -> String {
    format!("  {} {text}\n", paint(HINT, &format!("{label:9}")))
}
