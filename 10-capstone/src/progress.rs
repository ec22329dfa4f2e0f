//! What is shown during a run: a bar on a terminal, lines elsewhere.
//!
//! This file owns standard error during a run, so that standard output has nothing but the report.
//! The bar is drawn only between measurements, because drawing costs CPU time and a measurement
//! needs both cores.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::scenario::Scenario;

/// Progress through all measurements of a run.
pub struct Progress {
    /// It counts in any case, and is drawn only on a terminal.
    bar: ProgressBar,
}

impl Progress {
    /// Begins a run of `total` measurements, if all servers can take part in all scenarios.
    pub fn new(total: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} · {eta} left")
            .expect("the template is a constant");
        let bar = ProgressBar::new(total).with_style(style);
        Self {
            bar: bar.with_finish(ProgressFinish::AndClear),
        }
    }

    /// Shows that a server is being started or its keys are being written.
    pub fn preparing(&self, side: &str, scenario: Scenario, keys: u32) {
        let size = scenario.value_bytes;
        self.show(format!("{side}: {keys} keys of {size} B for {scenario}"));
    }

    /// Leaves out all rounds of a server that cannot take part.
    pub fn skip(&self, rounds: u16) {
        self.bar.dec_length(rounds.into());
    }

    /// Shows that a measurement begins: each one on a terminal, elsewhere the first one of a
    /// scenario.
    pub fn measuring(&self, scenario: Scenario, round: usize, side: &str) {
        let text = format!("{scenario}, round {}, {side}", round + 1);
        if !std::io::stderr().is_terminal() && round == 0 {
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            eprintln!("[{done}/{all}] {text}");
        }
        self.show(text);
    }

    /// Counts a measurement that is complete.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    fn show(&self, text: String) {
        self.bar.set_message(text);
        self.bar.tick();
    }
}
