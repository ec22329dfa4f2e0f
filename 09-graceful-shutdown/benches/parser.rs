//! How fast commands are parsed: ours against the parser of the `redis` crate.
//!
//! ```console
//! $ cargo bench --bench parser
//! ```
//!
//! The input is what a pipelining client sends: 64 SET commands in one buffer.
//! The other parser does more than ours. It parses any reply, and copies every
//! string out of the buffer into a tree of values. That is the point: what a
//! server does not need to do is what makes it fast.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

// A step is a program, and a bench cannot import one.
#[allow(dead_code)]
#[path = "../src/resp.rs"]
mod resp;

/// How many commands arrive together.
const PIPELINE: usize = 64;

/// `PIPELINE` commands `SET key:<n> <value of `size` bytes>`.
fn pipeline(size: usize) -> Vec<u8> {
    let value = "v".repeat(size);
    let set = |n| format!("*3\r\n$3\r\nSET\r\n$8\r\nkey:{n:04}\r\n${size}\r\n{value}\r\n");
    (0..PIPELINE).map(set).collect::<String>().into_bytes()
}

/// Parses all of `input` as a connection does, and looks at every argument.
fn ours(parser: &mut resp::Parser, input: &mut [u8]) -> usize {
    let mut from = 0;
    let mut bytes = 0;
    while let Ok(Some(length)) = parser.parse(&mut input[from..]) {
        let args = parser.args(&input[from..]);
        bytes += args.iter().map(|arg| black_box(arg).len()).sum::<usize>();
        from += length;
    }
    assert_eq!(from, input.len());
    bytes
}

/// The same with the `redis` crate.
fn theirs(parser: &mut redis::Parser, mut input: &[u8]) {
    while !input.is_empty() {
        let value = parser.parse_value(&mut input).expect("a whole command");
        black_box(value);
    }
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("64 SET commands");
    for size in [16, 1024] {
        let mut input = pipeline(size);
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function(BenchmarkId::new("this step", size), |bencher| {
            let mut parser = resp::Parser::default();
            bencher.iter(|| ours(&mut parser, black_box(&mut input)));
        });
        group.bench_function(BenchmarkId::new("redis crate", size), |bencher| {
            let mut parser = redis::Parser::new();
            bencher.iter(|| theirs(&mut parser, black_box(&input)));
        });
    }
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
