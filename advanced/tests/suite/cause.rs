//! Why a reply is likely to be wrong. Most servers that somebody is writing fail
//! in one of a few ways, and each of them can be told by the bytes.
//!
//! It is a guess: where nothing fits, nothing is said.

use super::{End, Failure, escaped};

/// The likely cause in one sentence.
pub fn likely(failure: &Failure<'_>) -> Option<String> {
    let Failure {
        sent,
        expected,
        received,
        ..
    } = *failure;
    match failure.end {
        End::Open => Some(still_open(expected).into()),
        End::Extra => Some(too_much(expected, &received[expected.len()..])),
        end if received.is_empty() => Some(nothing(end)),
        _ if sent == received => Some("this is what was sent; the server only echoes it".into()),
        end if expected.starts_with(received) => Some(too_little(expected, received, end)),
        _ if replies(expected).is_some() => in_resp(expected, received),
        _ => in_bytes(expected, received),
    }
}

fn too_much(expected: &[u8], extra: &[u8]) -> String {
    match replies(extra) {
        _ if extra == expected => "the reply came twice; is it written in two places?".into(),
        _ if extra.trim_ascii().is_empty() => r"the line has one \r\n too many".into(),
        Some(1) => "one reply too many: each command gets exactly one".into(),
        Some(count) => format!("{count} replies too many: each command gets exactly one"),
        None => format!("{} too many after the reply", counted(extra.len(), "byte")),
    }
}

fn still_open(reply: &[u8]) -> &'static str {
    match reply.first() {
        Some(b'-') => {
            "nothing after a protocol error can be understood: reply, then close the connection"
        }
        _ => "every command has its reply: close after QUIT, or when a read returns 0 bytes",
    }
}

fn nothing(end: End) -> String {
    match end {
        End::Closed => {
            "no reply, and the connection was closed: its task returns too early; if that was a \
             panic, or the server has ended, it is said below"
        }
        _ => {
            "no reply; is it written at once, or kept until a buffer is full or the next command \
             arrives? Does the server wait for bytes that it already has? Or is it still \
             computing, in an endless loop?"
        }
    }
    .into()
}

fn too_little(expected: &[u8], received: &[u8], end: End) -> String {
    match &expected[received.len()..] {
        b"\r\n" => return r"the reply lacks the \r\n at its end".into(),
        b"\n" => return r"the reply ends with \r alone; the end of a line is \r\n".into(),
        _ => {}
    }
    if let (Some(wanted), Some(came)) = (replies(expected), replies(received)) {
        let came = format!("{came} of {wanted} replies arrived");
        return match end {
            End::Closed => {
                format!(
                    "{came}; the connection was closed, but a command that fails must not end it"
                )
            }
            _ => format!("{came}; execute every command of a read, not only the first"),
        };
    }
    let bytes = format!("{} of {} bytes arrived", received.len(), expected.len());
    match end {
        End::Closed => format!("{bytes}; write the whole reply before you close the connection"),
        _ => {
            format!("{bytes}; a write may take only a part, so write the rest as well")
        }
    }
}

/// Compares the first element that is another: a line, or a string with its header.
fn in_resp(expected: &[u8], received: &[u8]) -> Option<String> {
    let at = first_other(expected, received);
    let (want, have) = (&expected[at..], &received[at..]);
    let (wanted, came) = (*want.first()?, *have.first()?);
    if let Some(next) = reply(want).map(|length| &want[length..])
        && reply(next).is_some_and(|length| have.starts_with(&next[..length]))
    {
        return Some("a reply is missing; what is here is the one after it".into());
    }
    if kind(came).is_none() {
        return Some(no_reply(want, have));
    }
    if wanted != came {
        return Some(other_kind(want, have));
    }
    line_end(want, have).or_else(|| match wanted {
        b'$' | b'=' => in_string(want, have),
        b'-' => Some(in_error(want, have)),
        b'*' | b'~' | b'%' | b'>' => Some(format!(
            "the reply has {} elements and not {}",
            header(have)?,
            header(want)?
        )),
        _ => None,
    })
}

/// Where the first element begins that is not the same in both.
fn first_other(expected: &[u8], received: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = element(&expected[at..])
        && received[at..].starts_with(&expected[at..at + length])
    {
        at += length;
    }
    at
}

fn no_reply(want: &[u8], have: &[u8]) -> String {
    if have.starts_with(&want[1..]) {
        return format!(
            "the reply lacks its first byte, the '{}'",
            escaped(&want[..1])
        );
    }
    if have.trim_ascii_start().starts_with(want) {
        return r"the line before has one \r\n too many".into();
    }
    "a reply begins with its type: + - : $ or *".into()
}

fn other_kind(want: &[u8], have: &[u8]) -> String {
    const NULL: &[u8] = b"$-1\r\n";
    match (want[0], have[0]) {
        _ if want.starts_with(NULL) => "the reply is null ($-1) in Redis".into(),
        (b'-', _) => "Redis replies with an error, and the server does not".into(),
        (_, b'-') => "the server replies with an error, and Redis does not".into(),
        _ if have.starts_with(NULL) => "the server says null ($-1), and Redis does not".into(),
        (wanted, came) => format!(
            "{} ({}) where Redis sends {} ({})",
            kind(came).unwrap_or_default(),
            char::from(came),
            kind(wanted).unwrap_or_default(),
            char::from(wanted)
        ),
    }
}

/// A line that does not end as it should.
fn line_end(want: &[u8], have: &[u8]) -> Option<String> {
    let line = &want[..line(want)? - 2];
    let newline = have.iter().position(|byte| *byte == b'\n');
    let ends_bare = newline.is_some_and(|at| have[at - 1] != b'\r');
    if have.starts_with(line) && ends_bare && newline == Some(line.len()) {
        return Some(r"the line ends with \n alone; the end of a line is \r\n".into());
    }
    let next = have.strip_prefix(line)?.first()?;
    let runs_on = want.get(line.len() + 2) == Some(next);
    runs_on.then(|| r"the line lacks the \r\n at its end".into())
}

/// A bulk string: its header, and then its bytes.
fn in_string(want: &[u8], have: &[u8]) -> Option<String> {
    let (wanted, told) = (header(want)?, header(have)?);
    match (wanted, told) {
        ("-1", "0") => return Some("an empty string where Redis says null ($-1)".into()),
        ("0", "-1") => return Some("null where Redis says the empty string ($0)".into()),
        _ => {}
    }
    let length: usize = told.parse().ok()?;
    let body = &have[line(have)?..];
    let ends = body.get(length..length + 2) == Some(b"\r\n");
    if !ends {
        let came = body.strip_suffix(b"\r\n").unwrap_or(body).len();
        let why = match wanted == told {
            true => {
                "is each byte sent, and once? A write may take a part, and so may one that is \
                 cancelled"
            }
            false => "it counts bytes, not characters",
        };
        return Some(format!(
            "the header says {}, and {came} arrived before the \\r\\n; {why}",
            counted(length, "byte")
        ));
    }
    let wanted = want[line(want)?..].strip_suffix(b"\r\n")?;
    spoilt(wanted, &body[..length])
}

/// How errors of Redis begin that many commands have.
const ERRORS: [&[u8]; 21] = [
    b"-ERR syntax error",
    b"-ERR value is not an integer or out of range",
    b"-ERR value is not a valid float",
    b"-ERR wrong number of arguments for ",
    b"-ERR unknown command ",
    b"-ERR unknown subcommand ",
    b"-ERR no such key",
    b"-ERR index out of range",
    b"-ERR offset is out of range",
    b"-ERR bit offset is not an integer or out of range",
    b"-ERR bit is not an integer or out of range",
    b"-ERR invalid expire time ",
    b"-ERR increment or decrement would overflow",
    b"-ERR string exceeds maximum allowed size",
    b"-ERR Invalid command specified",
    b"-ERR Invalid number of arguments specified for command",
    b"-ERR The command has no key arguments",
    b"-ERR Insufficient memory, ",
    b"-ERR Protocol error: ",
    b"-NOPROTO ",
    b"-WRONGTYPE ",
];

/// Is `have` an error that Redis has as well, in another place?
fn is_of_another_check(want: &[u8], have: &[u8]) -> bool {
    let mut known = ERRORS.iter();
    known.any(|start| have.starts_with(start) && !want.starts_with(start))
}

fn in_error(want: &[u8], have: &[u8]) -> String {
    if is_of_another_check(want, have) {
        return "another error: an earlier check is missing, or the checks have another order"
            .into();
    }
    let code = |text: &[u8]| {
        let words = text[1..].split(|byte| byte.is_ascii_whitespace());
        words.map(escaped).next().unwrap_or_default()
    };
    let (wanted, came) = (code(want), code(have));
    if wanted != came {
        return format!("an error begins with its code, here {wanted}, not {came}");
    }
    "the text differs; it must be Redis's, letter by letter".into()
}

fn in_bytes(want: &[u8], have: &[u8]) -> Option<String> {
    if !want.is_empty() && have.len() > want.len() && have.ends_with(want) {
        let more = counted(have.len() - want.len(), "byte");
        return Some(format!("{more} too many before the reply"));
    }
    spoilt(want, have)
}

/// Bytes that went through as they were, but for those of one kind.
fn spoilt(want: &[u8], have: &[u8]) -> Option<String> {
    let same = want.iter().zip(have).take_while(|(a, b)| a == b).count();
    match want.get(same)? {
        0 if is_spoilt(want, have, |byte| byte == 0) => Some(
            "it goes wrong at a NUL byte; a string may hold any bytes, and a NUL does not end it"
                .into(),
        ),
        128.. if is_spoilt(want, have, |byte| byte > 127) || is_text_of(want, have) => {
            Some("it goes wrong at a byte above 127; strings are bytes, not text".into())
        }
        b'\r' | b'\n' if is_spoilt(want, have, |byte| matches!(byte, b'\r' | b'\n')) => {
            Some("it goes wrong at the end of a line; a string may hold any bytes".into())
        }
        _ => None,
    }
}

/// What a byte becomes where it is not understood; or its lower seven bits.
const REPLACED: &[u8] = b"? _.*\0";

/// Is `have` what `want` would be if it ended at the first byte that is `odd`, or
/// if such bytes were lost or replaced?
fn is_spoilt(want: &[u8], have: &[u8], odd: impl Fn(u8) -> bool) -> bool {
    let is_cut = want.starts_with(have);
    let kept = want.iter().filter(|byte| !odd(**byte));
    let is_replaced = |a: u8, b: u8| odd(a) && (REPLACED.contains(&b) || b == a & 0x7f);
    let is_changed = || {
        let mut pairs = want.iter().zip(have);
        want.len() == have.len() && pairs.all(|(a, b)| a == b || is_replaced(*a, *b))
    };
    // Of a line end, one of its two bytes may be lost.
    let lost_one = |lost: u8| {
        let kept = want.iter().filter(|byte| **byte != lost);
        odd(lost) && kept.eq(have)
    };
    is_cut || kept.eq(have) || is_changed() || lost_one(b'\r') || lost_one(b'\n')
}

/// Is `have` what becomes of `want` if it is taken for text?
fn is_text_of(want: &[u8], have: &[u8]) -> bool {
    let latin: String = want.iter().copied().map(char::from).collect();
    String::from_utf8_lossy(want).as_bytes() == have || latin.as_bytes() == have
}

/// How many whole replies these are, and nothing else.
fn replies(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        bytes = &bytes[reply(bytes)?..];
        count += 1;
    }
    (count > 0).then_some(count)
}

/// The length of the first reply, with all of its elements.
fn reply(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut missing) = (0, 1_usize);
    while missing > 0 {
        let rest = bytes.get(at..)?;
        at += element(rest)?;
        let inside: usize = header(rest)?.parse().unwrap_or(0);
        missing -= 1;
        missing = missing.checked_add(match rest[0] {
            b'*' | b'~' | b'>' => inside,
            b'%' => inside.checked_mul(2)?,
            _ => 0,
        })?;
    }
    Some(at)
}

/// The length of a line, and of the string that it announces.
fn element(bytes: &[u8]) -> Option<usize> {
    kind(*bytes.first()?)?;
    let line = line(bytes)?;
    let string = matches!(bytes[0], b'$' | b'=');
    match header(bytes)?.parse::<usize>() {
        Ok(length) if string => {
            let end = line.checked_add(length)?.checked_add(2)?;
            (bytes.get(end - 2..end)? == b"\r\n").then_some(end)
        }
        _ => Some(line),
    }
}

/// The length of the first line with its end.
fn line(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    Some(end + 2)
}

/// What stands in the first line behind the type.
fn header(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes.get(1..line(bytes)? - 2)?).ok()
}

/// The type of a reply, by its first byte.
fn kind(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'+' => "a simple string",
        b'-' => "an error",
        b':' => "an integer",
        b'$' => "a bulk string",
        b'*' => "an array",
        b'_' => "a null of RESP3",
        b'#' => "a boolean of RESP3",
        b',' => "a double of RESP3",
        b'%' => "a map of RESP3",
        b'~' => "a set of RESP3",
        b'>' => "a push of RESP3",
        b'=' => "a verbatim string of RESP3",
        _ => return None,
    })
}

fn counted(number: usize, thing: &str) -> String {
    match (number, thing) {
        (1, _) => format!("1 {thing}"),
        (_, "reply") => format!("{number} replies"),
        _ => format!("{number} {thing}s"),
    }
}

#[test]
fn the_likely_cause_is_told() {
    use End::{Closed, Differs, Extra, Silent};
    let table: [(&[u8], &[u8], End, &str); 33] = [
        (b"+OK\r\n", b"", Closed, "returns too early"),
        (b"+OK\r\n", b"", Silent, "still computing"),
        (b"+OK\r\n", b"+OK", Silent, r"lacks the \r\n"),
        (b"+OK\r\n", b"+OK\r", Silent, r"ends with \r alone"),
        (b"+A\r\n+B\r\n", b"+A\r\n", Silent, "1 of 2 replies arrived"),
        (
            b"$2\r\nab\r\n",
            b"$2\r\na",
            Closed,
            "5 of 8 bytes arrived; write the whole",
        ),
        (b"+OK\r\n", b"+OK\r\n+OK\r\n", Extra, "twice"),
        (b"+OK\r\n", b"+OK\r\n:1\r\n", Extra, "one reply too many"),
        (b"+OK\r\n", b"+OK\r\n\r\n", Extra, r"one \r\n too many"),
        (b"a", b"ab", Extra, "1 byte too many"),
        (b"+OK\r\n+OK\r\n", b"+OK+OK", Differs, r"lacks the \r\n"),
        (b"$2\r\nab\r\n", b"$2ab", Differs, r"lacks the \r\n"),
        (b"+OK\r\n", b"+OK\n", Differs, r"\n alone"),
        (
            b"+OK\r\n",
            b"$2\r\nOK\r\n",
            Differs,
            "a bulk string ($) where Redis sends a simple",
        ),
        (
            b"*1\r\n:1\r\n",
            b"*1\r\n$1\r\n1\r\n",
            Differs,
            "where Redis sends an integer (:)",
        ),
        (
            b"-ERR a\r\n",
            b"+OK\r\n",
            Differs,
            "Redis replies with an error",
        ),
        (
            b"+OK\r\n",
            b"-ERR a\r\n",
            Differs,
            "server replies with an error",
        ),
        (
            b"+OK\r\n",
            b"OK\r\n",
            Differs,
            "lacks its first byte, the '+'",
        ),
        (b"+OK\r\n", b"hello", Differs, "begins with its type"),
        (
            b"-ERR a\r\n",
            b"-Error a\r\n",
            Differs,
            "here ERR, not Error",
        ),
        (b"-ERR a\r\n", b"-ERR b\r\n", Differs, "letter by letter"),
        (
            b"*2\r\n:1\r\n:2\r\n",
            b"*1\r\n:1\r\n",
            Differs,
            "1 elements and not 2",
        ),
        (b"+A\r\n:7\r\n", b":7\r\n", Differs, "a reply is missing"),
        (
            b"$3\r\n\xc3\xa9!\r\n",
            b"$2\r\n\xc3\xa9!\r\n",
            Differs,
            "says 2 bytes, and 3 arrived",
        ),
        (
            b"$3\r\nabc\r\n+OK\r\n",
            b"$3\r\nababc\r\n+O",
            Differs,
            "is each byte sent, and once?",
        ),
        (b"$-1\r\n", b"$0\r\n\r\n", Differs, "an empty string where"),
        (b"$2\r\n\0a\r\n", b"$1\r\na\r\n", Differs, "NUL"),
        (b"a\xffb", b"a?b", Differs, "above 127"),
        (b"a\xffb", "a\u{fffd}b".as_bytes(), Differs, "above 127"),
        (b"a\r\nb", b"a\nb", Differs, "the end of a line"),
        (b"a\r\nb", b"ab", Differs, "the end of a line"),
        (
            b"-ERR syntax error\r\n",
            b"-ERR value is not an integer or out of range\r\n",
            Differs,
            "an earlier check is missing",
        ),
        (
            b"-ERR unknown command 'a'\r\n",
            b"-ERR unknown command 'A'\r\n",
            Differs,
            "letter by letter",
        ),
    ];
    for (expected, received, end, cause) in table {
        let told = told(expected, received, end);
        assert!(told.contains(cause), "{}: {told}", escaped(received));
    }
}

#[test]
fn where_nothing_fits_nothing_is_told() {
    let table: [(&[u8], &[u8]); 6] = [
        (b"$1\r\n\x80\r\n", b"$1\r\n\x01\r\n"),
        (b"$3\r\n\na\r\r\n", b"$3\r\nba\r\r\n"),
        (b"$2\r\n\n\xff\r\n", b"$2\r\nab\r\n"),
        (b"$2\r\n\xff\n\r\n", b"$1\r\n\n\n\r\n"),
        (b"$3\r\n\n\xffa\r\n", b"$2\r\n\xff\n\r\n"),
        (b"$8\r\nsum:1\r\nx\r\n", b"$9\r\nsum:12\r\nx\r\n"),
    ];
    for (expected, received) in table {
        let told = told(expected, received, End::Differs);
        assert!(
            !told.contains("it goes wrong"),
            "{}: {told}",
            escaped(received)
        );
    }
}

#[cfg(test)]
fn told(expected: &[u8], received: &[u8], end: End) -> String {
    let failure = Failure {
        sent: b"",
        history: &super::History::default(),
        expected,
        received,
        end,
    };
    likely(&failure).unwrap_or_default()
}
