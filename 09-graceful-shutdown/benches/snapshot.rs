//! What a snapshot costs those who wait for the lock, with a million keys: ours, and
//! the clone of a whole map. And what the first write to a segment costs that the
//! snapshot still has. Run it with `cargo bench --bench snapshot`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

use step09_graceful_shutdown::store::Store;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 1_000_000;

const VALUE: &[u8] = b"16 bytes of text";

/// The key of this number, 16 bytes long.
fn key(number: usize) -> Vec<u8> {
    format!("key:{number:012}").into_bytes()
}

fn snapshot(c: &mut Criterion) {
    let mut store = Store::default();
    let mut map: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    for number in 0..KEYS {
        store.set_bytes(&key(number), VALUE);
        map.insert(key(number), VALUE.to_vec());
    }
    let mut group = c.benchmark_group("1,000,000 keys");
    group.sample_size(10);
    group.bench_function("snapshot", |b| b.iter(|| store.snapshot()));
    group.bench_function("clone of a HashMap", |b| {
        b.iter_with_large_drop(|| map.clone());
    });
    group.bench_function("a write, no snapshot", |b| {
        b.iter_custom(|writes| write(&mut store, writes, |_| ()));
    });
    group.bench_function("the first write to a segment", |b| {
        b.iter_custom(|writes| write(&mut store, writes, |store| store.snapshot()));
    });
    group.finish();
}

/// The time that so many writes take. Before each, `take` may take a snapshot, which
/// lasts until the write is done.
fn write<T>(store: &mut Store, writes: u64, take: impl Fn(&Store) -> T) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..writes {
        let key = key(fastrand::usize(..KEYS));
        let held = take(store);
        let start = Instant::now();
        store.set_bytes(&key, VALUE);
        took += start.elapsed();
        drop(held);
    }
    took
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
