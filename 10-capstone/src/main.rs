//! The capstone: measures the workshop's server against real Redis.

#![forbid(unsafe_code)]

fn main() {}
