//! What the AOF and INFO have of a hand-over: both effects, the push first, as commands of which
//! neither waits.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::blocking_room::Room;
use crate::clients_seen::info;
use crate::harness::Server;

/// With `everysec` Redis may reply before it writes.
const FLAGS: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// A room whose server has an AOF, and the folder in which that is.
fn room(guests: usize) -> (Room, TempDir) {
    let data = TempDir::new().expect("a folder");
    let room = Room::new(Server::start_on(data.path(), FLAGS), guests);
    (room, data)
}

/// The commands in the AOF, each as a line; but Redis's own first one, which names the database.
fn logged(data: &Path) -> Vec<String> {
    let aof = fs::read_to_string(data.join("appendonlydir/appendonly.aof.1.incr.aof"));
    let aof = aof.expect("an AOF");
    let commands = aof.split("*").skip(1).map(|command| {
        let words = command.lines().skip(2).step_by(2);
        words.collect::<Vec<_>>().join(" ")
    });
    commands.filter(|line| line != "SELECT 0").collect()
}

#[test]
fn both_effects_are_in_the_aof_and_neither_waits() {
    let (mut room, data) = room(2);
    room.line(1, "BLPOP j k 0");
    room.line(0, "RPUSH k a b");
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert_eq!(logged(data.path()), ["RPUSH k a b", "LPOP k"]);
    // At once, it is the same.
    room.line(1, "BRPOP j k 0");
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
    assert_eq!(logged(data.path())[2..], ["RPOP k"]);
}

#[test]
fn each_command_is_in_the_aof_as_in_redis() {
    let (mut room, data) = room(2);
    let waits = [
        ("BLMPOP 0 2 j k RIGHT COUNT 2", "RPOP k 2"),
        ("BLMPOP 0 1 k LEFT COUNT 9", "LPOP k 3"),
        ("BLMOVE k d LEFT Right 0", "LMOVE k d left right"),
        ("BRPOPLPUSH k d 0", "RPOPLPUSH k d"),
    ];
    for (wait, effect) in waits {
        room.line(1, wait);
        room.line(0, "RPUSH k a b c");
        room.line(0, "UNLINK k");
        let log = logged(data.path());
        let from = log.iter().rposition(|it| it == "RPUSH k a b c");
        assert_eq!(log[from.map_or(0, |at| at + 1)], effect, "{wait}");
    }
    room.line(0, "RPUSH k a");
    room.line(1, "BLMOVE k d LEFT Right 0");
    let log = logged(data.path());
    assert_eq!(log.last().map(String::as_str), Some("LMOVE k d LEFT Right"));
}

/// Who takes one element of a list after a wait takes back what the push has counted.
#[test]
fn what_counts_as_a_change_is_what_counts_in_redis() {
    let mut room = Room::new(Server::start(), 3);
    let changes = |room: &mut Room| {
        let count = info(&mut room.observer, "rdb_changes_since_last_save");
        count.parse::<i64>().expect("a number")
    };
    for (waits, pushed, counted) in [
        (&[] as &[&str], "a b", 2),
        (&["BLPOP k 0"], "a b", 2),
        (&["BRPOP k 0", "BLPOP k 0"], "a b c", 3),
        (&["BLMOVE k d LEFT RIGHT 0", "BLPOP d 0"], "a b", 2),
        (&["BRPOPLPUSH k d 0"], "a b", 2),
        (&["BLMPOP 0 1 k LEFT"], "a b", 3),
        (&["BLMPOP 0 1 k LEFT COUNT 2"], "a b c", 5),
    ] {
        room.line(0, "UNLINK k d");
        for (guest, wait) in waits.iter().enumerate() {
            room.line(guest + 1, wait);
        }
        let before = changes(&mut room);
        room.line(0, &format!("RPUSH k {pushed}"));
        assert_eq!(changes(&mut room) - before, counted, "{waits:?}");
    }
    // What does not wait counts.
    let before = changes(&mut room);
    room.line(0, "RPUSH k a b");
    room.line(1, "BLPOP k 0");
    assert_eq!(changes(&mut room) - before, 3);
}
