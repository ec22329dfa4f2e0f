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

fn for_each_increment(flags: &[String], change: impl Fn(&File, u64) -> Result<()>) -> Result<()> {
    let dir = flags.iter().position(|flag| flag == "--dir");
    let Some(dir) = dir.and_then(|at| flags.get(at + 1)) else {
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
