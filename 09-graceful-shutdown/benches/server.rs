//! What the parts of the finished server cost, without a socket: the dispatch of a command,
//! an append to the log, an RDB file written and read. Run it with
//! `cargo bench --bench server`.

// The server's own files; a bench sees a binary's modules no other way, and it does not
// use all of them.
#![allow(dead_code, unused_imports)]

#[path = "../src"]
mod src {
    pub mod admission;
    pub mod aof;
    pub mod background;
    pub mod client;
    pub mod clients;
    pub mod clock;
    pub mod command;
    pub mod commands;
    pub mod config;
    pub mod cross_protocol;
    pub mod file;
    pub mod float;
    pub mod glob;
    pub mod lifecycle;
    pub mod load;
    pub mod logging;
    pub mod output_limit;
    pub mod pubsub;
    pub mod rdb;
    pub mod replication;
    pub mod resp;
    pub mod state;
    pub mod stats;
    pub mod store;
}

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::path::Path;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use src::*;

use crate::aof::{Aof, Fsync};
use crate::client::Client;
use crate::clients::Handle;
use crate::command::Context;
use crate::config::Config;
use crate::load::Expired;
use crate::rdb::Progress;
use crate::resp::{Batch, Reply};
use crate::state::{Shared, State};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many commands a batch has, as with pipeline 64.
const BATCH: usize = 64;

const KEYS: usize = 100_000;

fn shared(folder: &Path) -> Shared {
    let config = Config {
        dir: folder.display().to_string(),
        ..Config::default()
    };
    Shared::new(config)
}

fn fill(state: &mut State) {
    for number in 0..KEYS {
        let key = format!("key:{number:012}");
        state
            .store
            .set_bytes(key.as_bytes(), b"a value of 24 bytes, say");
    }
}

/// Parses and executes a batch, as a connection does.
fn execute(state: &mut State, client: &mut Client, requests: &[u8], output: &mut BytesMut) {
    let mut input = BytesMut::from(requests);
    let mut batch = Batch::default();
    output.clear();
    while matches!(batch.fill(&mut input), Ok(1..)) {
        while let Some(args) = batch.take(&input) {
            let reply = Reply::new(output, client.protocol);
            let ctx = &mut Context::new(commands::table(), client, reply, state);
            command::execute(ctx, args);
        }
    }
}

fn dispatch(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = shared(folder.path());
    let state = &mut *shared.lock();
    fill(state);
    let client = &mut Client::new(Handle::nobody(1).into());
    let mut group = c.benchmark_group("64 commands, parsed and executed");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, command) in [
        ("PING", "PING\r\n"),
        ("GET", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n"),
        (
            "SET",
            "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$5\r\nvalue\r\n",
        ),
    ] {
        let requests = command.repeat(BATCH);
        let mut output = BytesMut::new();
        group.bench_function(name, |b| {
            b.iter(|| execute(state, client, requests.as_bytes(), &mut output));
        });
    }
    group.finish();
}

/// 64 SETs into the log, and one write for all, without fsync.
fn append(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = shared(folder.path());
    let state = &mut *shared.lock();
    let turned_on = state.aof.turn_on(state.config.log_location());
    turned_on.expect("a new log");
    let words = [&b"SET"[..], b"key:000000000042", b"value"];
    let mut group = c.benchmark_group("the log");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("64 SETs, one write", |b| {
        b.iter(|| {
            for _ in 0..BATCH {
                state.aof.append(words.into_iter());
            }
            let position = state.aof.position();
            black_box(state.aof.commit(position, Fsync::No));
        });
    });
    group.finish();
}

fn save_and_load(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = shared(folder.path());
    fill(&mut shared.lock());
    let path = folder.path().join("dump.rdb");
    let mut group = c.benchmark_group("an RDB file of 100,000 keys");
    group.throughput(Throughput::Elements(KEYS as u64));
    group.sample_size(20);
    group.bench_function("written", |b| {
        b.iter(|| {
            let state = &*shared.lock();
            let mut file = File::create(&path).expect("the file");
            let options = state.config.rdb_options();
            let written = rdb::write(
                state.store.snapshot(),
                options,
                &Progress::default(),
                &mut file,
            );
            written.expect("it is written");
        });
    });
    group.bench_function("loaded", |b| {
        b.iter_batched(
            || self::shared(folder.path()),
            |empty| {
                let file = File::open(&path).expect("the file");
                let loaded = load::file(&file, Expired::Drop, &empty);
                loaded.expect("it is loaded").0.keys
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, dispatch, append, save_and_load);
criterion_main!(benches);
