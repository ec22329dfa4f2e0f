//! Delivery: wakes the subscribers for whom there is mail, some at a time.
//!
//! Why not all at once, when the message is published? A write to a socket costs the
//! same few microseconds for one message as for ten. With a hundred subscribers
//! woken, the publisher's next command waits behind a hundred writes, and causes
//! a hundred more. Woken in turns, the publisher comes in between, and whoever is still in the
//! queue gets both messages with one write. The busier the server, the longer
//! the queue, and the less a message costs. A message waits no longer for it: its
//! subscriber's place in the queue is the one that it had.

use tokio::task::yield_now;

use crate::state::Shared;

/// How many are woken before others have their turn.
const TURN: usize = 16;

/// Wakes subscribers for as long as the server runs.
pub async fn run(shared: Shared) {
    let notify = shared.lock().pubsub.notify();
    loop {
        if shared.lock().pubsub.wake(TURN) {
            yield_now().await;
            continue;
        }
        notify.notified().await;
    }
}
