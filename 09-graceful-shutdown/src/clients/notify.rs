//! The notification of one task that others let know that there is something for it.
//!
//! `Notify` of tokio is for any number of tasks: they wait in a list behind a lock, and who is
//! polled looks there. A connection is polled at each turn of its loop, and nobody else ever waits
//! for its notification. So ours is a flag, and the waker of the one task, which stays the same for
//! as long as the task lives.

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
