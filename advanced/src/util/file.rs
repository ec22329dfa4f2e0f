//! Files that are either complete or not there.
//!
//! The process may end at any moment, and the power may fail. So a file is written under
//! a temporary name, made safe with fsync, and only then renamed to its own name: whoever
//! opens that finds the old file or the new one. The rename is safe only after an fsync
//! of the folder, because it is the folder that it changes.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The number of the next temporary file. Each is used once: two writers that share a file would
/// mix their halves.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A file that is complete and safe on the disk, and that nothing depends on yet. It is deleted
/// when this is dropped, because it may be in the way of the next try, and the disk may be full.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    is_kept: bool,
    /// Holds a lock on the file, which shows other processes that it is in use. The system ends
    /// the lock with the process.
    _file: Option<File>,
}

impl Temporary {
    /// Creates a file, calls `write` to fill it, and makes it safe with fsync. `name` makes its
    /// path from a number. If anything fails, the file is deleted.
    pub fn write(
        name: impl Fn(u32) -> PathBuf,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (temporary, file) = Self::create(name)?;
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        Ok(temporary)
    }

    /// Creates an empty file and returns it, open for writing. `name` makes its path from a
    /// number.
    pub fn create(name: impl Fn(u32) -> PathBuf) -> io::Result<(Self, File)> {
        let (path, file) = create(name)?;
        let mut temporary = Self::at(path);
        temporary._file = Some(lock(&file)?);
        Ok((temporary, file))
    }

    /// Takes over a file that exists, so that it is deleted when this is dropped.
    pub fn at(path: PathBuf) -> Self {
        Self {
            path,
            is_kept: false,
            _file: None,
        }
    }

    /// Deletes a temporary file, unless a process that still writes it holds its lock.
    pub fn delete_if_abandoned(path: &Path) {
        let opened = File::options().write(true).open(path);
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }

    /// Where the file is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the file to `path`, which is in the same folder, and replaces a file that is
    /// there. It is still deleted when this is dropped.
    pub fn rename(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }

    /// Keeps the file: it is not deleted when this is dropped.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates a file that no other process has, and returns its path, too.
fn create(name: impl Fn(u32) -> PathBuf) -> io::Result<(PathBuf, File)> {
    loop {
        let path = name(NEXT.fetch_add(1, Relaxed));
        match File::create_new(&path) {
            // An earlier process has left it behind.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return Ok((path, created?)),
        }
    }
}

/// Locks a new file, and returns the handle that holds the lock.
fn lock(file: &File) -> io::Result<File> {
    match file.try_lock() {
        // Somebody takes it for abandoned, and deletes it.
        Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        // Where files cannot be locked, they cannot be told from abandoned ones.
        _ => file.try_clone(),
    }
}

/// Makes the renames in a folder durable across a power loss.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    /// What a bad descriptor is called (`EBADF`).
    const BAD_DESCRIPTOR: i32 = 9;

    fn name(folder: &TempDir) -> impl Fn(u32) -> PathBuf {
        |number| folder.path().join(format!("temp-{number}"))
    }

    /// Writes a few bytes to a file in whose place `other` is from then on. The bytes are in the
    /// buffer still.
    fn write_to(folder: &TempDir, other: File) -> io::Result<Temporary> {
        Temporary::write(name(folder), |file| {
            file.write_all(b"bytes")?;
            *file.get_mut() = other;
            Ok(())
        })
    }

    fn is_empty(folder: &TempDir) -> io::Result<bool> {
        Ok(fs::read_dir(folder.path())?.next().is_none())
    }

    #[test]
    fn the_fsync_comes_after_the_last_byte() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        // A device takes all bytes, and its fsync fails.
        let device = File::options().write(true).open("/dev/null")?;
        let written = write_to(&folder, device);
        assert!(written.is_err(), "`write` is Ok without `sync_all`");
        // Here the write fails, too, and so must be what failed first.
        let device = File::open("/dev/null")?;
        let error = write_to(&folder, device)
            .map(drop)
            .map_err(|error| error.raw_os_error());
        assert_eq!(
            error,
            Err(Some(BAD_DESCRIPTOR)),
            "left: what `write` returns; right: the error of the write, which comes before the fsync"
        );
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_written_is_deleted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let full = |_: &mut BufWriter<File>| Err(io::Error::other("the disk is full"));
        assert!(Temporary::write(name(&folder), full).is_err());
        assert!(is_empty(&folder)?, "the closure failed: its file is there");
        assert!(write_to(&folder, File::open("/dev/null")?).is_err());
        assert!(
            is_empty(&folder)?,
            "the buffer could not be emptied: its file is there"
        );
        Ok(())
    }

    #[test]
    fn a_renamed_file_is_deleted_until_it_is_kept() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("manifest");
        for keep in [false, true] {
            let mut file = Temporary::write(name(&folder), |file| file.write_all(b"bytes"))?;
            file.rename(&path)?;
            assert_eq!(fs::read(&path)?, b"bytes");
            if keep {
                file.keep();
            } else {
                drop(file);
            }
            assert_eq!(
                path.exists(),
                keep,
                "left: the renamed file is there; right: it was kept"
            );
        }
        Ok(())
    }
}
