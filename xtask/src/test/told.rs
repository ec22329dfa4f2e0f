//! What is told at the end: how many tests of what, the slowest, what was left out, and once more
//! what failed, so that it is read where a long output ends.

use std::collections::BTreeMap;
use std::time::Duration;

use super::runner::Done;
use crate::outcome::Verdict;
use crate::output::{HINT, paint};

/// So many of the slowest tests are named.
const SLOWEST: usize = 10;

/// The whole text.
pub fn told(done: &[Done]) -> String {
    let failed = done.iter().filter(|one| one.failed()).map(Done::told);
    let failed: String = failed.collect();
    format!("{}{}{}{failed}", table(done), slowest(done), left_out(done))
}

/// Per program: its tests, how many failed, and the seconds of all of them together.
fn table(done: &[Done]) -> String {
    let mut rows: BTreeMap<&str, (usize, usize, Duration)> = BTreeMap::new();
    for one in done {
        let row = rows.entry(&one.test.label).or_default();
        row.0 += 1;
        row.1 += usize::from(one.failed());
        row.2 += one.took;
    }
    let heading = paint(HINT, " tests  failed  seconds, as if one after the other");
    let mut text = format!("{heading}\n");
    for (label, (tests, failed, took)) in rows {
        let seconds = took.as_secs();
        text.push_str(&format!("{tests:6}  {failed:6}  {seconds:7}  {label}\n"));
    }
    text
}

fn slowest(done: &[Done]) -> String {
    let mut slowest: Vec<_> = done.iter().collect();
    slowest.sort_by_key(|one| std::cmp::Reverse(one.took));
    let mut text = format!("{}\n", paint(HINT, "the slowest"));
    for one in slowest.into_iter().take(SLOWEST) {
        let seconds = one.took.as_secs_f64();
        let (label, name) = (&one.test.label, &one.test.name);
        text.push_str(&format!("{seconds:6.1} s  {name} ({label})\n"));
    }
    text
}

/// Which tests did not test what they are there for, by their reasons.
fn left_out(done: &[Done]) -> String {
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in done {
        if one.outcome.verdict == Verdict::LeftOut {
            let key = (one.test.label.as_str(), one.outcome.text.as_str());
            reasons.entry(key).or_default().push(&one.test.name);
        }
    }
    let count: usize = reasons.values().map(Vec::len).sum();
    if count == 0 {
        return String::new();
    }
    let mut text = format!("{}\n", paint(HINT, &format!("not tested: {count}")));
    for ((label, reason), names) in reasons {
        text.push_str(&format!("  {label}: {reason}\n"));
        for name in names {
            text.push_str(&format!("    {name}\n"));
        }
    }
    text
}
