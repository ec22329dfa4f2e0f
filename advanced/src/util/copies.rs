//! How much is copied because a snapshot shares it.
//!
//! What is large lies in pieces behind `Arc`s, which a snapshot shares, and a piece that it has too is
//! copied before it changes. Redis counts pages of memory that were copied since its `fork`; here
//! each place that may copy a piece counts what that takes. (COPY shares pieces, too, and then it is not a
//! snapshot that causes the copy.)

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many bytes were copied since the server started.
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The piece is about to be changed: if it is shared, counts the copy that is made of it, which takes
/// as many bytes as `size` says.
#[inline]
pub fn count<T: ?Sized>(piece: &Arc<T>, size: impl FnOnce(&T) -> usize) {
    if Arc::strong_count(piece) > 1 {
        add(size(piece));
    }
}

/// Counts a copy.
#[cold]
pub fn add(bytes: usize) {
    BYTES.fetch_add(bytes as u64, Relaxed);
}

/// How many bytes were copied since the server started.
pub fn bytes() -> u64 {
    BYTES.load(Relaxed)
}
