//! Recovery: the data set as it was, from the files in the server's folder
//! (`loadDataFromDisk` in Redis's `server.c`).
//!
//! With the AOF on, the AOF is the truth, and the RDB file is not even looked at: it is
//! older. With the AOF off, the RDB file is all there is. A server that started empty over
//! files that it cannot read would be worse than one that does not start, since the next
//! save would overwrite them.
//!
//! Clients may connect meanwhile. They get `-LOADING`, so that they know that it is a
//! matter of time.

pub mod load;
pub mod replay;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use thiserror::Error;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::aof::{Aof, Folder, FolderError};
use crate::command::Table;
use crate::rdb::RdbError;
use crate::state::Shared;
use crate::stats::Loading;
use load::Expired;
use replay::ReplayError;

/// Why the server cannot start with what it found.
#[derive(Debug, Error)]
pub enum RecoveryError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("cannot append to the log: {0}")]
    Append(io::Error),
    #[error(
        "cannot load {path}: {error}. It was left as it is. To see what it holds: redis-check-rdb \
         {path}"
    )]
    Rdb { path: PathBuf, error: RdbError },
}

/// Lets clients in when something is sent, or when it is dropped.
pub type Door = oneshot::Sender<()>;

/// Files of up to so many bytes are loaded before the first client is let in: it waits
/// for a moment and need not know (`loading-process-events-interval-bytes`).
const QUICK: u64 = 2 * 1024 * 1024;

/// Makes the data set as it was, while clients are told to wait.
pub fn run(shared: &Shared, table: &'static Table, door: Door) -> Result<(), RecoveryError> {
    let config = shared.lock().config.clone();
    let location = config.rdb_location();
    location.clean();
    let _closed = if config.appendonly {
        let folder = Folder::open_at_start(config.log_location())?;
        if folder.manifest.is_empty() && location.path().exists() {
            let path = location.path();
            warn!(
                "{} is not loaded: the log is on, and it is new",
                path.display()
            );
        }
        let door = begin(folder.size(), door, shared);
        replay(folder, table, shared)?;
        door
    } else {
        let size = location.path().metadata().map_or(0, |file| file.len());
        let door = begin(size, door, shared);
        load(&location.path(), shared)?;
        door
    };
    let state = &mut *shared.lock();
    state.store.loading = false;
    state.stats.loading = None;
    Ok(())
}

/// So many bytes are to be loaded. Returns the door if it stays closed meanwhile.
fn begin(size: u64, door: Door, shared: &Shared) -> Option<Door> {
    shared.lock().stats.loading = Some(Loading::new(size));
    (size <= QUICK).then_some(door)
}

/// What the AOF says.
fn replay(folder: Folder, table: &'static Table, shared: &Shared) -> Result<(), RecoveryError> {
    let started = Instant::now();
    let commands = replay::run(&folder, table, shared)?;
    let format = shared.lock().config.base_format();
    // This waits for the disk. Clients that are to be told of it do not: they need the lock.
    let mut aof = Aof::default();
    aof.open(folder, format).map_err(RecoveryError::Append)?;
    let state = &mut *shared.lock();
    state.aof = aof;
    info!(
        "the AOF is replayed: {commands} commands in {:.3} s, {} keys",
        started.elapsed().as_secs_f64(),
        state.store.len()
    );
    Ok(())
}

/// What the RDB file says, if there is one.
fn load(path: &Path, shared: &Shared) -> Result<(), RecoveryError> {
    let started = Instant::now();
    let expired = match shared.lock().replication.is_replica() {
        // What ends there, the primary says.
        true => Expired::Keep,
        false => Expired::Drop,
    };
    let loaded = File::open(path)
        .map_err(RdbError::Io)
        .and_then(|file| load::file(&file, expired, shared));
    let loaded = match loaded {
        Ok((loaded, _)) => loaded,
        Err(RdbError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let path = path.to_owned();
            return Err(RecoveryError::Rdb { path, error });
        }
    };
    let state = &mut *shared.lock();
    let saves = &mut state.background.saves;
    saves.skip(state.store.changes);
    (saves.loaded, saves.expired) = (loaded.keys, loaded.expired);
    info!(
        "{} is loaded: {} keys in {:.3} s; {} had expired",
        path.display(),
        loaded.keys,
        started.elapsed().as_secs_f64(),
        loaded.expired
    );
    Ok(())
}
