//! Keyspace notifications of sorted sets: which event each command publishes.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::client::Client;
use crate::harness::Server;
use crate::session::{OK, Session, bulk};

/// A subscriber to all events of a server that publishes these classes.
pub struct Listener {
    subscriber: Client,
    writer: Session,
}

impl Listener {
    pub fn new(server: &Server, classes: &str) -> Self {
        let mut writer = Session::connect(server.addr());
        writer.expect(&format!("CONFIG SET notify-keyspace-events {classes}"), OK);
        let mut subscriber = Client::connect(server);
        subscriber.send("PSUBSCRIBE *\r\n").reply();
        Self { subscriber, writer }
    }

    /// Sends a command, and compares the events, `event key`, that come of it. What is published
    /// after it shows where they end.
    #[track_caller]
    pub fn check(&mut self, command: &str, events: &[&str]) {
        let args: Vec<&str> = command.split(' ').collect();
        self.writer.call(&args);
        self.writer.call(&["PUBLISH", "end", command]);
        for event in events {
            let (event, key) = event.split_once(' ').expect("an event and a key");
            self.expect(&format!("__keyevent@0__:{event}"), key);
        }
        self.expect("end", command);
    }

    #[track_caller]
    fn expect(&mut self, channel: &str, message: &str) {
        let words = ["pmessage", "*", channel, message].map(bulk);
        let expected = [b"*4\r\n".to_vec(), words.concat()].concat();
        self.subscriber.expect_start(expected);
    }
}

#[test]
fn each_command_has_its_event() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    for (command, events) in [
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g", &["zadd z"][..]),
        ("ZADD z 1 a", &[]),
        ("ZADD z XX 1 x", &[]),
        ("ZADD z INCR 1 a", &["zincr z"]),
        ("ZADD z INCR 0 a", &[]),
        ("ZINCRBY z -1 a", &["zincr z"]),
        ("ZREM z x", &[]),
        ("ZREM z a x", &["zrem z"]),
        ("ZPOPMIN z", &["zpopmin z"]),
        ("ZPOPMAX z 0", &[]),
        ("ZPOPMAX z 1", &["zpopmax z"]),
        ("ZMPOP 2 none z MIN", &["zpopmin z"]),
        ("ZRANGE z 0 -1", &[]),
        ("ZRANGESTORE r z 0 -1", &["zrangestore r"]),
        ("ZUNIONSTORE u 2 z r", &["zunionstore u"]),
        ("ZINTERSTORE u 2 z r", &["zinterstore u"]),
        ("ZDIFFSTORE u 2 z r", &["del u"]),
        ("ZDIFFSTORE u 2 z u", &["zdiffstore u"]),
        ("ZRANGESTORE u z 9 9", &["del u"]),
        ("ZRANGESTORE u z 9 9", &[]),
        ("ZREMRANGEBYSCORE z 9 9", &[]),
        ("ZREMRANGEBYSCORE z 4 4", &["zremrangebyscore z"]),
        ("ZREMRANGEBYRANK z 0 -1", &["zremrangebyrank z", "del z"]),
        ("ZADD z 0 a 0 b", &["zadd z"]),
        ("ZREMRANGEBYLEX z [a [a", &["zremrangebylex z"]),
        ("ZMPOP 1 z MAX COUNT 9", &["zpopmax z", "del z"]),
        ("ZREM r d e f", &["zrem r", "del r"]),
    ] {
        l.check(command, events);
    }
}
