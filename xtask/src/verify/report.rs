//! What is said of the suites: a line for each, and then the failures.

use anyhow::{Result, bail};

use super::suites::{Suite, Test};
use crate::outcome::{Outcome, Verdict};
use crate::output::{ADDED, HEADING, HINT, REMOVED, paint, print};

/// How many failures are shown in full; one mends them one after the other.
const SHOWN: usize = 5;
/// How much is shown of what the server said; its end tells most.
const LINES: usize = 8;

/// A test that failed.
pub struct Failed<'a> {
    suite: &'a Suite,
    test: &'a Test,
    outcome: Outcome,
}

/// All suites so far.
#[derive(Default)]
pub struct Tally<'a> {
    passed: usize,
    left_out: usize,
    not_run: usize,
    pub failures: Vec<Failed<'a>>,
}

impl<'a> Tally<'a> {
    /// Adds a suite, and returns its line.
    pub fn add(
        &mut self,
        suite: &'a Suite,
        outcomes: Vec<Option<Outcome>>,
        width: usize,
    ) -> String {
        let (mut passed, mut failed, mut not_run) = (0, 0, 0);
        let mut left_out = Vec::new();
        for (test, outcome) in suite.tests.iter().zip(outcomes) {
            match outcome {
                None => not_run += 1,
                Some(outcome) => match outcome.verdict {
                    Verdict::Passed => passed += 1,
                    Verdict::LeftOut => left_out.push(outcome.text),
                    Verdict::Failed => {
                        failed += 1;
                        self.failures.push(Failed {
                            suite,
                            test,
                            outcome,
                        });
                    }
                },
            }
        }
        self.passed += passed;
        self.left_out += left_out.len();
        self.not_run += not_run;
        let mark = match (failed, not_run) {
            (0, 0) => paint(ADDED, "ok"),
            (0, _) => paint(HINT, "- "),
            _ => paint(REMOVED, "✗ "),
        };
        let count = suite.tests.len();
        let mut line = format!("{mark} {:width$}  {passed} of {count} passed", suite.name);
        if not_run > 0 {
            line.push_str(&format!(", {not_run} not run"));
        }
        line.push('\n');
        left_out.sort();
        left_out.dedup();
        for why in left_out {
            line.push_str(&format!("     {} {why}\n", paint(HINT, "left out:")));
        }
        line
    }
}

/// The failures and the sum; an error if there is a failure.
pub fn close(tally: &Tally<'_>, all: bool) -> Result<()> {
    let shown = if all { usize::MAX } else { SHOWN };
    for failed in tally.failures.iter().take(shown) {
        print(&format!("\n{}", failed.told()))?;
    }
    print(&listed(tally.failures.get(shown..).unwrap_or_default()))?;
    let (passed, failed) = (tally.passed, tally.failures.len());
    if failed == 0 {
        let left_out = match tally.left_out {
            0 => String::new(),
            count => format!("; left out: {count}"),
        };
        return print(&format!("\nall {passed} tests pass{left_out}\n"));
    }
    print("\n")?;
    match tally.not_run {
        0 => bail!("{failed} failed, {passed} passed"),
        count => bail!(
            "{failed} failed, {passed} passed; {count} not run, for so much fails that more would \
             not help: mend the first ones, or see all with --all"
        ),
    }
}

/// Those that are not shown in full.
fn listed(failures: &[Failed<'_>]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let mut text = "\nThese fail as well (--all shows them in full):\n".to_owned();
    for failed in failures {
        text.push_str(&format!(
            "  {} {}\n",
            paint(REMOVED, "✗"),
            failed.test.title()
        ));
    }
    text
}

impl Failed<'_> {
    /// The failure as a block of its own.
    fn told(&self) -> String {
        let title = paint(HEADING, &self.test.title());
        let mut text = format!("{} {title}\n", paint(REMOVED, "✗"));
        if let Some(asks) = &self.test.asks {
            text.push_str(&format!("  {asks}\n"));
        }
        for line in self.outcome.text.lines() {
            text.push_str(&format!("  {line}\n"));
        }
        let said = &self.outcome.server_said;
        for line in &said[said.len().saturating_sub(LINES)..] {
            text.push_str(&format!("    {}{line}\n", paint(HINT, "it said   ")));
        }
        text.push_str(&format!(
            "    {}{}\n",
            paint(HINT, "reread    "),
            self.test.reread.as_ref().unwrap_or(&self.suite.reread)
        ));
        if let Some(place) = &self.outcome.place {
            text.push_str(&format!("    {}{place}\n", paint(HINT, "the test  ")));
        }
        text
    }
}
