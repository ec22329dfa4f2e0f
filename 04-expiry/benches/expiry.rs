//! Three ways to find the keys whose time is over, with a million deadlines: our
//! samples, a look at all of them, and an index in the order of time. What does a
//! SET with a time to live cost, what a look that finds nothing, and what the
//! removal of one key in a hundred? And what does each way need for a key?
//! Run it with `cargo bench --bench expiry`.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use memory_stats::memory_stats;

use step04_expiry::store::clock::{Moment, Unit};
use step04_expiry::store::{Store, Value};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 1_000_000;

/// One key in so many is over.
const OVER: usize = 100;

/// As in `expiry.rs`: how many deadlines one sample looks at, and how many keys it
/// removes at most.
const LOOKS: usize = 65_536;
const REMOVALS: usize = 1024;

const VALUE: &[u8] = b"sixteen bytes :)";

/// Where keys with deadlines are kept, and how the dead among them are found.
trait Way {
    const NAME: &'static str;
    fn empty() -> Self;
    fn set(&mut self, key: &[u8], unix: i64);
    /// Looks for the dead once, removes those it finds and says how many.
    fn look(&mut self) -> usize;
    /// How many keys there are.
    fn keys(&self) -> usize;
}

/// The deadline `unix` milliseconds after 1970.
fn set(store: &mut Store, key: &[u8], unix: i64) -> Moment {
    let moment = store.clock.moment(unix, Unit::UnixMilliseconds);
    let moment = moment.expect("a time that can be");
    store.insert_until(key, Value::from_bytes(VALUE), Some(moment));
    moment
}

/// The step's own: a look is a sample.
struct Samples(Store);

impl Way for Samples {
    const NAME: &'static str = "samples";

    fn empty() -> Self {
        Self(Store::default())
    }

    fn set(&mut self, key: &[u8], unix: i64) {
        set(&mut self.0, key, unix);
    }

    fn look(&mut self) -> usize {
        self.0.expire(LOOKS, REMOVALS).expired
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}

/// A look is a look at everything.
struct FullScan(Store);

impl Way for FullScan {
    const NAME: &'static str = "full scan";

    fn empty() -> Self {
        Self(Store::default())
    }

    fn set(&mut self, key: &[u8], unix: i64) {
        set(&mut self.0, key, unix);
    }

    fn look(&mut self) -> usize {
        self.0.expire(usize::MAX, usize::MAX).expired
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}

/// Besides the deadline of each key, all of them in order. To move one, the old
/// one must be known, so the index comes on top of the table.
struct Ordered {
    store: Store,
    order: BTreeSet<(Moment, Box<[u8]>)>,
}

impl Way for Ordered {
    const NAME: &'static str = "ordered index";

    fn empty() -> Self {
        Self {
            store: Store::default(),
            order: BTreeSet::new(),
        }
    }

    fn set(&mut self, key: &[u8], unix: i64) {
        if let Some(old) = self.store.deadline(key) {
            self.order.remove(&(old, key.into()));
        }
        let new = set(&mut self.store, key, unix);
        self.order.insert((new, key.into()));
    }

    fn look(&mut self) -> usize {
        let mut removed = 0;
        while let Some((moment, _)) = self.order.first()
            && self.store.clock.is_past(*moment)
        {
            if let Some((_, key)) = self.order.pop_first() {
                self.store.contains(&key);
                removed += 1;
            }
        }
        removed
    }

    fn keys(&self) -> usize {
        self.store.len()
    }
}

/// For its weight only: keys that have no deadline.
struct Without(Store);

const WITHOUT: &str = "without deadlines";

impl Way for Without {
    const NAME: &'static str = WITHOUT;

    fn empty() -> Self {
        Self(Store::default())
    }

    fn set(&mut self, key: &[u8], _: i64) {
        self.0.set_bytes(key, VALUE);
    }

    fn look(&mut self) -> usize {
        0
    }

    fn keys(&self) -> usize {
        self.0.len()
    }
}

/// Keys in an order in which memory does not lie, each with a deadline: long ago
/// for the first `dead` of them, and in the next hundred years for the others.
fn keys(dead: usize) -> Vec<(Vec<u8>, i64)> {
    const YEAR_2100: i64 = 4_102_444_800_000;
    let mut rng = fastrand::Rng::with_seed(4);
    let mut keys: Vec<_> = (0..KEYS)
        .map(|i| {
            let far = YEAR_2100 + rng.i64(0..3_000_000_000_000);
            let unix = if i < dead { rng.i64(1..1000) } else { far };
            (format!("key:{i:012}").into_bytes(), unix)
        })
        .collect();
    rng.shuffle(&mut keys);
    keys
}

fn filled<W: Way>(keys: &[(Vec<u8>, i64)]) -> W {
    let mut way = W::empty();
    for (key, unix) in keys {
        way.set(key, *unix);
    }
    way
}

/// The variable by which a process of its own learns what to fill and weigh.
const WEIGH: &str = "WEIGH";

/// Says how many bytes the process needs for each key.
fn weigh<W: Way>(keys: &[(Vec<u8>, i64)]) {
    let occupied = || memory_stats().map_or(0, |stats| stats.physical_mem);
    let before = occupied();
    let way: W = filled(keys);
    let bytes = occupied().saturating_sub(before) / way.keys();
    println!("{}: {bytes} bytes for each key", W::NAME);
}

/// In a process that has held nothing before, or else what was freed is counted.
fn weigh_each() -> std::io::Result<()> {
    for name in [WITHOUT, Samples::NAME, Ordered::NAME] {
        let mut process = Command::new(std::env::current_exe()?);
        process.env(WEIGH, name).status()?;
    }
    Ok(())
}

fn measure<W: Way>(c: &mut Criterion) {
    let living = keys(0);
    let mut way: W = filled(&living);
    let mut group = c.benchmark_group(W::NAME);
    group.sample_size(10);
    // Each SET gives its key another deadline, as a cache or a session does.
    let mut turn = living.iter().cycle();
    let mut later = 0;
    group.bench_function("set", |b| {
        b.iter(|| {
            later += 1;
            turn.next().map(|(key, unix)| way.set(key, unix + later))
        });
    });
    group.bench_function("a look, nothing over", |b| {
        b.iter(|| black_box(way.look()));
    });
    drop(way);
    let mixed = keys(KEYS / OVER);
    group.bench_function("remove 1 in 100", |b| {
        b.iter_custom(|times| (0..times).map(|_| removal::<W>(&mixed)).sum());
    });
    group.finish();
}

/// How long it takes until all of the dead are gone, however many looks that is.
fn removal<W: Way>(keys: &[(Vec<u8>, i64)]) -> Duration {
    let mut way: W = filled(keys);
    let started = Instant::now();
    while way.keys() > KEYS - KEYS / OVER {
        way.look();
    }
    started.elapsed()
}

fn benches(c: &mut Criterion) {
    measure::<Samples>(c);
    measure::<FullScan>(c);
    measure::<Ordered>(c);
}

criterion_group!(group, benches);

fn main() -> std::io::Result<()> {
    match std::env::var(WEIGH).as_deref() {
        Ok(WITHOUT) => weigh::<Without>(&keys(0)),
        Ok(Samples::NAME) => weigh::<Samples>(&keys(0)),
        Ok(_) => weigh::<Ordered>(&keys(0)),
        Err(_) => {
            weigh_each()?;
            group();
        }
    }
    Ok(())
}
