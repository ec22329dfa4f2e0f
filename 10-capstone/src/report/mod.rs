//! The results of a run, and the three ways in which they are shown: a table, a page, a JSON file.
//!
//! [`results`] is the data, and [`findings`] says in words what the data allows to say. [`text`],
//! [`page`] and [`json`] write both.

pub mod results;

pub mod findings;

pub mod chart;

pub mod json;
pub mod page;
pub mod text;
