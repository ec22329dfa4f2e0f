//! What a run found, and the three ways in which it is shown: a table, a page, a JSON file.

pub mod chart;
pub mod json;
pub mod page;
pub mod results;
pub mod text;
