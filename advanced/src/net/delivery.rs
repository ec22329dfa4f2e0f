//! Delivery: wakes the subscribers that have new messages, a few at a time.
//!
//! Why not all at once, when the message is published? A write to a socket costs the same few
//! microseconds for one message as for ten. With a hundred subscribers woken, the publisher's next
//! command waits behind a hundred writes, and causes a hundred more. If they are woken in turns,
//! the publisher comes in between, and a subscriber that is still in the queue gets both messages
//! with one write. The busier the server, the longer the queue, and the less a message costs. No
//! message waits longer because of that: its subscriber keeps its place in the queue.

use tokio::task::yield_now;

use crate::state::Shared;

/// How many subscribers are woken before other tasks have their turn.
const TURN: usize = 16;

/// Wakes subscribers with new messages for as long as the server runs. It never returns.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::clients::Handle;
    use crate::clients::output_limit::OutputLimit;
    use crate::config::Config;
    use crate::pubsub::Kind;

    /// This task is one of the others. There is one thread, so it runs when `run` lets it.
    #[tokio::test]
    async fn others_have_a_turn_before_all_are_woken() {
        let shared = Shared::new(Config::default());
        let first = Arc::new(Handle::nobody(0));
        let rest = (1..10 * TURN as u64).map(|id| Handle::nobody(id).into());
        for client in [first.clone()].into_iter().chain(rest) {
            shared.lock().pubsub.subscribe(&client, Kind::Channel, b"a");
        }
        let limit = OutputLimit::default();
        shared.lock().pubsub.publish(b"a", b"x", limit);
        tokio::spawn(run(shared.clone()));
        let woken = timeout(Duration::from_secs(10), first.mail.notified()).await;
        assert!(woken.is_ok(), "the first in the queue is not woken");
        let more = shared.lock().pubsub.wake(0);
        assert!(more, "all are woken before another task has a turn");
    }
}
