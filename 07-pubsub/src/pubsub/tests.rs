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

/// What waits for a subscriber, as text.
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
        assert_eq!(pubsub.publish(channel, message, NO_LIMIT), 1);
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
    assert!(Arc::ptr_eq(one, two));
    assert_eq!(&**three, b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

#[test]
fn who_takes_nothing_is_disconnected_and_the_others_are_not() {
    let pubsub = &mut PubSub::default();
    let [slow, quick] = [1, 2].map(|client| listener(pubsub, client, b"a"));
    // By a pattern as well, so that one message may be too much twice.
    pubsub.subscribe(&slow, Kind::Pattern, b"*");
    // Two of them are more than what does not count.
    let message = [b'x'; 10_000];
    assert_eq!(pubsub.publish(b"a", &message, HARD), 3);
    assert!(!mail(pubsub, &quick).is_empty());
    assert_eq!(pubsub.publish(b"a", &message, HARD), 1);
    assert_eq!(counts(pubsub), [1, 0]);
    assert_eq!(mail(pubsub, &slow), "");
    assert!(mail(pubsub, &quick).contains("xxx"));
}

#[test]
fn bytes_that_the_connection_holds_count_too() {
    let pubsub = &mut PubSub::default();
    let client = listener(pubsub, 1, b"a");
    client.unwritten.store(16 * 1024, Relaxed);
    pubsub.enforce(HARD);
    assert_eq!(counts(pubsub), [1, 0]);
    client.unwritten.store(16 * 1024 + 1, Relaxed);
    pubsub.enforce(HARD);
    assert_eq!(counts(pubsub), [0, 0]);
}

#[test]
fn the_queue_is_woken_in_turns_but_full_mailboxes_do_not_wait() {
    let pubsub = &mut PubSub::default();
    let _all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    pubsub.publish(b"a", b"x", NO_LIMIT);
    assert!(pubsub.wake(1));
    assert!(pubsub.wake(1));
    assert!(!pubsub.wake(1));
    for _ in 0..FULL_MESSAGES {
        pubsub.publish(b"a", b"x", NO_LIMIT);
    }
    assert!(!pubsub.wake(1));
}
