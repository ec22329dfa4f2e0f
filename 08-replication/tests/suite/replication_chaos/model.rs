//! What a data set must be, from the commands that were accepted; and those commands.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::log::unix_milliseconds;
use crate::session::{int, strings};

/// Each key with its value and its deadline in unix milliseconds.
pub type Data = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

/// Of a key that ends sooner than this, in milliseconds, nothing is said: it may be over here
/// and not yet there.
const SOON: i64 = 60_000;

/// One command, of which the model knows what it does.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    let key = format!("key:{}", rng.u32(..60));
    let other = format!("key:{}", rng.u32(..60));
    let value = format!("value {}", rng.u32(..));
    let deadline = (unix_milliseconds() + rng.i64(SOON * 10..SOON * 1000)).to_string();
    let line = match rng.u32(..100) {
        0..30 => format!("SET {key} {}", value.replace(' ', "_")),
        30..40 => format!("SET {key} v PXAT {deadline}"),
        40..46 => format!("SET {key} kept KEEPTTL"),
        46..54 => format!("APPEND {key} +{}", rng.u8(..)),
        54..62 => format!("PEXPIREAT {key} {deadline}"),
        62..66 => format!("PERSIST {key}"),
        66..74 => format!("DEL {key}"),
        74..79 => format!("RENAME {key} {other}"),
        79..90 => format!("INCR counter:{}", rng.u8(..5)),
        90..97 => format!("SET soon:{} v PX {}", rng.u8(..20), rng.u32(1..500)),
        97 if rng.u8(..8) == 0 => "FLUSHALL".to_owned(),
        _ => return large(rng, 100_000),
    };
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

/// Sets a value of up to `most` bytes, which cannot be compressed.
pub fn large(rng: &mut Rng, most: usize) -> Vec<Vec<u8>> {
    let mut value = vec![0; rng.usize(most / 2..most)];
    rng.fill(&mut value);
    let key = format!("large:{}", rng.u8(..8)).into_bytes();
    vec![b"SET".to_vec(), key, value]
}

/// Does to `data` what the command has done to a server that answered `reply`.
pub fn apply(data: &mut Data, command: &[Vec<u8>], reply: &[u8]) {
    if reply.starts_with(b"-") {
        return;
    }
    let word = |index: usize| str::from_utf8(&command[index]).unwrap_or_default();
    let key = command.get(1).cloned().unwrap_or_default();
    let number = |index: usize| word(index).parse::<i64>().expect("a number");
    match (word(0), command.len()) {
        ("SET", 3) => drop(data.insert(key, (command[2].clone(), None))),
        ("SET", 4) => {
            let deadline = data.get(&key).and_then(|(_, deadline)| *deadline);
            data.insert(key, (command[2].clone(), deadline));
        }
        ("SET", _) => {
            let base = if word(3) == "PX" {
                unix_milliseconds()
            } else {
                0
            };
            data.insert(key, (command[2].clone(), Some(base + number(4))));
        }
        ("APPEND", _) => data.entry(key).or_default().0.extend(&command[2]),
        ("INCR", _) => {
            let value = reply[1..].trim_ascii_end().to_vec();
            data.entry(key).or_default().0 = value;
        }
        ("PEXPIREAT", _) => {
            data.entry(key).and_modify(|it| it.1 = Some(number(2)));
        }
        ("PERSIST", _) => drop(data.entry(key).and_modify(|it| it.1 = None)),
        ("DEL", _) => drop(data.remove(&key)),
        ("RENAME", _) => {
            let moved = data.remove(&key).expect("the key that was renamed");
            data.insert(command[2].clone(), moved);
        }
        _ => data.clear(),
    }
}

/// What is in replies to KEYS, PEXPIRETIME and GET.
pub fn entry(value: &[u8], deadline: &[u8]) -> Option<(Vec<u8>, Option<i64>)> {
    let value = strings(value).pop()?;
    let deadline = String::from_utf8_lossy(&deadline[1..]).trim_end().parse();
    let deadline: i64 = deadline.expect("a deadline");
    Some((value, (deadline != -1).then_some(deadline)))
}

/// Those that end no time soon.
pub fn lasting(mut data: Data) -> Data {
    let soon = unix_milliseconds() + SOON;
    data.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline > soon));
    data
}

/// In what the two differ, for a person.
pub fn difference(expected: &Data, found: &Data) -> String {
    let shown = |entry: Option<&(Vec<u8>, Option<i64>)>| match entry {
        Some((value, deadline)) => {
            let start = &value[..value.len().min(30)];
            format!(
                "{:?} ({} bytes) until {deadline:?}",
                start.escape_ascii().to_string(),
                value.len()
            )
        }
        None => "nothing".to_owned(),
    };
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| expected.get(*key) != found.get(*key));
    let lines = differ.map(|key| {
        let (expected, found) = (shown(expected.get(key)), shown(found.get(key)));
        format!("  {}: {found} instead of {expected}\n", key.escape_ascii())
    });
    let lines: Vec<String> = lines.collect();
    let first = lines[..lines.len().min(10)].concat();
    format!(
        "{} keys of {} differ:\n{first}",
        lines.len(),
        expected.len()
    )
}

#[test]
fn the_model_does_what_a_server_does() {
    let mut data = Data::new();
    let mut run = |line: &str, reply: &str| {
        let command: Vec<_> = line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        apply(&mut data, &command, reply.as_bytes());
        data.clone()
    };
    run("SET a 1 PXAT 33000000000000", "+OK\r\n");
    run("SET a 2 KEEPTTL", "+OK\r\n");
    run("RENAME a b", "+OK\r\n");
    run("RENAME nothing b", "-ERR no such key\r\n");
    let data = run("INCR b", &int(3));
    let b = (b"3".to_vec(), Some(33_000_000_000_000));
    assert_eq!(data, Data::from([(b"b".to_vec(), b)]));
    assert_eq!(run("PERSIST b", &int(1))[&b"b"[..]].1, None);
}
