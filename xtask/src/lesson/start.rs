//! `cargo xtask start`: a step without its heart, in the learner's folder.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::progress::Progress;
use super::{line, my};
use crate::carry::three_way;
use crate::heart::Heart;
use crate::heart::blanks::{Form, Maker, filled};
use crate::heart::source;
use crate::output::{HEADING, REMOVED, paint, print};
use crate::steps::{Files, Number, Root, Step, Workshop};

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 02.
    step: Number,
    /// The part to begin with; the parts before it are filled.
    #[arg(long, value_name = "K", default_value = "1", conflicts_with = "done")]
    part: usize,
    /// The whole step, to do the exercises on.
    #[arg(long)]
    done: bool,
    /// Take along what you made differently in the step before.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let step = workshop.step(args.step)?;
    let mine = my::step(&workshop, step);
    if mine.dir.exists() {
        bail!("{}", is_there(step, &mine, workshop.next(step)));
    }
    let (mut files, parts) = match args.done {
        true => (my::files(step)?, None),
        false => {
            let heart = Heart::read(step)?;
            heart.part(args.part)?;
            (begun(&workshop, step, &heart, args.part)?, Some(heart))
        }
    };
    let kept = match args.keep {
        true => keep(&workshop, step, &mut files)?,
        false => String::new(),
    };
    my::prepare(&workshop)?;
    my::commit(&workshop, &format!("before {}", step.name))?;
    my::write_step(&mine.dir, &files)?;
    my::settle_lock(&workshop);
    let green = match &parts {
        None => Heart::read(step).map_or(0, |heart| heart.parts.len()),
        Some(_) => args.part - 1,
    };
    Progress::set_green(&workshop, step, green)?;
    let what = match args.done {
        true => "whole".to_owned(),
        false => format!("from part {}", args.part),
    };
    my::commit(&workshop, &format!("start {}, {what}", step.name))?;
    print(&told(step, &mine, parts.as_ref(), args.part, &kept)?)
}

fn is_there(step: &Step, mine: &Step, next: Option<&Step>) -> String {
    let (name, number) = (&mine.name, step.number);
    let mut text = format!(
        "{name} is there already, and it is yours, so it stays.\n  \
         to go on in it:      make try-{number:02}\n  \
         to begin it anew:    mv {name} my/old-{step_name}, then make start-{number:02} again",
        step_name = step.name,
    );
    // The next step must be able to grow out of it.
    if let Some(next) = next {
        let next = next.number;
        text += &format!("\n  to take it along:    make start-{next} KEEP=1, in the next step");
    }
    text
}

/// The step with blanks from that part on.
pub fn begun(workshop: &Workshop, step: &Step, heart: &Heart, from: usize) -> Result<Files> {
    let before = workshop.before(step);
    let mut files = my::files(step)?;
    let items = heart.items(from..).into_iter();
    let blank = items.map(|(part, item)| (Form::Blank, part, item));
    Maker { before }.apply(&mut files, blank)?;
    Ok(files)
}

/// Merges what differs between the learner's copy of the step before and that step.
/// Where this step changes the same lines, its own stay. Returns what is to be said.
fn keep(workshop: &Workshop, step: &Step, files: &mut Files) -> Result<String> {
    let Some(before) = workshop.before(step) else {
        bail!("KEEP takes along the step before, and there is none; leave it out");
    };
    let mine = my::open(workshop, before)?;
    let (base, mut theirs) = (my::files(before)?, my::files(&mine)?);
    if Heart::exists(before) {
        fill_blanks(workshop, before, &base, &mut theirs)?;
    }
    let comes_along = |path: &&String| path.starts_with("src/") || *path == "Cargo.toml";
    let paths: BTreeSet<_> = theirs.keys().filter(comes_along).collect();
    let mut text = String::new();
    for path in paths
        .into_iter()
        .filter(|path| theirs.get(*path) != base.get(*path))
    {
        let (yours, old) = (&theirs[path], base.get(path));
        let (place, said) = (format!("{}/{path}", mine.name), files.get(path));
        let conflicts = match (old, said) {
            (None, None) => {
                files.insert(path.clone(), yours.clone());
                Some(0)
            }
            (Some(_), None) => None,
            (_, Some(ours)) => {
                let old = old.map_or(&[][..], Vec::as_slice);
                let (conflicts, _) = three_way(ours, old, yours, &[])?;
                let (_, merged) = three_way(ours, old, yours, &["--ours"])?;
                if matches!(conflicts, Some(0..=127)) {
                    files.insert(path.clone(), merged);
                }
                conflicts
            }
        };
        text += &match conflicts {
            Some(0) => line("kept", &place),
            Some(count @ 1..=127) => {
                let row = format!(
                    "in {place} both you and {} changed the same lines, {count} times; there the \
                     step's stand. Look at both, and take over what you miss",
                    step.name
                );
                line(&paint(REMOVED, "not all  "), &row)
            }
            _ => {
                let row = format!("{place}: this step has no such text file; copy it by hand");
                line(&paint(REMOVED, "not kept "), &row)
            }
        };
    }
    Ok(if text.is_empty() {
        line("kept", "nothing: you had changed nothing")
    } else {
        text
    })
}

/// What is still blank in the learner's copy of a step was not made differently.
fn fill_blanks(workshop: &Workshop, step: &Step, base: &Files, theirs: &mut Files) -> Result<()> {
    let maker = Maker {
        before: workshop.before(step),
    };
    for (part, item) in Heart::read(step)?.items(1..) {
        let (Some(right), Some(mine)) = (base.get(&item.file), theirs.get(&item.file)) else {
            continue;
        };
        let (right, mine) = (std::str::from_utf8(right)?, std::str::from_utf8(mine)?);
        let found = source::find(right, item)?;
        let blank = maker.blank(part, item, &found)?;
        // What is not found is the learner's as it is.
        let body = source::function(mine, &item.file, &item.item).map(|it| &mine[it.body]);
        if body.is_ok_and(|body| body == blank || found.is_lines && body.contains(&blank)) {
            let full = filled(mine, right, item, &blank)?;
            theirs.insert(item.file.clone(), full.into_bytes());
        }
    }
    Ok(())
}

fn told(
    step: &Step,
    mine: &Step,
    heart: Option<&Heart>,
    part: usize,
    kept: &str,
) -> Result<String> {
    let number = step.number;
    let mut text = format!("{}\n{kept}", paint(HEADING, &mine.name));
    let Some(heart) = heart else {
        text += &line("it is", "the whole step, and yours");
        text += &line("exercises", &step.page("EXERCISES.md"));
        return Ok(text
            + &line(
                "then",
                &format!("make check-{number:02}, make run-{number:02}"),
            ));
    };
    let all = heart.parts.len();
    let count: usize = heart.items(part..).len();
    text += &line("blanks", &format!("{count}, in parts {part} to {all}"));
    text += &line(
        "first",
        &format!("part {part}: {}", heart.part(part)?.title),
    );
    text += &line("read", &heart.place(step, part)?);
    text += &line(
        "then",
        &format!("make watch-{number:02}  (or make try-{number:02}, once)"),
    );
    Ok(text)
}
