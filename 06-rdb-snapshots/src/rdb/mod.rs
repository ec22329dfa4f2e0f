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
//! We have strings and one database. A file with anything else is refused as a whole: to load
//! half of somebody's data and to save it over the file would lose the other half.
//!
//! `rdb/encode.rs` writes the format, `rdb/decode.rs` reads it, and `rdb/save_points.rs`
//! keeps account of when the data was saved and when that is due again.

mod decode;
mod encode;
mod lzf;
mod save_points;

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

/// Checksums. It looks at sixteen bytes at a time, with tables made when this was
/// compiled.
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

/// The type of the only values that we have (`RDB_TYPE_STRING`).
const STRING: u8 = 0;

/// How to write a file.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// `rdbcompression`: long strings in compressed form.
    pub compression: bool,
    /// `rdbchecksum`: a checksum at the end; without it there is a 0.
    pub checksum: bool,
    /// It is the base of the AOF, not a file of its own.
    pub is_base: bool,
}

/// How far a thread is that writes, for who is watching; and whether it is still
/// wanted, for the thread. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    keys: Arc<AtomicUsize>,
    cancelled: Arc<Mutex<bool>>,
}

impl Progress {
    /// So many more keys are written. An error if nobody wants the rest.
    pub fn add(&self, keys: usize) -> io::Result<()> {
        self.keys.fetch_add(keys, Relaxed);
        self.commit(|| Ok(()))
    }

    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Does what others see, a rename, unless nobody wants it any more. When
    /// [`cancel`](Self::cancel) returns, it has been done or never will be.
    pub fn commit<T>(&self, rename: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let is_cancelled = self.lock();
        match *is_cancelled {
            true => Err(io::Error::other("it is no longer wanted")),
            false => rename(),
        }
    }

    pub fn cancel(&self) {
        *self.lock() = true;
    }

    pub fn is_cancelled(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        // A lock is poisoned by a panic, and a panic ends the process (`abort_on_panic`).
        let cancelled = self.cancelled.lock();
        cancelled.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a snapshot as an RDB.
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

/// Where a file is to be: `dir` and `dbfilename`.
#[derive(Debug, Clone)]
pub struct Location {
    pub folder: PathBuf,
    pub name: String,
}

/// What files are called until they are complete: this, the number of the process, a number
/// of the file, and `.rdb`. In Redis, whoever saves in the background is a process with a
/// number of its own.
const TEMPORARY: &str = "temp-";

impl Location {
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Writes a snapshot to the file. Until that is done the old file stays.
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

    /// Deletes what servers that ended while saving have left behind. A server that is
    /// still at it has a lock on its file.
    pub fn clean(&self) {
        let is_temporary = |name: &str| {
            let number = name.strip_prefix(TEMPORARY);
            let number = number.and_then(|rest| rest.strip_suffix(".rdb"));
            let is_number = |text: &str| text.parse::<u32>().is_ok();
            number.is_some_and(|number| number.split('-').all(is_number)) && name != self.name
        };
        // Whatever fails here hurts nobody.
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_temporary(&entry.file_name().to_string_lossy()) {
                Temporary::delete_if_abandoned(&entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests;
