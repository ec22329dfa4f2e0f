//! fsync, and a thread that calls it. When it is called, `aof/mod.rs` decides: before a reply, or
//! once a second.
//!
//! A write gives the bytes to the operating system, and they survive the end of
//! this process. Only fsync makes them survive a power loss, and it waits for the
//! disk: far less than a millisecond on a fast one, ten and more on a slow one.
//! Other clients must not wait for a slow disk, so there it happens on a thread of
//! its own. (Redis uses `bio.c` for `everysec`; for `always`, everybody waits.)
//!
//! All requests that arrive during an fsync are answered by the next one. That is
//! *group commit*: with `always`, fifty clients wait for one fsync, not for fifty.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// On a disk whose fsyncs take no longer than this, they are done without the thread: to wake it
/// and to be woken by it takes as long.
const QUICK: Duration = Duration::from_millis(1);

/// A request for an fsync of a file, which is written up to a position.
struct Request {
    file: Arc<File>,
    position: u64,
    /// Dropped with the request when the fsync is done; that wakes whoever waits for it.
    _done: Option<Sender<Infallible>>,
}

/// How far fsync has reached.
#[derive(Debug, Clone, Default)]
pub struct Synced {
    /// The position that is safe, in bytes since the server started.
    pub position: u64,
    /// Why the last fsync failed, if it did.
    pub error: Option<Arc<io::Error>>,
    /// How long an fsync is expected to take: as long as the last one, or half as long as was
    /// expected before it, if that is more. A disk that was slow may be slow again, and then
    /// everybody would wait.
    takes: Duration,
    /// How long one has taken at most, since that was last asked for.
    longest: Duration,
}

/// A handle to the thread that calls fsync. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Syncer {
    requests: Sender<Request>,
    synced: Arc<watch::Sender<Synced>>,
    /// The last position that was requested.
    requested: u64,
}

impl Syncer {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let (requests, inbox) = channel();
        // How quick the disk is, nobody knows yet.
        let synced = Arc::new(watch::Sender::new(Synced {
            takes: QUICK * 2,
            ..Synced::default()
        }));
        let outbox = Arc::clone(&synced);
        thread::Builder::new()
            .name("fsync".into())
            .spawn(move || work(&inbox, &outbox))?;
        Ok(Self {
            requests,
            synced,
            requested: 0,
        })
    }

    /// Asks the thread for an fsync of `file`, which is written up to `position`.
    pub fn request(&mut self, file: &Arc<File>, position: u64) {
        if position > self.requested {
            self.requested = position;
            let file = Arc::clone(file);
            // It fails if the thread is gone, which is when the process ends.
            let _ = self.requests.send(Request {
                file,
                position,
                _done: None,
            });
        }
    }

    /// Requests an fsync of `file`, which is written up to `position`, for a reply that waits. On
    /// a fast disk it is done at once, on the calling thread.
    pub fn request_now(&mut self, file: &Arc<File>, position: u64) {
        if self.synced.borrow().takes > QUICK || !self.is_idle() {
            self.request(file, position);
        } else if position > self.requested {
            self.requested = position;
            sync(file, position, &self.synced);
        }
    }

    /// Waits for an fsync of `file`, which is written up to `position`, and for all that were
    /// requested before, perhaps of an older file. Fails if any has failed since the AOF was
    /// opened.
    pub fn finish(&mut self, file: &Arc<File>, position: u64) -> io::Result<()> {
        self.requested = self.requested.max(position);
        let (done, waiting) = channel();
        let _ = self.requests.send(Request {
            file: Arc::clone(file),
            position,
            _done: Some(done),
        });
        // Nothing is ever sent. The end of waiting is that the request is dropped.
        let _ = waiting.recv();
        match self.error() {
            None => Ok(()),
            Some(error) => Err(io::Error::new(error.kind(), error)),
        }
    }

    /// Has an fsync reached `position`?
    pub fn is_safe(&self, position: u64) -> bool {
        self.synced.borrow().position >= position
    }

    /// Is every fsync that was requested done?
    pub fn is_idle(&self) -> bool {
        self.is_safe(self.requested)
    }

    /// Why an fsync has failed, if one has.
    pub fn error(&self) -> Option<Arc<io::Error>> {
        self.synced.borrow().error.clone()
    }

    /// How long an fsync has taken at most since the last call.
    pub fn take_longest(&self) -> Duration {
        let mut longest = Duration::ZERO;
        self.synced.send_if_modified(|synced| {
            longest = std::mem::take(&mut synced.longest);
            false
        });
        longest
    }

    /// Returns a receiver of how far fsync has reached, to look at or to wait for.
    pub fn synced(&self) -> watch::Receiver<Synced> {
        self.synced.subscribe()
    }
}

fn work(inbox: &Receiver<Request>, outbox: &watch::Sender<Synced>) {
    while let Ok(mut last) = inbox.recv() {
        // The last of what waits includes all that came before it in the same file.
        for next in inbox.try_iter() {
            if !Arc::ptr_eq(&next.file, &last.file) {
                sync(&last.file, last.position, outbox);
            }
            last = next;
        }
        sync(&last.file, last.position, outbox);
    }
}

fn sync(file: &File, position: u64, outbox: &watch::Sender<Synced>) {
    let started = Instant::now();
    let error = file.sync_data().err().map(Arc::new);
    outbox.send_modify(|synced| {
        let took = started.elapsed();
        synced.takes = took.max(synced.takes / 2);
        synced.longest = took.max(synced.longest);
        // Once one has failed, the next may succeed and mean nothing: the system
        // forgets what it could not write. So the first error stays.
        match error {
            None if synced.error.is_none() => synced.position = synced.position.max(position),
            None => {}
            Some(_) => synced.error = error,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_done() -> io::Result<()> {
        let file = Arc::new(tempfile::tempfile()?);
        let mut syncer = Syncer::start()?;
        syncer.request(&file, 10);
        syncer.request_now(&file, 25);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut synced = syncer.synced();
        let done = runtime.block_on(synced.wait_for(|synced| synced.position >= 25));
        assert!(done.is_ok_and(|synced| synced.error.is_none()));
        assert!(syncer.is_idle());
        Ok(())
    }

    #[test]
    fn an_error_stays() -> io::Result<()> {
        let syncer = Syncer::start()?;
        // A device has nothing to make safe, and the system says so.
        let (outbox, null) = (&syncer.synced, File::open("/dev/null")?);
        sync(&null, 10, outbox);
        sync(&tempfile::tempfile()?, 25, outbox);
        assert!(syncer.error().is_some());
        assert!(!syncer.is_safe(10));
        Ok(())
    }

    #[test]
    fn a_file_that_the_log_has_left_is_made_safe_first() -> io::Result<()> {
        let mut syncer = Syncer::start()?;
        // The error of the old file must not be skipped for the new one.
        syncer.request(&Arc::new(File::open("/dev/null")?), 10);
        syncer.request_now(&Arc::new(tempfile::tempfile()?), 25);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut synced = syncer.synced();
        let failed = runtime.block_on(synced.wait_for(|synced| synced.error.is_some()));
        assert!(failed.is_ok_and(|synced| synced.position == 0));
        Ok(())
    }
}
