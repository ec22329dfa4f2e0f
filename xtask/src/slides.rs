//! `cargo xtask slides 06`: the slides of a step, for whoever teaches it, in one HTML file.
//!
//! Nothing in them is written for them. What is on the wall comes from the GUIDE, `heart.toml`, the
//! sources and the exercise for class; what only the instructor sees from INSTRUCTOR.md. Of a
//! text the first sentences are shown, because the students have the page, and the whole is in the notes.

mod check;
mod deck;
mod teach;
mod text;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::book::browser;
use crate::check::tasks;
use crate::heart::{Heart, Part, guide};
use crate::output::{print, report};
use crate::steps::{Number, Root, Step, Workshop, read_text};
use deck::{Deck, ROOM, code, command, item, later, table, text};
use teach::{Teaching, told};
use text::{Block, Section, blocks, sections};

const TEMPLATE: &str = include_str!("slides/template.html");

/// How many characters of a text are shown of the idea, of what follows from it, and of a contract.
const IDEA: usize = 260;
const TEXT: usize = 200;
const CONTRACT: usize = 400;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 06.
    #[arg(value_name = "NN", required_unless_present = "all")]
    step: Option<Number>,
    /// Every step.
    #[arg(long, conflicts_with = "step")]
    all: bool,
    /// Also look at them in Chromium.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    root: Root,
}

pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let steps: Vec<&Step> = match args.step {
        Some(number) => vec![workshop.step(number)?],
        None => workshop.steps.iter().collect(),
    };
    let mut files = Vec::new();
    for step in steps {
        let (path, count) = write(&workshop, step)?;
        let next = "Open it in a browser; ? shows the keys.";
        print(&format!("{} has {count} slides. {next}\n", path.display()))?;
        files.push(path);
    }
    match browser::find() {
        _ if !args.check => Ok(()),
        Some(chromium) => {
            let faults = check::check(&files, &chromium)?;
            report(&faults, "all holds in Chromium")
        }
        None if std::env::var("CI").as_deref() == Ok("true") => bail!("CI needs Chromium"),
        None => print("NOTICE: there is no Chromium here, so the slides are not opened in it\n"),
    }
}

/// Writes the slides of a step. Returns where, and how many there are.
fn write(workshop: &Workshop, step: &Step) -> Result<(PathBuf, usize)> {
    let folder = workshop.root.join("target/slides");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:02}.html", step.number));
    let deck = of(workshop, step).with_context(|| format!("the slides of {}", step.name))?;
    let title = format!("Step {:02}", step.number);
    let page = TEMPLATE
        .replace("TITLE", &title)
        .replace("SLIDES", &deck.html());
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    Ok((path, deck.slides.len()))
}

/// A step of which slides are made.
struct Maker<'a> {
    step: &'a Step,
    heart: Heart,
    teaching: Teaching<'a>,
    deck: Deck,
    /// The plan and the part that the class is at.
    plan: usize,
    part: usize,
}

fn of(workshop: &Workshop, step: &Step) -> Result<Deck> {
    let page = |name: &str| read_text(&step.dir.join(name));
    let lesson = page("GUIDE.md")?;
    let instructor = page("INSTRUCTOR.md")?;
    let mut maker = Maker {
        step,
        heart: Heart::read(step)?,
        teaching: Teaching::read(&instructor),
        deck: Deck::default(),
        plan: 0,
        part: 0,
    };
    for section in sections(&lesson) {
        maker.section(workshop, &section)?;
    }
    Ok(maker.deck)
}

impl Maker<'_> {
    fn section(&mut self, workshop: &Workshop, section: &Section<'_>) -> Result<()> {
        let Section { level, title, body } = *section;
        let by_hand = guide::by_hand(body);
        match (level, title) {
            (1, _) => self.title(workshop, section),
            (_, "You will learn") => self.objectives(body),
            (_, "The idea") => {
                let notes = self.teaching.then(0, None);
                self.deck
                    .add_blocks(title, &blocks(body), IDEA)?
                    .notes
                    .splice(0..0, notes);
                self.board();
                self.demo()?;
                self.demos();
            }
            (_, "What can go wrong") => {
                self.deck.add_blocks(title, &blocks(body), CONTRACT)?;
                let others = self.teaching.mistakes.remove(&0).unwrap_or_default();
                self.deck.last().notes.extend(others);
            }
            (_, "Check yourself") => self.questions(body),
            (_, "Read on") => {
                self.exercise()?;
                self.deck.add_blocks(title, &blocks(body), TEXT)?;
            }
            (3, _) if self.is_part(title) => self.part(body)?,
            (2, _) if title.contains(" class: ") => self.class(title, body),
            _ => {
                self.deck.add_blocks(title, &blocks(&by_hand), TEXT)?;
            }
        }
        Ok(())
    }

    /// The beginning of the first class, or of a later one.
    fn class(&mut self, title: &str, body: &str) {
        let pieces = vec![text(&text::lead(body, IDEA))];
        self.deck.add(title, "title", pieces);
        if self.part > 0 {
            self.plan += 1;
            self.deck.last().notes = self.teaching.then(self.plan, None);
            self.agenda();
        }
    }

    fn title(&mut self, workshop: &Workshop, section: &Section<'_>) {
        let (number, all) = (self.step.number, workshop.steps.len());
        let pieces = vec![
            text(&text::lead(section.body, IDEA)),
            text(&format!(
                "*Build your own Redis in Rust: step {number} of {all}*"
            )),
        ];
        let title = section
            .title
            .split_once(": ")
            .map_or(section.title, |(_, it)| it);
        let title = format!("Step {number:02}: {title}");
        let slide = self.deck.add(&title, "title", pieces);
        slide
            .notes
            .extend(self.teaching.before.iter().map(|it| (*it).to_owned()));
    }

    /// What the class will learn, and when it writes which part.
    fn objectives(&mut self, body: &str) {
        let blocks = blocks(body);
        let mut items = Vec::new();
        let mut notes = Vec::new();
        for block in &blocks {
            match block {
                Block::Item(it) => items.push(item(it)),
                Block::Text(it) => notes.push((*it).to_owned()),
                _ => {}
            }
        }
        self.deck.add("You will learn", "", items).notes = notes;
        self.agenda();
    }

    /// When which part is written.
    fn agenda(&mut self) {
        let Some(plan) = self.teaching.plans.get(self.plan) else {
            return;
        };
        let mut rows = vec!["| part | minutes |".to_owned(), "|---|---|".to_owned()];
        let parts = plan
            .rows
            .iter()
            .filter_map(|row| Some((row.part?, row.minutes)));
        rows.extend(parts.map(|(number, minutes)| {
            let title = self.heart.part(number).map_or("", |it| &it.title);
            format!("| {number}. {title} | {minutes} |")
        }));
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let slide = self.deck.add(&plan.title, "", table(&rows, ROOM));
        slide.notes.extend(plan.rows.iter().map(told));
        slide
            .notes
            .extend(self.teaching.late.iter().map(|it| (*it).to_owned()));
    }

    fn board(&mut self) {
        for section in &self.teaching.board {
            let (drawings, texts) = drawn(section.body);
            let pieces = drawings.iter().flat_map(|(info, it)| code(info, it, ROOM));
            self.deck
                .add(section.title, "", later(pieces.collect()))
                .notes = texts;
        }
    }

    /// What `make demo-NN` shows, as `demo.sh` says.
    fn demo(&mut self) -> Result<()> {
        let path = self.step.dir.join("demo.sh");
        if !path.is_file() {
            return Ok(());
        }
        let script = read_text(&path)?;
        let head: Vec<_> = script
            .lines()
            .skip(1)
            .map_while(|it| it.strip_prefix("# "))
            .collect();
        let head = head.join(" ");
        let what = text::sentences(&head)[0];
        let what = what.split_once(": ").map_or(what, |(_, what)| what);
        let (first, rest) = what.split_at(1);
        let run = format!("make demo-{:02}", self.step.number);
        let pieces = vec![text(&(first.to_uppercase() + rest)), command(&run)];
        let said = script
            .lines()
            .filter_map(|it| it.trim().strip_prefix("say \"")?.strip_suffix('"'));
        let said = said.map(|it| format!("- {it}"));
        self.deck.add("Demo", "", pieces).notes = vec![said.collect::<Vec<_>>().join("\n")];
        Ok(())
    }

    /// The other demos of INSTRUCTOR.md that are shown at this point.
    fn demos(&mut self) {
        for (part, section) in &self.teaching.demos {
            if *part != self.part {
                continue;
            }
            let (drawings, texts) = drawn(section.body);
            let title = section.title.split(" (").next().unwrap_or_default();
            let mut pieces: Vec<_> = drawings
                .iter()
                .flat_map(|(info, it)| code(info, it, ROOM))
                .collect();
            if pieces.is_empty() {
                pieces.extend(texts.first().map(|it| text(&text::lead(it, TEXT))));
            }
            self.deck.add(title, "", pieces).notes = texts;
        }
    }

    fn is_part(&self, title: &str) -> bool {
        let next = self.heart.parts.get(self.part);
        next.is_some_and(|it| title == guide::heading(self.part + 1, &it.title))
    }

    /// A part of the heart: why, the contract, the students' turn, and the body.
    fn part(&mut self, body: &str) -> Result<()> {
        self.part += 1;
        let number = self.part;
        let part = self.heart.part(number)?;
        let title = guide::heading(number, &part.title);
        let (body, rest) = body.split_once("\n<!-- part ").unwrap_or((body, ""));
        let rest = rest
            .split_once("<!-- /part -->")
            .map_or("", |(_, rest)| rest);
        let blocks = blocks(body);
        let starts = |word: &str| {
            let found = blocks
                .iter()
                .position(|it| matches!(it, Block::Text(it) if it.starts_with(word)));
            found.unwrap_or(blocks.len())
        };
        let (contract, wrong) = (starts("**The contract"), starts("**Still wrong"));
        let why = &blocks[..contract.min(wrong)];
        let row = self.teaching.row(number);
        let slide = self.deck.add_blocks(&title, why, CONTRACT)?;
        slide.notes.splice(0..0, row.map(told));
        if contract < wrong {
            let contract = &blocks[contract..wrong];
            self.deck
                .add_blocks(&format!("{number}. The contract"), contract, CONTRACT)?;
        }
        let minutes = row.map_or(String::new(), |it| format!(": {} minutes", it.minutes));
        let slide = self.deck.add(
            &format!("{number}. Now you{minutes}"),
            "",
            turn(self.step, part),
        );
        slide
            .notes
            .extend(self.teaching.mistakes.remove(&number).unwrap_or_default());
        let hints = (1..).zip(&part.hints);
        slide
            .notes
            .extend(hints.map(|(at, it)| format!("**Hint {at}.** {it}")));
        for item in &part.items {
            let source = read_text(&self.step.dir.join(&item.file))?;
            let body = code("rust", &guide::excerpt(&source, item)?, ROOM);
            self.deck
                .add(&format!("{number}. `{}`", item.item), "", later(body));
        }
        let last = self.deck.last();
        last.notes
            .extend(blocks[wrong..].iter().filter_map(|it| match it {
                Block::Text(it) => Some((*it).to_owned()),
                _ => None,
            }));
        last.notes
            .extend(self.teaching.then(self.plan, Some(number)));
        let rest = text::blocks(rest);
        if !rest.is_empty() {
            self.deck.add_blocks(&title, &rest, TEXT)?;
        }
        self.demos();
        Ok(())
    }

    /// Each question, and at the next key its answer.
    fn questions(&mut self, body: &str) {
        for (number, question) in (1..).zip(body.split("</details>")) {
            let Some((question, answer)) = question.split_once("<details>") else {
                continue;
            };
            let answer = answer
                .split_once("</summary>")
                .map_or(answer, |(_, rest)| rest);
            let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
            let question = lines(question.trim().trim_matches('*'));
            let question = question
                .split_once(". ")
                .map_or(&*question, |(_, rest)| rest);
            let mut pieces = vec![text(&format!("**{}**", question.trim()))];
            let answer = lines(answer.trim());
            pieces.extend(later(vec![text(&answer)]));
            self.deck
                .add(&format!("Check yourself: {number}"), "", pieces);
        }
    }

    /// The exercise for class.
    fn exercise(&mut self) -> Result<()> {
        let page = read_text(&self.step.dir.join(tasks::PAGE))?;
        for section in sections(&page)
            .iter()
            .filter(|it| it.body.contains(" · for class*\n"))
        {
            let spec = section
                .body
                .split("\n**What Redis does")
                .next()
                .unwrap_or_default();
            let spec = spec.split("<details>").next().unwrap_or_default();
            let number = section.title.split('.').next().unwrap_or_default();
            let step = self.step.number;
            let title = format!("Exercise {}", section.title);
            self.deck.add_blocks(&title, &blocks(spec), IDEA)?;
            let run = format!(
                "make start-{step:02} DONE=1\nmake check-{step:02} ARGS=\"--exercise {number}\""
            );
            let slide = self.deck.add(&title, "", vec![command(&run)]);
            slide
                .notes
                .extend(self.teaching.exercises.iter().map(|it| (*it).to_owned()));
        }
        Ok(())
    }
}

/// The drawings or sessions of a text, and the rest as notes.
fn drawn(body: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (mut drawings, mut texts) = (Vec::new(), Vec::new());
    for block in blocks(body) {
        match block {
            Block::Code(info, it) => drawings.push((info, it)),
            Block::Text(it) => texts.push(it.to_owned()),
            Block::Item(it) => texts.push(format!("- {it}")),
            Block::Table(rows) => texts.push(rows.join("\n")),
        }
    }
    (drawings, texts)
}

/// What the students do now.
fn turn(step: &Step, part: &Part) -> Vec<deck::Piece> {
    let mut pieces = vec![command(&format!("make watch-{:02}", step.number))];
    pieces.push(text("It is right when these pass:"));
    pieces.extend(code("", &part.witness.join("\n"), ROOM - 160));
    pieces
}
