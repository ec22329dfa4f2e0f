//! `check`, `docs`, `standalone` and `solutions`, tried on small workshops of
//! their own: a clean one passes, and each planted fault is seen and told with
//! its place.

mod check;
mod docs;
mod scratch;
mod solutions;
mod standalone;
