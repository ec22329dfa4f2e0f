//! The faults, in one table. Each is one that servers in the making really have.

use anyhow::Result;

use crate::commands::{Change, Exchange};
use crate::{flags, resp};

/// A way in which a server is wrong.
pub struct Fault {
    pub name: &'static str,
    /// The step whose suites find it first.
    pub step: u8,
    /// Words in the name of a test that finds it.
    pub found_by: &'static str,
    pub breaks: &'static str,
    pub how: How,
}

/// Where the fault sits.
pub enum How {
    /// In what is made of a command.
    Commands(Change),
    /// In bytes, whatever they mean: how a connection lives, and what comes back.
    Pieces(Life, fn(&mut Vec<u8>)),
    /// In what is there when the server starts.
    Start(fn(&mut Vec<String>) -> Result<()>),
}

impl How {
    /// The one of `NONE` that is broken in the same place.
    pub fn none(&self) -> &'static str {
        match self {
            How::Commands(_) => "none",
            How::Pieces(..) => "none-in-pieces",
            How::Start(_) => "none-at-start",
        }
    }
}

/// How a connection lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Whole,
    /// It ends after the first piece that was echoed.
    FirstPieceOnly,
    /// It ends as soon as the client says that it will send no more.
    HalfCloseIsAll,
    /// It begins when the one before has ended.
    OneByOne,
    /// The server never hears that the client is gone.
    Endless,
}

/// No fault, to see that passing things on breaks nothing by itself.
pub const NONE: [Fault; 3] = [
    Fault {
        name: "none-at-start",
        step: 5,
        found_by: "",
        breaks: "nothing",
        how: How::Start(|_| Ok(())),
    },
    Fault {
        name: "none",
        step: 2,
        found_by: "",
        breaks: "nothing",
        how: How::Commands(Change::Reply(|_| {})),
    },
    Fault {
        name: "none-in-pieces",
        step: 1,
        found_by: "",
        breaks: "nothing",
        how: How::Pieces(Life::Whole, |_| {}),
    },
];

/// All faults, by the step that finds them.
pub const FAULTS: &[Fault] = &[
    Fault {
        name: "eats-nul",
        step: 1,
        found_by: "bytes come back",
        breaks: "NUL bytes are lost",
        how: How::Pieces(Life::Whole, |bytes| bytes.retain(|byte| *byte != 0)),
    },
    Fault {
        name: "seven-bits",
        step: 1,
        found_by: "bytes come back",
        breaks: "a byte above 127 becomes a question mark",
        how: How::Pieces(Life::Whole, |bytes| {
            bytes
                .iter_mut()
                .filter(|byte| !byte.is_ascii())
                .for_each(|byte| *byte = b'?')
        }),
    },
    Fault {
        name: "adds-newline",
        step: 1,
        found_by: "bytes come back",
        breaks: "a line end is added to what is echoed",
        how: How::Pieces(Life::Whole, |bytes| bytes.push(b'\n')),
    },
    Fault {
        name: "one-by-one",
        step: 1,
        found_by: "two hundred clients",
        breaks: "a client is served when the one before has left",
        how: How::Pieces(Life::OneByOne, |_| {}),
    },
    Fault {
        name: "first-message-only",
        step: 1,
        found_by: "bytes come back",
        breaks: "the connection ends after the first message",
        how: How::Pieces(Life::FirstPieceOnly, |_| {}),
    },
    Fault {
        name: "half-close-drops",
        step: 1,
        found_by: "half closed",
        breaks: "what is on its way is dropped when the client closes its half",
        how: How::Pieces(Life::HalfCloseIsAll, |_| {}),
    },
    Fault {
        name: "no-crlf",
        step: 2,
        found_by: "commands and their replies",
        breaks: "replies lack the last line end",
        how: How::Commands(Change::Reply(|it| it.reply.truncate(it.reply.len() - 2))),
    },
    Fault {
        name: "line-feed-only",
        step: 2,
        found_by: "commands and their replies",
        breaks: "lines end with a line feed alone",
        how: How::Commands(Change::Reply(|it| it.reply.retain(|byte| *byte != b'\r'))),
    },
    Fault {
        name: "bulk-for-simple",
        step: 2,
        found_by: "commands and their replies",
        breaks: "a bulk string comes where a simple one belongs",
        how: How::Commands(Change::Reply(bulk_for_simple)),
    },
    Fault {
        name: "one-too-many",
        step: 2,
        found_by: "commands and their replies",
        breaks: "each reply is followed by one more",
        how: How::Commands(Change::Reply(|it| it.reply.extend(b"+OK\r\n"))),
    },
    Fault {
        name: "first-of-packet",
        step: 2,
        found_by: "commands and their replies",
        breaks: "of commands that share a packet only the first is answered",
        how: How::Commands(Change::Reply(first_of_packet)),
    },
    Fault {
        name: "held-back",
        step: 2,
        found_by: "quote no more than",
        breaks: "from the second command on, a reply waits for the next command",
        how: How::Commands(Change::Reply(held_back)),
    },
    Fault {
        name: "no-err",
        step: 2,
        found_by: "words of redis",
        breaks: "errors lack their code",
        how: How::Commands(Change::Reply(no_err)),
    },
    Fault {
        name: "echo-of-nothing",
        step: 2,
        found_by: "words of redis",
        breaks: "ECHO without an argument is accepted",
        how: How::Commands(Change::Reply(echo_of_nothing)),
    },
    Fault {
        name: "ping-alone",
        step: 2,
        found_by: "commands and their replies",
        breaks: "PING with an argument is refused",
        how: How::Commands(Change::Reply(ping_alone)),
    },
    Fault {
        name: "upper-case-only",
        step: 2,
        found_by: "commands and their replies",
        breaks: "only names in upper case are known",
        how: How::Commands(Change::Reply(upper_case_only)),
    },
    Fault {
        name: "error-hangs-up",
        step: 2,
        found_by: "words of redis",
        breaks: "an error ends the connection",
        how: How::Commands(Change::Reply(|it| it.close = it.reply.starts_with(b"-"))),
    },
    Fault {
        name: "lets-everybody-in",
        step: 2,
        found_by: "room for so many clients",
        breaks: "there may be more clients than maxclients",
        how: How::Start(flags::no_bound),
    },
    Fault {
        name: "key-ends-at-nul",
        step: 3,
        found_by: "any bytes",
        breaks: "keys are cut at a NUL byte",
        how: How::Commands(Change::Command(key_ends_at_nul)),
    },
    Fault {
        name: "counts-characters",
        step: 3,
        found_by: "any bytes",
        breaks: "lengths count characters, not bytes",
        how: How::Commands(Change::Reply(counts_characters)),
    },
    Fault {
        name: "range-without-end",
        step: 3,
        found_by: "getrange",
        breaks: "the end of GETRANGE is exclusive",
        how: How::Commands(Change::Command(range_without_end)),
    },
    Fault {
        name: "pads-with-blanks",
        step: 3,
        found_by: "setrange",
        breaks: "SETRANGE pads with blanks",
        how: How::Commands(Change::Reply(pads_with_blanks)),
    },
    Fault {
        name: "incr-wraps",
        step: 3,
        found_by: "overflow",
        breaks: "INCR goes on below at the end of the numbers",
        how: How::Commands(Change::Reply(incr_wraps)),
    },
    Fault {
        name: "get-of-two",
        step: 3,
        found_by: "get and set",
        breaks: "GET takes more than one key",
        how: How::Commands(Change::Command(get_of_two)),
    },
    Fault {
        name: "null-is-empty",
        step: 3,
        found_by: "get and set",
        breaks: "a key that is not there has the empty value",
        how: How::Commands(Change::Reply(null_is_empty)),
    },
    Fault {
        name: "nx-overwrites",
        step: 3,
        found_by: "set with conditions",
        breaks: "SET ignores NX",
        how: How::Commands(Change::Command(nx_overwrites)),
    },
    Fault {
        name: "integers-as-text",
        step: 3,
        found_by: "del unlink",
        breaks: "integers come as bulk strings",
        how: How::Commands(Change::Reply(integers_as_text)),
    },
    Fault {
        name: "short-error",
        step: 3,
        found_by: "counters",
        breaks: "an error says less than Redis's",
        how: How::Commands(Change::Reply(short_error)),
    },
    Fault {
        name: "scan-misses",
        step: 3,
        found_by: "every key is found",
        breaks: "SCAN leaves out the last key of each reply",
        how: How::Commands(Change::Reply(scan_misses)),
    },
    Fault {
        name: "keeps-who-is-idle",
        step: 3,
        found_by: "says nothing has to go",
        breaks: "clients that say nothing for too long may stay",
        how: How::Start(flags::no_timeout),
    },
    Fault {
        name: "seconds-are-milliseconds",
        step: 4,
        found_by: "set gives a time to live",
        breaks: "EX is taken as PX",
        how: How::Commands(Change::Command(seconds_are_milliseconds)),
    },
    Fault {
        name: "forgets-keepttl",
        step: 4,
        found_by: "what keeps a deadline",
        breaks: "SET ignores KEEPTTL",
        how: How::Commands(Change::Command(forgets_keepttl)),
    },
    Fault {
        name: "ttl-of-nobody",
        step: 4,
        found_by: "ttl and its kin",
        breaks: "TTL of a key that is not there is that of one without a deadline",
        how: How::Commands(Change::Reply(ttl_of_nobody)),
    },
    Fault {
        name: "ttl-rounds-down",
        step: 4,
        found_by: "ttl and its kin",
        breaks: "TTL is a second less",
        how: How::Commands(Change::Reply(ttl_rounds_down)),
    },
    Fault {
        name: "unconditional-expire",
        step: 4,
        found_by: "conditions on the old deadline",
        breaks: "EXPIRE ignores its conditions",
        how: How::Commands(Change::Command(unconditional_expire)),
    },
    Fault {
        name: "forgets-all",
        step: 5,
        found_by: "every write is there after a crash",
        breaks: "no log is written",
        how: How::Start(flags::no_log),
    },
    Fault {
        name: "forgets-half",
        step: 5,
        found_by: "every write is there after a crash",
        breaks: "half of the log is gone after a restart",
        how: How::Start(|flags| flags::half_a_log(flags)),
    },
    Fault {
        name: "pads-the-log",
        step: 5,
        found_by: "after a torn end",
        breaks: "the log is padded to whole blocks",
        how: How::Start(|flags| flags::padded_log(flags)),
    },
    Fault {
        name: "usual-folder",
        step: 5,
        found_by: "other names",
        breaks: "the log is in the usual folder, whatever was asked for",
        how: How::Start(flags::usual_folder),
    },
    Fault {
        name: "says-saved",
        step: 6,
        found_by: "what was saved is there after a crash",
        breaks: "SAVE is answered, and nothing is saved",
        how: How::Start(flags::no_file),
    },
    Fault {
        name: "starts-empty",
        step: 6,
        found_by: "file that is cut anywhere",
        breaks: "a file that cannot be read is as good as none",
        how: How::Start(|flags| flags::unread_file(flags)),
    },
    Fault {
        name: "usual-file",
        step: 6,
        found_by: "file can have another name",
        breaks: "the file has the usual name, whatever was asked for",
        how: How::Start(flags::usual_file),
    },
    Fault {
        name: "no-checksum",
        step: 6,
        found_by: "wrong byte anywhere",
        breaks: "a file has no checksum, so damage passes for data",
        how: How::Start(flags::no_checksum),
    },
    Fault {
        name: "base-only",
        step: 6,
        found_by: "as short as its data",
        breaks: "what was logged during a rewrite is gone after a restart",
        how: How::Start(|flags| flags::base_only(flags)),
    },
    Fault {
        name: "counts-clients",
        step: 7,
        found_by: "once for each subscription",
        breaks: "PUBLISH counts a client once that gets a message three times",
        how: How::Pieces(Life::Whole, counts_clients),
    },
    Fault {
        name: "one-of-a-packet",
        step: 7,
        found_by: "order across channels",
        breaks: "of messages that come at once only the first is sent",
        how: How::Pieces(Life::Whole, one_of_a_packet),
    },
    Fault {
        name: "swaps-channels",
        step: 7,
        found_by: "order across channels",
        breaks: "messages of two channels that come at once are swapped",
        how: How::Pieces(Life::Whole, swaps_channels),
    },
    Fault {
        name: "keeps-who-is-gone",
        step: 7,
        found_by: "gone leaves no channels",
        breaks: "the subscriptions of a client that is gone stay",
        how: How::Pieces(Life::Endless, |_| {}),
    },
    Fault {
        name: "pushes-as-arrays",
        step: 7,
        found_by: "publishes to itself",
        breaks: "messages are arrays in RESP3, too",
        how: How::Pieces(Life::Whole, pushes_as_arrays),
    },
    Fault {
        name: "writable-replica",
        step: 8,
        found_by: "as its primary and stays so",
        breaks: "clients may write to a replica",
        how: How::Start(flags::writable_replica),
    },
    Fault {
        name: "nobodys-replica",
        step: 8,
        found_by: "may start as a replica",
        breaks: "a server that is started as a replica is none",
        how: How::Start(flags::no_primary),
    },
    Fault {
        name: "replica-without-log",
        step: 8,
        found_by: "a log of its own",
        breaks: "what a replica gets is not in its log",
        how: How::Start(flags::no_log),
    },
    Fault {
        name: "ends-without-saving",
        step: 9,
        found_by: "saved if there are save points",
        breaks: "the data is not saved at the end",
        how: How::Start(flags::no_save),
    },
    Fault {
        name: "saves-unasked",
        step: 9,
        found_by: "saved if there are save points",
        breaks: "the data is saved at the end, even if there are no save points",
        how: How::Start(flags::save),
    },
    Fault {
        name: "waits-for-no-replica",
        step: 9,
        found_by: "as soon as the replica has everything",
        breaks: "the server ends before its replicas have everything",
        how: How::Start(flags::no_patience),
    },
];

/// In between must be pieces: a subscriber gets messages without a command of its own.
fn counts_clients(bytes: &mut Vec<u8>) {
    if bytes.starts_with(b":") && bytes != b":0\r\n" {
        *bytes = b":1\r\n".to_vec();
    }
}

/// What comes, reply by reply; the last may be a part of one.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let length = resp::reply(rest).unwrap_or(rest.len());
        let (frame, behind) = rest.split_at(length);
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

/// Is it a message to a subscriber?
fn is_message(frame: &[u8]) -> bool {
    frame
        .get(1..)
        .is_some_and(|rest| rest.starts_with(b"3\r\n$7\r\nmessage\r\n"))
}

fn one_of_a_packet(bytes: &mut Vec<u8>) {
    let mut first = true;
    let mut frames = frames(bytes);
    frames.retain(|it| !is_message(it) || std::mem::take(&mut first));
    *bytes = frames.concat();
}

fn swaps_channels(bytes: &mut Vec<u8>) {
    let mut frames = frames(bytes);
    for pair in frames.chunks_exact_mut(2) {
        if pair.iter().all(|it| is_message(it)) {
            pair.reverse();
        }
    }
    *bytes = frames.concat();
}

fn pushes_as_arrays(bytes: &mut Vec<u8>) {
    let mut frames = frames(bytes);
    for frame in frames.iter_mut().filter(|it| is_message(it)) {
        frame[0] = b'*';
    }
    *bytes = frames.concat();
}

fn seconds_are_milliseconds(it: &mut Exchange) {
    for arg in it.args.iter_mut().skip(3) {
        if arg.eq_ignore_ascii_case(b"EX") {
            *arg = b"PX".to_vec();
        }
    }
}

fn forgets_keepttl(it: &mut Exchange) {
    if it.is("SET") {
        it.args.retain(|arg| !arg.eq_ignore_ascii_case(b"KEEPTTL"));
    }
}

fn ttl_of_nobody(it: &mut Exchange) {
    if it.is("TTL") && it.reply == b":-2\r\n" {
        it.reply = b":-1\r\n".to_vec();
    }
}

fn ttl_rounds_down(it: &mut Exchange) {
    let digits = it.reply.strip_prefix(b":").map(<[u8]>::trim_ascii_end);
    let seconds = digits.and_then(|digits| str::from_utf8(digits).ok()?.parse::<i64>().ok());
    if let Some(seconds) = seconds.filter(|seconds| it.is("TTL") && *seconds > 0) {
        it.reply = format!(":{}\r\n", seconds - 1).into_bytes();
    }
}

fn unconditional_expire(it: &mut Exchange) {
    if it.is("EXPIRE") {
        it.args.truncate(3);
    }
}

fn bulk_for_simple(it: &mut Exchange) {
    if let Some(text) = it.reply.strip_prefix(b"+") {
        let text = text.trim_ascii_end();
        it.reply = resp::bulk(text.len(), text);
    }
}

fn first_of_packet(it: &mut Exchange) {
    if it.before_in_packet > 0 {
        it.reply.clear();
    }
}

fn held_back(it: &mut Exchange) {
    if it.before > 0 {
        std::mem::swap(&mut it.reply, &mut it.kept);
    }
}

fn no_err(it: &mut Exchange) {
    if let Some(text) = it.reply.strip_prefix(b"-ERR ") {
        it.reply = [b"-", text].concat();
    }
}

fn echo_of_nothing(it: &mut Exchange) {
    if it.is("ECHO") && it.args.len() == 1 {
        it.reply = resp::bulk(0, b"");
    }
}

fn ping_alone(it: &mut Exchange) {
    if it.is("PING") && it.args.len() > 1 {
        it.reply = b"-ERR wrong number of arguments for 'ping' command\r\n".to_vec();
    }
}

fn upper_case_only(it: &mut Exchange) {
    let name = &it.args[0];
    if name.iter().any(u8::is_ascii_lowercase) {
        let name = String::from_utf8_lossy(name);
        it.reply = format!("-ERR unknown command '{name}'\r\n").into_bytes();
    }
}

fn key_ends_at_nul(it: &mut Exchange) {
    if let Some(key) = it.args.get_mut(1)
        && let Some(end) = key.iter().position(|byte| *byte == 0)
    {
        key.truncate(end);
    }
}

fn counts_characters(it: &mut Exchange) {
    if let Some(text) = resp::text(&it.reply) {
        let length = String::from_utf8_lossy(text).chars().count();
        it.reply = resp::bulk(length, text);
    }
}

fn range_without_end(it: &mut Exchange) {
    let end = it
        .args
        .get(3)
        .and_then(|end| str::from_utf8(end).ok()?.parse::<i64>().ok());
    if let Some(end) = end.filter(|end| it.is("GETRANGE") && *end > 0) {
        it.args[3] = (end - 1).to_string().into_bytes();
    }
}

fn pads_with_blanks(it: &mut Exchange) {
    if it.is("GET") {
        it.reply
            .iter_mut()
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = b' ');
    }
}

fn incr_wraps(it: &mut Exchange) {
    if it.is("INCR") && it.reply.ends_with(b"would overflow\r\n") {
        it.reply = format!(":{}\r\n", i64::MIN).into_bytes();
    }
}

fn get_of_two(it: &mut Exchange) {
    if it.is("GET") {
        it.args.truncate(2);
    }
}

fn null_is_empty(it: &mut Exchange) {
    if it.reply == b"$-1\r\n" {
        it.reply = resp::bulk(0, b"");
    }
}

fn nx_overwrites(it: &mut Exchange) {
    if it.is("SET") {
        it.args.retain(|arg| !arg.eq_ignore_ascii_case(b"NX"));
    }
}

fn integers_as_text(it: &mut Exchange) {
    if let Some(digits) = it.reply.strip_prefix(b":") {
        let digits = digits.trim_ascii_end();
        it.reply = resp::bulk(digits.len(), digits);
    }
}

fn short_error(it: &mut Exchange) {
    if it.reply == b"-ERR value is not an integer or out of range\r\n" {
        it.reply = b"-ERR value is not an integer\r\n".to_vec();
    }
}

/// The reply is a cursor and then the keys; without the last of them there is one less.
fn scan_misses(it: &mut Exchange) {
    if !it.is("SCAN") || !it.reply.starts_with(b"*2\r\n") {
        return;
    }
    let Some(cursor) = resp::reply(&it.reply[4..]) else {
        return;
    };
    let (head, keys) = it.reply.split_at(4 + cursor);
    let mut at = keys
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or_default()
        + 1;
    let mut found = Vec::new();
    while let Some(length) = resp::reply(&keys[at..]).filter(|_| at < keys.len()) {
        found.push(&keys[at..at + length]);
        at += length;
    }
    found.pop();
    let count = format!("*{}\r\n", found.len());
    it.reply = [head, count.as_bytes(), &found.concat()].concat();
}
