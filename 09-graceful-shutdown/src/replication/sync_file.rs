//! The RDB file with which replicas begin: one for all who wait for it
//! (`startBgsaveForReplication` in Redis's `replication.c`).
//!
//! A thread writes it, from a snapshot of the data as it was at one offset of the feed. Whoever
//! asks while another still waits shares that file, and reads the feed from that offset on:
//! a crowd of replicas costs one file. Each of those who wait holds an `Arc` of
//! the [`SyncFile`]. When the last of them has gone, the thread stops: nobody wants the rest.
//!
//! The file has no name. It is gone from the disk when the last replica has got it, or the
//! process has ended.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::watch;
use tracing::warn;

use crate::rdb::{self, Progress};
use crate::store::Snapshot;

/// What the thread has made: nothing yet, the file, or nothing at all because it failed.
type Written = Option<Result<Arc<File>, WriteFailed>>;

/// The file could not be written; the server's log says why.
#[derive(Debug, Clone, Copy)]
struct WriteFailed;

/// A file that is being written, or has been.
#[derive(Debug)]
pub struct SyncFile {
    /// The offset of the feed at which its data is.
    pub offset: i64,
    progress: Progress,
    written: watch::Receiver<Written>,
}

impl SyncFile {
    /// Begins to write `data`, which is the data set at `offset`, to a file in `folder`.
    pub fn begin(
        data: Snapshot,
        offset: i64,
        options: rdb::Options,
        folder: PathBuf,
    ) -> io::Result<Arc<Self>> {
        let progress = Progress::default();
        let watched = progress.clone();
        let (sender, written) = watch::channel(None);
        let write = move || {
            let file = write(data, options, &watched, folder);
            let file = file.map_err(|error| {
                if !watched.is_cancelled() {
                    warn!("cannot write the file for a replica: {error}");
                }
                WriteFailed
            });
            sender.send_replace(Some(file));
        };
        thread::Builder::new().name("sync".into()).spawn(write)?;
        Ok(Arc::new(Self {
            offset,
            progress,
            written,
        }))
    }

    /// For one of those who wait.
    pub fn claim(&self) -> Claim {
        Claim(self.written.clone())
    }
}

/// With it a replica's connection gets the file.
#[derive(Debug)]
pub struct Claim(watch::Receiver<Written>);

impl Claim {
    /// Waits until the file is written.
    pub async fn file(&mut self) -> io::Result<Arc<File>> {
        let failed = || io::Error::other("there is no file for the replica");
        let written = self.0.wait_for(Option::is_some).await;
        let written = written.map_err(|_| failed())?.clone();
        written.and_then(Result::ok).ok_or_else(failed)
    }
}

/// Nobody waits for it any more. If it is complete, that is because they have it.
impl Drop for SyncFile {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}

fn write(
    data: Snapshot,
    options: rdb::Options,
    progress: &Progress,
    folder: PathBuf,
) -> io::Result<Arc<File>> {
    let mut file = tempfile::tempfile_in(folder)?;
    rdb::write(data, options, progress, &mut file)?;
    Ok(Arc::new(file))
}
