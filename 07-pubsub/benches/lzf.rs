//! What it costs to compress a value with the RDB's own compressor, and with the crate that
//! decompresses; before each, the sizes that they reach. Run it with `cargo bench --bench lzf`.

use criterion::{Criterion, criterion_group, criterion_main};

use step07_pubsub::rdb::lzf::Compressor;

const WORDS: [&str; 8] = [
    "session",
    "user",
    "true",
    "null",
    "\"name\":",
    "2026-11-",
    "cache",
    "the ",
];

/// Text as in a cache: words that repeat, and numbers between them.
fn text(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(42);
    let mut text = String::new();
    while text.len() < length {
        text += WORDS[random.usize(..WORDS.len())];
        text += &random.u32(..1000).to_string();
    }
    text.truncate(length);
    text.into_bytes()
}

fn compress(c: &mut Criterion) {
    let mut group = c.benchmark_group("LZF");
    for length in [100, 1024, 65_536] {
        let (text, mut ours) = (text(length), Compressor::default());
        let mut output = vec![0; lzf_rust::max_compressed_size(length)];
        let size = lzf_rust::compress(&text, &mut output);
        println!(
            "{length} bytes: ours {:?}, lzf-rust {size:?}",
            ours.compress(&text).map(|bytes| bytes.len())
        );
        group.bench_function(format!("{length} bytes, ours"), |b| {
            b.iter(|| ours.compress(&text));
        });
        group.bench_function(format!("{length} bytes, lzf-rust"), |b| {
            b.iter(|| lzf_rust::compress(&text, &mut output));
        });
    }
    group.finish();
}

criterion_group!(benches, compress);
criterion_main!(benches);
