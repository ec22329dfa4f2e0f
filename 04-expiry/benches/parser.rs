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
//!
//! Two more groups measure what was rejected: to start again with every piece that
//! arrives, and to hand out arguments that do not borrow from the buffer.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use step04_expiry::resp;

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

/// A TCP segment on an Ethernet.
const PIECE: usize = 1448;

/// Parses one command that arrives in pieces. `again` is the parser that forgets
/// with each piece how far it came.
fn in_pieces(input: &mut [u8], again: bool) -> usize {
    let mut parser = resp::Parser::default();
    let mut arrived = 0;
    loop {
        arrived = input.len().min(arrived + PIECE);
        if again {
            parser = resp::Parser::default();
        }
        if let Some(length) = parser.parse(&mut input[..arrived]).expect("RESP") {
            return length;
        }
        assert_ne!(arrived, input.len(), "a whole command");
    }
}

fn pieces(criterion: &mut Criterion) {
    let line = format!("ECHO {}\r\n", "v".repeat(65_000));
    let many = format!("*10000\r\n{}", "$10\r\n0123456789\r\n".repeat(10_000));
    let large = format!(
        "*2\r\n$4\r\nECHO\r\n$1048576\r\n{}\r\n",
        "v".repeat(1 << 20)
    );
    let inputs = [
        ("one line of 65,000 bytes", line),
        ("10,000 arguments", many),
        ("one argument of 1 MiB", large),
    ];
    let mut group = criterion.benchmark_group("in pieces");
    for (name, input) in inputs {
        let mut input = input.into_bytes();
        for (way, again) in [("resume", false), ("start again", true)] {
            group.bench_function(BenchmarkId::new(way, name), |bencher| {
                bencher.iter(|| in_pieces(black_box(&mut input), again));
            });
        }
    }
    group.finish();
}

/// Parses all that has arrived, and lets `take` make of each command what it likes.
fn hand_out<T>(buffer: &mut BytesMut, take: impl Fn(resp::Args, &Bytes) -> T) {
    let mut parser = resp::Parser::default();
    while let Ok(Some(length)) = parser.parse(buffer) {
        let command = buffer.split_to(length).freeze();
        black_box(take(parser.args(&command), &command));
    }
}

fn arguments(criterion: &mut Criterion) {
    let input = pipeline(3);
    let fresh = || BytesMut::from(&input[..]);
    let mut group = criterion.benchmark_group("arguments of 64 SET commands");
    group.throughput(Throughput::Elements(PIPELINE as u64));
    group.bench_function("borrowed", |bencher| {
        let sum = |args: resp::Args, _: &Bytes| args.iter().map(<[u8]>::len).sum::<usize>();
        bencher.iter_batched_ref(fresh, |buffer| hand_out(buffer, sum), BatchSize::SmallInput);
    });
    group.bench_function("copied, Vec<Vec<u8>>", |bencher| {
        let copy =
            |args: resp::Args, _: &Bytes| args.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
        bencher.iter_batched_ref(
            fresh,
            |buffer| hand_out(buffer, copy),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("shared, Vec<Bytes>", |bencher| {
        let share = |args: resp::Args, command: &Bytes| {
            args.iter()
                .map(|arg| command.slice_ref(arg))
                .collect::<Vec<_>>()
        };
        bencher.iter_batched_ref(
            fresh,
            |buffer| hand_out(buffer, share),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, parsing, pieces, arguments);
criterion_main!(benches);
