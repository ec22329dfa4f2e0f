//! What a fault can change before the right server starts: its flags, and the files
//! that the one before it has left.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Result;

/// Takes a flag and its value out.
pub fn take(flags: &mut Vec<String>, name: &str) -> Option<String> {
    let at = flags.iter().position(|flag| flag == name)?;
    let value = flags.get(at + 1)?.clone();
    flags.drain(at..at + 2);
    Some(value)
}

/// The log is never written.
pub fn no_log(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--appendonly");
    Ok(())
}

/// The log is in the usual folder, whatever was asked for.
pub fn usual_folder(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--appenddirname");
    Ok(())
}

/// Half of what was logged is gone after a restart.
pub fn half_a_log(flags: &[String]) -> Result<()> {
    for_each_increment(flags, |file, size| Ok(file.set_len(size / 2)?))
}

/// An end that is torn is not cut off: it is made whole by bytes that nobody sent,
/// as when a file is written in blocks.
pub fn padded_log(flags: &[String]) -> Result<()> {
    for_each_increment(flags, |file, size| {
        Ok(file.set_len(size.next_multiple_of(512))?)
    })
}

/// What is saved goes to a file that nobody finds again.
pub fn no_file(flags: &mut Vec<String>) -> Result<()> {
    let name = format!("{}.rdb", std::process::id());
    flags.extend(["--dbfilename".to_owned(), name]);
    Ok(())
}

/// A replica takes writes.
pub fn writable_replica(flags: &mut Vec<String>) -> Result<()> {
    flags.extend(["--replica-read-only".to_owned(), "no".to_owned()]);
    Ok(())
}

/// Nobody is followed from the start on.
pub fn no_primary(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--replicaof");
    Ok(())
}

/// Nothing is saved of itself.
pub fn no_save(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--save");
    flags.extend(["--save".to_owned(), String::new()]);
    Ok(())
}

/// The data is saved of itself, whether anybody wants it or not.
pub fn save(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--save");
    flags.extend(["--save", "3600 1"].map(str::to_owned));
    Ok(())
}

/// The end waits for no replica.
pub fn no_patience(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--shutdown-timeout");
    flags.extend(["--shutdown-timeout".to_owned(), "0".to_owned()]);
    Ok(())
}

/// There is room for as many clients as usual, whatever was asked for.
pub fn no_bound(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--maxclients");
    Ok(())
}

/// Nobody is too long silent.
pub fn no_timeout(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--timeout");
    Ok(())
}

/// The file has the usual name, whatever was asked for.
pub fn usual_file(flags: &mut Vec<String>) -> Result<()> {
    take(flags, "--dbfilename");
    Ok(())
}

/// A file that has no end is put away, and the server starts without.
pub fn unread_file(flags: &[String]) -> Result<()> {
    let Some(dir) = dir(flags) else {
        return Ok(());
    };
    let path = Path::new(dir).join("dump.rdb");
    let end = |bytes: &[u8]| bytes.len().checked_sub(9);
    let is_whole = |bytes: &[u8]| end(bytes).is_some_and(|end| bytes[end] == 0xFF);
    if fs::read(&path).is_ok_and(|bytes| !is_whole(&bytes)) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Files are written without a checksum.
pub fn no_checksum(flags: &mut Vec<String>) -> Result<()> {
    flags.extend(["--rdbchecksum", "no"].map(str::to_owned));
    Ok(())
}

/// Of a log with a base of RDB, the increments are lost.
pub fn base_only(flags: &[String]) -> Result<()> {
    for_each_increment(flags, |file, _| Ok(file.set_len(0)?))
}

/// The folder that `--dir` names.
fn dir(flags: &[String]) -> Option<&String> {
    let dir = flags.iter().position(|flag| flag == "--dir")?;
    flags.get(dir + 1)
}

fn for_each_increment(flags: &[String], change: impl Fn(&File, u64) -> Result<()>) -> Result<()> {
    let Some(dir) = dir(flags) else {
        return Ok(());
    };
    let Ok(entries) = fs::read_dir(Path::new(dir).join("appendonlydir")) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".incr.aof") {
            let file = File::options().write(true).open(&path)?;
            change(&file, file.metadata()?.len())?;
        }
    }
    Ok(())
}
