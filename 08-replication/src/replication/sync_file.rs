//! The RDB file with which replicas begin: one for all who wait for it
//! (`startBgsaveForReplication` in Redis's `replication.c`).
//!
//! A thread writes it, from a snapshot of the data as it was at one offset of the feed. Whoever
//! asks while another still waits shares that file, and reads the feed from that offset on:
//! a crowd of replicas costs one file. The connection of each replica that waits holds an `Arc`
//! of the [`SyncFile`]. When the last of them has gone, the thread stops: nobody wants the rest.
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

/// A file that is being written, or has been.
#[derive(Debug)]
pub struct SyncFile {
    /// The offset of the feed at which its data is.
    pub offset: i64,
    progress: Progress,
    /// The file, once it is written. The sender goes when it cannot be.
    written: watch::Receiver<Option<Arc<File>>>,
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
        let write = move || match write(data, options, &watched, folder) {
            Ok(file) => drop(sender.send_replace(Some(file))),
            Err(_) if watched.is_cancelled() => {}
            Err(error) => warn!("cannot write the file for a replica: {error}"),
        };
        thread::Builder::new().name("sync".into()).spawn(write)?;
        Ok(Arc::new(Self {
            offset,
            progress,
            written,
        }))
    }

    /// Waits until the file is written.
    pub async fn written(&self) -> io::Result<Arc<File>> {
        let mut written = self.written.clone();
        let file = written.wait_for(Option::is_some).await;
        let file = file.ok().and_then(|file| file.clone());
        file.ok_or_else(|| io::Error::other("there is no file for the replica"))
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
