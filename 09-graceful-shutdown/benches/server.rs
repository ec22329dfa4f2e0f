//! What the parts of the finished server cost, without a socket: the dispatch of a command,
//! an append to the log, an RDB file written and read. Run it with
//! `cargo bench --bench server`.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use step09_graceful_shutdown::aof::Fsync;
use step09_graceful_shutdown::client::Client;
use step09_graceful_shutdown::clients::Handle;
use step09_graceful_shutdown::command::Context;
use step09_graceful_shutdown::config::Config;
use step09_graceful_shutdown::rdb::Progress;
use step09_graceful_shutdown::recovery::load;
use step09_graceful_shutdown::recovery::load::Expired;
use step09_graceful_shutdown::resp::{Batch, Reply};
use step09_graceful_shutdown::state::{Shared, State};
use step09_graceful_shutdown::{command, handlers, rdb};

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
            let reply = Reply::new(output, client.handle.protocol());
            let ctx = &mut Context::new(handlers::table(), client, reply, state);
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
    let turned_on = state.aof.turn_on(state.config.aof_location());
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
