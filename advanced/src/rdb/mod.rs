//! The RDB file: the data set at one moment, in one compact file (`rdb.c` in Redis).
//!
//! It is Redis's own format, so `redis-check-rdb` reads our file, a stock Redis
//! loads it, and we load theirs. It begins with a version, goes on with records that
//! each start with one byte that says what follows, and ends with a checksum:
//!
//! ```text
//! "REDIS0010"
//! FA  09 "redis-ver"  06 "7.0.15"        something about the file, by name
//! FE  00                                 the keys of database 0 follow
//! FB  02 01                              two of them, one with a deadline
//! 00  04 "name"  05 "Marie"              a string: key, value
//! FC  <8 bytes>  00  01 "n"  C0 07       a deadline in milliseconds, then its key; the value
//!                                        is the number 7 in one byte
//! FF  <8 bytes>                          the end, and the CRC-64 of all before
//! ```
//!
//! Lengths take one byte up to 63, two up to 16,383, and five or nine above. A string
//! that is a number of at most 32 bits is written as one, and a long string in
//! compressed form if that is shorter (LZF, `rdb/lzf.rs`).
//!
//! This server has strings, hashes and one database. A file with anything else is refused as a whole:
//! to load half of the data and later save it over the file would lose the other half.
//!
//! `rdb/encode.rs` writes the format, `rdb/decode.rs` reads it, `rdb/value.rs` says how each
//! type of value looks in it, `rdb/payload.rs` is for DUMP and RESTORE, and `rdb/save_points.rs`
//! keeps account of when the data was saved and when that is due again.

mod decode;
mod encode;
mod kind;
mod legacy;
#[cfg(feature = "lists")]
mod lists;
pub mod lzf;
pub mod payload;
mod save_points;
#[cfg(feature = "sets")]
mod set;
#[cfg(feature = "sorted-sets")]
mod sorted_sets;
mod value;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, process};

use crc::{CRC_64_REDIS, Crc, Table};

pub use decode::{Decoder, RdbError, Record};
use encode::Encoder;
pub use save_points::{SavePoint, Saves};

use crate::store::Snapshot;
use crate::util::file::{Temporary, sync_folder};

/// The version of the format that Redis 7.0 writes, and the newest that it reads.
const VERSION: u32 = 10;

/// What a file begins with.
pub const MAGIC: &[u8] = b"REDIS";

/// Computes checksums, sixteen bytes at a time, with tables that are made at compile time.
static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// What the first byte of a record says (`RDB_OPCODE_…`). A smaller one is the type of
/// a value, and key and value follow.
mod opcode {
    pub const FUNCTION: u8 = 245;
    pub const FUNCTION_BEFORE_7: u8 = 246;
    pub const MODULE: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQUENCY: u8 = 249;
    pub const AUX: u8 = 250;
    pub const SIZES: u8 = 251;
    pub const DEADLINE_MILLISECONDS: u8 = 252;
    pub const DEADLINE_SECONDS: u8 = 253;
    pub const DATABASE: u8 = 254;
    pub const END: u8 = 255;
}

/// How a string is written if not byte by byte (`RDB_ENC_…`).
mod encoding {
    pub const INT_8: u8 = 0;
    pub const INT_16: u8 = 1;
    pub const INT_32: u8 = 2;
    pub const LZF: u8 = 3;
}

/// How an RDB is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// `rdbcompression`: long strings in compressed form.
    pub compression: bool,
    /// `rdbchecksum`: a checksum at the end; without it there is a 0.
    pub checksum: bool,
    /// It is the base of an AOF, and not a file of its own (the field `aof-base`).
    pub is_base: bool,
}

/// The progress of a thread that writes a file, and whether the file is still wanted. All clones
/// share one state.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    keys: Arc<AtomicUsize>,
    cancelled: Arc<Mutex<bool>>,
}

impl Progress {
    /// Counts `keys` more keys as written. Fails if the write was cancelled.
    pub fn add(&self, keys: usize) -> io::Result<()> {
        self.keys.fetch_add(keys, Relaxed);
        self.commit(|| Ok(()))
    }

    /// How many keys are written.
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Calls `rename`, by which others come to see the file, unless the write was cancelled; then
    /// it fails. When [`cancel`](Self::cancel) returns, `rename` has been called or never will
    /// be.
    pub fn commit<T>(&self, rename: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let is_cancelled = self.lock();
        match *is_cancelled {
            true => Err(io::Error::other("it is no longer wanted")),
            false => rename(),
        }
    }

    /// Cancels the write: the file is not wanted any more.
    pub fn cancel(&self) {
        *self.lock() = true;
    }

    /// Was the write cancelled?
    pub fn is_cancelled(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // A lock is poisoned by a panic, and a panic ends the process (`abort_on_panic`).
        let cancelled = self.cancelled.lock();
        cancelled.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a snapshot in the RDB format to `output` (`rdbSaveRio`). `progress` counts the keys; if
/// it is cancelled, this fails.
pub fn write(
    snapshot: Snapshot,
    options: Options,
    progress: &Progress,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut encoder = Encoder::new(output, options);
    encoder.header()?;
    encoder.sizes(snapshot.len(), snapshot.volatile_len())?;
    for part in snapshot.into_parts() {
        for entry in part.entries() {
            encoder.entry(&entry)?;
        }
        progress.add(part.len())?;
    }
    encoder.end()
}

/// Where the RDB file is: `dir` and `dbfilename`.
#[derive(Debug, Clone)]
pub struct Location {
    pub folder: PathBuf,
    pub name: String,
}

/// What the name of a temporary file begins with. The number of the process follows, a number
/// that no other file of the process has, and `.rdb`. (In Redis each background save is a process
/// of its own.)
const TEMPORARY: &str = "temp-";

impl Location {
    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Writes a snapshot to the file, durable across a power loss. The old file is replaced when
    /// the new one is complete. Fails, and leaves the old file, if the disk does or `progress` is
    /// cancelled.
    pub fn save(
        &self,
        snapshot: Snapshot,
        options: Options,
        progress: &Progress,
    ) -> io::Result<()> {
        let process = process::id();
        let name = |number| format!("{TEMPORARY}{process}-{number}.rdb");
        let name = |number| self.folder.join(name(number));
        let mut file = Temporary::write(name, |file| write(snapshot, options, progress, file))?;
        progress.commit(|| file.rename(&self.path()))?;
        file.keep();
        sync_folder(&self.folder)
    }

    /// Deletes the temporary files that servers have left that ended during a save. A server that
    /// is still saving holds a lock on its file, which is left alone.
    pub fn clean(&self) {
        let is_temporary = |name: &str| {
            let number = name.strip_prefix(TEMPORARY);
            let number = number.and_then(|rest| rest.strip_suffix(".rdb"));
            let is_number = |text: &str| text.parse::<u32>().is_ok();
            number.is_some_and(|number| number.split('-').all(is_number)) && name != self.name
        };
        // A file that cannot be deleted does no harm.
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_temporary(&entry.file_name().to_string_lossy()) {
                Temporary::delete_if_abandoned(&entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests;
