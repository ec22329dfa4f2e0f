//! COMMAND: what a server says of its commands, and where it agrees with Redis.
//!
//! Reread: advanced/README.md#the-advanced-track

use std::collections::BTreeSet;

use crate::harness::Server;
use crate::session::{SYNTAX, Session, bulk, strings};

/// Commands that exercises add. What COMMAND says of them is not asked there.
const OF_EXERCISES: &[&str] = &["bitcount", "bitop", "geoadd", "geopos", "sort", "sort_ro"];

fn names(c: &mut Session, filter: &[&str]) -> BTreeSet<String> {
    let found = c.strings(&[&["COMMAND", "LIST"], filter].concat());
    let names = found
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned());
    names
        .filter(|name| !OF_EXERCISES.contains(&name.as_str()))
        .collect()
}

/// The keys with what is done to them, as an array of pairs.
fn keys(keys: &[(&str, &[&str])]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", keys.len()).into_bytes();
    for (key, flags) in keys {
        reply.extend(b"*2\r\n");
        reply.extend(bulk(key));
        reply.extend(format!("*{}\r\n", flags.len()).bytes());
        flags
            .iter()
            .for_each(|flag| reply.extend(format!("+{flag}\r\n").bytes()));
    }
    reply
}

/// COMMAND INFO is what Redis says, to the byte. Those with subcommands are left out: Redis has them in
/// another order at each start, and each is compared by itself.
#[test]
fn what_is_said_of_each_command() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let server = Server::start();
    let pair = [&server, &redis].map(|it| Session::connect(it.addr()));
    let [mut ours, mut theirs] = pair;
    let all = names(&mut ours, &[]);
    let is_container = |name: &&String| all.iter().any(|it| it.starts_with(&format!("{name}|")));
    let (_, commands): (Vec<_>, Vec<_>) = all.iter().partition(is_container);
    let text = |reply: &[u8]| reply.escape_ascii().to_string();
    assert!(commands.len() > 50, "{}", commands.len());
    for hello in ["HELLO 2", "HELLO 3"] {
        let words: Vec<&str> = hello.split(' ').collect();
        ours.call(&words);
        theirs.call(&words);
        for name in &commands {
            let [ours, theirs] =
                [&mut ours, &mut theirs].map(|it| it.call(&["COMMAND", "INFO", name]));
            assert_eq!(text(&ours), text(&theirs), "{hello}: {name}");
        }
    }
}

#[test]
fn keys_are_found_with_what_is_done_to_them() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    for (command, expected) in [
        ("GET k", &[("k", &["RO", "access"][..])][..]),
        ("set k v", &[("k", &["OW", "update"])]),
        (
            "mset a 1 b 2",
            &[("a", &["OW", "update"]), ("b", &["OW", "update"])],
        ),
        (
            "del a b",
            &[("a", &["RM", "delete"]), ("b", &["RM", "delete"])],
        ),
        (
            "rename a b",
            &[("a", &["RW", "access", "delete"]), ("b", &["OW", "update"])],
        ),
        (
            "copy a b",
            &[("a", &["RO", "access"]), ("b", &["OW", "update"])],
        ),
        ("object encoding k", &[("k", &["RO"])]),
        ("expire k 1", &[("k", &["RW", "update"])]),
    ] {
        c.expect(
            &format!("COMMAND GETKEYSANDFLAGS {command}"),
            keys(expected),
        );
    }
    for name in ["GETKEYS", "GETKEYSANDFLAGS"] {
        for (command, why) in [
            ("bogus x", "Invalid command specified"),
            ("ping x", "The command has no key arguments"),
            (
                "get a b",
                "Invalid number of arguments specified for command",
            ),
        ] {
            c.expect(
                &format!("COMMAND {name} {command}"),
                format!("-ERR {why}\r\n"),
            );
        }
    }
}

#[test]
fn the_list_can_be_filtered() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let all = names(&mut c, &[]);
    assert!(all.contains("get") && all.contains("config|get"));
    assert!(names(&mut c, &["FILTERBY", "MODULE", "x"]).is_empty());
    assert!(names(&mut c, &["FILTERBY", "ACLCAT", "bogus"]).is_empty());
    let rewrite = names(&mut c, &["filterby", "pattern", "config|re*"]);
    assert_eq!(
        Vec::from_iter(rewrite),
        ["config|resetstat", "config|rewrite"]
    );
    let fast = names(&mut c, &["FILTERBY", "ACLCAT", "Fast"]);
    assert!(fast.contains("get") && !fast.contains("keys"));
    for filter in [
        "FILTERBY",
        "FILTERBY MODULE",
        "FILTERBY X y",
        "FILTERBY PATTERN x y",
        "x",
    ] {
        c.expect(&format!("COMMAND LIST {filter}"), SYNTAX);
    }
}

/// Each command is in the categories in which it is in Redis.
#[test]
fn categories_are_those_of_redis() {
    let server = Server::start();
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let (mut ours, mut theirs) = (
        Session::connect(server.addr()),
        Session::connect(redis.addr()),
    );
    let all = names(&mut ours, &[]);
    let known = names(&mut theirs, &[]);
    for category in [
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ] {
        let filter = ["FILTERBY", "ACLCAT", category];
        let (ours, theirs) = (names(&mut ours, &filter), names(&mut theirs, &filter));
        let in_both = |names: &BTreeSet<String>| -> BTreeSet<String> {
            names
                .intersection(&all)
                .filter(|it| known.contains(*it))
                .cloned()
                .collect()
        };
        assert_eq!(in_both(&ours), in_both(&theirs), "{category}");
    }
}

/// What is done to keys is what Redis says.
#[test]
fn keys_and_flags_are_those_of_redis() {
    let server = Server::start();
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let (mut ours, mut theirs) = (
        Session::connect(server.addr()),
        Session::connect(redis.addr()),
    );
    for name in names(&mut ours, &[]) {
        let words: Vec<&str> = name.split('|').collect();
        for length in 0..5 {
            let args = vec!["a"; length];
            let command = [&["COMMAND", "GETKEYSANDFLAGS"], &words[..], &args].concat();
            if command.len() < 4 {
                continue;
            }
            let (ours, theirs) = (ours.call(&command), theirs.call(&command));
            let shown = String::from_utf8_lossy(&ours);
            assert_eq!(shown, String::from_utf8_lossy(&theirs), "{command:?}");
            assert!(strings(&ours).len() <= 4);
        }
    }
}
