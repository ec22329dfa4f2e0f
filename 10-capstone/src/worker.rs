//! Work on a thread of its own, that ends when nobody waits for it any more.
//!
//! This file owns the bridge between the main thread, which must hear signals at
//! any time, and work that blocks. Such work gets a [`Stop`]; when the future that
//! waits for the work is dropped, the work is told, and its thread is joined. So
//! after Ctrl-C no thread goes on to write to a server that is being cleaned up.

use std::thread::JoinHandle;

use anyhow::{Result, anyhow, bail};
use tokio::sync::{oneshot, watch};

/// A thing that is said once, and heard by all who hold a clone: no more comes.
#[derive(Clone)]
pub struct Ending {
    said: watch::Sender<bool>,
    heard: watch::Receiver<bool>,
}

impl Ending {
    pub fn new() -> Self {
        let (said, heard) = watch::channel(false);
        Self { said, heard }
    }

    pub fn announce(&self) {
        self.said.send_replace(true);
    }

    pub fn is_announced(&self) -> bool {
        *self.heard.borrow()
    }

    /// Waits until it is announced. Who has heard it once waits for ever: it is not
    /// said again.
    pub async fn wait(&mut self) {
        // Each clone holds a sender, so the channel stays open.
        let _ = self.heard.changed().await;
    }
}

/// Learns that the work is no longer wanted.
pub struct Stop(oneshot::Receiver<()>);

impl Stop {
    /// An error, if the work is no longer wanted.
    pub fn check(&mut self) -> Result<()> {
        match self.0.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => Ok(()),
            _ => bail!("stopped"),
        }
    }

    /// Waits until the work is no longer wanted.
    pub async fn wait(&mut self) {
        let _ = (&mut self.0).await;
    }
}

/// The other side of a [`Stop`], and the thread that looks at it.
struct Running {
    keep_going: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.keep_going.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by the thread, and reaches the one who
            // waits as a missing result.
            let _ = thread.join();
        }
    }
}

/// Runs `work` on a new thread and waits for what it returns.
pub async fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (keep_going, stop) = oneshot::channel();
    let (answer, result) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _ = answer.send(work(Stop(stop)));
        })?;
    let _running = Running {
        keep_going: Some(keep_going),
        thread: Some(thread),
    };
    result
        .await
        .map_err(|_| anyhow!("the thread '{name}' panicked"))?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn results_and_panics_come_back() {
        assert_eq!(block_on(run("adds", |_| Ok(1 + 1))).unwrap(), 2);
        let error = block_on(run::<()>("breaks", |_| panic!("on purpose"))).unwrap_err();
        assert_eq!(error.to_string(), "the thread 'breaks' panicked");
    }

    #[test]
    fn work_that_nobody_waits_for_ends() {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        block_on(async {
            let endless = run::<()>("endless", move |mut stop| {
                while stop.check().is_ok() {
                    std::thread::yield_now();
                }
                seen.store(true, Ordering::SeqCst);
                Ok(())
            });
            let _ = tokio::time::timeout(Duration::from_millis(10), endless).await;
        });
        assert!(ended.load(Ordering::SeqCst));
    }
}
