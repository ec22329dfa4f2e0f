//! From clocks and samples to figures that can be compared.
//!
//! [`cpu`] reads clocks, and [`window`] takes the samples of one measurement. [`figures`]
//! makes percentiles of them, [`rounds`] collects several measurements of one server, and
//! [`ratio`] compares two servers. [`curve`] is the whole distribution; [`verdict`] says
//! whether the load generator was the bottleneck.

pub mod cpu;
pub mod disturbance;
pub mod window;

pub mod figures;

pub mod rounds;

pub mod ratio;

pub mod curve;
pub mod verdict;
