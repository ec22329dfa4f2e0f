//! Files that are either whole or not there.
//!
//! We may end at any moment, and so may the machine. So a file is written under a
//! temporary name, made safe with fsync, and only then renamed to what it is to be:
//! who looks for it finds the old one or the new one. And the rename is safe only
//! after an fsync of the folder, for it is the folder that it changed.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// A file that is complete and safe, under a temporary name. It is deleted when it is
/// dropped: it may be in the way of the next try, and the disk may be full.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    /// Locked, so that others can see that somebody needs it. The system ends the lock
    /// with the process.
    file: File,
}

impl Temporary {
    /// Writes what `write` writes to a file called `path`.
    pub fn write(
        path: PathBuf,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let file = File::create(&path)?;
        // Where files cannot be locked, they cannot be told from abandoned ones.
        let _ = file.try_lock();
        let temporary = Self { path, file };
        let mut file = BufWriter::new(temporary.file.try_clone()?);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        Ok(temporary)
    }

    /// Deletes a file that a process has left behind that ended while writing it.
    pub fn delete_if_abandoned(path: &Path) {
        let opened = File::options().write(true).open(path);
        if opened.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(path);
        }
    }

    /// Puts it in the place of `path`, in the same folder.
    pub fn rename(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing to delete.
        let _ = fs::remove_file(&self.path);
    }
}
