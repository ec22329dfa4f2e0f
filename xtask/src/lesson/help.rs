//! `cargo xtask hint` and `cargo xtask reveal`: for whom a part is too hard.

use anyhow::Result;

use super::progress::{Progress, State};
use super::{Common, Lesson, line, my};
use crate::heart::blanks::{Maker, filled};
use crate::heart::source;
use crate::output::{ADDED, HEADING, HINT, REMOVED, paint, print};
use crate::pairs::line_diff;
use crate::steps::read_text;

/// Shows the next hint of the part.
pub fn hint(common: Common) -> Result<()> {
    let lesson = Lesson::open(&common)?;
    print(&next_hint(&lesson, common.part)?)
}

/// The next hint of that part, or of the one that is not done.
pub fn next_hint(lesson: &Lesson, part: Option<usize>) -> Result<String> {
    let current = lesson.current()?;
    let number = part.unwrap_or(current);
    let part = lesson.heart.part(number)?;
    let progress = Progress::read(&lesson.workshop)?;
    let state = progress.of(&lesson.step);
    let shown = if number == current { state.hints } else { 0 };
    let mut text = format!("{}\n", paint(HEADING, &format!("{number}. {}", part.title)));
    let all = part.hints.len();
    if all == 0 {
        text += &line("hints", "this part has none; the GUIDE says it all");
    }
    for (at, hint) in (1..).zip(part.hints.iter().take(shown + 1)) {
        text += &line(&format!("hint {at}/{all}"), hint.trim());
    }
    if shown < all && number == current {
        let hints = shown + 1;
        progress.set(&lesson.workshop, &lesson.step, State { hints, ..state })?;
    }
    text += &line("read", &lesson.heart.place(&lesson.step, number)?);
    if shown + 1 >= all {
        text += &line("or else", &format!("make reveal-{:02}", lesson.step.number));
    }
    Ok(text)
}

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Reveal {
    #[command(flatten)]
    common: Common,
    /// Also write it into your files.
    #[arg(long)]
    write: bool,
}

/// Shows the part as the step has it.
pub fn reveal(args: Reveal) -> Result<()> {
    let lesson = Lesson::open(&args.common)?;
    print(&revealed(&lesson, args.common.part)?)?;
    let number = lesson.step.number;
    if !args.write {
        let part = args.common.part.map(|part| format!(" PART={part}"));
        let part = part.unwrap_or_default();
        let row = format!("make reveal-{number:02}{part} WRITE=1 puts it into your files");
        return print(&line("write", &row));
    }
    write(&lesson, args.common.part)?;
    print(&line("written", &format!("and now: make try-{number:02}")))
}

/// The reference's functions of a part, beside what the learner has.
pub fn revealed(lesson: &Lesson, part: Option<usize>) -> Result<String> {
    let number = part.map_or_else(|| lesson.current(), Ok)?;
    let part = lesson.heart.part(number)?;
    let progress = Progress::read(&lesson.workshop)?;
    let mut state = progress.of(&lesson.step);
    state.reveals += 1;
    progress.set(&lesson.workshop, &lesson.step, state)?;
    let mut text = format!("{}\n", paint(HEADING, &format!("{number}. {}", part.title)));
    for item in &part.items {
        let [right, mine] = [&lesson.step, &lesson.mine].map(|step| -> Result<String> {
            let text = read_text(&step.dir.join(&item.file))?;
            let found = source::function(&text, &item.file, &item.item)?;
            Ok(text[found.whole].to_owned() + "\n")
        });
        let (right, mine) = (right?, mine.unwrap_or_default());
        let rows = format!("{}  {}  (- yours, + the step's)", item.file, item.item);
        text += &format!("\n{}\n", paint(HINT, &rows));
        if right == mine {
            text += "yours is the step's\n";
            continue;
        }
        for change in line_diff(&mine, &right).iter_all_changes() {
            let row = format!("{}{}", change.tag(), change.to_string().trim_end());
            text += &match row.as_bytes().first() {
                Some(b'+') => paint(ADDED, &row),
                Some(b'-') => paint(REMOVED, &row),
                _ => row,
            };
            text.push('\n');
        }
    }
    Ok(text + "\n")
}

/// Puts the part's bodies into the learner's files.
fn write(lesson: &Lesson, part: Option<usize>) -> Result<()> {
    let number = part.map_or_else(|| lesson.current(), Ok)?;
    let step = &lesson.step;
    let before = lesson.workshop.before(step);
    for item in &lesson.heart.part(number)?.items {
        let path = lesson.mine.dir.join(&item.file);
        let (mine, right) = (read_text(&path)?, read_text(&step.dir.join(&item.file))?);
        let found = source::find(&right, item)?;
        let blank = Maker { before }.blank(number, item, &found)?;
        my::write(&path, filled(&mine, &right, item, &blank)?.as_bytes())?;
    }
    Ok(())
}
