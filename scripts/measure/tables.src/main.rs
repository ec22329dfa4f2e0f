//! Three tables at the same work, for `scripts/measure/tables`.

#![allow(dead_code)]

mod dict;
mod pages;

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often the same calls are made to find the longest.
const RUNS: usize = 3;

/// As in `advanced/src/objects/mod.rs`.
pub trait Record: Clone + Debug + Send + Sync + 'static {
    fn key(&self) -> &[u8];
}

/// A field and its value: the length of the field, the field, the value.
#[derive(Debug, Clone)]
struct Field(Box<[u8]>);

impl Field {
    fn new(field: &[u8], value: &[u8]) -> Self {
        Self([&[field.len() as u8][..], field, value].concat().into())
    }
}

impl Record for Field {
    fn key(&self) -> &[u8] {
        &self.0[1..1 + usize::from(self.0[0])]
    }
}

trait Table: Default + Clone {
    fn set(&mut self, field: &[u8], value: &[u8]);
    fn get(&self, field: &[u8]) -> bool;
    fn remove(&mut self, field: &[u8]) -> bool;
}

macro_rules! is_table {
    ($type:ty) => {
        impl Table for $type {
            fn set(&mut self, field: &[u8], value: &[u8]) {
                let update = |it: &mut Field| *it = Field::new(field, value);
                self.upsert(field, update, || Field::new(field, value));
            }
            fn get(&self, field: &[u8]) -> bool {
                <$type>::get(self, field).is_some()
            }
            fn remove(&mut self, field: &[u8]) -> bool {
                <$type>::remove(self, field).is_some()
            }
        }
    };
}
is_table!(dict::Dict<Field>);
is_table!(pages::Pages<Field>);

/// One table that grows at once.
#[derive(Clone, Default)]
struct Single(hashbrown::HashTable<Field>, ahash::RandomState);

impl Table for Single {
    fn set(&mut self, field: &[u8], value: &[u8]) {
        let hash = self.1.hash_one(field);
        let record = Field::new(field, value);
        match self.0.find_mut(hash, |it| it.key() == field) {
            Some(found) => *found = record,
            None => {
                let rehash = |it: &Field| self.1.hash_one(it.key());
                self.0.insert_unique(hash, record, rehash);
            }
        }
    }
    fn get(&self, field: &[u8]) -> bool {
        let hash = self.1.hash_one(field);
        self.0.find(hash, |it| it.key() == field).is_some()
    }
    fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.1.hash_one(field);
        match self.0.find_entry(hash, |it| it.key() == field) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_) => false,
        }
    }
}

/// No table: what the loops take by themselves.
#[derive(Clone, Default)]
struct NoTable;

impl Table for NoTable {
    fn set(&mut self, _: &[u8], _: &[u8]) {}
    fn get(&self, field: &[u8]) -> bool {
        black_box(!field.is_empty())
    }
    fn remove(&mut self, field: &[u8]) -> bool {
        black_box(!field.is_empty())
    }
}

/// Calls `each` with the name of each field, each far from the one before.
fn each(count: usize, mut each: impl FnMut(usize, &[u8])) {
    let mut name = *b"field:0000000";
    for number in 0..count {
        let mut rest = number.wrapping_mul(7919) % count;
        for digit in name[6..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        each(number, &name);
    }
}

/// How long one of so many calls of `call` takes.
fn time(count: usize, mut call: impl FnMut(&[u8])) -> Duration {
    let started = Instant::now();
    each(count, |_, name| call(name));
    started.elapsed() / count as u32
}

/// The longest call. Whatever else the machine does would be in a single measurement, so the same
/// calls are made several times, and of each the shortest time counts.
fn longest<T>(count: usize, prepare: impl Fn() -> T, call: impl Fn(&mut T, &[u8])) -> Duration {
    let mut shortest = vec![Duration::MAX; count];
    for _ in 0..RUNS {
        let mut prepared = prepare();
        each(count, |number, name| {
            let started = Instant::now();
            call(&mut prepared, name);
            shortest[number] = started.elapsed().min(shortest[number]);
        });
    }
    shortest.into_iter().max().unwrap_or_default()
}

/// The longest insertion while a table grows, and the longest update while a copy shares the table.
fn stalls<T: Table>(name: &str, count: usize) {
    let set = |table: &mut T, field: &[u8]| table.set(field, b"value");
    let growing = longest(count, T::default, set);
    let mut table = T::default();
    each(count, |_, field| set(&mut table, field));
    let shared = longest(
        count,
        || (table.clone(), table.clone()),
        |(table, _), field| set(table, field),
    );
    println!(
        "{name}: {count} records, longest insertion {growing:?}, longest update under a copy {shared:?}"
    );
}

fn memory() -> usize {
    memory_stats::memory_stats().map_or(0, |it| it.physical_mem)
}

/// Does the work up to the end of `part`.
fn run<T: Table>(name: &str, part: &str, count: usize) {
    let mut table = T::default();
    let before = memory();
    let insert = time(count, |field| table.set(field, b"value"));
    let bytes = memory().saturating_sub(before) / count;
    if part == "insert" {
        return std::mem::forget(table);
    }
    let get = time(count, |field| assert!(table.get(field)));
    if part == "get" {
        return std::mem::forget(table);
    }
    let update = time(count, |field| table.set(field, b"other"));
    if part == "update" {
        return std::mem::forget(table);
    }
    let remove = time(count, |field| assert!(table.remove(field)));
    std::mem::forget(table);
    if part == "all" {
        println!(
            "{name}: insert {insert:?}, get {get:?}, update {update:?}, remove {remove:?}; {bytes} bytes \
             a record"
        );
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, name, part, count] = &words[..] else {
        panic!("expected: table part count");
    };
    let count = count.parse().expect("a count");
    match &name[..] {
        "dict" if part == "stalls" => stalls::<dict::Dict<Field>>(name, count),
        "dict" => run::<dict::Dict<Field>>(name, part, count),
        "pages" if part == "stalls" => stalls::<pages::Pages<Field>>(name, count),
        "pages" => run::<pages::Pages<Field>>(name, part, count),
        "single" if part == "stalls" => stalls::<Single>(name, count),
        "single" => run::<Single>(name, part, count),
        _ => run::<NoTable>(name, part, count),
    }
}
