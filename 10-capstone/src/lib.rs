//! The capstone: measures the workshop's server against real Redis.
//!
//! Read from the top: a room uses only the rooms that are declared above it. Who has ten
//! minutes reads the honest core, three files: `load/closed_loop.rs` (a client that waits
//! for its answer), `load/open_loop.rs` (clients that do not, and when their clock starts),
//! and `measure/ratio.rs` (two servers on a machine that does not hold still).

#![forbid(unsafe_code)]

/// Work on a thread of its own, which ends when nobody waits for it any more.
pub mod worker;

/// What is sent to a server, and what else it has to do: a scenario as data and as text.
pub mod scenario;
/// The scenarios of a run that nobody has chosen.
pub mod standard;

/// From clocks and samples to figures, and from the figures of rounds to ratios.
pub mod measure;

/// The load generators: closed loop, open loop, pub/sub, and what they send.
pub mod load;

/// The command line.
pub mod cli;

/// Who is measured, and how it is started and stopped.
pub mod servers;

/// The same Redis, measured by `redis-benchmark`.
pub mod cross_check;
/// The machine that it all happens on.
pub mod environment;

/// What was found, as a table, a page and a file.
pub mod report;

/// The order of a run: scenarios, rounds, turns.
pub mod bench;
/// The bar on the terminal.
pub mod progress;
/// The process: signals, the reports, the exit status.
pub mod startup;
