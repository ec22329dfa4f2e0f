//! The data set as commands that make it again (`rewriteAppendOnlyFileRio` in Redis's `aof.c`).
//!
//! `aof/mod.rs` says whether a rewrite is due, and `background.rs` begins it.

use std::io::{self, Write};

use bytes::BytesMut;

use super::encode;
use crate::rdb::Progress;
use crate::store::{Entry, Snapshot};

/// Writes a data set. Fails also if `progress` is cancelled.
pub fn write_commands(
    data: Snapshot,
    progress: &Progress,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut command = BytesMut::new();
    let mut write = |words: &[&[u8]]| {
        command.clear();
        encode(words.iter().copied(), &mut command);
        output.write_all(&command)
    };
    for part in data.into_parts() {
        for entry in part.entries() {
            write_entry(&entry, &mut write)?;
        }
        progress.add(part.len())?;
    }
    Ok(())
}

/// Writes a key.
fn write_entry(
    entry: &Entry<'_>,
    write: &mut impl FnMut(&[&[u8]]) -> io::Result<()>,
) -> io::Result<()> {
    let digits = &mut itoa::Buffer::new();
    let (key, value) = (entry.key, entry.value.bytes(digits));
    match entry.deadline.map(|unix| unix.to_string()) {
        Some(unix) => write(&[b"SET", key, value, b"PXAT", unix.as_bytes()]),
        None => write(&[b"SET", key, value]),
    }
}
