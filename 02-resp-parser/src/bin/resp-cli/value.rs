//! A reply as a value: the sum type of the protocol, one variant for each type of RESP2
//! and RESP3.
//!
//! A server writes its replies straight into the output and never builds one of these. A
//! client that *reads* replies needs them. Every `match` on a [`Value`] is exhaustive, so code
//! that has forgotten a type does not compile.
//!
//! Redis reads replies in `deps/hiredis/read.c`.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use step02_resp_parser::resp::{MAX_BULK, MAX_COMMAND, MAX_LINE, parse_integer};
use thiserror::Error;

/// How deep values may be nested (hiredis stops at 9).
pub const MAX_DEPTH: usize = 128;

/// One reply. Texts and bulk strings are bytes: nothing promises that they are UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+OK`: a short text without a newline.
    Simple(Bytes),
    /// `-ERR …`: what went wrong; its first word is a code.
    Error(Bytes),
    /// `:42`
    Integer(i64),
    /// `$5`, and five bytes.
    Bulk(Bytes),
    /// `$-1`: RESP2's "there is no such value".
    NullBulk,
    /// `*2`, and two values.
    Array(Vec<Value>),
    /// `*-1`: RESP2's "there is no such array".
    NullArray,
    /// `_`: RESP3 has one null for both.
    Null,
    /// `#t` or `#f`
    Boolean(bool),
    /// `,3.14`, `,inf`, `,-inf` or `,nan`
    Double(f64),
    /// `(123…`: an integer of any length, in decimal digits.
    BigNumber(Bytes),
    /// `=7`, three letters that say what the text is (`txt`, `mkd`), a colon, and the text.
    Verbatim([u8; 3], Bytes),
    /// `%2`, and two pairs of values.
    Map(Vec<(Value, Value)>),
    /// `~2`, and two values, each of which should be there once.
    Set(Vec<Value>),
    /// `>2`, and two values that nobody asked for, such as a message of a channel.
    Push(Vec<Value>),
    /// `!9`, and an error of nine bytes, which may hold newlines.
    BulkError(Bytes),
}

/// Why bytes are not RESP. Nobody can say where the next value would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValueError {
    #[error("a value cannot begin with '{}'", .0.escape_ascii())]
    UnknownType(u8),
    #[error("a line is longer than {MAX_LINE} bytes")]
    LineTooLong,
    #[error("a length that is none, or one above {MAX_BULK}")]
    InvalidLength,
    #[error("what follows '{}' is not what it announces", .0.escape_ascii())]
    InvalidContent(u8),
    #[error("a value is larger than {MAX_COMMAND} bytes")]
    TooBig,
    #[error("values are nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// An incremental parser of values.
///
/// It takes each part out of the input as soon as that is whole, and keeps the collections
/// that still lack values on a stack of its own. So no byte is parsed twice, and input
/// cannot make it recurse.
#[derive(Debug, Default)]
pub struct Values {
    /// The collections that are not complete yet, the innermost last.
    open: Vec<Collection>,
    /// How many bytes of the input have been searched for the end of a line.
    scanned: usize,
    /// How many bytes the current value has taken, at most [`MAX_COMMAND`].
    taken: usize,
}

/// A collection that is not complete yet.
#[derive(Debug)]
struct Collection {
    kind: u8,
    /// How many values it still lacks.
    missing: usize,
    values: Vec<Value>,
}

/// What was taken from the input.
enum Part {
    Whole(Value),
    Opened(Collection),
}

impl Values {
    /// Takes the next value from `input`, or as much of it as is there: `None` says that
    /// the rest has not arrived.
    ///
    /// # Errors
    /// The input is not RESP; do not read on.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Value>, ValueError> {
        loop {
            let before = input.len();
            let Some(part) = self.part(input)? else {
                return Ok(None);
            };
            self.scanned = 0;
            self.taken += before - input.len();
            match part {
                _ if self.taken > MAX_COMMAND => return Err(ValueError::TooBig),
                Part::Opened(_) if self.open.len() == MAX_DEPTH => {
                    return Err(ValueError::TooDeep);
                }
                Part::Opened(collection) => self.open.push(collection),
                Part::Whole(value) => {
                    if let Some(value) = self.put(value) {
                        self.taken = 0;
                        return Ok(Some(value));
                    }
                }
            }
        }
    }

    /// Puts the value into the innermost collection. Returns the whole value if that completes it.
    fn put(&mut self, mut value: Value) -> Option<Value> {
        while let Some(mut collection) = self.open.pop() {
            collection.values.push(value);
            collection.missing -= 1;
            if collection.missing > 0 {
                self.open.push(collection);
                return None;
            }
            value = collection.close();
        }
        Some(value)
    }

    /// Takes one line from `input`, and the bytes that it announces.
    fn part(&mut self, input: &mut BytesMut) -> Result<Option<Part>, ValueError> {
        let Some(end) = self.line_end(input)? else {
            return Ok(None);
        };
        let kind = input[0];
        let text = input.get(1..end).ok_or(ValueError::UnknownType(kind))?;
        let rest = end + 2;
        let value = match kind {
            b'+' => Value::Simple(Bytes::copy_from_slice(text)),
            b'-' => Value::Error(Bytes::copy_from_slice(text)),
            b':' => Value::Integer(parse_integer(text).ok_or(ValueError::InvalidContent(kind))?),
            b'_' if text.is_empty() => Value::Null,
            b'#' if text == b"t" => Value::Boolean(true),
            b'#' if text == b"f" => Value::Boolean(false),
            b',' => Value::Double(parse_double(text).ok_or(ValueError::InvalidContent(kind))?),
            b'(' if is_big_number(text) => Value::BigNumber(Bytes::copy_from_slice(text)),
            b'_' | b'#' | b'(' => return Err(ValueError::InvalidContent(kind)),
            b'$' if text == b"-1" => Value::NullBulk,
            b'*' if text == b"-1" => Value::NullArray,
            b'$' | b'=' | b'!' => {
                let length = length(text)?;
                // The line is found again when more has come; it is short.
                if input.len() < rest + length + 2 {
                    return Ok(None);
                }
                input.advance(rest);
                let bytes = input.split_to(length).freeze();
                input.advance(2);
                return bulk(kind, bytes).map(|value| Some(Part::Whole(value)));
            }
            b'*' | b'~' | b'>' | b'%' => {
                let collection = Collection::new(kind, length(text)?);
                input.advance(rest);
                let is_empty = collection.missing == 0;
                return Ok(Some(match is_empty {
                    true => Part::Whole(collection.close()),
                    false => Part::Opened(collection),
                }));
            }
            other => return Err(ValueError::UnknownType(other)),
        };
        input.advance(rest);
        Ok(Some(Part::Whole(value)))
    }

    /// Where the first line of `input` ends, once it is whole with its `\r\n`.
    fn line_end(&mut self, input: &[u8]) -> Result<Option<usize>, ValueError> {
        let found = input[self.scanned..].iter().position(|b| *b == b'\r');
        self.scanned = found.map_or(input.len(), |at| self.scanned + at);
        if self.scanned > MAX_LINE {
            return Err(ValueError::LineTooLong);
        }
        let is_whole = found.is_some() && self.scanned + 1 < input.len();
        Ok(is_whole.then_some(self.scanned))
    }
}

impl Collection {
    fn new(kind: u8, length: usize) -> Self {
        Collection {
            kind,
            missing: if kind == b'%' { length * 2 } else { length },
            // A length is only an announcement: nothing is reserved for it.
            values: Vec::new(),
        }
    }

    fn close(self) -> Value {
        match self.kind {
            b'~' => Value::Set(self.values),
            b'>' => Value::Push(self.values),
            b'%' => {
                let mut values = self.values.into_iter();
                let pair = || Some((values.next()?, values.next()?));
                Value::Map(std::iter::from_fn(pair).collect())
            }
            _ => Value::Array(self.values),
        }
    }
}

/// The length of a bulk string, or of a collection.
fn length(text: &[u8]) -> Result<usize, ValueError> {
    let length = parse_integer(text).and_then(|length| usize::try_from(length).ok());
    length
        .filter(|length| *length <= MAX_BULK)
        .ok_or(ValueError::InvalidLength)
}

fn bulk(kind: u8, mut bytes: Bytes) -> Result<Value, ValueError> {
    match (kind, &bytes[..]) {
        (b'!', _) => Ok(Value::BulkError(bytes)),
        (b'=', [a, b, c, b':', ..]) => {
            let format = [*a, *b, *c];
            bytes.advance(4);
            Ok(Value::Verbatim(format, bytes))
        }
        (b'=', _) => Err(ValueError::InvalidContent(kind)),
        _ => Ok(Value::Bulk(bytes)),
    }
}

fn parse_double(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_big_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

impl Value {
    /// Appends the value as it goes over the wire. Texts must hold no newline.
    pub fn encode(&self, output: &mut BytesMut) {
        match self {
            Value::Simple(text) => line(output, b'+', text),
            Value::Error(text) => line(output, b'-', text),
            Value::Integer(number) => line(output, b':', number.to_string().as_bytes()),
            Value::Bulk(bytes) => blob(output, b'$', &[bytes]),
            Value::NullBulk => line(output, b'$', b"-1"),
            Value::Array(values) => collection(output, b'*', values),
            Value::NullArray => line(output, b'*', b"-1"),
            Value::Null => line(output, b'_', b""),
            Value::Boolean(true) => line(output, b'#', b"t"),
            Value::Boolean(false) => line(output, b'#', b"f"),
            Value::Double(number) => {
                line(output, b',', number.to_string().to_lowercase().as_bytes())
            }
            Value::BigNumber(digits) => line(output, b'(', digits),
            Value::Verbatim(format, text) => blob(output, b'=', &[format, b":", text]),
            Value::Map(pairs) => {
                line(output, b'%', pairs.len().to_string().as_bytes());
                for (key, value) in pairs {
                    key.encode(output);
                    value.encode(output);
                }
            }
            Value::Set(values) => collection(output, b'~', values),
            Value::Push(values) => collection(output, b'>', values),
            Value::BulkError(text) => blob(output, b'!', &[text]),
        }
    }
}

fn line(output: &mut BytesMut, kind: u8, text: &[u8]) {
    output.put_u8(kind);
    output.put_slice(text);
    output.put_slice(b"\r\n");
}

fn blob(output: &mut BytesMut, kind: u8, pieces: &[&[u8]]) {
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    line(output, kind, length.to_string().as_bytes());
    pieces.iter().for_each(|piece| output.put_slice(piece));
    output.put_slice(b"\r\n");
}

fn collection(output: &mut BytesMut, kind: u8, values: &[Value]) {
    line(output, kind, values.len().to_string().as_bytes());
    values.iter().for_each(|value| value.encode(output));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(input: &[u8]) -> Result<Option<Value>, ValueError> {
        Values::default().next(&mut BytesMut::from(input))
    }

    fn text(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    /// What Redis 7.0.15 sends, each with what it is.
    #[test]
    fn each_type_is_read() {
        use Value::*;
        let one = || Integer(1);
        for (input, value) in [
            ("+OK\r\n", Simple(text("OK"))),
            ("-ERR no\r\n", Error(text("ERR no"))),
            (":-7\r\n", Integer(-7)),
            ("$4\r\na\r\nb\r\n", Bulk(text("a\r\nb"))),
            ("$0\r\n\r\n", Bulk(text(""))),
            ("$-1\r\n", NullBulk),
            ("*-1\r\n", NullArray),
            ("*0\r\n", Array(vec![])),
            (
                "*2\r\n:1\r\n*1\r\n_\r\n",
                Array(vec![one(), Array(vec![Null])]),
            ),
            ("#t\r\n", Boolean(true)),
            ("#f\r\n", Boolean(false)),
            (",3.25\r\n", Double(3.25)),
            (",-inf\r\n", Double(f64::NEG_INFINITY)),
            (
                "(-123456789012345678901\r\n",
                BigNumber(text("-123456789012345678901")),
            ),
            ("=6\r\ntxt:hi\r\n", Verbatim(*b"txt", text("hi"))),
            ("%1\r\n+a\r\n:1\r\n", Map(vec![(Simple(text("a")), one())])),
            ("~1\r\n:1\r\n", Set(vec![one()])),
            (">1\r\n:1\r\n", Push(vec![one()])),
            ("!6\r\nERR no\r\n", BulkError(text("ERR no"))),
        ] {
            assert_eq!(parse(input.as_bytes()), Ok(Some(value)), "{input:?}");
        }
    }

    #[test]
    fn what_is_no_resp_is_refused() {
        use ValueError::*;
        let endless = [b"+".as_slice(), &vec![b'x'; MAX_LINE]].concat();
        for (input, error) in [
            (b"OK\r\n".as_slice(), UnknownType(b'O')),
            (b"\r\n", UnknownType(b'\r')),
            (b":\r\n", InvalidContent(b':')),
            (b":1x\r\n", InvalidContent(b':')),
            (b"#x\r\n", InvalidContent(b'#')),
            (b"_x\r\n", InvalidContent(b'_')),
            (b",x\r\n", InvalidContent(b',')),
            (b"(\r\n", InvalidContent(b'(')),
            (b"=3\r\ntxt\r\n", InvalidContent(b'=')),
            (b"$-2\r\n", InvalidLength),
            (b"$536870913\r\n", InvalidLength),
            (b"~-1\r\n", InvalidLength),
            (&endless, LineTooLong),
        ] {
            assert_eq!(parse(input), Err(error), "{:?}", input.escape_ascii());
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth| ["*1\r\n".repeat(depth), ":1\r\n".to_owned()].concat();
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let too_deep = parse(nested(MAX_DEPTH + 1).as_bytes());
        assert_eq!(too_deep, Err(ValueError::TooDeep));
    }

    /// Any value that can be written.
    fn values() -> impl Strategy<Value = Value> {
        let line = || "[ -~]{0,9}".prop_map(Bytes::from);
        let bytes = || prop::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from);
        let leaf = prop_oneof![
            line().prop_map(Value::Simple),
            line().prop_map(Value::Error),
            any::<i64>().prop_map(Value::Integer),
            bytes().prop_map(Value::Bulk),
            Just(Value::NullBulk),
            Just(Value::NullArray),
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<f64>()
                .prop_filter("not a number is not itself", |number| !number.is_nan())
                .prop_map(Value::Double),
            "-?[0-9]{1,30}".prop_map(|digits| Value::BigNumber(digits.into())),
            (any::<[u8; 3]>(), bytes()).prop_map(|(format, text)| Value::Verbatim(format, text)),
            bytes().prop_map(Value::BulkError),
        ];
        leaf.prop_recursive(4, 32, 5, |value| {
            let some = || prop::collection::vec(value.clone(), 0..5);
            prop_oneof![
                some().prop_map(Value::Array),
                some().prop_map(Value::Set),
                some().prop_map(Value::Push),
                prop::collection::vec((value.clone(), value.clone()), 0..3).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            sent in prop::collection::vec(values(), 1..4),
            cuts in prop::collection::vec(0usize..600, 0..6),
        ) {
            let mut wire = BytesMut::new();
            sent.iter().for_each(|value| value.encode(&mut wire));
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(wire.len())).collect();
            cuts.sort();
            cuts.push(wire.len());
            let (mut parser, mut input, mut from) = (Values::default(), BytesMut::new(), 0);
            let mut read = Vec::new();
            for cut in cuts {
                input.extend_from_slice(&wire[from..cut]);
                from = cut;
                while let Some(value) = parser.next(&mut input).expect("it is RESP") {
                    read.push(value);
                }
            }
            prop_assert_eq!(read, sent);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn random_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut parser = Values::default();
            let mut input = BytesMut::from(&input[..]);
            while let Ok(Some(_)) = parser.next(&mut input) {}
        }

        #[test]
        fn random_resp_never_panics(input in "([*$:+%~>=!,_#(-][0-9a-f-]{0,3}\r\n){0,40}") {
            let mut parser = Values::default();
            let mut input = BytesMut::from(input.as_bytes());
            while let Ok(Some(_)) = parser.next(&mut input) {}
        }
    }
}
