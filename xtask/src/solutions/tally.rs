//! What was checked so far: a line for each check, and a bar below at a terminal.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::Fault;
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::steps::Step;

/// How much of a log is shown; its end tells most.
const LOG_LINES: usize = 40;

/// The checks so far. Several steps are counted at once.
pub struct Tally {
    bar: ProgressBar,
    passed: AtomicU64,
    /// What was said of each that failed.
    failed: Mutex<Vec<String>>,
    skipped: AtomicU64,
}

impl Tally {
    /// For that many checks.
    pub fn new(checks: u64) -> Self {
        let bar = ProgressBar::new(checks);
        let style = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed}  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Tally {
            bar,
            passed: AtomicU64::new(0),
            failed: Mutex::default(),
            skipped: AtomicU64::new(0),
        }
    }

    /// Shows what takes its time.
    pub fn working_on(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// Makes one check of one exercise; true if it found nothing.
    pub fn check(
        &self,
        step: &Step,
        exercise: u8,
        what: &str,
        check: impl FnOnce() -> Result<Option<Fault>>,
    ) -> Result<bool> {
        let title = format!("{:02} exercise {exercise}: {what}", step.number);
        self.working_on(&title);
        let fault = check()?;
        self.bar.inc(1);
        let passed = fault.is_none();
        match fault {
            None => {
                self.passed.fetch_add(1, Relaxed);
                self.show(&format!("{} {title}\n", paint(ADDED, "ok")))?;
            }
            Some(fault) => self.fails(&title, &fault)?,
        }
        Ok(passed)
    }

    /// Counts checks that were not made.
    pub fn skip(&self, checks: u64) {
        self.skipped.fetch_add(checks, Relaxed);
        self.bar.inc(checks);
    }

    /// A fault because of which none of a step's checks is made.
    pub fn whole_step(&self, step: &Step, fault: Fault) -> Result<()> {
        self.fails(&format!("{:02}: can be checked", step.number), &fault)
    }

    /// The sum; an error if a check failed, after what was said of each.
    pub fn close(self) -> Result<()> {
        self.bar.finish_and_clear();
        let [passed, skipped] = [self.passed, self.skipped].map(AtomicU64::into_inner);
        let failed = self.failed.into_inner().expect("no worker panics");
        if !failed.is_empty() {
            // What other steps printed since then may hide it.
            print(&format!("\nwhat failed:\n{}", failed.concat()))?;
            bail!(
                "of the exercises' checks {passed} passed and {} failed; {skipped} were not made after that",
                failed.len()
            );
        }
        if passed > 0 {
            print(&format!("the exercises' checks passed: {passed}\n"))?;
        }
        Ok(())
    }

    fn fails(&self, title: &str, fault: &Fault) -> Result<()> {
        let text = told(title, fault);
        self.show(&text)?;
        self.failed.lock().expect("no worker panics").push(text);
        Ok(())
    }

    fn show(&self, text: &str) -> Result<()> {
        self.bar.suspend(|| print(text))
    }
}

fn told(title: &str, fault: &Fault) -> String {
    let mut text = format!("{} {title}\n", paint(REMOVED, "✗"));
    let log: Vec<_> = fault.log.lines().collect();
    for line in &log[log.len().saturating_sub(LOG_LINES)..] {
        text.push_str(&format!("      {line}\n"));
    }
    text.push_str(&format!("    {}\n", fault.what));
    text.push_str(&format!("    {} {}\n", paint(HINT, "next:"), fault.next));
    text
}
