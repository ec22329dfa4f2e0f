//! From clocks and samples to figures that can be compared.
//!
//! [`window`] takes the samples of one measurement. [`figures`] makes percentiles of
//! them, and medians over rounds; [`comparison`], the ratio of alternating rounds.
//! [`verdict`] says whether the load generator was the bottleneck.

pub mod comparison;
pub mod cpu;
pub mod curve;
pub mod disturbance;
pub mod figures;
pub mod verdict;
pub mod window;
