//! The data set as it was: what is in the files becomes keys again.

pub mod replay;
