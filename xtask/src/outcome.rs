//! One test, run in a process of its own: however it ends, the others go on, and
//! nothing that it started is left behind.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::processes::{self, Ended};

/// Only a test that hangs takes longer.
const LIMIT: Duration = Duration::from_secs(600);

/// How a test begins a line when it leaves out what it is there for.
const LEFT_OUT: &str = "not tested: ";

/// What the suites write before the server's own words.
const SERVER_SAID: &str = "the server said:";

/// What ends the line that a suite writes when it runs a test anew, because the machine stood still
/// while it failed.
const BEGINS_ANEW: &str = "; the test begins anew\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// It does not apply here; the text says why.
    LeftOut,
    Failed,
}

/// What came of a test.
pub struct Outcome {
    pub verdict: Verdict,
    /// What the test says, without the noise around it.
    pub text: String,
    /// Where in the suite it failed, like `02-resp-parser/tests/suite/resp.rs:31`.
    pub place: Option<String>,
    /// What the server printed.
    pub server_said: Vec<String>,
}

/// Runs the test of that name in that program of tests.
pub fn of(program: Command, path: &str) -> Result<Outcome> {
    within(LIMIT, program, path)
}

/// The same for a test that may take so long.
pub fn within(limit: Duration, mut program: Command, path: &str) -> Result<Outcome> {
    program
        .args(["--exact", path, "--show-output"])
        .env("RUST_BACKTRACE", "0");
    Ok(read(&processes::run(&mut program, limit)?, path, limit))
}

fn read(ended: &Ended, path: &str, limit: Duration) -> Outcome {
    let said = said(&ended.output, path);
    let left_out = said.lines().find_map(|line| line.strip_prefix(LEFT_OUT));
    match (ended.success, left_out) {
        (Some(true), None) => Outcome::new(Verdict::Passed, String::new()),
        (Some(true), Some(why)) => Outcome::new(Verdict::LeftOut, why.to_owned()),
        (Some(false), _) if !said.is_empty() => failure(said),
        (Some(false), _) => {
            let text = format!("the test broke off:\n{}", ended.output.trim());
            Outcome::new(Verdict::Failed, text)
        }
        (None, _) => {
            let text = format!("it did not end within {} s", limit.as_secs());
            Outcome::new(Verdict::Failed, text)
        }
    }
}

/// What the test itself printed, of all that its runner did.
fn said<'a>(output: &'a str, path: &str) -> &'a str {
    let Some((_, said)) = output.split_once(&format!("---- {path} stdout ----\n")) else {
        return "";
    };
    let end = ["\nfailures:\n", "\nsuccesses:\n"]
        .iter()
        .filter_map(|title| said.rfind(title));
    said[..end.max().unwrap_or(said.len())].trim_matches('\n')
}

fn failure(said: &str) -> Outcome {
    // What was found before says nothing.
    let said = said.rsplit_once(BEGINS_ANEW).map_or(said, |(_, last)| last);
    let (said, log) = said.split_once(SERVER_SAID).unwrap_or((said, ""));
    let mut outcome = Outcome::new(Verdict::Failed, String::new());
    for line in said.lines() {
        match line.split_once(" panicked at ") {
            Some((thread, place)) if thread.starts_with("thread '") => outcome.failed_at(place),
            _ if line.starts_with("note: run with `RUST_BACKTRACE") => {}
            _ => outcome.text.push_str(&format!("{line}\n")),
        }
    }
    outcome.text.truncate(outcome.text.trim_end().len());
    outcome.text = outcome.text.trim_start_matches('\n').to_owned();
    let lines = log.lines().filter(|line| !line.trim().is_empty());
    outcome.server_said = lines.map(str::to_owned).collect();
    outcome
}

impl Outcome {
    fn new(verdict: Verdict, text: String) -> Self {
        Outcome {
            verdict,
            text,
            place: None,
            server_said: Vec::new(),
        }
    }

    /// The first place counts, unless it is in a helper's own code.
    fn failed_at(&mut self, place: &str) {
        let mut parts = place.trim_end_matches(':').rsplitn(2, ':');
        let (_column, line) = (parts.next(), parts.next());
        let helper = ["client", "session", "harness"];
        let in_helper = |place: &str| {
            helper
                .iter()
                .any(|name| place.contains(&format!("/{name}.rs:")))
        };
        if let Some(line) = line.filter(|line| self.place.is_none() && !in_helper(line)) {
            self.place = Some(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "\nrunning 1 test\ntest a::b ... FAILED\n\nfailures:\n\n\
        ---- a::b stdout ----\n\nthread 'a::b' (7) panicked at 01-x/tests/suite/a.rs:3:5:\n\
        the reply differs\n  sent      x\nnote: run with `RUST_BACKTRACE=1` …\n\
        the server said:\n\nhello\n\n\nfailures:\n    a::b\n\ntest result: FAILED.";

    fn outcome(success: Option<bool>, output: &str) -> Outcome {
        let output = output.to_owned();
        read(&Ended { success, output }, "a::b", LIMIT)
    }

    #[test]
    fn the_test_s_own_words_are_cut_out() {
        let failed = outcome(Some(false), FAILED);
        assert_eq!(failed.verdict, Verdict::Failed);
        assert_eq!(failed.text, "the reply differs\n  sent      x");
        assert_eq!(failed.place.as_deref(), Some("01-x/tests/suite/a.rs:3"));
        assert_eq!(failed.server_said, ["hello"]);
    }

    #[test]
    fn of_a_test_that_began_anew_the_last_failure_is_told() {
        let first = "stdout ----\n\nthread 'a::b' (7) panicked at 01-x/tests/suite/b.rs:9:9:\nit \
            is late\nthe machine stood still for 1s; the test begins anew\n";
        let failed = outcome(Some(false), &FAILED.replacen("stdout ----\n", first, 1));
        assert_eq!(failed.text, "the reply differs\n  sent      x");
        assert_eq!(failed.place.as_deref(), Some("01-x/tests/suite/a.rs:3"));
    }

    #[test]
    fn what_is_left_out_is_told_from_what_passed() {
        let output = "running 1 test\n\nsuccesses:\n\n---- a::b stdout ----\nnot tested: x is \
            missing\n\n\nsuccesses:\n    a::b\n";
        assert_eq!(outcome(Some(true), output).verdict, Verdict::LeftOut);
        assert_eq!(outcome(Some(true), output).text, "x is missing");
        assert_eq!(outcome(Some(true), "ok").verdict, Verdict::Passed);
    }

    #[test]
    fn a_test_that_breaks_off_or_hangs_has_failed() {
        assert!(outcome(Some(false), "abort").text.contains("abort"));
        assert!(outcome(None, "").text.contains("did not end"));
    }
}
