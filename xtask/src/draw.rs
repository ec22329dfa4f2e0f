//! `cargo xtask draw`: a learner's diagram against the rubric of a module.
//!
//! To draw the path is how a reader finds out whether they have understood it. So the tool does
//! not compare pictures. `rubric.toml` beside the module's page says which nodes and arrows must
//! be there, each under the names that people give them, and which must not. What is missing or
//! wrong is told with a question that leads to it.

mod graph;
mod judge;
mod names;
mod rubric;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::chapters::PAGES;
use crate::docs::page::{Block, Page};
use crate::docs::report::{Fault, Report};
use crate::modules::{self, RUBRIC};
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::steps::{Root, read_text};
use graph::Graph;
use rubric::Rubric;

/// The heading of a page's own diagram.
const DIAGRAM: &str = "The diagram";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The module of the advanced track, like 005.
    #[arg(value_name = "MODULE")]
    module: String,
    /// Your diagram: a file of Mermaid, or a page whose first diagram it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let root = args.root.open()?.root;
    let folder = module(&root, &args.module)?;
    let rubric = Rubric::read(&folder)?;
    let file = args.file.display().to_string();
    let text = read_text(&args.file)?;
    let (first, text) = diagram_in(&text);
    let graph = Graph::read(&text).map_err(|fault| unreadable(&file, first, &fault))?;
    let findings = judge::judge(&rubric, &graph);
    let page = folder.join("README.md");
    let page = page.strip_prefix(&root).unwrap_or(&page).display();
    if findings.is_empty() {
        let (nodes, arrows) = rubric.size();
        return print(&format!(
            "{} {file} shows all of it: {nodes} nodes and {arrows} arrows. Compare it with the \
             diagram in {page}\n",
            paint(ADDED, "ok")
        ));
    }
    let told: Vec<_> = findings.iter().map(judge::Finding::told).collect();
    print(&format!("{file}, held against {page}:\n{}", told.concat()))?;
    match findings.len() {
        1 => bail!("one thing in the diagram is not as it should be"),
        many => bail!("{many} things in the diagram are not as they should be"),
    }
}

/// The folder of the module, like `012` or `012-transactions`.
fn module(root: &Path, wanted: &str) -> Result<PathBuf> {
    let number = wanted.split('-').next();
    let names = modules::drawn(root);
    match names.iter().find(|name| name.split('-').next() == number) {
        Some(name) => Ok(root.join(PAGES).join(name)),
        None => bail!(
            "no module `{wanted}` has a diagram; choose one of: {}",
            names.join(", ")
        ),
    }
}

/// The diagram, and the number of lines before it. In a page it is the first block of Mermaid.
fn diagram_in(text: &str) -> (usize, String) {
    let fence = |line: &&str| line.trim() == "```mermaid";
    let Some(first) = text.lines().position(|line| fence(&line)) else {
        return (0, text.to_owned());
    };
    let lines = text.lines().skip(first + 1);
    let lines = lines.take_while(|line| line.trim() != "```");
    let text = lines.map(|line| format!("{line}\n")).collect();
    (first + 1, text)
}

fn unreadable(file: &str, before: usize, fault: &Fault) -> anyhow::Error {
    let mut text = format!("{file}:{}: {}", before + fault.line.max(1), fault.what);
    if !fault.detail.is_empty() {
        text.push_str(&format!("\n    {}", paint(REMOVED, &fault.detail)));
    }
    text.push_str(&format!("\n  {} {}", paint(HINT, "next:"), fault.next));
    anyhow::Error::msg(text)
}

/// Checks that the page's own diagram passes its rubric, and that it would not pass without any
/// one of the things that the rubric asks for.
pub fn check_page(page: &Page, report: &mut Report) {
    let folder = page.path.parent().unwrap_or(Path::new(""));
    if page.path.file_name().is_none_or(|name| name != "README.md")
        || !folder.join(RUBRIC).is_file()
    {
        return;
    }
    if let Err(fault) = check_rubric(page, folder, report) {
        report.faults.push(fault);
    }
}

fn check_rubric(page: &Page, folder: &Path, report: &mut Report) -> Result<(), Fault> {
    let rubric = Rubric::read(folder)
        .map_err(|error| Fault::new(1, format!("{error:#}"), format!("repair {}", RUBRIC)))?;
    let block = diagram_of(page).ok_or_else(|| {
        let what = format!("a {}, and no diagram under `## {DIAGRAM}`", RUBRIC);
        Fault::new(1, what, "draw it there: it is the answer")
    })?;
    // What does not parse is told by the check of diagrams.
    let Ok(graph) = Graph::read(&block.body.join("\n")) else {
        return Ok(());
    };
    for finding in judge::judge(&rubric, &graph) {
        let next = format!("mend the diagram, or {}", RUBRIC);
        report
            .faults
            .push(Fault::new(block.line, finding.what, next));
    }
    for idle in judge::idle(&rubric, &graph) {
        let what = format!("without {idle}, the diagram would pass all the same");
        let next = format!("name it more exactly in {}", RUBRIC);
        report.faults.push(Fault::new(block.line, what, next));
    }
    Ok(())
}

/// The block under the heading.
fn diagram_of(page: &Page) -> Option<&Block> {
    let heading = page.headings.iter().find(|it| it.text == DIAGRAM)?;
    let section = page.section(heading);
    let mut blocks = page.blocks.iter();
    blocks.find(|it| it.info == "mermaid" && section.contains(&it.line))
}
