//! What a run found, and the three ways in which it is shown: a table, a page, a JSON file.
//!
//! [`results`] is what was measured, as data; [`findings`] is what that allows to say, in
//! words. [`text`], [`page`] and [`json`] write both down.

pub mod results;

pub mod findings;

pub mod chart;

pub mod json;
pub mod page;
pub mod text;
