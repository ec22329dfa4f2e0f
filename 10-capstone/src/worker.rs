//! Work on a thread of its own, which ends when the future that waits for it is dropped.
//!
//! This file owns the bridge between the main thread, which must react to signals at any time, and
//! work that blocks. Such work gets a [`CancellationToken`]. When the future that waits for the
//! work is dropped, the token is cancelled and the thread is joined. So after Ctrl-C no thread goes
//! on writing to a server whose keys are being removed.

use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use tokio::sync::oneshot;
pub use tokio_util::sync::CancellationToken;

/// A running thread, and the token that tells it to stop.
struct Running {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // The thread has reported its panic, and `run` sees it as a missing result.
            let _ = thread.join();
        }
    }
}

/// Runs `work` on a new thread and waits for its result.
pub async fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(CancellationToken) -> Result<T> + Send + 'static,
) -> Result<T> {
    let stop = CancellationToken::new();
    let (answer, result) = oneshot::channel();
    let token = stop.clone();
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || drop(answer.send(work(token))))?;
    let _running = Running {
        stop,
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
            let endless = run::<()>("endless", move |stop| {
                while !stop.is_cancelled() {
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
