//! What any program could use: nothing here knows of commands
//! or keys.

pub mod buffer;
pub mod file;
pub mod glob;
pub mod long_double;
pub mod open_files;
