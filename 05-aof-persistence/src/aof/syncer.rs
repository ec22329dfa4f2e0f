//! A thread that calls fsync.
//!
//! A write gives the bytes to the operating system, and they survive the end of
//! this process. Only fsync makes them survive the end of the machine, and it
//! waits for the disk: a tenth of a millisecond on a good one, many on a bad
//! one. Nobody else shall wait for that, so it happens on a thread of its own
//! (Redis has `bio.c` for `everysec`, and for `always` does wait).
//!
//! What was asked for while an fsync was under way is answered by the next one,
//! all of it at once. That is *group commit*: with `always`, fifty clients wait
//! for one fsync, not for fifty.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::watch;

/// Make the file safe up to this position.
struct Request {
    file: Arc<File>,
    position: u64,
}

/// How far the log is safe.
#[derive(Debug, Clone, Default)]
pub struct Synced {
    /// In bytes since the server started.
    pub position: u64,
    /// Why the last fsync failed, if it did.
    pub error: Option<Arc<io::Error>>,
}

/// A handle to the thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Syncer {
    requests: Sender<Request>,
    synced: watch::Receiver<Synced>,
    /// The last position asked for.
    requested: u64,
}

impl Syncer {
    pub fn start() -> io::Result<Self> {
        let (requests, inbox) = channel();
        let (outbox, synced) = watch::channel(Synced::default());
        thread::Builder::new()
            .name("fsync".into())
            .spawn(move || work(&inbox, &outbox))?;
        Ok(Self {
            requests,
            synced,
            requested: 0,
        })
    }

    /// Asks for an fsync of `file`, which is written up to `position`.
    pub fn request(&mut self, file: &Arc<File>, position: u64) {
        if position <= self.requested {
            return;
        }
        self.requested = position;
        let file = Arc::clone(file);
        // It fails if the thread is gone, which is when the process ends.
        let _ = self.requests.send(Request { file, position });
    }

    /// Has everything that was asked for been done?
    pub fn is_idle(&self) -> bool {
        self.synced.borrow().position >= self.requested
    }

    /// How far the log is safe; to look at, or to wait for.
    pub fn synced(&self) -> watch::Receiver<Synced> {
        self.synced.clone()
    }
}

fn work(inbox: &Receiver<Request>, outbox: &watch::Sender<Synced>) {
    while let Ok(first) = inbox.recv() {
        // The last of what waits includes all that came before it.
        let Request { file, position } = inbox.try_iter().last().unwrap_or(first);
        let result = file.sync_data();
        outbox.send_modify(|synced| match result {
            Ok(()) => {
                *synced = Synced {
                    position,
                    error: None,
                }
            }
            Err(error) => synced.error = Some(Arc::new(error)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_done() -> io::Result<()> {
        let file = Arc::new(tempfile::tempfile()?);
        let mut syncer = Syncer::start()?;
        syncer.request(&file, 10);
        syncer.request(&file, 25);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut synced = syncer.synced();
        let done = runtime.block_on(synced.wait_for(|synced| synced.position >= 25));
        assert!(done.is_ok_and(|synced| synced.error.is_none()));
        assert!(syncer.is_idle());
        Ok(())
    }
}
