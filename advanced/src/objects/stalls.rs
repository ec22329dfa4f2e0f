//! How long the slowest write to a large hash takes. By hand, with numbers:
//! `cargo test --release -p advanced --lib -- --ignored --nocapture slowest_write`.
//!
//! Whatever else the machine does would be in a single measurement. So the same writes are done
//! several times, and of each write the shortest time counts.

use std::time::{Duration, Instant};

use super::*;

const RUNS: usize = 3;

fn set(hash: &mut Hash, number: usize) {
    let (field, value) = (format!("field:{number}"), format!("value:{number}"));
    hash.set(field.as_bytes(), value.as_bytes(), Limits::default());
}

/// The slowest of `writes` writes, which `write` does to what `prepare` returns.
pub fn slowest<T>(
    writes: usize,
    mut prepare: impl FnMut() -> T,
    mut write: impl FnMut(&mut T, usize),
) -> Duration {
    let mut shortest = vec![Duration::MAX; writes];
    for _ in 0..RUNS {
        let mut prepared = prepare();
        for (number, shortest) in shortest.iter_mut().enumerate() {
            let started = Instant::now();
            write(&mut prepared, number);
            *shortest = started.elapsed().min(*shortest);
        }
    }
    shortest.into_iter().max().unwrap_or_default()
}

#[test]
#[ignore = "takes a minute, and measures"]
fn the_slowest_write() {
    let mut large = Hash::default();
    (0..1_000_000).for_each(|number| set(&mut large, number));
    let large: Arc<dyn Object> = Arc::new(large);
    // Each number is far from the one before.
    let far = |number: usize| number * 7919 % 1_000_000;
    let alone = slowest(
        10_000,
        || large.copy(),
        |hash, number| change(hash, far(number)),
    );
    let shared = slowest(
        10_000,
        || Arc::clone(&large),
        |hash, number| change(hash, far(number)),
    );
    // Last, because the allocator of a test is busy for long with what this frees.
    let growing = slowest(4_000_000, Hash::default, set);
    println!("growing to 4,000,000 fields: {growing:?}");
    println!("1,000,000 fields, in a snapshot: {shared:?}; its list of parts is not: {alone:?}");
}

/// A write as the store does it: what a snapshot shares is copied first.
fn change(hash: &mut Arc<dyn Object>, number: usize) {
    if Arc::get_mut(hash).is_none() {
        *hash = hash.copy();
    }
    let object = Arc::get_mut(hash).map(|object| object as &mut dyn std::any::Any);
    if let Some(hash) = object.and_then(<dyn std::any::Any>::downcast_mut) {
        set(hash, number);
    }
}
