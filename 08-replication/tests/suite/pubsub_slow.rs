//! Subscribers that do not keep up, and crowds of them.
//!
//! Reread: 07-pubsub/GUIDE.md#what-can-go-wrong

use std::io::Read;

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};
use crate::session::{OK, bulk, encode, int};

/// How large a message is, in bytes.
const SIZE: usize = 60_000;

/// More messages than sockets can hold.
const MANY: usize = 1_000;

fn subscriber(server: &Server, channel: &str) -> Client {
    let mut client = Client::connect(server);
    client.send(encode(&["SUBSCRIBE", channel])).reply();
    client
}

/// A large message that begins with its number.
fn text(number: usize) -> String {
    format!("{number:SIZE$}")
}

fn message(channel: &str, text: &str) -> Vec<u8> {
    let words = ["message", channel, text].map(bulk);
    [b"*3\r\n".to_vec(), words.concat()].concat()
}

/// A server with this limit for subscribers, and somebody who publishes.
fn start(limit: &str) -> (Server, Client) {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let limit = format!("pubsub {limit}");
    let set = ["CONFIG", "SET", "client-output-buffer-limit", &limit];
    client.check(encode(&set), OK);
    (server, client)
}

/// Publishes messages until only `receivers` are left; how many that took.
fn publish_until(publisher: &mut Client, receivers: &str, mut after: impl FnMut(&str)) -> usize {
    for number in 0..MANY {
        let text = text(number);
        let reply = publisher.send(encode(&["PUBLISH", "a", &text])).reply();
        after(&text);
        if reply == receivers.as_bytes() {
            return number;
        }
    }
    panic!("nobody was disconnected after {MANY} messages");
}

/// Everything until the end of the connection.
fn rest(client: &mut Client) -> Vec<u8> {
    let mut received = Vec::new();
    // The end may be a reset: what was not sent is lost.
    let _ = client.socket.read_to_end(&mut received);
    received
}

/// The one who takes nothing has to go; until then it misses nothing, and the
/// others never wait for it.
#[test]
fn at_the_hard_limit_a_subscriber_is_disconnected_at_once() {
    let (server, mut publisher) = start("1mb 0 0");
    let mut slow = subscriber(&server, "a");
    let mut quick = subscriber(&server, "a");
    let published = publish_until(&mut publisher, ":1\r\n", |text| {
        quick.expect(message("a", text));
    });
    let received = rest(&mut slow);
    let expected: Vec<u8> = (0..=published)
        .flat_map(|number| message("a", &text(number)))
        .collect();
    assert!(received.len() < expected.len(), "nothing is missing");
    assert!(expected.starts_with(&received), "something was skipped");
    publisher.check("PUBSUB NUMSUB a\r\n", "*2\r\n$1\r\na\r\n:1\r\n");
    if !is_other_server() {
        let log = server.log();
        assert!(log.contains("output buffer limits"), "{log}");
    }
}

/// What one reads at leisure is not lost as long as it is below the limit.
#[test]
fn below_the_limit_a_late_subscriber_gets_everything() {
    let (server, mut publisher) = start("64mb 0 0");
    let mut late = subscriber(&server, "a");
    let mut expected = Vec::new();
    for number in 0..300 {
        let text = text(number);
        publisher.check(encode(&["PUBLISH", "a", &text]), int(1));
        expected.extend(message("a", &text));
    }
    late.expect(expected);
    late.check("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

/// The soft limit may be exceeded for some seconds, even if nothing more is published.
#[test]
fn past_the_soft_limit_a_subscriber_has_its_seconds() {
    let (server, mut publisher) = start("0 65536 4");
    let mut slow = subscriber(&server, "a");
    // In one go: to publish them must not take those seconds.
    let commands = (0..300).flat_map(|number| encode(&["PUBLISH", "a", &text(number)]));
    publisher.check(commands.collect::<Vec<u8>>(), int(1).repeat(300));
    let count = |count| format!("*2\r\n$1\r\na\r\n:{count}\r\n");
    publisher.check("PUBSUB NUMSUB a\r\n", count(1));
    wait_until("the subscriber is disconnected", || {
        publisher.send("PUBSUB NUMSUB a\r\n").reply() == count(0).as_bytes()
    });
    let received = rest(&mut slow).len();
    assert!(received < 300 * SIZE, "{received}");
}

/// Its commands are executed although its messages wait.
#[test]
fn a_slow_subscriber_can_unsubscribe() {
    let (server, mut publisher) = start("0 0 0");
    let mut slow = subscriber(&server, "a");
    let mut expected = Vec::new();
    for number in 0..300 {
        let text = text(number);
        publisher.check(encode(&["PUBLISH", "a", &text]), int(1));
        expected.extend(message("a", &text));
    }
    slow.expect_start("").send("UNSUBSCRIBE a\r\n");
    wait_until("the subscription ends", || {
        publisher.send("PUBSUB NUMSUB a\r\n").reply() == b"*2\r\n$1\r\na\r\n:0\r\n"
    });
    expected.extend_from_slice(b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
    slow.expect(expected);
}

#[test]
fn a_message_reaches_a_crowd() {
    const CROWD: usize = 1_000;
    const MESSAGES: usize = 20;
    let (server, mut publisher) = start("32mb 8mb 60");
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| subscriber(&server, "a")).collect();
    let commands: Vec<u8> = (0..MESSAGES)
        .flat_map(|number| encode(&["PUBLISH", "a", &number.to_string()]))
        .collect();
    publisher.check(commands, int(CROWD as i64).repeat(MESSAGES));
    let expected: Vec<u8> = (0..MESSAGES)
        .flat_map(|number| message("a", &number.to_string()))
        .collect();
    for client in &mut crowd {
        client.expect(&expected);
        // It is over: nobody needs to listen for more, a thousand times.
        client.expect_start("");
    }
}

#[test]
fn limits_are_set_by_class() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let name = "client-output-buffer-limit";
    let shown = |value: &str| [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat();
    let get = ["CONFIG", "GET", name];
    let first = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
    c.check(encode(&get), shown(first));
    for (value, expected) in [
        (
            "pubsub 1mb 2k 3",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2000 3",
        ),
        (
            "",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2000 3",
        ),
        (
            "REPLICA 5mb 0 +7 slave 6mb 0 007 Normal 1gb 0 0",
            "normal 1073741824 0 0 slave 6291456 0 7 pubsub 1048576 2000 3",
        ),
    ] {
        c.check(encode(&["CONFIG", "SET", name, value]), OK);
        c.check(encode(&get), shown(expected));
    }
    for (value, why) in [
        ("pubsub 1 2", "Wrong number of arguments in"),
        ("pubsub 1 2 3 ", "Wrong number of arguments in"),
        (
            "pubsub 1 2 3 master 1 2 3",
            "Invalid client class specified in",
        ),
        (
            "pubsub -1 2 3",
            "Error in hard, soft or soft_seconds setting in",
        ),
        (
            "pubsub 1 2 -3",
            "Error in hard, soft or soft_seconds setting in",
        ),
    ] {
        let error = format!(
            "-ERR CONFIG SET failed (possibly related to argument '{name}') - {why} buffer limit \
             configuration.\r\n"
        );
        c.check(encode(&["CONFIG", "SET", name, value]), error);
    }
}

/// Who does not take its replies may have to go as well, if one wants that.
#[test]
fn a_limit_for_others_than_subscribers() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let set = [
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "normal 1mb 0 0",
    ];
    c.check(encode(&set), OK);
    c.check(encode(&["SET", "k", &"x".repeat(2_000_000)]), OK);
    let mut other = Client::connect(&server);
    other.send("GET k\r\n");
    let received = rest(&mut other);
    assert!(received.len() < 2_000_000, "{}", received.len());
    c.check("PING\r\n", "+PONG\r\n");
}

/// How long too much may wait for it does not depend on whether it asks for more.
#[test]
fn past_the_soft_limit_a_quiet_client_has_its_seconds() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let name = "client-output-buffer-limit";
    c.check(encode(&["CONFIG", "SET", name, "normal 0 1mb 1"]), OK);
    c.check(encode(&["SET", "k", &"x".repeat(1 << 20)]), OK);
    let mut deaf = Client::connect(&server);
    deaf.send("GET k\r\n".repeat(40));
    let connected = |count| format!("connected_clients:{count}\r\n");
    let mut is_connected = |count| {
        let info = c.send("INFO clients\r\n").reply();
        String::from_utf8_lossy(&info).contains(&connected(count))
    };
    wait_until("both are there", || is_connected(2));
    wait_until("one is disconnected", || is_connected(1));
    let received = rest(&mut deaf).len();
    assert!(received < 40 << 20, "{received}");
}

/// Every client has room for so many bytes of replies anyway.
#[test]
fn a_short_reply_does_not_count() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let name = "client-output-buffer-limit";
    c.check(encode(&["CONFIG", "SET", name, "normal 1000 500 1"]), OK);
    c.check(encode(&["SET", "short", &"x".repeat(16_000)]), OK);
    c.check(encode(&["SET", "long", &"x".repeat(17_000)]), OK);
    c.check("GET short\r\n", bulk("x".repeat(16_000)));
    let mut other = Client::connect(&server);
    other.send("GET long\r\n");
    assert_eq!(rest(&mut other).len(), 0);
}

#[test]
fn client_list_tells_who_subscribes() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let mut other = subscriber(&server, "a");
    other.send("PSUBSCRIBE b c\r\n");
    other.reply();
    other.reply();
    let list = c.send("CLIENT LIST TYPE pubsub\r\n").reply();
    let list = String::from_utf8_lossy(&list);
    assert!(
        list.contains(" flags=P db=0 sub=1 psub=2 ssub=0 "),
        "{list}"
    );
    c.check("CLIENT KILL TYPE pubsub\r\n", int(1));
    c.check("PUBLISH a x\r\n", int(0));
    other.expect_closed();
}
