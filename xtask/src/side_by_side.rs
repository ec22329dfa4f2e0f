//! Independent work on all processors at once.
//!
//! The steps do not depend on one another, and most of what is tried with them waits
//! for a server, a clock or a disk. So one more is worked on than there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

/// Does the work for each item, one more at once than there are processors: of those, one
/// waits for its slowest test, or for cargo, which builds for one at a time. The items are
/// begun in their order, so put first what takes longest.
///
/// After an error nothing more is begun, and the first error is returned.
pub fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    at_once(processors() + 1, items, work)
}

/// The processors of this machine.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many tests run at once. Most of the time they wait for a server, a clock or
/// a disk, so a processor can look after several.
pub fn tests_at_once() -> usize {
    3 * processors()
}

/// How many tests of one step run at once while `side_by_side` works on others as well.
pub fn tests_at_once_of_each() -> usize {
    2 * processors()
}

/// The same with so many at once.
pub fn at_once<'a, T: Sync>(
    count: usize,
    items: &'a [T],
    work: impl Fn(&'a T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(worker)).collect();
        let panicked = |panic| std::panic::resume_unwind(panic);
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(panicked))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use anyhow::bail;

    use super::*;

    #[test]
    fn each_item_is_worked_on_once() {
        let done = Mutex::new(Vec::new());
        let items: Vec<_> = (0..100).collect();
        let work = |item: &i32| {
            done.lock().expect("no other panics").push(*item);
            Ok(())
        };
        side_by_side(&items, work).expect("all succeed");
        let mut done = done.into_inner().expect("nobody panicked");
        done.sort();
        assert_eq!(done, items);
    }

    #[test]
    fn an_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let error = side_by_side(&[(); 1000], |()| {
            begun.fetch_add(1, Ordering::Relaxed);
            bail!("it is broken")
        });
        assert_eq!(error.expect_err("all fail").to_string(), "it is broken");
        assert!(begun.into_inner() < 1000);
    }
}
