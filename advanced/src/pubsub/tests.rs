use std::pin::pin;
use std::task::{Context, Waker};

use super::*;

const NO_LIMIT: OutputLimit = OutputLimit {
    hard: 0,
    soft: 0,
    seconds: 0,
};

const HARD: OutputLimit = OutputLimit {
    hard: 100,
    ..NO_LIMIT
};

/// The messages that wait for a subscriber, as text.
fn mail(pubsub: &mut PubSub, client: &Handle) -> String {
    let mut output = BytesMut::new();
    assert!(!pubsub.collect(client, &mut output, usize::MAX));
    // As if it were sent.
    client.unwritten.store(0, Relaxed);
    String::from_utf8_lossy(&output).replace("\r\n", " ")
}

/// A subscriber to one channel.
fn listener(pubsub: &mut PubSub, client: u64, channel: &[u8]) -> Arc<Handle> {
    let client = Handle::nobody(client).into();
    pubsub.subscribe(&client, Kind::Channel, channel);
    client
}

fn counts(pubsub: &PubSub) -> [usize; 2] {
    [Kind::Channel, Kind::Pattern].map(|kind| pubsub.names(kind).len())
}

/// The subscribers of a channel.
fn listeners<'a>(pubsub: &'a PubSub, channel: &str) -> &'a [u64] {
    let listeners = pubsub.listeners[Kind::Channel as usize].get(channel.as_bytes());
    listeners.map_or(&[], |clients| clients)
}

/// Whether it was notified, even if nobody was waiting then. Asking consumes the notification.
fn is_notified(notified: impl Future<Output = ()>) -> bool {
    let context = &mut Context::from_waker(Waker::noop());
    pin!(notified).poll(context).is_ready()
}

#[test]
fn a_subscription_stands_in_both_tables_and_they_share_its_name() {
    let pubsub = &mut PubSub::default();
    for client in [3, 1, 2] {
        listener(pubsub, client, b"a");
    }
    assert_eq!(listeners(pubsub, "a"), [1, 2, 3], "ids are sorted");
    let (known, _) = pubsub.listeners[0].get_key_value(&b"a"[..]).expect("a");
    for subscriber in pubsub.mailboxes.subscribers.values() {
        let (name, _) = subscriber.names[0].get_key_value(&b"a"[..]).expect("a");
        let is_shared = Arc::ptr_eq(name, known);
        assert!(
            is_shared,
            "the subscriber has a name of its own; the tables share one"
        );
    }
}

#[test]
fn subscriptions_are_in_order_until_the_last_has_ended() {
    let pubsub = &mut PubSub::default();
    let client = Handle::nobody(1).into();
    let names: Vec<String> = (0..20).rev().map(|number| number.to_string()).collect();
    for (before, name) in names.iter().enumerate() {
        let count = pubsub.subscribe(&client, Kind::Pattern, name.as_bytes());
        assert_eq!(count, before + 1, "subscribed to {name}");
    }
    let found = pubsub.subscriptions(1, Kind::Pattern);
    let found: Vec<_> = found
        .iter()
        .map(|name| String::from_utf8_lossy(name))
        .collect();
    assert_eq!(found, names, "the oldest subscription comes first");
    for (ended, name) in names.iter().enumerate() {
        let count = pubsub.unsubscribe(1, Kind::Pattern, name.as_bytes());
        assert_eq!(count, 19 - ended, "ended {name}");
        assert_eq!(client.subscription_count(), count, "CLIENT LIST is told");
    }
    let is_subscriber = pubsub.mailboxes.subscribers.contains_key(&1);
    assert!(
        !is_subscriber,
        "it has no subscription left, and is still a subscriber"
    );
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    let pubsub = &mut PubSub::default();
    let client = Handle::nobody(1).into();
    for (count, name) in [(1, "a"), (2, "b"), (2, "a")] {
        let subscribed = pubsub.subscribe(&client, Kind::Channel, name.as_bytes());
        assert_eq!(subscribed, count, "{name:?}");
    }
    assert_eq!(pubsub.subscribe(&client, Kind::Pattern, b"a*"), 3);
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 2);
    assert_eq!(pubsub.unsubscribe(1, Kind::Channel, b"b"), 2);
    assert_eq!(pubsub.names(Kind::Channel).collect::<Vec<_>>(), [b"a"]);
    pubsub.leave(1);
    assert_eq!((counts(pubsub), client.subscription_count()), ([0, 0], 0));
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 0);
    assert!(pubsub.mailboxes.subscribers.is_empty());
    assert!(!pubsub.wake(1) && pubsub.mailboxes.wake_queue.is_empty());
}

#[test]
fn messages_keep_their_order_across_channels() {
    let pubsub = &mut PubSub::default();
    let client = listener(pubsub, 1, b"a");
    pubsub.subscribe(&client, Kind::Channel, b"b");
    for (channel, message) in [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")] {
        let receivers = pubsub.publish(channel, message, NO_LIMIT);
        assert_eq!(receivers, 1, "how many messages PUBLISH delivered");
    }
    let expected = [("a", "1"), ("b", "2"), ("a", "3")]
        .map(|(channel, message)| format!("*3 $7 message $1 {channel} $1 {message} "));
    assert_eq!(mail(pubsub, &client), expected.concat());
}

#[test]
fn a_message_is_encoded_once_for_each_protocol() {
    let pubsub = &mut PubSub::default();
    let all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    all[2].set_protocol(Protocol::Resp3);
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 3);
    let [one, two, three] = [1, 2, 3].map(|it| &pubsub.mailboxes.subscribers[&it].mailbox[0]);
    assert!(
        Arc::ptr_eq(one, two),
        "two clients of one protocol have a copy each"
    );
    assert_eq!(&**three, b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

#[test]
fn who_gets_something_is_queued_once_and_the_task_is_notified() {
    let pubsub = &mut PubSub::default();
    let notify = pubsub.notify();
    assert_eq!(pubsub.publish(b"a", b"nobody hears it", NO_LIMIT), 0);
    assert!(
        !is_notified(notify.notified()),
        "notified, though nobody is in the queue"
    );
    let _client = listener(pubsub, 7, b"a");
    for message in [b"1", b"2"] {
        pubsub.publish(b"a", message, NO_LIMIT);
        let is_notified = is_notified(notify.notified());
        assert!(
            is_notified,
            "not notified, or not so that it is remembered if nobody waits at that moment"
        );
        assert_eq!(pubsub.mailboxes.wake_queue, [7], "queued once");
    }
    assert_eq!(pubsub.published, 15 + 1 + 1, "bytes of messages");
}

#[test]
fn what_a_connection_takes_waits_there() {
    let pubsub = &mut PubSub::default();
    let client = listener(pubsub, 1, b"a");
    let one = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n".len();
    for _ in 0..1000 {
        pubsub.publish(b"a", b"x", NO_LIMIT);
    }
    let output = &mut BytesMut::new();
    for (room, messages) in [(1, 1), (one, 1), (one + 1, 2), (10 * one, 10)] {
        let more = pubsub.collect(&client, output, room);
        assert_eq!(output.len(), messages * one, "with room for {room} bytes");
        assert!(more, "nothing is left of 1000 messages");
        let unwritten = client.unwritten.load(Relaxed);
        assert_eq!(unwritten, output.len(), "`unwritten`, in bytes");
        let waiting = pubsub.mailboxes.subscribers[&1].waiting();
        assert_eq!(waiting, 1000 * one, "bytes in the mailbox and the output");
    }
    assert!(
        !pubsub.collect(&client, output, usize::MAX),
        "there is more, though all was taken"
    );
    let mailbox = &pubsub.mailboxes.subscribers[&1].mailbox;
    let capacity = mailbox.capacity();
    assert!(
        capacity < 2 * KEPT_MESSAGES,
        "an empty mailbox has room for {capacity}"
    );
    // 16 KiB are no reason to disconnect anybody.
    client.unwritten.store(16 * 1024 + 1, Relaxed);
    pubsub.publish(b"a", b"x", HARD);
    assert!(
        pubsub.mailboxes.subscribers[&1].mailbox.is_empty(),
        "it stays, though its connection has more to write than the limit"
    );
}

#[test]
fn who_leaves_takes_nobody_along() {
    let pubsub = &mut PubSub::default();
    let _all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    pubsub.leave(2);
    assert_eq!(listeners(pubsub, "a"), [1, 3], "2 has left");
    pubsub.unsubscribe(1, Kind::Channel, b"a");
    assert_eq!(listeners(pubsub, "a"), [3], "1 has unsubscribed");
}

#[test]
fn a_crowd_of_names_leaves_no_room_behind() {
    let room_after = |crowd: usize| {
        let pubsub = &mut PubSub::default();
        let client = Handle::nobody(1).into();
        for number in 0..crowd {
            pubsub.subscribe(&client, Kind::Channel, &number.to_le_bytes());
        }
        pubsub.leave(1);
        assert_eq!(counts(pubsub), [0, 0]);
        pubsub.listeners[0].capacity()
    };
    let (few, many) = (room_after(KEPT_NAMES / 2), room_after(20 * KEPT_NAMES));
    assert!(few >= KEPT_NAMES / 2, "few names leave room for {few}");
    assert!(many < 2 * KEPT_NAMES, "many names leave room for {many}");
}

#[test]
fn who_takes_nothing_is_disconnected_and_the_others_are_not() {
    let pubsub = &mut PubSub::default();
    let [slow, quick] = [1, 2].map(|client| listener(pubsub, client, b"a"));
    // Two of them are more than what does not count.
    let message = [b'x'; 10_000];
    assert_eq!(pubsub.publish(b"a", &message, HARD), 2);
    assert!(!mail(pubsub, &quick).is_empty());
    assert_eq!(pubsub.publish(b"a", &message, HARD), 2);
    assert_eq!(mail(pubsub, &slow), "");
    assert!(mail(pubsub, &quick).contains("xxx"));
}

#[test]
fn bytes_that_the_connection_holds_count_too() {
    let pubsub = &mut PubSub::default();
    let client = listener(pubsub, 1, b"a");
    pubsub.publish(b"a", b"x", NO_LIMIT);
    let free = 16 * 1024 - pubsub.mailboxes.subscribers[&1].bytes;
    for (unwritten, messages) in [(free, 1), (free + 1, 0)] {
        client.unwritten.store(unwritten, Relaxed);
        pubsub.enforce(HARD);
        let mailbox = &pubsub.mailboxes.subscribers[&1].mailbox;
        assert_eq!(mailbox.len(), messages, "{unwritten} bytes to write");
    }
}

#[test]
fn the_queue_is_woken_in_turns_but_full_mailboxes_do_not_wait() {
    let pubsub = &mut PubSub::default();
    let all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    let woken = || [0, 1, 2].map(|it: usize| is_notified(all[it].mail.notified()));
    pubsub.publish(b"a", b"x", NO_LIMIT);
    assert!(pubsub.wake(1), "`wake` says that nobody is left; two are");
    assert_eq!(woken(), [true, false, false], "the first was woken");
    // It is not in the queue any more, and comes to its end.
    pubsub.publish(b"a", b"x", NO_LIMIT);
    assert_eq!(pubsub.mailboxes.wake_queue, [2, 3, 1], "the queue");
    assert!(pubsub.wake(2), "`wake` says that nobody is left; one is");
    assert_eq!(woken(), [false, true, true], "the next two were woken");
    assert!(!pubsub.wake(1), "`wake` says that there are more");
    assert_eq!(woken(), [true, false, false], "the last was woken");
    for _ in 0..FULL_MESSAGES {
        pubsub.publish(b"a", b"x", NO_LIMIT);
    }
    pubsub.leave(1);
    assert!(!pubsub.wake(1), "full mailboxes wait for their turn");
    assert_eq!(woken(), [false, true, true], "who has left is not woken");
}
