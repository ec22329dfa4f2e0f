//! `cargo xtask docs`: nothing in the documents is only claimed.
//!
//! Commands are run and their output compared, code is compared with the source,
//! links are followed, diagrams parsed, and each page must have the parts that
//! its name promises. This file decides which pages are checked and in which
//! order; each check has a file of its own below `docs/`.

mod bless;
mod commands;
mod console;
#[cfg(feature = "diagrams")]
pub mod diagram;
#[cfg(not(feature = "diagrams"))]
mod diagram {
    use super::{page::Block, report::Fault};

    /// A diagram that cannot be read has not been checked.
    pub fn check(block: &Block) -> Option<Fault> {
        let what = "this build of the tool reads no diagrams";
        let first = block.body.first().cloned().unwrap_or_default();
        Some(Fault::new(block.line, what, "cargo xtask docs").with_detail(first))
    }
}
pub mod fence;
mod job;
mod links;
pub mod page;
mod programs;
pub mod report;
pub mod runtime;
mod server;
mod session;
mod shape;
mod slug;
mod snippet;
mod terminal;
mod wildcard;

pub use server::package_name;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use walkdir::{DirEntry, WalkDir};

use crate::output::print;
use crate::processes;
use crate::steps::{Number, Root, Step, Workshop, read_text};
use commands::Commands;
use fence::Kind;
use links::Links;
use page::{Block, Page};
use report::{Fault, Report};
use server::Builds;
use session::Settings;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step whose pages are checked, like 05, or `root` for the project's own (default: all).
    #[arg(value_name = "STEP|root")]
    scope: Option<Scope>,
    /// Replace expected outputs that are not what the commands print.
    #[arg(long)]
    bless: bool,
    /// The time that one command in a page may take.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = processes::seconds)]
    time_limit: Duration,
    #[command(flatten)]
    root: Root,
}

/// Which pages.
#[derive(Clone, Copy, Debug)]
enum Scope {
    Root,
    Step(Number),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "root" => Ok(Scope::Root),
            number => number.parse().map(Scope::Step),
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let settings = Settings {
        limit: args.time_limit,
        bless: args.bless,
        strict: std::env::var("CI").is_ok_and(|value| value == "true"),
    };
    let pages = find_pages(&workshop, args.scope)?;
    let mut checker = Checker::new(&workshop, settings)?;
    if args.scope.is_none() {
        checker.builds = Builds::of_all(&workshop)?;
    }
    let (mut faults, mut checked) = (0, 0);
    for (path, step) in pages {
        faults += checker.check(path, step)?;
        checked += 1;
    }
    for step in steps_in(&workshop, args.scope)? {
        // What an earlier chapter has, the last one has, too.
        if !step.is_chapter() || workshop.next(step).is_none() {
            faults += checker.check_suites(step)?;
        }
    }
    match faults {
        0 => print(&format!(
            "all that the pages say holds; pages checked: {checked}\n"
        )),
        _ => bail!(
            "not all that the pages say holds; faults: {faults}, each with what to do above; \
             pages checked: {checked}"
        ),
    }
}

/// What outlives a page.
struct Checker<'a> {
    workshop: &'a Workshop,
    settings: Settings,
    links: Links<'a>,
    commands: Option<Commands>,
    builds: Builds,
}

impl<'a> Checker<'a> {
    fn new(workshop: &'a Workshop, settings: Settings) -> Result<Self> {
        Ok(Checker {
            workshop,
            settings,
            links: Links::new(&workshop.root),
            commands: Commands::of(workshop)?,
            builds: Builds::default(),
        })
    }

    /// Checks a page, prints what was found, and counts the faults.
    fn check(&mut self, path: PathBuf, step: Option<Step>) -> Result<usize> {
        let name = path.strip_prefix(&self.workshop.root).unwrap_or(&path);
        let name = name.display().to_string();
        let page = Page::read(path, name, step)?;
        let mut report = Report::default();
        let mut sessions = Vec::new();
        shape::check(&page, &mut report);
        runtime::check(&page, &self.workshop.root, &mut report)?;
        #[cfg(feature = "diagrams")]
        crate::draw::check_page(&page, &mut report);
        self.links.check(&page, &mut report);
        if let Some(commands) = &self.commands {
            report
                .faults
                .extend(commands.check(&read_text(&page.path)?));
        }
        for block in &page.blocks {
            self.check_block(&page, block, &mut sessions, &mut report);
        }
        let edits = session::hold(
            &page,
            &sessions,
            &mut self.builds,
            &self.settings,
            &mut report,
        );
        if !edits.is_empty() {
            bless::write(&page, &edits)?;
            let notice = format!(
                "wrote the output of {} commands; read the difference before you commit it",
                edits.len()
            );
            report.notices.push((edits[0].0.start, notice));
        }
        report.faults.sort_by_key(|fault| fault.line);
        report.print(&page.name)?;
        Ok(report.faults.len())
    }

    /// Checks that each suite of a step names a part of a GUIDE, and counts the faults.
    fn check_suites(&mut self, step: &Step) -> Result<usize> {
        let mut count = 0;
        for (path, source) in step.files()? {
            if !path.starts_with("tests/suite/") {
                continue;
            }
            let source = String::from_utf8_lossy(&source);
            let mut report = Report::default();
            report.faults.extend(self.links.check_reread(&source));
            count += report.faults.len();
            if !report.faults.is_empty() {
                report.print(&format!("{}/{path}", step.name))?;
            }
        }
        Ok(count)
    }

    /// Checks a block, or puts it with those that are run together afterwards.
    fn check_block<'p>(
        &self,
        page: &Page,
        block: &'p Block,
        sessions: &mut Vec<&'p Block>,
        report: &mut Report,
    ) {
        let fault = match Kind::of(&block.info) {
            Kind::Console => {
                sessions.push(block);
                None
            }
            Kind::NotRun => {
                report.not_run += 1;
                None
            }
            Kind::Diagram => {
                report.diagrams += 1;
                diagram::check(block)
            }
            Kind::Excerpt(path) => {
                report.snippets += 1;
                snippet::check_excerpt(page, block, path, &self.workshop.root)
            }
            Kind::Change(path) => {
                report.snippets += 1;
                let before = page
                    .step
                    .as_ref()
                    .and_then(|step| self.workshop.before(step));
                snippet::check_change(page, block, path, before)
            }
            Kind::Refused { what, next } => Some(Fault::new(block.line, what, next)),
            Kind::Sketch | Kind::Plain => None,
        };
        report.faults.extend(fault);
    }
}

/// The pages of that scope: the project's own first, then each step's.
fn find_pages(workshop: &Workshop, scope: Option<Scope>) -> Result<Vec<(PathBuf, Option<Step>)>> {
    let mut pages = Vec::new();
    if !matches!(scope, Some(Scope::Step(_))) {
        let own = markdown_below(&workshop.root)?;
        let in_step = |path: &Path| workshop.all().any(|step| path.starts_with(&step.pages));
        pages.extend(
            own.into_iter()
                .filter(|path| !in_step(path))
                .map(|path| (path, None)),
        );
    }
    for step in steps_in(workshop, scope)? {
        let found = match step.pages.is_dir() {
            true => markdown_below(&step.pages)?,
            false => Vec::new(),
        };
        if found.is_empty() {
            print(&format!("{}: no pages yet\n", step.name))?;
        }
        pages.extend(found.into_iter().map(|path| (path, Some(step.clone()))));
    }
    Ok(pages)
}

/// The steps and chapters of that scope.
fn steps_in(workshop: &Workshop, scope: Option<Scope>) -> Result<Vec<&Step>> {
    Ok(match scope {
        Some(Scope::Root) => Vec::new(),
        Some(Scope::Step(number)) => vec![workshop.step(number)?],
        None => workshop.all().collect(),
    })
}

fn markdown_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let walk = WalkDir::new(folder).sort_by(reading_order).into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_aside(entry)) {
        let path = entry?.into_path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(found)
}

/// README, GUIDE, EXERCISES, as one reads them, and then the rest by name.
fn reading_order(one: &DirEntry, other: &DirEntry) -> std::cmp::Ordering {
    let rank = |entry: &DirEntry| {
        let order = ["README.md", "GUIDE.md", "EXERCISES.md"];
        let place = order.iter().position(|name| entry.file_name() == *name);
        (place.unwrap_or(order.len()), entry.file_name().to_owned())
    };
    rank(one).cmp(&rank(other))
}

/// Build output and hidden folders hold no pages of ours.
fn is_aside(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name == "target" || name.starts_with('.')
}
