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
fn mail(pubsub: &mut PubSub, subscription: &Subscription) -> String {
    let mut output = BytesMut::new();
    assert_eq!(
        pubsub.collect(subscription, &mut output, usize::MAX),
        Mail::All
    );
    // As if it were sent.
    subscription.outlet.unwritten.store(0, Relaxed);
    String::from_utf8_lossy(&output).replace("\r\n", " ")
}

/// A subscriber to one channel.
fn listener(pubsub: &mut PubSub, client: u64, channel: &[u8]) -> Subscription {
    let subscription = pubsub.enter(Handle::nobody(client).into(), Protocol::Resp2);
    pubsub.subscribe(&subscription, Kind::Channel, channel);
    subscription
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    let pubsub = &mut PubSub::default();
    let subscription = pubsub.enter(Handle::nobody(1).into(), Protocol::Resp2);
    for (count, name) in [(1, "a"), (2, "b"), (2, "a")] {
        let name = name.as_bytes();
        assert_eq!(
            pubsub.subscribe(&subscription, Kind::Channel, name),
            count,
            "{name:?}"
        );
    }
    assert_eq!(pubsub.subscribe(&subscription, Kind::Pattern, b"a*"), 3);
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 2);
    assert_eq!(pubsub.unsubscribe(&subscription, Kind::Channel, b"b"), 2);
    assert_eq!(pubsub.channels().collect::<Vec<_>>(), [b"a"]);
    pubsub.leave(&subscription);
    assert_eq!((pubsub.channel_count(), pubsub.pattern_count()), (0, 0));
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 0);
    assert!(pubsub.subscribers.is_empty());
    assert!(!pubsub.wake(1) && pubsub.wake_queue.is_empty());
}

#[test]
fn messages_keep_their_order_across_channels() {
    let pubsub = &mut PubSub::default();
    let subscription = listener(pubsub, 1, b"a");
    pubsub.subscribe(&subscription, Kind::Channel, b"b");
    for (channel, message) in [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")] {
        assert_eq!(pubsub.publish(channel, message, NO_LIMIT), 1);
    }
    let expected = [("a", "1"), ("b", "2"), ("a", "3")]
        .map(|(channel, message)| format!("*3 $7 message $1 {channel} $1 {message} "));
    assert_eq!(mail(pubsub, &subscription), expected.concat());
}

#[test]
fn a_message_is_encoded_once_for_each_protocol() {
    let pubsub = &mut PubSub::default();
    let all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    pubsub.speak(&all[2], Protocol::Resp3);
    assert_eq!(pubsub.publish(b"a", b"x", NO_LIMIT), 3);
    let first = |it: &Subscription| pubsub.subscribers[it.place].mailbox[0].clone();
    let [one, two, three] = [0, 1, 2].map(|it| first(&all[it]));
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(&*three, b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
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
    assert_eq!(pubsub.pattern_count(), 0);
    let output = &mut BytesMut::new();
    assert_eq!(pubsub.collect(&slow, output, 1), Mail::Disconnected);
    // Its place is its own until it leaves.
    let third = listener(pubsub, 3, b"a");
    pubsub.leave(&slow);
    assert_eq!(pubsub.publish(b"a", b"x", HARD), 2);
    assert!(mail(pubsub, &third).contains("$1 x"));
}

#[test]
fn bytes_that_the_connection_holds_count_too() {
    let pubsub = &mut PubSub::default();
    let subscription = listener(pubsub, 1, b"a");
    subscription.outlet.unwritten.store(16 * 1024, Relaxed);
    pubsub.enforce(HARD);
    assert_eq!(pubsub.channel_count(), 1);
    subscription.outlet.unwritten.store(16 * 1024 + 1, Relaxed);
    pubsub.enforce(HARD);
    assert_eq!(pubsub.channel_count(), 0);
}

#[test]
fn the_line_is_woken_in_turns_but_full_mailboxes_do_not_wait() {
    let pubsub = &mut PubSub::default();
    let all = [1, 2, 3].map(|client| listener(pubsub, client, b"a"));
    pubsub.publish(b"a", b"x", NO_LIMIT);
    assert!(pubsub.wake(1));
    assert!(pubsub.wake(1));
    assert!(!pubsub.wake(1));
    for _ in 0..FULL_MESSAGES {
        pubsub.publish(b"a", b"x", NO_LIMIT);
    }
    assert!(!pubsub.wake(1));
    assert_eq!(all.len(), 3);
}
