//! What any program could use: nothing here knows of commands
//! or keys.

pub mod open_files;
