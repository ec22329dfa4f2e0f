//! Channels and patterns: who gets what, in which order, and what a subscriber
//! may do meanwhile.
//!
//! Reread: 07-pubsub/GUIDE.md#the-idea

use crate::client::Client;
use crate::harness::{Server, amount, wait_until};
use crate::session::{Session, bulk, encode, int};

const PROTOCOLS: [u8; 2] = [2, 3];

/// A connection that speaks this protocol.
fn connect(server: &Server, protocol: u8) -> Client {
    let mut client = Client::connect(server);
    client.send(format!("HELLO {protocol}\r\n")).reply();
    client
}

/// What is pushed to a subscriber: strings, and perhaps a number at the end.
fn push(protocol: u8, words: &[&str], count: Option<i64>) -> Vec<u8> {
    let kind = if protocol == 2 { '*' } else { '>' };
    let length = words.len() + usize::from(count.is_some());
    let mut bytes = format!("{kind}{length}\r\n").into_bytes();
    words.iter().for_each(|word| bytes.extend(bulk(word)));
    bytes.extend(count.map(int).unwrap_or_default().bytes());
    bytes
}

fn message(protocol: u8, channel: &str, text: &str) -> Vec<u8> {
    push(protocol, &["message", channel, text], None)
}

fn pmessage(protocol: u8, pattern: &str, channel: &str, text: &str) -> Vec<u8> {
    push(protocol, &["pmessage", pattern, channel, text], None)
}

/// The reply when there was nothing to unsubscribe from.
fn nothing(protocol: u8, word: &str, count: i64) -> Vec<u8> {
    let (kind, null) = if protocol == 2 {
        ("*", "$-1")
    } else {
        (">", "_")
    };
    let length = word.len();
    format!("{kind}3\r\n${length}\r\n{word}\r\n{null}\r\n:{count}\r\n").into()
}

fn refused(command: &str) -> String {
    format!(
        "-ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
         RESET are allowed in this context\r\n"
    )
}

#[test]
fn each_subscription_is_confirmed_with_a_count() {
    let server = Server::start();
    for protocol in PROTOCOLS {
        let mut c = connect(&server, protocol);
        let confirm = |word, name, count| push(protocol, &[word, name], Some(count));
        let replies = [("a", 1), ("b", 2), ("a", 2)];
        let replies = replies.map(|(name, count)| confirm("subscribe", name, count));
        c.check("SUBSCRIBE a b a\r\n", replies.concat());
        let replies = [("a*", 3), ("a", 4), ("a*", 4)];
        let replies = replies.map(|(name, count)| confirm("psubscribe", name, count));
        c.check("PSUBSCRIBE a* a a*\r\n", replies.concat());
        let replies = [("b", 3), ("b", 3), ("no", 3), ("a", 2)];
        let replies = replies.map(|(name, count)| confirm("unsubscribe", name, count));
        c.check("UNSUBSCRIBE b b no a\r\n", replies.concat());
        c.check("UNSUBSCRIBE\r\n", nothing(protocol, "unsubscribe", 2));
        // Patterns go in the order in which they came.
        let replies = [("a*", 1), ("a", 0)];
        let replies = replies.map(|(name, count)| confirm("punsubscribe", name, count));
        c.check("PUNSUBSCRIBE\r\n", replies.concat());
        c.check("PUNSUBSCRIBE\r\n", nothing(protocol, "punsubscribe", 0));
        c.check("UNSUBSCRIBE x\r\n", confirm("unsubscribe", "x", 0));
        c.check("ECHO free\r\n", bulk("free"));
    }
}

#[test]
fn a_message_comes_once_for_each_subscription_that_it_matches() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    for protocol in PROTOCOLS {
        let mut c = connect(&server, protocol);
        c.send("SUBSCRIBE news\r\nPSUBSCRIBE n?ws\r\nPSUBSCRIBE n[a-e]*\r\n");
        (0..3).for_each(|_| drop(c.reply()));
        publisher.check("PUBLISH news hello\r\n", int(3));
        publisher.check("PUBLISH nxws hello\r\n", int(1));
        publisher.check("PUBLISH other hello\r\n", int(0));
        c.expect(message(protocol, "news", "hello"));
        // Which pattern comes first is a server's own business.
        let mut replies = [c.reply(), c.reply()];
        replies.sort();
        let mut expected = ["n?ws", "n[a-e]*"].map(|it| pmessage(protocol, it, "news", "hello"));
        expected.sort();
        assert_eq!(replies, expected);
        c.expect(pmessage(protocol, "n?ws", "nxws", "hello"));
        c.check("RESET\r\n", "+RESET\r\n");
    }
}

#[test]
fn names_and_messages_are_any_bytes() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let mut c = Client::connect(&server);
    let name = b"a\r\n\0\xff";
    let large = vec![b'x'; 3_000_000];
    for (name, message) in [
        (&name[..], &b"\r\n\0\xfe"[..]),
        (b"", b""),
        (b"large", &large),
    ] {
        let subscribed = [b"*3\r\n".to_vec(), bulk("subscribe"), bulk(name)].concat();
        c.send(encode(&[b"SUBSCRIBE", name]));
        c.expect_start(subscribed).reply();
        publisher.check(encode(&[b"PUBLISH", name, message]), int(1));
        let parts = [
            b"*3\r\n".to_vec(),
            bulk("message"),
            bulk(name),
            bulk(message),
        ];
        c.expect(parts.concat());
    }
}

/// In RESP3 a subscriber may do everything, and publish to itself.
#[test]
fn who_publishes_to_itself_finds_the_message_before_the_reply() {
    let server = Server::start();
    let mut c = connect(&server, 3);
    let expected = [
        push(3, &["subscribe", "a"], Some(1)),
        push(3, &["psubscribe", "a*"], Some(2)),
        b"+OK\r\n".to_vec(),
        message(3, "a", "x"),
        pmessage(3, "a*", "a", "x"),
        int(2).into(),
        bulk("v"),
        message(3, "a", "y"),
        pmessage(3, "a*", "a", "y"),
        int(2).into(),
        b"+PONG\r\n".to_vec(),
        push(3, &["unsubscribe", "a"], Some(1)),
        pmessage(3, "a*", "a", "z"),
        int(1).into(),
    ];
    c.check(
        "SUBSCRIBE a\r\nPSUBSCRIBE a*\r\nSET k v\r\nPUBLISH a x\r\nGET k\r\nPUBLISH a y\r\nPING\r\n\
         UNSUBSCRIBE a\r\nPUBLISH a z\r\n",
        expected.concat(),
    );
}

#[test]
fn a_subscriber_may_do_little_in_resp2() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.check("SUBSCRIBE a\r\n", push(2, &["subscribe", "a"], Some(1)));
    for (command, name) in [
        ("GET k", "get"),
        ("SET k v", "set"),
        ("PUBLISH a x", "publish"),
        ("HELLO 3", "hello"),
        ("CLIENT ID", "client|id"),
        ("CONFIG GET port", "config|get"),
        ("PUBSUB NUMPAT", "pubsub|numpat"),
        ("COMMAND", "command"),
    ] {
        c.check(format!("{command}\r\n"), refused(name));
    }
    let arity = "-ERR wrong number of arguments for 'get' command\r\n";
    c.check("GET\r\n", arity);
    let unknown = "-ERR unknown command 'FOO', with args beginning with: \r\n";
    c.check("FOO\r\n", unknown);
    c.check("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    c.check("PING hi\r\n", "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    let arity = "-ERR wrong number of arguments for 'ping' command\r\n";
    c.check("PING a b\r\n", arity);
    c.check("UNSUBSCRIBE\r\n", push(2, &["unsubscribe", "a"], Some(0)));
    c.check("PING\r\n", "+PONG\r\n");
    c.check("GET k\r\n", "$-1\r\n");
}

#[test]
fn reset_and_quit_end_all_subscriptions() {
    let server = Server::start();
    let mut other = Client::connect(&server);
    for protocol in PROTOCOLS {
        let mut c = connect(&server, protocol);
        c.send("SUBSCRIBE a\r\nPSUBSCRIBE a*\r\n");
        (0..2).for_each(|_| drop(c.reply()));
        c.check("RESET\r\n", "+RESET\r\n");
        other.check("PUBLISH a x\r\n", int(0));
        other.check("PUBSUB CHANNELS\r\n", "*0\r\n");
        c.check("PING\r\n", "+PONG\r\n");
        c.check("SUBSCRIBE a\r\n", push(2, &["subscribe", "a"], Some(1)));
        other.check("PUBLISH a x\r\n", int(1));
        c.expect(message(2, "a", "x"));
        c.check("QUIT\r\nPING\r\n", "+OK\r\n").expect_closed();
        other.check("PUBLISH a x\r\n", int(0));
    }
}

#[test]
fn the_protocol_may_change_under_subscriptions() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let mut c = connect(&server, 3);
    c.check("SUBSCRIBE a\r\n", push(3, &["subscribe", "a"], Some(1)));
    publisher.check("PUBLISH a 1\r\n", int(1));
    c.expect(message(3, "a", "1"));
    c.send("HELLO 2\r\n").reply();
    publisher.check("PUBLISH a 2\r\n", int(1));
    c.expect(message(2, "a", "2"));
    c.check("GET k\r\n", refused("get"));
}

#[test]
fn one_subscriber_sees_the_order_across_channels_and_publishers() {
    const MESSAGES: usize = 2_000;
    let server = Server::start();
    let mut c = connect(&server, 3);
    c.send("SUBSCRIBE a b c\r\nPSUBSCRIBE d*\r\n");
    (0..4).for_each(|_| drop(c.reply()));
    let mut publishers = [(); 3].map(|()| Client::connect(&server));
    let mut expected = Vec::new();
    for first in (0..MESSAGES).step_by(50) {
        // Each publisher sends many at once, and the next only when it has its replies.
        let publisher = &mut publishers[first / 50 % 3];
        let mut commands = Vec::new();
        for number in first..first + 50 {
            let (channel, text) = (["a", "b", "c", "d"][number % 4], number.to_string());
            commands.extend(encode(&["PUBLISH", channel, &text]));
            expected.extend(match channel {
                "d" => pmessage(3, "d*", "d", &text),
                _ => message(3, channel, &text),
            });
        }
        publisher.check(commands, int(1).repeat(50));
    }
    c.expect(expected);
}

#[test]
fn pubsub_tells_of_channels_and_patterns() {
    let server = Server::start();
    let mut c = connect(&server, 2);
    let mut first = connect(&server, 2);
    let mut second = connect(&server, 3);
    c.check("PUBSUB CHANNELS\r\n", "*0\r\n");
    c.check("PUBSUB NUMSUB\r\n", "*0\r\n");
    for subscriber in [&mut first, &mut second] {
        subscriber.send("SUBSCRIBE a1\r\nPSUBSCRIBE p*\r\n");
        (0..2).for_each(|_| drop(subscriber.reply()));
    }
    second.send("SUBSCRIBE b\r\n").reply();
    c.check("PUBSUB CHANNELS a?\r\n", "*1\r\n$2\r\na1\r\n");
    c.check("PUBSUB CHANNELS nosuch\r\n", "*0\r\n");
    c.send("PUBSUB CHANNELS\r\n").expect_start("*2\r\n");
    let mut names = [c.reply(), c.reply()];
    names.sort();
    assert_eq!(names, [bulk("b"), bulk("a1")]);
    let counts = "*6\r\n$2\r\na1\r\n:2\r\n$1\r\nb\r\n:1\r\n$2\r\na1\r\n:2\r\n";
    c.check("PUBSUB NUMSUB a1 b a1\r\n", counts);
    c.check("PUBSUB NUMPAT\r\n", int(1));
    second.send("PSUBSCRIBE q*\r\n").reply();
    c.check("PUBSUB NUMPAT\r\n", int(2));
    c.send("INFO stats\r\n");
    let info = String::from_utf8(c.reply()).expect("text");
    assert!(info.contains("\r\npubsub_channels:2\r\n"), "{info}");
    assert!(info.contains("\r\npubsub_patterns:2\r\n"), "{info}");
}

#[test]
fn what_is_wrong_is_told() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    for name in ["subscribe", "psubscribe", "publish", "pubsub"] {
        let error = format!("-ERR wrong number of arguments for '{name}' command\r\n");
        c.check(format!("{name}\r\n"), error);
    }
    for (command, error) in [
        (
            "PUBLISH a b c",
            "wrong number of arguments for 'publish' command",
        ),
        (
            "PUBSUB numpat x",
            "wrong number of arguments for 'pubsub|numpat' command",
        ),
        (
            "PUBSUB Channels a b",
            "unknown subcommand or wrong number of arguments for 'Channels'. Try PUBSUB HELP.",
        ),
        (
            "PUBSUB nosuch",
            "unknown subcommand 'nosuch'. Try PUBSUB HELP.",
        ),
    ] {
        c.check(format!("{command}\r\n"), format!("-ERR {error}\r\n"));
    }
    c.send("PUBSUB HELP\r\n");
    let help = String::from_utf8(c.reply()).expect("text");
    assert!(help.contains("+PUBSUB <subcommand>"), "{help}");
}

#[test]
fn who_is_gone_leaves_no_channels_behind() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let subscribers: Vec<Client> = (0..50)
        .map(|number| {
            let mut subscriber = Client::connect(&server);
            subscriber.send(format!("SUBSCRIBE a c{number}\r\nPSUBSCRIBE p{number}\r\n"));
            (0..3).for_each(|_| drop(subscriber.reply()));
            subscriber
        })
        .collect();
    c.check("PUBSUB NUMPAT\r\n", int(50));
    c.check("PUBLISH a x\r\n", int(50));
    subscribers.into_iter().for_each(|mut subscriber| {
        subscriber.expect(message(2, "a", "x"));
    });
    wait_until("all channels and patterns are gone", || {
        let channels = c.send("PUBSUB CHANNELS\r\n").reply();
        let patterns = c.send("PUBSUB NUMPAT\r\n").reply();
        channels == b"*0\r\n" && patterns == b":0\r\n"
    });
}

/// What one client holds is given back in no more time than it took.
#[test]
fn a_client_may_have_very_many_channels() {
    let channels = amount(30_000);
    let server = Server::start();
    let mut c = connect(&server, 3);
    let names: Vec<String> = (0..channels).map(|number| format!("c{number}")).collect();
    let with = |word| {
        [
            &[word],
            &names.iter().map(String::as_str).collect::<Vec<_>>()[..],
        ]
        .concat()
    };
    let confirmed = |word, count: &dyn Fn(usize) -> usize| -> Vec<u8> {
        let numbered = names.iter().enumerate();
        numbered
            .flat_map(|(at, name)| push(3, &[word, name], Some(count(at) as i64)))
            .collect()
    };
    let subscribed = confirmed("subscribe", &|at| at + 1);
    let unsubscribed = confirmed("unsubscribe", &|at| channels - 1 - at);
    c.check(encode(&with("SUBSCRIBE")), &subscribed);
    c.check(encode(&with("UNSUBSCRIBE")), &unsubscribed);
    c.check(encode(&with("SUBSCRIBE")), &subscribed);
    // Without names the order is the server's own.
    c.send("UNSUBSCRIBE\r\n");
    let last = (0..channels).map(|_| c.reply()).last();
    assert!(last.is_some_and(|it| it.ends_with(b":0\r\n")));
    c.check("PUBSUB CHANNELS\r\n", "*0\r\n");
}

/// One subscriber takes little for each channel, its name included; real Redis takes 218 bytes.
#[test]
fn a_channel_with_one_subscriber_takes_little_memory() {
    const CHANNELS: usize = 50_000;
    const AT_ONCE: usize = 1_000;
    const MOST: usize = 300;
    let server = Server::start();
    let mut observer = Session::connect(server.addr());
    let mut memory = || {
        let text = String::from_utf8_lossy(&observer.call(&["INFO", "memory"])).into_owned();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        value
            .and_then(|value| value.parse::<usize>().ok())
            .expect("used_memory")
    };
    let before = memory();
    let mut c = connect(&server, 3);
    for first in (0..CHANNELS).step_by(AT_ONCE) {
        let numbers = first..first + AT_ONCE;
        let names: Vec<String> = numbers
            .clone()
            .map(|number| format!("channel:{number}"))
            .collect();
        let words = [&["SUBSCRIBE".to_owned()], &names[..]].concat();
        let confirmed = names
            .iter()
            .zip(numbers)
            .map(|(name, before)| push(3, &["subscribe", name], Some(before as i64 + 1)));
        c.check(encode(&words), confirmed.collect::<Vec<_>>().concat());
    }
    let each = memory().saturating_sub(before) / CHANNELS;
    assert!(each < MOST, "{each} bytes for each channel");
}

/// A message is on its way when PUBLISH is answered, whatever the subscriber does then.
#[test]
fn what_was_published_before_unsubscribing_comes_before_its_reply() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let mut c = Client::connect(&server);
    for number in 0..200 {
        c.check("SUBSCRIBE a\r\n", push(2, &["subscribe", "a"], Some(1)));
        let text = number.to_string();
        publisher.check(encode(&["PUBLISH", "a", &text]), int(1));
        let expected = [
            message(2, "a", &text),
            push(2, &["unsubscribe", "a"], Some(0)),
        ];
        // The message may be here already.
        c.expect_start("").send("UNSUBSCRIBE a\r\n");
        c.expect(expected.concat());
    }
}

#[test]
fn the_redis_crate_subscribes() -> redis::RedisResult<()> {
    let server = Server::start();
    let client = redis::Client::open(format!("redis://{}/", server.addr()))?;
    let mut publisher = client.get_connection()?;
    let mut subscriber = client.get_connection()?;
    let mut pubsub = subscriber.as_pubsub();
    pubsub.subscribe("a")?;
    pubsub.psubscribe("b*")?;
    let channels = ["a", "b1", "a"];
    for channel in channels {
        let command = redis::cmd("PUBLISH").arg(channel).arg("x").to_owned();
        assert_eq!(command.query::<i64>(&mut publisher)?, 1);
    }
    for channel in channels {
        let message = pubsub.get_message()?;
        assert_eq!(message.get_channel_name(), channel);
        assert_eq!(message.get_payload::<String>()?, "x");
    }
    Ok(())
}
