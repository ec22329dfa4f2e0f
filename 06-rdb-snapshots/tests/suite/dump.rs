//! RDB files for the suites that look into them or make them by hand.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::harness::wait_until;
use crate::log::{DataSet, info};
use crate::session::Session;

/// The file in `data`, if it has the usual name.
pub fn path(data: &TempDir) -> PathBuf {
    data.path().join("dump.rdb")
}

/// A file of these records without a checksum, which it may lack.
pub fn file(records: &[Vec<u8>]) -> Vec<u8> {
    let end = [&[0xFF][..], &[0; 8]].concat();
    [&b"REDIS0010\xFE\x00"[..], &records.concat(), &end].concat()
}

/// The record of a key with a string.
pub fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &string(key), &string(value)].concat()
}

/// A string of any length, byte by byte.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(bytes.len()) {
        Ok(length @ 0..64) => vec![length as u8],
        Ok(length @ 64..0x4000) => (0x4000 | length).to_be_bytes().to_vec(),
        _ => [&[0x80][..], &(bytes.len() as u32).to_be_bytes()].concat(),
    };
    [&length, bytes].concat()
}

/// Waits until nothing is saved or rewritten, nor about to be.
pub fn wait_for_background(c: &mut Session) {
    wait_until("what is under way is done", || {
        // In this order: what is put off may begin between two of the questions.
        let fields = [
            "aof_rewrite_scheduled",
            "aof_rewrite_in_progress",
            "rdb_bgsave_in_progress",
        ];
        fields
            .iter()
            .all(|field| info(c, field).as_deref() == Some("0"))
    });
}

/// What is left of files that were not completed.
pub fn leftovers(data: &TempDir) -> Vec<String> {
    let folders = [data.path().to_owned(), data.path().join(crate::log::FOLDER)];
    let entries = folders.iter().filter_map(|path| fs::read_dir(path).ok());
    let names = entries
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("temp-")).collect()
}

/// Waits until no temporary file is left. A background job that nobody wants any more deletes its
/// own, as soon as it notices.
#[track_caller]
pub fn expect_no_leftovers(data: &TempDir) {
    wait_until("no temporary file is left", || leftovers(data).is_empty());
}

/// Compares two data sets, and says at which key they are not the same: all of them
/// would be too much to read.
#[track_caller]
pub fn same(left: &DataSet, right: &DataSet) {
    let short = |text: &str| -> String {
        match text.chars().count() {
            0..100 => text.to_owned(),
            count => format!(
                "{}... ({count} characters)",
                text.chars().take(60).collect::<String>()
            ),
        }
    };
    let mut keys = left.keys().chain(right.keys());
    let Some(key) = keys.find(|key| left.get(*key) != right.get(*key)) else {
        return;
    };
    let value = |data: &DataSet| {
        data.get(key)
            .map_or("it is not there".into(), |text| short(text))
    };
    panic!(
        "the data differs, {} keys and not {}; at key {}: {}, and not {}",
        left.len(),
        right.len(),
        short(key),
        value(left),
        value(right)
    );
}
