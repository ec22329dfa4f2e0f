//! The RDB file with which replicas begin: one for all who wait for it
//! (`startBgsaveForReplication` in Redis's `replication.c`).
//!
//! A thread writes it, from a snapshot of the data set at one offset of the feed. A replica that
//! asks while another still waits shares that file, and reads the feed from that offset on: a
//! crowd of replicas costs one file. The connection of each replica that waits holds an `Arc`
//! of the [`SyncFile`]. When the last of them is dropped, the thread stops.
//!
//! The file has no name. The system removes it when the last replica has been sent it, or when
//! the process ends.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::watch;
use tracing::warn;

use crate::rdb::{self, Progress};
use crate::store::Snapshot;

/// An RDB file for replicas, written or being written.
#[derive(Debug)]
pub struct SyncFile {
    /// The replication offset of the data set in the file.
    pub offset: i64,
    progress: Progress,
    /// The file, once it is written. If writing fails, the sender is dropped instead.
    written: watch::Receiver<Option<Arc<File>>>,
}

impl SyncFile {
    /// Starts a thread that writes `data`, the data set at `offset`, to a file in `folder`.
    ///
    /// # Errors
    /// The thread cannot be started.
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

    /// Waits until the file is written, and returns it.
    ///
    /// # Errors
    /// It could not be written; the server log says why.
    pub async fn written(&self) -> io::Result<Arc<File>> {
        let mut written = self.written.clone();
        let file = written.wait_for(Option::is_some).await;
        let file = file.ok().and_then(|file| file.clone());
        file.ok_or_else(|| io::Error::other("there is no file for the replica"))
    }
}

/// No replica waits for the file any more. If it is not complete yet, the thread stops.
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
