//! A notification for one task, by which others tell it that it has something to do.
//!
//! tokio's `Notify` serves any number of tasks: they wait in a list behind a lock, and each poll
//! looks there. A connection polls in each turn of its loop, and no other task ever waits for its
//! notification. So ours is a flag and the waker of that one task, which stays the same for as long
//! as the task lives.

use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::task::{Context, Poll, Waker};

/// Remembers one call of [`notify_one`](Self::notify_one), as tokio's does.
#[derive(Debug, Default)]
pub struct Notify {
    is_notified: AtomicBool,
    waker: OnceLock<Waker>,
}

/// The wait for a notification.
pub struct Notified<'a>(&'a Notify);

impl Notify {
    /// Ends the wait of the task, or the next one if it is not waiting.
    pub fn notify_one(&self) {
        // Both sides swap, one after the other. If this is the first, the task sees the flag; and
        // if it is the second, we see the waker.
        self.is_notified.swap(true, AcqRel);
        self.waker.get().inspect(|waker| waker.wake_by_ref());
    }

    /// Waits until there is a notification, and takes it. For one task only.
    pub fn notified(&self) -> Notified<'_> {
        Notified(self)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.waker.get_or_init(|| cx.waker().clone());
        match self.0.is_notified.swap(false, AcqRel) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_notification_is_remembered_once() {
        let notify = Notify::default();
        notify.notify_one();
        notify.notify_one();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(notify.notified()).poll(&mut cx).is_ready());
        assert!(pin!(notify.notified()).poll(&mut cx).is_pending());
    }

    /// Two tasks on two threads wait for each other in turn: one lost notification, and both wait
    /// for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_notification_is_lost() {
        let pair = Arc::new([Notify::default(), Notify::default()]);
        let other = Arc::clone(&pair);
        let replies = tokio::spawn(async move {
            for _ in 0..10_000 {
                other[0].notified().await;
                other[1].notify_one();
            }
        });
        let asks = tokio::spawn(async move {
            for _ in 0..10_000 {
                pair[0].notify_one();
                pair[1].notified().await;
            }
        });
        let both = async { (replies.await, asks.await) };
        let ended = tokio::time::timeout(Duration::from_secs(60), both).await;
        let (replies, asks) = ended.expect("a notification was lost");
        replies.and(asks).expect("no task panics");
    }
}
