//! The capstone: measures the workshop's server against real Redis.
//!
//! Read from the top: a room uses only the rooms that are declared above it. If you have ten
//! minutes, read the honest core, three files: `load/closed_loop.rs` (a client that waits for its
//! reply), `load/open_loop.rs` (clients that do not wait, and when their clock starts), and
//! `measure/ratio.rs` (how to compare two servers on a machine whose speed changes).

#![forbid(unsafe_code)]

/// Work on a thread of its own. The thread ends when the future that waits for it is dropped.
pub mod worker;

/// The commands that are measured, and what each needs.
pub mod operation;
/// A scenario: what is sent to a server and what the server does besides, as data and as text.
pub mod scenario;
/// The scenarios that are measured when the command line names none.
pub mod standard;

/// Clocks and samples become figures, and the figures of several rounds become ratios.
pub mod measure;

/// The load generators: closed loop, open loop, pub/sub, and what they send.
pub mod load;

/// The command line.
pub mod cli;

/// The servers that are measured: how they are found, started and stopped.
pub mod servers;

/// The same Redis measured by `redis-benchmark`, as a check of this benchmark.
pub mod cross_check;
/// The machine on which the benchmark runs.
pub mod environment;

/// The results as a table, a page and a JSON file.
pub mod report;

/// The order of a run: scenarios, rounds and turns.
pub mod bench;
/// The progress bar on the terminal.
pub mod progress;
/// The process: signals, the reports, the exit status.
pub mod startup;
