//! `cargo xtask try`: what a learner has written so far, built and put to the test.
//!
//! The witnesses run in the order of the parts, and the first that fails ends the
//! round: one thing at a time.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::progress::Progress;
use super::{Common, Lesson, line};
use crate::docs::package_name;
use crate::heart::{Heart, Item, place_of, source};
use crate::outcome::{self, Outcome, Verdict};
use crate::output::{ADDED, HEADING, HINT, REMOVED, paint, print};
use crate::programs::{self, Program};
use crate::steps::read_text;

/// The time for one witness.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The environment variable with the seconds that a server may take for a reply.
pub const PATIENCE: &str = "WORKSHOP_PATIENCE";

/// The section of a GUIDE that has the compiler's errors.
const WRONG: &str = "What can go wrong";

/// How much is shown of what the compiler or the server said.
const LINES: usize = 40;
/// In characters.
const LINE: usize = 300;
const SERVER_LINES: usize = 8;

/// Runs the command.
pub fn run(common: Common) -> Result<()> {
    let lesson = Lesson::open(&common)?;
    match round(&lesson, common.part)? {
        true => Ok(()),
        false => bail!("{} is not done yet", lesson.mine.name),
    }
}

/// One round; whether everything that was asked for is green.
pub fn round(lesson: &Lesson, only: Option<usize>) -> Result<bool> {
    let mut cargo = cargo(lesson);
    programs::first_time(&lesson.mine, &cargo)?;
    let built = programs::build(&mut cargo)?;
    if !built.success {
        print(&does_not_build(lesson, &built.log)?)?;
        return Ok(false);
    }
    print(&short(&built.log))?;
    let tests = Tests::of(&built.programs)?;
    let all = lesson.heart.parts.len();
    for number in 1..=all {
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let (failed, left_out) = witnessed(lesson, &tests, number)?;
        let title = &lesson.heart.part(number)?.title;
        match failed {
            None => print(&(passed(number, title, left_out.is_empty()) + &left_out))?,
            Some((name, outcome)) => {
                if only.is_none() {
                    Progress::set_green(&lesson.workshop, &lesson.step, number - 1)?;
                }
                print(&left_out)?;
                print(&not_yet(lesson, number, &name, &outcome)?)?;
                return Ok(false);
            }
        }
    }
    let number = lesson.step.number;
    if only.is_none() {
        Progress::set_green(&lesson.workshop, &lesson.step, all)?;
        print(&format!("\nAll {all} parts are done. It is yours now.\n"))?;
        print(&line("play", &format!("make run-{number:02}")))?;
        if lesson.step.in_lineage() {
            let server = format!("my/target/debug/{}", package_name(&lesson.step)?);
            let all = format!("make verify-{number:02} SERVER={server}");
            print(&line("test all", &all))?;
        }
        let beside = format!("make diff-{number:02} MY=step: yours beside the step's");
        print(&line("compare", &beside))?;
        let exercises = format!("{}, make check-{number}", lesson.step.page("EXERCISES.md"));
        print(&line("exercises", &exercises))?;
        let from_here = lesson.workshop.all().skip_while(|it| it.number != number);
        if let Some(next) = from_here.skip(1).find(|it| Heart::exists(it)) {
            print(&line("next", &format!("make start-{:02}", next.number)))?;
        }
    }
    Ok(true)
}

/// The first witness of a part that fails, and what is to be said of those that did not run.
fn witnessed(
    lesson: &Lesson,
    tests: &Tests,
    number: usize,
) -> Result<(Option<(String, Outcome)>, String)> {
    let mut left_out = String::new();
    for name in &lesson.heart.part(number)?.witness {
        let mut command = tests.command(name)?;
        command.env(PATIENCE, "5");
        let outcome = outcome::within(LIMIT, command, name)?;
        match outcome.verdict {
            Verdict::Passed => {}
            Verdict::LeftOut => left_out += &line("left out", &format!("{name}: {}", outcome.text)),
            Verdict::Failed => return Ok((Some((name.clone(), outcome)), left_out)),
        }
    }
    Ok((None, left_out))
}

/// What is said of a part in which nothing failed.
fn passed(number: usize, title: &str, all: bool) -> String {
    match all {
        true => format!("{} {number}. {title}\n", paint(ADDED, "ok")),
        false => format!(
            "{}  {number}. {title}: not all of it was tested; make doctor says what is missing\n",
            paint(HINT, "-")
        ),
    }
}

fn cargo(lesson: &Lesson) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--no-run", "--quiet", "--color=always", "--lib"]);
    // The capstone has none.
    if lesson.mine.dir.join("tests/suite").exists() {
        cargo.args(["--test", "suite"]);
    }
    cargo.current_dir(&lesson.mine.dir);
    cargo
}

/// Tests by their names, in whatever program they are.
pub struct Tests(Vec<(String, Program)>);

impl Tests {
    /// Asks the programs which tests they have.
    pub fn of(programs: &[Program]) -> Result<Self> {
        let mut tests = Vec::new();
        for program in programs.iter().filter(|program| program.is_test) {
            let names = program.tests(&[])?.into_iter();
            tests.extend(names.map(|name| (name, program.clone())));
        }
        Ok(Tests(tests))
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The program with the test of that name.
    pub fn command(&self, name: &str) -> Result<Command> {
        let found = self.0.iter().find(|(test, _)| test == name);
        let (_, program) = found.with_context(|| {
            format!("there is no test `{name}`; did you rename it, or delete its file?")
        })?;
        let mut command = program.command();
        command.env_remove("WORKSHOP_SERVER");
        Ok(command)
    }
}

/// What the compiler says, and the part of the GUIDE that speaks of it.
fn does_not_build(lesson: &Lesson, log: &str) -> Result<String> {
    let plain = anstream::adapter::strip_str(log).to_string();
    let places = plain
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> "));
    let part = places.filter_map(|place| part_at(lesson, place)).next();
    let text = format!(
        "{}\n{} it does not build yet\n",
        short(log),
        paint(REMOVED, "✗")
    );
    Ok(text
        + &match part {
            Some(number) => {
                let title = &lesson.heart.part(number)?.title;
                let cure = place_of(&lesson.step, WRONG)?;
                line("this is", &format!("part {number}: {title}"))
                    + &lesson.task(number, None)?
                    + &line("or read", &format!("{cure}  {WRONG}"))
            }
            None => {
                let diff = format!("make diff-{:02} MY=1", lesson.step.number);
                line("look at", &format!("what you changed: {diff}"))
            }
        })
}

/// The part whose function is at a place like `02-resp-parser/src/store.rs:12:5`; of
/// a place between functions, the first part that writes in its file.
fn part_at(lesson: &Lesson, place: &str) -> Option<usize> {
    let (file, _) = file_and_line(place)?;
    let items = lesson.heart.items(1..);
    let here = items.into_iter().find(|(_, item)| item.file == file);
    item_at(lesson, place).or(here).map(|(number, _)| number)
}

/// The function at such a place, with its part's number.
fn item_at<'a>(lesson: &'a Lesson, place: &str) -> Option<(usize, &'a Item)> {
    let (file, line) = file_and_line(place)?;
    let text = read_text(&lesson.mine.dir.join(&file)).ok()?;
    let mut items = lesson.heart.items(1..).into_iter();
    items.find(|(_, item)| {
        item.file == file
            && source::function(&text, &file, &item.item).is_ok_and(|found| {
                let first = found.line(&text);
                (first..=first + text[found.whole].matches('\n').count()).contains(&line)
            })
    })
}

fn file_and_line(place: &str) -> Option<(String, usize)> {
    let (_, place) = place.split_once("src/")?;
    let mut words = place.split(':');
    Some((
        format!("src/{}", words.next()?),
        words.next()?.parse().ok()?,
    ))
}

/// Where the learner's code panicked: in the test itself, or in the server.
fn panicked<'a>(lesson: &'a Lesson, outcome: &Outcome) -> Option<&'a Item> {
    let said = outcome.server_said.iter();
    let server = said.filter_map(|line| Some(line.split_once(" panicked at ")?.1));
    let mut places = outcome.place.as_deref().into_iter().chain(server);
    places.find_map(|place| Some(item_at(lesson, place)?.1))
}

fn not_yet(lesson: &Lesson, number: usize, test: &str, outcome: &Outcome) -> Result<String> {
    let title = format!("{number}. {}", lesson.heart.part(number)?.title);
    let words = test.replace("::", ": ").replace('_', " ");
    let mut text = format!(
        "{} {}: not yet\n\n  {words}\n",
        paint(REMOVED, "✗"),
        paint(HEADING, &title)
    );
    for line in from_the_difference(&outcome.text).lines().take(LINES) {
        text += &format!("    {}\n", clipped(line));
    }
    // A panic names its place from `my/` on, where the workshop has a file of the same name.
    let panic = format!("panicked at {}/", lesson.step.name);
    let mine = panic.replace("at ", "at my/");
    let said = without_greeting(&outcome.server_said);
    for line in &said[said.len().saturating_sub(SERVER_LINES)..] {
        let line = line.replace(&panic, &mine);
        text += &format!("    {}{line}\n", paint(HINT, "it said   "));
    }
    text.push('\n');
    // A place that begins with a slash is in the standard library.
    if let Some(place) = outcome.place.as_ref().filter(|it| !it.starts_with('/')) {
        text += &line("at", &format!("my/{place}"));
    }
    Ok(text + &lesson.task(number, panicked(lesson, outcome))?)
}

/// The same, where two long values that an assertion compares begin shortly before they differ.
fn from_the_difference(text: &str) -> String {
    const BEFORE: usize = 60;
    let value = |name: &str| {
        text.lines()
            .find_map(|it| it.trim_start().strip_prefix(name))
    };
    let (Some(left), Some(right)) = (value("left: "), value("right: ")) else {
        return text.to_owned();
    };
    let pairs = left.char_indices().zip(right.chars());
    let shared = pairs.take_while(|((_, one), other)| one == other);
    let starts: Vec<usize> = shared.map(|((at, _), _)| at).collect();
    if starts.len() < LINE - BEFORE {
        return text.to_owned();
    }
    let start = starts[starts.len() - BEFORE];
    [left, right].iter().fold(text.to_owned(), |text, value| {
        text.replacen(value, &format!("…{}", &value[start..]), 1)
    })
}

/// What a server said besides how to reach it: the one of a test is gone.
fn without_greeting(said: &[String]) -> Vec<&String> {
    let at = |word| said.iter().position(|line| line.contains(word));
    match (at(", listening on "), at("Press Ctrl-C here")) {
        (Some(first), Some(last)) if first <= last => {
            said[..first].iter().chain(&said[last + 1..]).collect()
        }
        _ => said.iter().collect(),
    }
}

/// Its beginning, if it is a value that nobody reads to its end.
fn clipped(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes more)", &line[..end], line.len() - end),
    }
}

/// Its first lines.
fn short(log: &str) -> String {
    let mut lines = log.lines();
    let mut text: String = lines
        .by_ref()
        .take(LINES)
        .map(|line| format!("{line}\n"))
        .collect();
    let more = lines.count();
    if more > 0 {
        text += &format!("… ({more} lines more)\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_begin_where_they_differ() {
        let text = |left: &str, right: &str| format!("failed: 7\n  left: {left}\n right: {right}");
        assert_eq!(from_the_difference(&text("[1]", "[2]")), text("[1]", "[2]"));
        let same = "x".repeat(500);
        let (told, near) = (
            text(&(same.clone() + "1"), &(same.clone() + "2")),
            &same[..60],
        );
        let shown = text(&format!("…{near}1"), &format!("…{near}2"));
        assert_eq!(from_the_difference(&told), shown);
    }

    #[test]
    fn the_greeting_of_a_server_is_left_out() {
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let said =
            lines("first\nThe step, listening on 127.0.0.1:1\nand so. Press Ctrl-C here\nlast");
        assert_eq!(without_greeting(&said), ["first", "last"]);
        assert_eq!(
            without_greeting(&said[..2]),
            said[..2].iter().collect::<Vec<_>>()
        );
    }
}
