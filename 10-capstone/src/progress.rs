//! What is seen while the run goes on: a bar on a terminal, lines elsewhere.
//!
//! This file owns standard error during a run, so that standard output holds the
//! report and nothing else. The bar is drawn between measurements only: drawing
//! costs CPU time, and a measurement needs both cores.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::scenario::Scenario;

/// Progress through all measurements of a run.
pub struct Progress {
    /// It counts everywhere, and is drawn on a terminal only.
    bar: ProgressBar,
}

impl Progress {
    /// Begins a run of `total` measurements, if everybody can do everything.
    pub fn new(total: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} · {eta} left")
            .expect("the template is a constant");
        let bar = ProgressBar::new(total).with_style(style);
        Self {
            bar: bar.with_finish(ProgressFinish::AndClear),
        }
    }

    /// A server is started, or its keys are written.
    pub fn preparing(&self, side: &str, scenario: Scenario, keys: u32) {
        let size = scenario.value_bytes;
        self.show(format!("{side}: {keys} keys of {size} B for {scenario}"));
    }

    /// One server cannot be measured in a scenario.
    pub fn skip(&self, rounds: u16) {
        self.bar.dec_length(rounds.into());
    }

    /// A measurement begins. On a terminal every one is shown, elsewhere the
    /// first of a scenario.
    pub fn measuring(&self, scenario: Scenario, round: usize, side: &str) {
        let text = format!("{scenario}, round {}, {side}", round + 1);
        if !std::io::stderr().is_terminal() && round == 0 {
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            eprintln!("[{done}/{all}] {text}");
        }
        self.show(text);
    }

    /// A measurement is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    fn show(&self, text: String) {
        self.bar.set_message(text);
        self.bar.tick();
    }
}
