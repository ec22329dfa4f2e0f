//! `check`, `docs`, `standalone`, `solutions` and `make test` as a whole, tried
//! on small workshops of their own: a clean one passes, and each planted fault is
//! seen and told with its place.

mod check;
mod docs;
mod draw;
mod lesson;
mod scratch;
mod solutions;
mod standalone;
mod whole;
