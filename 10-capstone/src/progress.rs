//! What is seen while the run goes on: a bar on a terminal, lines elsewhere.
//!
//! This file owns standard error during a run, so that standard output holds the
//! report and nothing else. The bar is drawn between measurements only: drawing
//! costs CPU time, and a measurement needs both cores.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::scenario::Scenario;

/// Progress through all measurements of a run.
pub struct Progress {
    bar: Option<ProgressBar>,
    done: u64,
    total: u64,
}

impl Progress {
    /// Begins a run of `total` measurements.
    pub fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} · {eta} left")
                .expect("the template is a constant");
            ProgressBar::new(total).with_style(style)
        });
        Self {
            bar,
            done: 0,
            total,
        }
    }

    /// A server is started, or its keys are written.
    pub fn preparing(&self, side: &str, scenario: Scenario, keys: u32) {
        let size = scenario.value_bytes;
        let text = format!("{side}: {keys} keys of {size} B for {scenario}");
        self.say(text, false);
    }

    /// One server cannot be measured in a scenario.
    pub fn skip(&mut self, rounds: u16) {
        self.total = self.total.saturating_sub(rounds.into());
        if let Some(bar) = &self.bar {
            bar.set_length(self.total);
        }
    }

    /// A measurement begins. On a terminal every one is shown, elsewhere the
    /// first of a scenario.
    pub fn measuring(&self, scenario: Scenario, round: usize, side: &str) {
        let first = round == 0;
        self.say(format!("{scenario}, round {}, {side}", round + 1), first);
    }

    /// A measurement is done.
    pub fn advance(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn say(&self, text: String, in_plain: bool) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None if in_plain => eprintln!("[{}/{}] {text}", self.done, self.total),
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
