//! Commands that wait for a list: who is served, when, with what, and what others see of it.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use crate::blocking_room::Room;
use crate::client::Client;
use crate::clients_seen::{ask, field, info, line_of, with_id};
use crate::harness::{Server, amount, wait_until};
use crate::session::Session;

/// A room with so many guests.
fn room(guests: usize) -> Room {
    Room::new(Server::start(), guests)
}

#[test]
fn what_is_there_is_taken_at_once() {
    let mut room = room(1);
    room.line(0, "RPUSH k a b c d e f g h");
    room.expect(0, ":8\r\n");
    for (command, reply) in [
        ("BLPOP none k 0", "*2\r\n$1\r\nk\r\n$1\r\na\r\n"),
        ("BRPOP k none 0", "*2\r\n$1\r\nk\r\n$1\r\nh\r\n"),
        ("BLMOVE k d LEFT right 0", "$1\r\nb\r\n"),
        ("BRPOPLPUSH k d 0", "$1\r\ng\r\n"),
        (
            "BLMPOP 0 2 none k left",
            "*2\r\n$1\r\nk\r\n*1\r\n$1\r\nc\r\n",
        ),
        (
            "BLMPOP 0 1 k RIGHT count 9",
            "*2\r\n$1\r\nk\r\n*3\r\n$1\r\nf\r\n$1\r\ne\r\n$1\r\nd\r\n",
        ),
        ("EXISTS k", ":0\r\n"),
        ("LRANGE d 0 -1", "*2\r\n$1\r\ng\r\n$1\r\nb\r\n"),
    ] {
        room.line(0, command);
        room.expect(0, reply);
    }
}

#[test]
fn arguments_are_checked_before_anybody_waits() {
    let mut room = room(1);
    room.line(0, "SET s x");
    room.heard(0);
    let float = "-ERR timeout is not a float or out of range\r\n";
    let negative = "-ERR timeout is negative\r\n";
    let syntax = "-ERR syntax error\r\n";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    let numkeys = "-ERR numkeys should be greater than 0\r\n";
    for (command, reply) in [
        ("BLPOP s x", float),
        ("BLPOP k nan", float),
        ("BLPOP k ", float),
        ("BRPOP s -1", negative),
        ("BRPOP k 1e30", negative),
        ("BRPOP k inf", negative),
        ("BRPOP k 0x7FFFFFFFFFFFFFFF", negative),
        ("BLPOP k s 0", wrong_type),
        (
            "BLPOP k",
            "-ERR wrong number of arguments for 'blpop' command\r\n",
        ),
        ("BLMOVE k d up left x", syntax),
        ("BLMOVE k d left up x", syntax),
        ("BLMOVE k d left right x", float),
        ("BLMOVE s d left right 0", wrong_type),
        ("BRPOPLPUSH s d -1", negative),
        ("BRPOPLPUSH s d 0", wrong_type),
        ("BLMPOP x 0 k left", numkeys),
        ("BLMPOP x x k left", numkeys),
        ("BLMPOP x 9223372036854775807 k left", syntax),
        ("BLMPOP x 2 k left", syntax),
        ("BLMPOP x 1 k up", syntax),
        ("BLMPOP x 1 k left COUNT", syntax),
        ("BLMPOP x 1 k left COUNT 1 COUNT 1", syntax),
        (
            "BLMPOP x 1 k left COUNT 0",
            "-ERR count should be greater than 0\r\n",
        ),
        ("BLMPOP x 1 k left COUNT 1", float),
        ("BLMPOP -1 1 s left", negative),
        ("BLMPOP 0 1 s left", wrong_type),
    ] {
        room.line(0, command);
        let heard = room.heard(0);
        assert_eq!(String::from_utf8_lossy(&heard), reply, "{command}");
    }
}

#[test]
fn a_wait_that_is_late_ends_with_a_null_array() {
    let mut room = room(2);
    room.line(1, "HELLO 3");
    room.heard(1);
    for command in [
        "BLPOP k j 0.01",
        "BRPOP k 1e-3",
        "BLMOVE k d left right 0x0.01",
        "BRPOPLPUSH k d 0.001",
        "BLMPOP 0.01 1 k left",
    ] {
        for (guest, reply) in [(0, "*-1\r\n"), (1, "_\r\n")] {
            room.line(guest, command);
            wait_until("the wait is late", || {
                room.settle();
                !room.waits(guest)
            });
            room.expect(guest, reply);
        }
    }
    // It is not in the queue any more.
    room.line(0, "RPUSH k a");
    room.expect(0, ":1\r\n");
    room.line(0, "LPOP k");
    room.expect(0, "$1\r\na\r\n");
}

#[test]
fn who_came_first_is_served_first() {
    let mut room = room(5);
    room.line(1, "BLPOP a b 0");
    room.line(2, "BRPOP b a 0");
    room.line(3, "BLMPOP 0 2 b c LEFT COUNT 2");
    room.line(4, "BLPOP c b 0");
    room.line(0, "RPUSH b 1 2 3 4 5");
    room.expect(0, ":5\r\n");
    room.expect(1, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    room.expect(2, "*2\r\n$1\r\nb\r\n$1\r\n5\r\n");
    room.expect(3, "*2\r\n$1\r\nb\r\n*2\r\n$1\r\n2\r\n$1\r\n3\r\n");
    room.expect(4, "*2\r\n$1\r\nb\r\n$1\r\n4\r\n");
    room.line(0, "EXISTS b");
    room.expect(0, ":0\r\n");
}

/// Nobody is served in the middle of a command, nor later than directly after it.
#[test]
fn the_waiting_command_comes_directly_after_the_one_that_creates_the_key() {
    let mut room = room(2);
    room.line(1, "BLPOP k 0");
    let lines = ["LPUSH k a b", "LLEN k", "LPUSH k c", "LRANGE k 0 -1"];
    room.say(0, &lines.map(|line| line.split(' ').collect()));
    room.expect(0, ":2\r\n:1\r\n:2\r\n*2\r\n$1\r\nc\r\n$1\r\na\r\n");
    // LPUSH had pushed both before anybody was served.
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
}

#[test]
fn what_is_served_can_create_the_key_that_another_waits_for() {
    let mut room = room(5);
    room.line(1, "BLMOVE a b LEFT RIGHT 0");
    room.line(2, "BRPOPLPUSH b c 0");
    room.line(3, "BLMOVE c a LEFT RIGHT 0");
    room.line(4, "BLPOP a 0");
    // All of them are served before the next command.
    let lines = ["RPUSH a x", "DBSIZE"];
    room.say(0, &lines.map(|line| line.split(' ').collect()));
    room.expect(0, ":1\r\n:0\r\n");
    for guest in 1..4 {
        room.expect(guest, "$1\r\nx\r\n");
    }
    room.expect(4, "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
}

#[test]
fn a_list_can_move_into_itself() {
    let mut room = room(3);
    room.line(1, "BRPOPLPUSH k k 0");
    room.line(2, "BLPOP k 0");
    room.line(0, "RPUSH k x");
    room.expect(1, "$1\r\nx\r\n");
    room.expect(2, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

#[test]
fn only_a_list_is_of_use() {
    let mut room = room(2);
    room.line(1, "BLPOP k 0");
    for line in ["SET k x", "APPEND k y", "DEL k", "HSET k f v", "DEL k"] {
        room.line(0, line);
        assert!(room.waits(1), "{line}");
    }
    room.line(0, "LPUSH k a");
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
}

/// The key of a list can come into being in many ways.
#[test]
fn whatever_creates_a_list_serves() {
    let mut room = room(2);
    room.line(0, "RPUSH list a");
    room.line(0, "SET other x");
    room.line(0, "DUMP list");
    let reply = room.heard(0);
    let dump = reply.windows(4).position(|four| four == b"\r\n\x12\x01");
    let start = dump.map_or(0, |at| at + 2);
    let payload = &reply[start..reply.len() - 2];
    let ways: [Vec<&[u8]>; 6] = [
        vec![b"COPY", b"list", b"k"],
        vec![b"RENAME", b"copy", b"k"],
        vec![b"RESTORE", b"k", b"0", payload],
        vec![b"LMOVE", b"copy", b"k", b"LEFT", b"LEFT"],
        vec![b"RENAMENX", b"copy", b"k"],
        vec![b"RPOPLPUSH", b"copy", b"k"],
    ];
    for way in ways {
        room.line(0, "COPY list copy REPLACE");
        room.line(1, "BLPOP k 0");
        room.say(
            0,
            std::slice::from_ref(&way.iter().map(|it| it.to_vec()).collect()),
        );
        room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    }
    // The key is there, as something else, and is replaced.
    for line in ["COPY list k REPLACE", "RENAME copy k"] {
        room.line(0, "COPY list copy REPLACE");
        room.line(1, "BLPOP k 0");
        room.line(0, "SET k x");
        room.line(0, line);
        room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    }
}

#[test]
fn a_destination_that_is_no_list_is_an_error_and_nothing_is_lost() {
    let mut room = room(4);
    room.line(0, "SET s x");
    room.line(1, "BLMOVE k s LEFT RIGHT 0");
    room.line(2, "BRPOPLPUSH k s 0");
    room.line(3, "BLPOP k 0");
    room.line(0, "RPUSH k a b");
    let error = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    room.expect(1, error);
    room.expect(2, error);
    room.expect(3, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    room.line(0, "LRANGE k 0 -1");
    room.expect(0, "+OK\r\n:2\r\n*1\r\n$1\r\nb\r\n");
}

#[test]
fn what_follows_in_the_pipeline_waits_too() {
    let mut room = room(2);
    let lines = ["SET x 1", "BLPOP k 0", "INCR x", "BLPOP k 0", "INCR x"];
    room.say(1, &lines.map(|line| line.split(' ').collect()));
    room.line(0, "GET x");
    room.line(0, "LPUSH k a");
    room.line(0, "GET x");
    room.line(0, "LPUSH k b");
    room.expect(0, "$1\r\n1\r\n:1\r\n$1\r\n2\r\n:1\r\n");
    // The replies before a wait may come a moment later than the wait is seen.
    let pops = ["a", "b"].map(|it| format!("*2\r\n$1\r\nk\r\n$1\r\n{it}\r\n"));
    room.expect(1, &format!("+OK\r\n{}:2\r\n{}:3\r\n", pops[0], pops[1]));
}

#[test]
fn others_see_who_waits() {
    let server = Server::start();
    let (mut c, _) = with_id(&server);
    let (mut waiter, id) = with_id(&server);
    let seen = |c: &mut Client| {
        let line = line_of(c, &id);
        let fields = ["flags", "cmd", "argv-mem"].map(|name| field(&line, name).to_owned());
        let counts = ["blocked_clients", "clients_in_timeout_table"].map(|name| info(c, name));
        (fields.join(" "), counts.join(" "))
    };
    for (command, cmd, argv, counts) in [
        ("BLPOP k 0", "blpop", 7, "1 0"),
        ("BLMPOP 1000 1 k LEFT", "blmpop", 16, "1 1"),
    ] {
        waiter.send(format!("{command}\r\n"));
        wait_until("it waits", || seen(&mut c).0.starts_with("b "));
        assert_eq!(seen(&mut c), (format!("b {cmd} {argv}"), counts.into()));
        assert_eq!(ask(&mut c, "RPUSH k a"), ":1");
        // Directly after that it does not wait any more, whether or not it has been told.
        assert_eq!(seen(&mut c), (format!("N {cmd} 0"), "0 0".into()));
        waiter.reply();
    }
}

#[test]
fn client_unblock_ends_a_wait_for_a_key() {
    let mut room = room(3);
    let id = room.id(1).to_owned();
    let error = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    for (option, reply) in [("", "*-1\r\n"), (" TIMEOUT", "*-1\r\n"), (" ERROR", error)] {
        room.line(1, "BLPOP k j 0");
        room.line(2, "BLPOP k 0");
        // What is pushed in the same pipeline is for the next.
        let unblock = format!("CLIENT UNBLOCK {id}{option}");
        let lines = [&unblock[..], "RPUSH k a", &unblock[..]];
        room.say(0, &lines.map(|line| line.split(' ').collect()));
        room.expect(0, ":1\r\n:1\r\n:0\r\n");
        room.expect(1, reply);
        room.expect(2, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    }
    // Who has been served is not unblocked.
    room.line(1, "BLPOP k j 0");
    let lines = ["RPUSH k a".to_owned(), format!("CLIENT UNBLOCK {id} ERROR")];
    room.say(0, &lines.each_ref().map(|line| line.split(' ').collect()));
    room.expect(0, ":1\r\n:0\r\n");
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
}

#[test]
fn a_client_that_wants_no_reply_is_served_too() {
    let server = Server::start();
    let (mut c, mut waiter) = (Client::connect(&server), Client::connect(&server));
    waiter.send("CLIENT REPLY OFF\r\nBLPOP k 0\r\nCLIENT REPLY ON\r\n");
    wait_until("it waits", || info(&mut c, "blocked_clients") == "1");
    assert_eq!(ask(&mut c, "RPUSH k a"), ":1");
    waiter.expect("+OK\r\n");
    assert_eq!(ask(&mut c, "EXISTS k"), ":0");
}

#[test]
fn events_come_in_redis_order() {
    let server = Server::start();
    let mut subscriber = Client::connect(&server);
    let mut room = Room::new(server, 4);
    room.line(0, "CONFIG SET notify-keyspace-events KEA");
    subscriber.send("PSUBSCRIBE __keyevent*\r\n").reply();
    room.line(1, "BLPOP a 0");
    room.line(2, "BLMOVE a b LEFT RIGHT 0");
    room.line(3, "BLMPOP 0 1 b RIGHT COUNT 7");
    room.line(0, "RPUSH a 1 2");
    let mut events = Vec::new();
    while events.last().is_none_or(|last| last != "end x") {
        if events.len() == 7 {
            room.line(0, "SET x y");
            room.line(0, "PUBLISH __keyevent@0__:end x");
        }
        let words = crate::session::strings(&subscriber.reply());
        let [_, _, event, key] = &words[..] else {
            panic!("no event: {words:?}");
        };
        let event = String::from_utf8_lossy(event).replace("__keyevent@0__:", "");
        events.push(format!("{event} {}", String::from_utf8_lossy(key)));
    }
    let expected = [
        "rpush a", "lpop a", "rpush b", "lpop a", "del a", "rpop b", "del b", "set x", "end x",
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_wait_is_counted_once_and_noted_when_it_is_over() {
    let server = Server::start();
    let mut room = Room::new(server, 2);
    room.line(0, "CONFIG SET slowlog-log-slower-than 0");
    room.line(0, "CONFIG RESETSTAT");
    room.line(1, "BLPOP k 0");
    let calls = |room: &mut Room| {
        let stats = info(&mut room.observer, "cmdstat_blpop");
        stats.split(',').next().unwrap_or_default().to_owned()
    };
    assert_eq!(calls(&mut room), "calls=1");
    let noted = |room: &mut Room| {
        let log = room.observer.send("SLOWLOG GET 100\r\n").reply();
        String::from_utf8_lossy(&log).matches("BLPOP").count()
    };
    assert_eq!(noted(&mut room), 0);
    room.line(0, "RPUSH k a");
    assert_eq!((calls(&mut room), noted(&mut room)), ("calls=1".into(), 1));
    // What fails after a wait is a call that has failed.
    room.line(0, "SET s x");
    room.line(1, "BLMOVE k s LEFT LEFT 0");
    room.line(0, "RPUSH k a");
    let stats = info(&mut room.observer, "cmdstat_blmove");
    assert!(
        stats.ends_with("rejected_calls=0,failed_calls=1"),
        "{stats}"
    );
    assert_eq!(info(&mut room.observer, "errorstat_WRONGTYPE"), "count=1");
}

/// A monitor sees the command when it comes, and not when it is served.
#[test]
fn a_monitor_sees_a_wait_once() {
    let server = Server::start();
    let mut monitor = Client::connect(&server);
    let mut room = Room::new(server, 2);
    monitor.check("MONITOR\r\n", "+OK\r\n");
    room.line(1, "BLPOP k 0");
    room.line(0, "RPUSH k a");
    room.line(0, "ECHO end");
    let mut lines = Vec::new();
    while lines
        .last()
        .is_none_or(|line: &String| !line.contains("ECHO"))
    {
        let line = String::from_utf8_lossy(&monitor.reply()).into_owned();
        if !line.contains("CLIENT") && !line.contains("client") {
            lines.push(line);
        }
    }
    let words = ["BLPOP", "RPUSH", "ECHO"];
    assert_eq!(lines.len(), words.len(), "{lines:?}");
    assert!(
        words
            .iter()
            .zip(&lines)
            .all(|(word, line)| line.contains(word))
    );
}

#[test]
fn a_thousand_wait_for_one_key_in_order() {
    let count = amount(1000);
    let server = Server::start();
    let (mut c, _) = with_id(&server);
    let mut waiters: Vec<Session> = Vec::new();
    for number in 1..=count {
        let mut waiter = Session::connect(server.addr());
        waiter.send(b"BLPOP k 0\r\n");
        waiters.push(waiter);
        wait_until("it waits", || {
            info(&mut c, "blocked_clients") == number.to_string()
        });
    }
    // Those with odd numbers leave.
    for number in (0..count).rev().step_by(2) {
        drop(waiters.remove(number));
    }
    wait_until("they are gone", || {
        info(&mut c, "blocked_clients") == (count / 2).to_string()
    });
    let elements: Vec<String> = (0..count / 2).map(|it| it.to_string()).collect();
    let push = format!("RPUSH k {}", elements.join(" "));
    assert_eq!(ask(&mut c, &push), format!(":{}", count / 2));
    for (waiter, element) in waiters.iter_mut().zip(&elements) {
        let expected = format!("*2\r\n$1\r\nk\r\n${}\r\n{element}\r\n", element.len());
        assert_eq!(String::from_utf8_lossy(&waiter.reply()), expected);
    }
    assert_eq!(ask(&mut c, "EXISTS k"), ":0");
}
