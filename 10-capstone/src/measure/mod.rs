//! Clocks and samples become figures that can be compared.
//!
//! [`cpu`] reads clocks, and [`window`] holds the samples of one measurement. [`figures`] computes
//! percentiles from them, [`rounds`] collects several measurements of one server, and [`ratio`]
//! compares two servers. [`curve`] is the whole distribution, and [`verdict`] says whether the load
//! generator was the bottleneck. [`disturbance`] stops a server, or makes it save.

pub mod cpu;
pub mod disturbance;
pub mod window;

pub mod figures;

pub mod rounds;

pub mod ratio;

pub mod curve;
pub mod verdict;
