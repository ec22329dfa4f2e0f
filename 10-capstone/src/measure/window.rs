//! The window of one measurement: the samples in it, and all clocks at both of its edges.
//!
//! This file owns the histograms of latencies, which are filled while the window is open, and the
//! clocks, which are read when it opens and when it closes. So the number of commands and the CPU
//! time belong to the same seconds.

use std::cell::{OnceCell, RefCell};
use std::time::{Duration, Instant};

use anyhow::Result;
use enum_map::EnumMap;
use hdrhistogram::Histogram;

use super::cpu::{self, CpuTime};
use crate::operation::Operation;

/// The result of one measurement.
pub struct Measurement {
    /// The exact length of the window.
    pub wall: Duration,
    pub samples: Samples,
    /// CPU time of the generator's thread in the window.
    pub generator: CpuTime,
    /// CPU time of the server's threads in the window.
    pub server: Option<CpuTime>,
    /// CPU time that other programs used in the window.
    pub others: Option<Duration>,
}

/// What was measured of single commands, in nanoseconds.
#[derive(Clone)]
pub struct Samples {
    /// Latencies of each command. A message of pub/sub counts as GET.
    pub latencies: EnumMap<Operation, Histogram<u64>>,
    /// How late the commands of an open loop were sent.
    pub lateness: Histogram<u64>,
}

impl Samples {
    /// Empty histograms.
    pub fn new() -> Result<Self> {
        Ok(Self {
            latencies: EnumMap::try_from_fn(|_| histogram())?,
            lateness: histogram()?,
        })
    }

    /// The latencies of all commands together.
    pub fn all(&self) -> Histogram<u64> {
        let mut all = Histogram::new_from(&self.lateness);
        for latencies in self.latencies.values() {
            all += latencies;
        }
        all
    }
}

/// A histogram of latencies up to a minute, with three digits.
fn histogram() -> Result<Histogram<u64>> {
    let minute = Duration::from_secs(60).as_nanos() as u64;
    Ok(Histogram::new_with_max(minute, 3)?)
}

/// The time in which commands count, and the samples of these commands.
pub struct Window {
    opened: OnceCell<Edge>,
    closed: OnceCell<Edge>,
    samples: RefCell<Samples>,
}

/// All clocks at one edge of the window.
struct Edge {
    at: Instant,
    generator: CpuTime,
    server: Option<CpuTime>,
    machine: Option<Duration>,
}

impl Edge {
    fn now(pid: Option<u32>) -> Self {
        Self {
            at: Instant::now(),
            generator: cpu::of_this_thread(),
            server: pid.and_then(cpu::of_process),
            machine: cpu::of_machine(),
        }
    }
}

impl Window {
    /// A window that is not open yet.
    pub fn new() -> Result<Self> {
        Ok(Self {
            opened: OnceCell::new(),
            closed: OnceCell::new(),
            samples: RefCell::new(Samples::new()?),
        })
    }

    /// Opens the window. `pid` is the server's process if it runs on this machine.
    pub fn open(&self, pid: Option<u32>) {
        self.opened.get_or_init(|| Edge::now(pid));
    }

    /// Closes the window. A command that was sent in it still counts when its reply arrives.
    pub fn close(&self, pid: Option<u32>) {
        self.closed.get_or_init(|| Edge::now(pid));
    }

    /// Does a command that is sent now count?
    pub fn is_open(&self) -> bool {
        self.opened.get().is_some() && !self.is_over()
    }

    /// Is it time to stop sending?
    pub fn is_over(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Records the latency of one command.
    pub fn record(&self, operation: Operation, latency: Duration) {
        let histogram = &mut self.samples.borrow_mut().latencies[operation];
        histogram.saturating_record(latency.as_nanos() as u64);
    }

    /// Records how late a command was sent.
    pub fn record_lateness(&self, late: Duration) {
        let histogram = &mut self.samples.borrow_mut().lateness;
        histogram.saturating_record(late.as_nanos() as u64);
    }

    /// The samples, and the differences of the clocks at both edges; `None` before the window is
    /// closed.
    pub fn measured(&self) -> Option<Measurement> {
        let (opened, closed) = (self.opened.get()?, self.closed.get()?);
        let generator = closed.generator.since(&opened.generator);
        let servers = closed.server.zip(opened.server);
        let server = servers.map(|(after, before)| after.since(&before));
        // Without the server's CPU time, that of other programs is unknown.
        let others = server.and_then(|server| {
            let machine = closed.machine?.saturating_sub(opened.machine?);
            Some(machine.saturating_sub(server.running + generator.running))
        });
        Some(Measurement {
            wall: closed.at - opened.at,
            samples: self.samples.borrow().clone(),
            generator,
            server,
            others,
        })
    }
}
