//! The folder of the AOF: its lock, its manifest and its files.
//!
//! Everything here must be able to end at any moment and leave a complete AOF
//! behind. So what the manifest names is whole before the manifest names it, and
//! what it names no longer is deleted only afterwards.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use thiserror::Error;
use tracing::warn;

use super::encode;
use super::manifest::{Manifest, ManifestError, Part};
use crate::rdb::{self, Progress};
use crate::store::{Snapshot, Store};
use crate::util::file::{Temporary, sync_folder};

/// What files are called until they are complete.
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
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub fn manifest(&self) -> PathBuf {
        self.path(&format!("{}.manifest", self.name))
    }
}

/// Why the folder cannot be used.
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
    Manifest { path: PathBuf, error: ManifestError },
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

/// The folder, locked for this server. A rewrite works on a clone of it, and hands that back
/// when its new base is in the manifest; only one of them at a time writes files.
#[derive(Debug, Clone)]
pub struct Folder {
    location: Location,
    pub manifest: Manifest,
    /// The folder itself, open: it carries the lock, and it needs an fsync after
    /// a rename.
    pub handle: Arc<File>,
}

impl Folder {
    /// Opens the folder, or makes it, and reads its manifest. There is none yet when the server
    /// starts for the first time. If `locked` is the handle of this very folder, the lock that it
    /// carries is the server's own, and stays.
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

    /// Opens the folder when the server starts, and looks whether it is the AOF that the server
    /// had. Later the server has its data, and files that do not belong to them are left alone.
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

    /// An increment with data that the manifest should name: the manifest, or a line of
    /// it, got lost. If a newer base is not named either, somebody has put back an older
    /// manifest, and the newer AOF beside it is whole.
    fn orphan(&self) -> io::Result<Option<PathBuf>> {
        match self.manifest.is_empty() || self.unnamed("base")?.is_empty() {
            true => self.unnamed_data(),
            false => Ok(None),
        }
    }

    /// An increment with something in it that the manifest does not name. Nothing is
    /// written to one before the manifest names it.
    fn unnamed_data(&self) -> io::Result<Option<PathBuf>> {
        let mut increments = self.unnamed("incr")?.into_iter();
        // One that cannot be looked at may have something in it.
        Ok(increments.find(|path| path.metadata().map_or(true, |file| file.len() > 0)))
    }

    /// The bases (`base`) or increments (`incr`) that the manifest does not name, although their
    /// numbers come after that of the last one that it does.
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

    /// Deletes what a server that ended in the middle of [`write_file`](Self::write_file)
    /// has left.
    fn delete_temporary(&self) -> io::Result<()> {
        let prefix = format!("{TEMPORARY}{}", self.location.name);
        let left = self.strangers(|file| file.starts_with(&prefix))?;
        left.iter().try_for_each(delete)
    }

    /// The files of which `is_wanted` says so, and that the manifest does not name.
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

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Opens the last increment for appending. An AOF that has no file yet gets an
    /// empty base, too, as Redis does it.
    pub fn open_increment(&mut self, format: BaseFormat) -> io::Result<File> {
        if self.manifest.is_empty() {
            return self.create(format);
        }
        let mut manifest = self.manifest.clone();
        let increment = manifest.last_increment(&self.location.name, self.is_taken());
        let file = open_for_append(&self.location.path(&increment.name))?;
        file.sync_all()?;
        if manifest != self.manifest {
            self.write_manifest(manifest, [], &Progress::default())?;
        }
        self.delete_history(&Progress::default());
        // That they are still there hurts nobody.
        let _ = self.delete_unnamed();
        Ok(file)
    }

    /// Makes an AOF of nothing.
    fn create(&mut self, format: BaseFormat) -> io::Result<File> {
        let (file, increment) = self.provisional_increment()?;
        let rewrite = Rewrite::new(self.clone(), Some(increment));
        let nothing = Store::default().snapshot();
        *self = rewrite.run(nothing, format, &Progress::default())?;
        Ok(file)
    }

    /// Starts the next increment of an AOF that goes on. Until that does, it is empty.
    pub fn next_increment(&mut self, progress: &Progress) -> io::Result<File> {
        self.read_again()?;
        let mut manifest = self.manifest.clone();
        let increment = manifest.next_increment(&self.location.name, self.is_taken());
        let path = self.location.path(&increment.name);
        let file = File::options().append(true).create_new(true).open(&path)?;
        let made = Temporary::at(path);
        file.sync_all()?;
        manifest.increments.push(increment);
        self.write_manifest(manifest, [made], progress)?;
        Ok(file)
    }

    /// An increment that does not belong to the AOF before its base does, for without that it
    /// means nothing.
    pub fn provisional_increment(&self) -> io::Result<(File, Temporary)> {
        let (made, _) = Temporary::create(self.temporary("incr"))?;
        Ok((open_for_append(made.path())?, made))
    }

    /// What the manifest says now: a rewrite that failed at its end may have changed it.
    fn read_again(&mut self) -> io::Result<()> {
        let manifest = read_manifest(&self.location.manifest()).map_err(io::Error::other)?;
        if manifest.is_empty() && !self.manifest.is_empty() {
            return Err(io::Error::other("the manifest is missing"));
        }
        self.manifest = manifest;
        Ok(())
    }

    /// Is there a file of that name, or a line in the manifest? A file that is there may be all
    /// that is left of an AOF whose manifest got lost, or that of a rewrite that is no longer
    /// wanted, and that deletes it.
    fn is_taken(&self) -> impl Fn(&str) -> bool {
        |file| self.manifest.names(file) || self.location.path(file).exists()
    }

    /// Puts a new manifest in the place of the old one. From then on the files that it is the
    /// first to name are there to stay.
    fn write_manifest(
        &mut self,
        manifest: Manifest,
        named: impl IntoIterator<Item = Temporary>,
        progress: &Progress,
    ) -> io::Result<()> {
        // Their names must be safe before the manifest is, and the name of the folder.
        self.handle.sync_all()?;
        let folder = &self.location.folder;
        sync_folder(folder.parent().unwrap_or(folder))?;
        let mut file = self.write_file("manifest", |file| write!(file, "{manifest}"))?;
        progress.commit(|| file.rename(&self.location.manifest()))?;
        file.keep();
        named.into_iter().for_each(Temporary::keep);
        self.manifest = manifest;
        self.handle.sync_all()
    }

    /// Writes a file that is not yet part of the AOF.
    fn write_file(
        &self,
        kind: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<Temporary> {
        Temporary::write(self.temporary(kind), write)
    }

    /// What temporary files are called.
    fn temporary(&self, kind: &str) -> impl Fn(u32) -> PathBuf {
        let prefix = format!("{TEMPORARY}{}.{kind}-", self.location.name);
        move |number| self.location.path(&format!("{prefix}{number}"))
    }

    /// Deletes what the manifest calls history. That it is still there hurts
    /// nobody, so a failure is no error; the next start tries again.
    fn delete_history(&mut self, progress: &Progress) {
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
        if let Err(error) = self.write_manifest(manifest, [], progress) {
            let path = self.location.manifest();
            warn!("cannot shorten {}: {error}", path.display());
        }
    }

    /// Deletes what a server has left behind that ended before the manifest named it: a
    /// base, or an empty increment, with a higher number than what the manifest names, and
    /// that has been replayed and is complete. If it names no base, a base beside it may
    /// be what it should name; if there are data beside it, they need their base.
    fn delete_unnamed(&self) -> io::Result<()> {
        if self.manifest.base.is_none() || self.unnamed_data()?.is_some() {
            return Ok(());
        }
        let left = [self.unnamed("base")?, self.unnamed("incr")?];
        left.iter().flatten().try_for_each(delete)
    }

    /// Is `file` still the last increment of the AOF? Somebody may have deleted or
    /// moved it, and what is written to it then is written to nowhere.
    pub fn check(&self, file: &File) -> io::Result<()> {
        if let Some(part) = self.manifest.increments.last() {
            let here = fs::metadata(self.location.path(&part.name))?;
            if !is_same(&here, &file.metadata()?) {
                return Err(io::Error::other("the file was replaced by another one"));
            }
        }
        fs::metadata(self.location.manifest()).map(drop)
    }

    /// The size of all files, in bytes.
    pub fn size(&self) -> u64 {
        let files = self.manifest.files();
        let paths = files.map(|part| self.location.path(&part.name));
        let sizes = paths.filter_map(|path| Some(fs::metadata(path).ok()?.len()));
        sizes.sum()
    }
}

/// Deletes a file. That somebody else has done so meanwhile is no error.
fn delete(path: impl AsRef<Path>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}

fn is_same(left: &Metadata, right: &Metadata) -> bool {
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

/// Opens the folder, or makes it, and locks it for as long as the handle is open. The system ends
/// the lock when the process ends, however it ends; a lock file would stay behind. If the folder
/// is the one whose handle is `locked`, it is locked already.
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
    File::options().append(true).create(true).open(path)
}

/// What the base of an AOF consists of (`aof-use-rdb-preamble`).
#[derive(Debug, Clone, Copy)]
pub enum BaseFormat {
    /// An RDB file: smaller, and loaded sooner.
    Rdb(rdb::Options),
    /// Commands, like the rest of the AOF.
    Commands,
}

impl BaseFormat {
    fn is_rdb(self) -> bool {
        matches!(self, Self::Rdb(_))
    }
}

/// A new base that takes the place of all files so far.
#[derive(Debug)]
pub struct Rewrite {
    pub folder: Folder,
    /// Except the increments from this number on, which go on from it.
    pub first: Option<u64>,
    /// The increment that goes on from it if there is none yet.
    pub increment: Option<Temporary>,
}

impl Rewrite {
    /// No file goes on from the base, except perhaps this increment, which has no name yet.
    pub fn new(folder: Folder, increment: Option<Temporary>) -> Self {
        Self {
            folder,
            first: None,
            increment,
        }
    }

    /// Writes the base and names it in the manifest, on any thread. Until the new manifest is
    /// in place, the old AOF is complete; from then on, the new one, if at first without what
    /// is in the provisional increment.
    pub fn run(
        self,
        data: Snapshot,
        format: BaseFormat,
        progress: &Progress,
    ) -> io::Result<Folder> {
        let mut folder = self.folder;
        let mut base = folder.write_file("base", |file| match format {
            BaseFormat::Rdb(options) => rdb::write(data, options, progress, file),
            BaseFormat::Commands => write_commands(data, progress, file),
        })?;
        folder.read_again()?;
        let name = &folder.location.name;
        let part = folder
            .manifest
            .next_base(name, format.is_rdb(), folder.is_taken());
        progress.commit(|| base.rename(&folder.location.path(&part.name)))?;
        let mut manifest = folder.manifest.start_over(part, self.first);
        let mut named = vec![base];
        let mut last = None;
        if let Some(increment) = self.increment {
            let part = folder.manifest.next_increment(name, folder.is_taken());
            let path = folder.location.path(&part.name);
            // Nothing but an empty file has the name of an increment before the manifest has
            // it: one with data would say that a manifest got lost.
            File::create_new(&path)?;
            named.push(Temporary::at(path.clone()));
            manifest.increments.push(part);
            last = Some((increment, path));
        }
        folder.write_manifest(manifest, named, progress)?;
        if let Some((mut increment, path)) = last {
            progress.commit(|| increment.rename(&path))?;
            increment.keep();
            folder.handle.sync_all()?;
        }
        folder.delete_history(progress);
        Ok(folder)
    }
}

/// The data as commands that make it again.
fn write_commands(
    data: Snapshot,
    progress: &Progress,
    output: &mut BufWriter<File>,
) -> io::Result<()> {
    let mut command = BytesMut::new();
    for part in data.into_parts() {
        for entry in part.entries() {
            let digits = &mut itoa::Buffer::new();
            let mut words = vec![b"SET", entry.key, entry.value.bytes(digits)];
            let unix = entry.deadline.map(|unix| unix.to_string());
            words.extend(unix.iter().flat_map(|unix| [b"PXAT", unix.as_bytes()]));
            command.clear();
            encode(words.into_iter(), &mut command);
            output.write_all(&command)?;
        }
        progress.add(part.len())?;
    }
    Ok(())
}
