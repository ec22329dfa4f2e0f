//! The black-box suites of the advanced track: one file per chapter. The harness is step
//! 09's, byte for byte, and step 09's own suites run against this server as they are.

mod client;
mod harness;
mod session;
