//! What our store adds to a plain `HashMap`: GET, SET and a whole SCAN over
//! 100,000 keys. Run it with `cargo bench --bench store`.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use step08_replication::store::Store;

const KEYS: usize = 100_000;

/// Keys in an order in which memory does not lie.
fn keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<_> = (0..KEYS)
        .map(|i| format!("key:{i:012}").into_bytes())
        .collect();
    fastrand::Rng::with_seed(3).shuffle(&mut keys);
    keys
}

const VALUE: &[u8] = b"a value of 24 bytes, say";

fn get_and_set(c: &mut Criterion) {
    let keys = keys();
    let mut store = Store::default();
    let mut map: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    for key in &keys {
        store.set_bytes(key, VALUE);
        map.insert(key.clone(), VALUE.to_vec());
    }
    let mut group = c.benchmark_group("100,000 keys");
    group.throughput(Throughput::Elements(KEYS as u64));
    group.bench_function("get, store", |b| {
        b.iter(|| keys.iter().filter(|key| store.get(key).is_some()).count());
    });
    group.bench_function("get, HashMap", |b| {
        b.iter(|| {
            keys.iter()
                .filter(|key| black_box(map.get(*key)).is_some())
                .count()
        });
    });
    group.bench_function("set, store", |b| {
        b.iter(|| keys.iter().for_each(|key| store.set_bytes(key, VALUE)));
    });
    group.bench_function("set, HashMap", |b| {
        b.iter(|| {
            keys.iter()
                .for_each(|key| drop(map.insert(key.clone(), VALUE.to_vec())))
        });
    });
    group.bench_function("scan, store", |b| b.iter(|| scan(&mut store)));
    group.bench_function("scan, HashMap", |b| {
        b.iter(|| map.keys().map(Vec::len).sum::<usize>())
    });
    group.finish();
}

/// A whole scan, ten keys at a time, as SCAN does it by default.
fn scan(store: &mut Store) -> usize {
    let mut length = 0;
    let mut cursor = 0;
    loop {
        let (next, part) = store.scan(cursor, 10);
        length += part.map(|(key, _)| key.len()).sum::<usize>();
        cursor = next;
        if cursor == 0 {
            return length;
        }
    }
}

criterion_group!(benches, get_and_set);
criterion_main!(benches);
