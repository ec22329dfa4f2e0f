//! Recovery: the data set as it was, from the files in the server's folder
//! (`loadDataFromDisk` in Redis's `server.c`).
//!
//! If the AOF is on, only the AOF is loaded, because the RDB file is older. If the AOF is off,
//! the RDB file is loaded. If a file cannot be read, the server does not start: if it started
//! empty, its next save would overwrite the file.
//!
//! Clients may connect meanwhile. They get `-LOADING`, so that they know that they have to
//! wait.

pub mod load;
pub mod replay;

use std::error::Error;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::aof::{Aof, Folder};
use crate::command::Table;
use crate::rdb::RdbError;
use crate::state::Shared;
use crate::stats::Loading;
use load::Expired;

/// Why the server cannot start with the files that it found. It is printed, and the server ends,
/// whatever it is.
pub type RecoveryError = Box<dyn Error + Send + Sync>;

/// Lets clients in when a value is sent, or when this is dropped.
pub type Accept = oneshot::Sender<()>;

/// Files up to this size, in bytes, are loaded before the first client is let in, because that
/// takes only a moment (`loading-process-events-interval-bytes`).
const QUICK: u64 = 2 * 1024 * 1024;

/// Loads the data set from the files. If they are large, clients are let in meanwhile (`accept`),
/// and get `-LOADING`.
pub fn run(shared: &Shared, table: &'static Table, accept: Accept) -> Result<(), RecoveryError> {
    let config = shared.lock().config.clone();
    let location = config.rdb_location();
    location.clean();
    let _closed = if config.appendonly {
        let folder = Folder::open_at_start(config.aof_location())?;
        if folder.manifest.is_empty() && location.path().exists() {
            let path = location.path();
            warn!(
                "{} is not loaded: the AOF is on, and it is new",
                path.display()
            );
        }
        let accept = begin(folder.size(), accept, shared);
        replay(folder, table, shared)?;
        accept
    } else {
        let size = location.path().metadata().map_or(0, |file| file.len());
        let accept = begin(size, accept, shared);
        load(&location.path(), shared)?;
        accept
    };
    let state = &mut *shared.lock();
    state.store.loading = false;
    state.stats.loading = None;
    Ok(())
}

/// Notes that `size` bytes are to be loaded, and lets clients in if that takes long. Otherwise
/// returns `accept`, which lets them in when it is dropped.
fn begin(size: u64, accept: Accept, shared: &Shared) -> Option<Accept> {
    shared.lock().stats.loading = Some(Loading::new(size));
    (size <= QUICK).then_some(accept)
}

/// Replays the AOF, and opens it for appending.
fn replay(folder: Folder, table: &'static Table, shared: &Shared) -> Result<(), RecoveryError> {
    let started = Instant::now();
    let commands = replay::run(&folder, table, shared)?;
    let format = shared.lock().config.base_format();
    // This waits for the disk. Clients that are to be told of it do not: they need the lock.
    let mut aof = Aof::default();
    let opened = aof.open(folder, format);
    opened.map_err(|error| format!("cannot append to the AOF: {error}"))?;
    let state = &mut *shared.lock();
    state.aof = aof;
    info!(
        "the AOF is replayed: {commands} commands in {:.3} s, {} keys",
        started.elapsed().as_secs_f64(),
        state.store.len()
    );
    Ok(())
}

/// Loads the RDB file, if there is one.
fn load(path: &Path, shared: &Shared) -> Result<(), RecoveryError> {
    let started = Instant::now();
    let loaded = File::open(path)
        .map_err(RdbError::Io)
        .and_then(|file| load::file(&file, Expired::Drop, shared));
    let loaded = match loaded {
        Ok((loaded, _)) => loaded,
        Err(RdbError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let path = path.display();
            let what = format!(
                "cannot load {path}: {error}. It was left as it is. To see what it holds: \
                 redis-check-rdb {path}"
            );
            return Err(what.into());
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
