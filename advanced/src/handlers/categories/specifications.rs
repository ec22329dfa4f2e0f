//! The key specifications of COMMAND INFO: where the keys of a command are, and what it does to them
//! (`addReplyCommandKeySpecs`).

use crate::command::Command;
use crate::resp::Reply;

/// Where some of the keys are.
enum Place {
    /// From this position to the last, which is counted from the first unless it is negative; and how
    /// far it is from key to key.
    Range { first: i64, last: i64, step: i64 },
    /// After their number, which is at this position.
    Counted(i64),
}

/// What a client must know besides the flags.
const NOTES: &[(&str, &str)] = &[
    ("getex", "RW and UPDATE because it changes the TTL"),
    ("set", "RW and ACCESS due to the optional `GET` argument"),
];

/// Writes the key specifications of a command. `flags` say what it does to its first key, and to the
/// others if that is different.
pub fn write(reply: &mut Reply<'_>, command: &Command, flags: &[&[&str]]) {
    let places = places(command, flags.len());
    reply.set(places.len());
    for (place, flags) in places.iter().zip(flags) {
        let note = NOTES.iter().find(|(name, _)| *name == command.name);
        reply.map(3 + note.iter().count());
        if let Some((_, note)) = note {
            reply.bulk(b"notes");
            reply.bulk(note.as_bytes());
        }
        reply.bulk(b"flags");
        reply.set(flags.len());
        flags.iter().for_each(|flag| reply.simple(flag));
        describe(reply, place);
    }
}

/// Where the keys are, if this many things are done to them.
fn places(command: &Command, groups: usize) -> Vec<Place> {
    let keys = &command.keys;
    let relative = |last: i64, first: i64| if last < 0 { last } else { last - first };
    let range = |first: i64, last: i64| Place::Range {
        first,
        last: relative(last, first),
        step: keys.step,
    };
    let counted = keys.count_at().map(|it| Place::Counted(it as i64));
    match (keys.first, counted, groups) {
        (0, counted, _) => counted.into_iter().collect(),
        (first, Some(counted), _) => vec![range(first, first), counted],
        (first, None, 1) => vec![range(first, keys.last)],
        (first, None, _) => vec![range(first, first), range(first + 1, keys.last)],
    }
}

fn describe(reply: &mut Reply<'_>, place: &Place) {
    let index = match place {
        Place::Range { first, .. } => first,
        Place::Counted(position) => position,
    };
    reply.bulk(b"begin_search");
    specification(reply, "index", &[("index", *index)]);
    reply.bulk(b"find_keys");
    match place {
        Place::Range { last, step, .. } => {
            let fields = [("lastkey", *last), ("keystep", *step), ("limit", 0)];
            specification(reply, "range", &fields);
        }
        Place::Counted(_) => {
            let fields = [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
            specification(reply, "keynum", &fields);
        }
    }
}

fn specification(reply: &mut Reply<'_>, kind: &str, fields: &[(&str, i64)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, number) in fields {
        reply.bulk(name.as_bytes());
        reply.integer(*number);
    }
}
