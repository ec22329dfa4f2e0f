//! What was found on a page, and how it is told: one line for the page, then
//! each fault with its place, the difference, and what to do next.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use similar::{ChangeTag, TextDiff};

use crate::output::{ADDED, HINT, REMOVED, paint, print};

const NOTICE: Style = AnsiColor::Yellow.on_default();

/// A fault.
#[derive(Debug)]
pub struct Fault {
    /// The line of the page.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// Lines that show the difference.
    pub detail: String,
}

impl Fault {
    /// A fault that its sentence explains.
    pub fn new(line: usize, what: impl Into<String>, next: impl Into<String>) -> Self {
        Fault {
            line,
            what: what.into(),
            next: next.into(),
            detail: String::new(),
        }
    }

    /// Adds what the page says (`-`) and what is true (`+`).
    pub fn with_difference(mut self, page: &[String], truth: &[String]) -> Self {
        self.detail = difference(page, truth);
        self
    }

    fn told(&self, page: &str) -> String {
        let what = paint(REMOVED, &format!("{page}:{}: {}", self.line, self.what));
        let mut text = format!("  {what}\n");
        for line in self.detail.lines() {
            let style = match line.as_bytes().first() {
                Some(b'-') => REMOVED,
                Some(b'+') => ADDED,
                _ => Style::new(),
            };
            text.push_str(&format!("      {}\n", paint(style, line)));
        }
        text.push_str(&format!("    {} {}\n", paint(HINT, "next:"), self.next));
        text
    }

    /// Adds lines as they are.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// All that was found on one page.
#[derive(Default)]
pub struct Report {
    /// Console blocks that were run.
    pub run: usize,
    /// Console blocks that say why they are not run.
    pub not_run: usize,
    /// Console blocks that need a program that is not installed.
    pub skipped: usize,
    /// Blocks compared with a source file.
    pub snippets: usize,
    /// Links followed.
    pub links: usize,
    /// Diagrams parsed.
    pub diagrams: usize,
    /// What is no fault, but should be seen: line and text.
    pub notices: Vec<(usize, String)>,
    pub faults: Vec<Fault>,
}

impl Report {
    /// Prints it.
    pub fn print(&self, page: &str) -> Result<()> {
        let mut text = format!("{} {page}: {}\n", self.verdict(), self.counts());
        for (line, notice) in &self.notices {
            let notice = paint(NOTICE, &format!("{page}:{line}: {notice}"));
            text.push_str(&format!("  {notice}\n"));
        }
        for fault in &self.faults {
            text.push_str(&fault.told(page));
        }
        print(&text)
    }

    fn verdict(&self) -> String {
        match self.faults.len() {
            0 => paint(ADDED, "ok"),
            1 => paint(REMOVED, "1 fault"),
            many => paint(REMOVED, &format!("{many} faults")),
        }
    }

    fn counts(&self) -> String {
        let mut text = format!("console blocks {} run", self.run);
        for (number, word) in [(self.not_run, "not run"), (self.skipped, "skipped")] {
            if number > 0 {
                text.push_str(&format!(", {number} {word}"));
            }
        }
        text.push_str(&format!(
            "; snippets {}; links {}; diagrams {}",
            self.snippets, self.links, self.diagrams
        ));
        text
    }
}

/// A line difference: `-` is what the page says, `+` what is true.
fn difference(page: &[String], truth: &[String]) -> String {
    let (page, truth) = (ended(page), ended(truth));
    let diff = TextDiff::from_lines(&page, &truth);
    let lines = diff.iter_all_changes().map(|change| {
        let mark = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        format!("{mark} {change}")
    });
    lines.collect()
}

fn ended(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
