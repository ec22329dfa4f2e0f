//! The folder of the AOF: its lock, its manifest and its files.
//!
//! The process may end at any moment, and the folder must then hold a complete AOF. So a file
//! is complete, and safe on the disk, before the manifest names it, and it is deleted only
//! after the manifest has ceased to name it.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tracing::warn;

use super::manifest::{Manifest, Part};
use super::rewrite::write_commands;
use crate::store::Store;
use crate::util::file::{Temporary, sync_folder};

/// The prefix of the name of each file that is not yet complete.
const TEMPORARY: &str = "temp-";

/// Where the AOF is.
#[derive(Debug, Clone)]
pub struct Location {
    /// `appenddirname`: the folder, inside `dir`.
    pub folder: PathBuf,
    /// `appendfilename`: what the names of all files begin with.
    pub name: String,
}

impl Location {
    /// The path of a file in the folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The path of the manifest.
    pub fn manifest(&self) -> PathBuf {
        self.path(&format!("{}.manifest", self.name))
    }
}

/// Why the folder cannot be used. The text says what to do about it.
#[derive(Debug, Error)]
pub enum FolderError {
    #[error("cannot use {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("another server uses {path}; end it, or give this one another folder with --dir")]
    InUse { path: PathBuf },
    #[error(
        "{path} is damaged: {error}; put back a copy of it, or see what it names with \
         redis-check-aof {path}"
    )]
    Manifest { path: PathBuf, error: String },
    #[error(
        "{manifest} is missing or cut off: it does not name {file}, which holds data; put the \
         manifest back, or move the file away to go on without it"
    )]
    Unnamed { manifest: PathBuf, file: PathBuf },
    #[error(
        "{path} is the AOF of a Redis before 7.0; start redis-server 7 on it once, which moves it \
         to where this server looks for it, or move it away to start without it"
    )]
    Old { path: PathBuf },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    |error| FolderError::Io { path, error }
}

/// The folder of the AOF, locked for this process.
#[derive(Debug)]
pub struct Folder {
    location: Location,
    pub manifest: Manifest,
    /// The open directory: it holds the lock, and it gets an fsync after each rename.
    handle: Arc<File>,
}

impl Folder {
    /// Opens the folder, which is created if it does not exist, locks it, and reads the manifest,
    /// which is empty if there is none. If `locked` is a handle of this same folder, its lock is
    /// kept. Fails with [`FolderError::InUse`] if another process has the lock.
    pub fn open(location: Location, locked: Option<&Arc<File>>) -> Result<Self, FolderError> {
        let path = location.folder.clone();
        let handle = open_locked(&path, locked).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => FolderError::InUse { path },
            _ => FolderError::Io { path, error },
        })?;
        let manifest = read_manifest(&location.manifest())?;
        let folder = Self {
            location,
            manifest,
            handle,
        };
        let path = &folder.location.folder;
        folder.delete_temporary().map_err(io_error(path))?;
        Ok(folder)
    }

    /// Opens the folder again by its path, because somebody may have moved it away.
    pub fn reopen(&self) -> Result<Self, FolderError> {
        Self::open(self.location.clone(), Some(&self.handle))
    }

    /// Opens the folder when the server starts. Fails also if there are signs of data that the
    /// manifest should name, or of an AOF from before Redis 7.0. `open` does not look for them:
    /// once the server has its data, other files are left alone.
    pub fn open_at_start(location: Location) -> Result<Self, FolderError> {
        let old = location.folder.with_file_name(&location.name);
        let folder = Self::open(location, None)?;
        if folder.manifest.is_empty() && old.is_file() {
            return Err(FolderError::Old { path: old });
        }
        let manifest = folder.location.manifest();
        match folder.orphan().map_err(io_error(&manifest))? {
            Some(file) => Err(FolderError::Unnamed { manifest, file }),
            None => Ok(folder),
        }
    }

    /// Returns an increment that holds data and that the manifest should name: the manifest, or a
    /// line of it, was lost. If a newer base is not named either, somebody has restored an older
    /// manifest, and the newer AOF beside it is complete: then there is no orphan.
    fn orphan(&self) -> io::Result<Option<PathBuf>> {
        match self.manifest.is_empty() || self.unnamed("base")?.is_empty() {
            true => self.unnamed_data(),
            false => Ok(None),
        }
    }

    /// Returns an increment that is not empty and that the manifest does not name. The server
    /// writes to an increment only after the manifest names it.
    fn unnamed_data(&self) -> io::Result<Option<PathBuf>> {
        let mut increments = self.unnamed("incr")?.into_iter();
        // One that cannot be looked at may have something in it.
        Ok(increments.find(|path| path.metadata().map_or(true, |file| file.len() > 0)))
    }

    /// Returns the bases (if `kind` is `base`) or increments (`incr`) that the manifest does not
    /// name and whose sequence numbers are higher than any that it names.
    fn unnamed(&self, kind: &str) -> io::Result<Vec<PathBuf>> {
        let last = match kind {
            "base" => self.manifest.base.as_ref(),
            _ => self.manifest.increments.last(),
        };
        let last = last.map_or(0, |part| part.sequence);
        let is_after = |file: &str| {
            let rest = file.strip_prefix(&self.location.name)?.strip_prefix('.')?;
            let (number, rest) = rest.split_once('.')?;
            let format = rest.strip_prefix(kind)?;
            let number: u64 = number.parse().ok()?;
            Some([".aof", ".rdb"].contains(&format) && number > last)
        };
        self.strangers(|file| is_after(file) == Some(true))
    }

    /// Deletes the temporary files of a server that ended during
    /// [`write_file`](Self::write_file).
    fn delete_temporary(&self) -> io::Result<()> {
        let prefix = format!("{TEMPORARY}{}", self.location.name);
        let left = self.strangers(|file| file.starts_with(&prefix))?;
        left.iter().try_for_each(delete)
    }

    /// Returns the files for whose names `is_wanted` is true and that the manifest does not name.
    fn strangers(&self, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.location.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_wanted(&name) && !self.manifest.names(&name) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Where the folder is, and what its files are called.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Opens the last increment for appending. If there is no AOF yet, creates one with an empty
    /// base, as Redis does.
    pub fn open_increment(&mut self) -> io::Result<File> {
        if self.manifest.is_empty() {
            return self.start_over(&Store::default());
        }
        let mut manifest = self.manifest.clone();
        let increment = manifest.last_increment(&self.location.name, self.is_taken());
        let file = open_for_append(&self.location.path(&increment.name))?;
        if manifest != self.manifest {
            self.write_manifest(manifest, [])?;
        }
        self.delete_history();
        // That they are still there hurts nobody.
        let _ = self.delete_unnamed();
        Ok(file)
    }

    /// Writes the store as a new base, and returns a new, empty increment for appending. Until
    /// the manifest is replaced, the old AOF is complete; from then on the new one is.
    pub fn start_over(&mut self, store: &Store) -> io::Result<File> {
        let name = &self.location.name;
        let mut manifest = self.manifest.start_over(name, self.is_taken());
        let mut base = self.write_file("base", |file| write_commands(store, file))?;
        if let Some(part) = &manifest.base {
            base.rename(&self.location.path(&part.name))?;
        }
        let increment = manifest.last_increment(name, self.is_taken());
        let path = self.location.path(&increment.name);
        let created = Temporary::at(path.clone());
        let file = open_for_append(&path)?;
        self.write_manifest(manifest, [base, created])?;
        self.delete_history();
        Ok(file)
    }

    /// Returns a function that says whether a file name is used, by a file or in the manifest. A
    /// file that the manifest does not name may be all that is left of an AOF whose manifest was
    /// lost.
    fn is_taken(&self) -> impl Fn(&str) -> bool {
        |file| self.manifest.names(file) || self.location.path(file).exists()
    }

    /// Replaces the manifest. `named` are the files that it is the first to name; from then on
    /// they are kept.
    fn write_manifest<const N: usize>(
        &mut self,
        manifest: Manifest,
        named: [Temporary; N],
    ) -> io::Result<()> {
        // The names of the files, and of the folder, must be safe before the manifest is.
        self.handle.sync_all()?;
        let folder = &self.location.folder;
        sync_folder(folder.parent().unwrap_or(folder))?;
        let mut file = self.write_file("manifest", |file| write!(file, "{manifest}"))?;
        file.rename(&self.location.manifest())?;
        file.keep();
        named.into_iter().for_each(Temporary::keep);
        self.manifest = manifest;
        self.handle.sync_all()
    }

    /// Writes a file under a temporary name. It is not part of the AOF yet.
    fn write_file(
        &self,
        kind: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<Temporary> {
        let name = |number| format!("{TEMPORARY}{}.{kind}-{number}", self.location.name);
        Temporary::write(|number| self.location.path(&name(number)), write)
    }

    /// Deletes the files that the manifest lists as history. They do no harm, so a failure is
    /// only logged; the next start tries again.
    fn delete_history(&mut self) {
        if self.manifest.history.is_empty() {
            return;
        }
        let mut all = true;
        for Part { name, .. } in &self.manifest.history {
            if let Err(error) = delete(self.location.path(name)) {
                warn!("cannot delete {name}, which is no longer needed: {error}");
                all = false;
            }
        }
        if !all {
            return;
        }
        let mut manifest = self.manifest.clone();
        manifest.history.clear();
        if let Err(error) = self.write_manifest(manifest, []) {
            let path = self.location.manifest();
            warn!("cannot shorten {}: {error}", path.display());
        }
    }

    /// Deletes the bases and the empty increments that a server has created and not named before
    /// it ended: their sequence numbers are higher than any in the manifest, whose AOF has just
    /// been replayed and is complete. Deletes nothing if the manifest names no base, because one
    /// of them may be its base, or if one of the increments holds data, because that needs its
    /// base.
    fn delete_unnamed(&self) -> io::Result<()> {
        if self.manifest.base.is_none() || self.unnamed_data()?.is_some() {
            return Ok(());
        }
        let left = [self.unnamed("base")?, self.unnamed("incr")?];
        left.iter().flatten().try_for_each(delete)
    }

    /// Fails if `file` is no longer the last increment of the AOF, or if there is no manifest.
    /// Somebody may have deleted or moved them, and what is appended then is lost.
    pub fn check(&self, file: &File) -> io::Result<()> {
        if let Some(part) = self.manifest.increments.last() {
            let here = fs::metadata(self.location.path(&part.name))?;
            if !is_same(&here, &file.metadata()?) {
                return Err(io::Error::other("the file was replaced by another one"));
            }
        }
        fs::metadata(self.location.manifest()).map(drop)
    }

    /// The size of all files that the manifest names, in bytes.
    pub fn size(&self) -> u64 {
        let files = self.manifest.files();
        let paths = files.map(|part| self.location.path(&part.name));
        let sizes = paths.filter_map(|path| Some(fs::metadata(path).ok()?.len()));
        sizes.sum()
    }
}

/// Deletes a file. It is no error if the file is gone already.
fn delete(path: impl AsRef<Path>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}

fn is_same(left: &Metadata, right: &Metadata) -> bool {
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

/// Opens the folder, which is created if it does not exist, and locks it until the handle is
/// dropped. The operating system ends the lock when the process ends, in whatever way; a lock
/// file would stay behind. If `locked` is a handle of the same folder, returns that one.
fn open_locked(path: &Path, locked: Option<&Arc<File>>) -> io::Result<Arc<File>> {
    fs::create_dir_all(path)?;
    let handle = File::open(path)?;
    if let Some(locked) = locked
        && is_same(&locked.metadata()?, &handle.metadata()?)
    {
        return Ok(Arc::clone(locked));
    }
    handle.try_lock()?;
    Ok(Arc::new(handle))
}

fn read_manifest(path: &Path) -> Result<Manifest, FolderError> {
    match fs::read(path) {
        Ok(text) => Manifest::parse(&text).map_err(|error| FolderError::Manifest {
            path: path.to_owned(),
            error,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(io_error(path)(error)),
    }
}

fn open_for_append(path: &Path) -> io::Result<File> {
    let file = File::options().append(true).create(true).open(path)?;
    file.sync_all()?;
    Ok(file)
}
