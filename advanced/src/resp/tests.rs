//! What must hold for every input, and what Redis does at the limits.
//!
//! Examples show that the parser can be right; properties look for the input
//! with which it is wrong. Where the wire cuts the bytes must never matter, and
//! no bytes may make the parser panic, stand still or forget its limits.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::resp::{Protocol, Reply};

/// The commands in a stream, and why the parser stopped if it did.
type Parsed = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Parses `stream` as it arrives in pieces that end at `cuts`.
fn parse_in_pieces(stream: &[u8], cuts: &[usize]) -> Parsed {
    let mut parser = Parser::default();
    let mut input = Vec::new();
    let mut commands = Vec::new();
    let ends = cuts.iter().copied().chain([stream.len()]);
    let mut from = 0;
    for to in ends {
        input.extend_from_slice(&stream[from..to]);
        from = to;
        if let Err(error) = take_commands(&mut parser, &mut input, &mut commands) {
            return (commands, Some(error));
        }
    }
    (commands, None)
}

/// Takes whole commands off the front of `input`, as a connection does.
fn take_commands(
    parser: &mut Parser,
    input: &mut Vec<u8>,
    commands: &mut Vec<Vec<Vec<u8>>>,
) -> Result<(), ProtocolError> {
    while let Some(length) = parser.parse(input)? {
        assert!(length > 0, "a command of no bytes would never end");
        let args = parser.args(&input[..length]);
        if !args.is_empty() {
            commands.push(args.iter().map(<[u8]>::to_vec).collect());
        }
        input.drain(..length);
    }
    Ok(())
}

fn parse_whole(stream: &[u8]) -> Parsed {
    parse_in_pieces(stream, &[])
}

/// The arguments of the one command in `stream`.
fn parse_one(stream: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, ProtocolError> {
    match parse_whole(stream.as_ref()) {
        (_, Some(error)) => Err(error),
        (mut commands, None) => Ok(commands.pop().expect("one whole command")),
    }
}

/// The state of a parser that got `bytes` and waits for more.
fn waits(bytes: impl AsRef<[u8]>) -> Result<Parser, ProtocolError> {
    let mut parser = Parser::default();
    let parsed = parser.parse(&mut bytes.as_ref().to_vec())?;
    assert_eq!(parsed, None, "nothing is missing");
    Ok(parser)
}

/// A command as clients send it.
fn multibulk(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(format!("${}\r\n", arg.len()).into_bytes());
        bytes.extend(arg);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// The same command as a line, with every byte of it escaped.
fn inline(args: &[Vec<u8>]) -> Vec<u8> {
    let escape = |arg: &Vec<u8>| {
        arg.iter()
            .map(|b| format!("\\x{b:02x}"))
            .collect::<String>()
    };
    let words: Vec<String> = args.iter().map(|a| format!("\"{}\"", escape(a))).collect();
    format!("{}\r\n", words.join(" ")).into_bytes()
}

fn args() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..40), 1..6)
}

/// A stream of valid commands, with empty ones in between.
fn valid_stream() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![
        4 => args().prop_map(|args| multibulk(&args)),
        2 => args().prop_map(|args| inline(&args)),
        1 => select(vec!["*0\r\n", "*-1\r\n", "\r\n", "\n", "  \r\n", "PING\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    vec(command, 0..8).prop_map(|commands| commands.concat())
}

/// Bytes that are seldom valid and often nearly so.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => select(vec!["*", "$", "\r\n", "\r", "\n", "\"", "'", "\\x4", "\\", " ", "\u{b}"])
            .prop_map(|text| text.as_bytes().to_vec()),
        3 => select(vec!["1", "2", "3", "0", "-1", "9", "*1\r\n$1\r\n", "*2\r\n", "$3\r\nabc\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..6),
        1 => valid_stream(),
    ];
    vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// `stream` and places to cut it, in order.
fn cut(stream: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    (stream, vec(any::<Index>(), 0..8)).prop_map(|(stream, cuts)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        (stream, cuts)
    })
}

proptest! {
    #[test]
    fn a_command_comes_out_as_it_went_in(args in args()) {
        prop_assert_eq!(parse_one(multibulk(&args)), Ok(args));
    }

    #[test]
    fn a_quoted_line_comes_out_as_it_went_in(args in args()) {
        prop_assert_eq!(parse_one(inline(&args)), Ok(args));
    }

    #[test]
    fn cuts_do_not_matter_in_what_is_valid((stream, cuts) in cut(valid_stream())) {
        let whole = parse_whole(&stream);
        prop_assert_eq!(&whole.1, &None);
        prop_assert_eq!(parse_in_pieces(&stream, &cuts), whole);
    }

    /// They do not matter in invalid streams either, and nothing panics.
    #[test]
    fn cuts_do_not_matter_in_anything((stream, cuts) in cut(any_stream())) {
        let whole = parse_whole(&stream);
        prop_assert_eq!(parse_in_pieces(&stream, &cuts), whole);
    }

    #[test]
    fn noise_does_no_harm(stream in vec(any::<u8>(), 0..2000)) {
        parse_whole(&stream);
    }

    #[test]
    fn no_more_is_missing_than_was_announced(args in args(), at in any::<Index>()) {
        let stream = multibulk(&args);
        let arrived = at.index(stream.len());
        let parser = waits(&stream[..arrived]).expect("a valid command");
        prop_assert!(parser.missing(&stream[..arrived]) <= stream.len() - arrived);
    }

    #[test]
    fn integers_are_what_they_print(text in "-?[0-9]{0,20}|[-+ 0-9a]{0,4}") {
        let canonical = |number: &i64| number.to_string() == text;
        let expected = text.parse().ok().filter(canonical);
        prop_assert_eq!(parse_integer(text.as_bytes()), expected);
    }

    #[test]
    fn every_integer_can_be_read(number: i64) {
        prop_assert_eq!(parse_integer(number.to_string().as_bytes()), Some(number));
    }
}

/// A parser in the middle of a command: the bytes before `pos` are parsed, and those before
/// `scanned` are looked at.
fn at(pos: usize, scanned: usize) -> Parser {
    Parser {
        pos,
        scanned,
        ..Parser::default()
    }
}

#[test]
fn a_line_is_whole_once_its_end_is_here() {
    use ProtocolError::{BulkLineTooBig, InlineTooBig};
    let whole = b"*1\r\n$12\r\n";
    for (arrived, line, pos, scanned) in [
        (5, None, 4, 5),
        (7, None, 4, 7),
        // The `\n` is still to come, and the `\r` is looked at again.
        (8, None, 4, 7),
        (9, Some(4..7), 9, 9),
    ] {
        let mut parser = at(4, 4);
        let found = parser.line(&whole[..arrived], b'\r', BulkLineTooBig);
        let input = whole[..arrived].escape_ascii();
        assert_eq!(found, Ok(line), "the line from byte 4 on in {input}");
        assert_eq!(parser.pos, pos, "`pos` after {input}");
        assert_eq!(parser.scanned, scanned, "`scanned` after {input}");
    }
    let mut parser = at(0, 0);
    let found = parser.line(b"PING\nPING\n", b'\n', InlineTooBig);
    assert_eq!(found, Ok(Some(0..4)));
    assert_eq!((parser.pos, parser.scanned), (5, 5), "`pos` and `scanned`");
}

/// What has been looked at is not looked at again: here it hides the end of a line, which must not
/// be found.
#[test]
fn a_line_is_searched_from_where_the_last_search_ended() {
    let mut parser = at(0, 5);
    let found = parser.line(b"PI\nG \"x\"\n", b'\n', ProtocolError::InlineTooBig);
    assert_eq!(found, Ok(Some(0..8)), "the search is to begin at `scanned`");
}

#[test]
fn the_limit_of_a_line_counts_from_its_start() {
    use ProtocolError::CountLineTooBig;
    let line = |length: usize, end: &str| {
        let input = format!("1234{}{end}", "1".repeat(length));
        at(4, 4).line(input.as_bytes(), b'\r', CountLineTooBig)
    };
    assert_eq!(line(MAX_LINE, ""), Ok(None), "as long as the limit");
    assert_eq!(line(MAX_LINE + 1, ""), Err(CountLineTooBig), "one more");
    let whole = 4..4 + MAX_LINE + 1;
    assert_eq!(line(MAX_LINE + 1, "\r\n"), Ok(Some(whole)), "and whole");
}

/// The promise in the head of `resp/mod.rs`: every byte is looked at once. If the parser did not
/// note how far it has looked, `scanned` would be too small.
#[test]
fn a_byte_is_looked_at_once() {
    for stream in [
        format!("ECHO {}", "w".repeat(5000)),
        format!("*{}", "1".repeat(5000)),
        format!("*1\r\n${}", "1".repeat(5000)),
    ] {
        let mut parser = Parser::default();
        for end in 1..=stream.len() {
            let mut input = stream.as_bytes()[..end].to_vec();
            assert_eq!(parser.parse(&mut input), Ok(None));
            // A `\r` at the end is looked at again, once the byte behind it is here.
            assert!(parser.scanned >= end - usize::from(input.ends_with(b"\r")));
        }
    }
}

#[test]
fn integers_end_where_64_bits_do() {
    for (text, value) in [
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("-9223372036854775808", Some(i64::MIN)),
        ("-9223372036854775809", None),
        ("99999999999999999999", None),
        ("0", Some(0)),
        ("-0", None),
        ("00", None),
        ("01", None),
        ("+1", None),
        (" 1", None),
        ("1 ", None),
        ("-", None),
        ("", None),
    ] {
        assert_eq!(parse_integer(text.as_bytes()), value, "{text:?}");
    }
}

/// What Redis 7.0.15 makes of the same lines.
#[test]
fn words_are_split_as_redis_splits_them() {
    use ProtocolError::UnbalancedQuotes;
    for (line, words) in [
        (r#"a b"#, Ok(vec!["a", "b"])),
        ("\t a \t\u{b}\u{c} b\r", Ok(vec!["a", "b"])),
        ("a\u{b}b a\u{c}b", Ok(vec!["a\u{b}b", "a\u{c}b"])),
        ("a\rb", Ok(vec!["a", "b"])),
        (r#""a b""#, Ok(vec!["a b"])),
        (r#"'a b'"#, Ok(vec!["a b"])),
        (r#"a"b c""#, Ok(vec!["ab c"])),
        (r#"a'b c'"#, Ok(vec!["ab c"])),
        (r#""" ''"#, Ok(vec!["", ""])),
        (r#""a""b""#, Err(UnbalancedQuotes)),
        (r#""a"b"#, Err(UnbalancedQuotes)),
        (r#"a"b"c"#, Err(UnbalancedQuotes)),
        ("\"a\"\u{b}b", Ok(vec!["a", "b"])),
        (r#""a\"b\\c""#, Ok(vec![r#"a"b\c"#])),
        (r#""\n\r\t\b\a""#, Ok(vec!["\n\r\t\u{8}\u{7}"])),
        (r#""\x41\x7a\x7A""#, Ok(vec!["Azz"])),
        (r#""\x4""#, Ok(vec!["x4"])),
        (r#""\xzz\X41\q""#, Ok(vec!["xzzX41q"])),
        (r#"'\n\x41\\ '"#, Ok(vec![r"\n\x41\\ "])),
        (r#"'\\'"#, Err(UnbalancedQuotes)),
        (r#"'\''"#, Ok(vec!["'"])),
        (r#"'a"b' "a'b""#, Ok(vec![r#"a"b"#, "a'b"])),
        (r#"a\nb"#, Ok(vec![r"a\nb"])),
        (r#"\"a\""#, Err(UnbalancedQuotes)),
        (r#""a"#, Err(UnbalancedQuotes)),
        (r#"'a"#, Err(UnbalancedQuotes)),
        (r#""a\""#, Err(UnbalancedQuotes)),
        (r#"'a\'"#, Err(UnbalancedQuotes)),
        (r#""\"#, Err(UnbalancedQuotes)),
    ] {
        let words = words.map(|words| words.iter().map(|w| w.as_bytes().to_vec()).collect());
        assert_eq!(parse_one(format!("{line}\n")), words, "{line}");
    }
}

#[test]
fn two_commands_come_out_wherever_they_are_cut() {
    let stream = b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n";
    for cut in 0..=stream.len() {
        let (commands, error) = parse_in_pieces(stream, &[cut]);
        let [head, tail] = [&stream[..cut], &stream[cut..]].map(|piece| piece.escape_ascii());
        let pieces = format!("in {head} and {tail}");
        let commands: Vec<String> = commands.iter().map(|args| shown(args)).collect();
        assert_eq!(error, None, "{pieces}");
        assert_eq!(commands, [r"SET||a\r\nb", "PING"], "{pieces}");
    }
}

/// The arguments of a command, for people.
fn shown(args: &[Vec<u8>]) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.escape_ascii().to_string())
        .collect();
    args.join("|")
}

#[test]
fn the_byte_behind_a_carriage_return_is_not_looked_at() {
    let args = Ok(vec![b"PING".to_vec()]);
    assert_eq!(parse_one("*1\rX$4\rXPINGXX"), args);
}

#[test]
fn a_line_without_its_end_may_be_as_long_as_the_limit() {
    use ProtocolError::*;
    for (before, start, error) in [
        ("", "A", InlineTooBig),
        ("", "*", CountLineTooBig),
        ("*1\r\n", "$", BulkLineTooBig),
    ] {
        let line = |length: usize| format!("{before}{start}{}", "1".repeat(length - 1));
        assert!(waits(line(MAX_LINE)).is_ok(), "{error}");
        assert_eq!(waits(line(MAX_LINE + 1)).err(), Some(error));
    }
}

#[test]
fn a_line_that_has_ended_may_be_longer() {
    let words = parse_one(format!("{}\n", "A".repeat(MAX_LINE + 1)));
    assert_eq!(words.map(|words| words[0].len()), Ok(MAX_LINE + 1));
    let zeros = "0".repeat(MAX_LINE + 1);
    let error = waits(format!("*{zeros}\r\n")).err();
    assert_eq!(error, Some(ProtocolError::InvalidCount));
    let error = waits(format!("*1\r\n${zeros}\r\n")).err();
    assert_eq!(error, Some(ProtocolError::InvalidBulkLength));
}

#[test]
fn a_bulk_string_may_be_as_long_as_the_limit() {
    let length = |length: usize| format!("*1\r\n${length}\r\n");
    let parser = waits(length(MAX_BULK)).expect("a valid length");
    let header = length(MAX_BULK);
    assert_eq!(parser.missing(header.as_bytes()), MAX_BULK + 2);
    let error = waits(length(MAX_BULK + 1)).err();
    assert_eq!(error, Some(ProtocolError::InvalidBulkLength));
}

#[test]
fn the_limit_of_a_bulk_string_can_be_set() {
    let mut parser = Parser {
        max_bulk: 3,
        ..Parser::default()
    };
    let mut input = b"*2\r\n$3\r\nabc\r\n$4\r\n".to_vec();
    let error = parser.parse(&mut input);
    assert_eq!(error, Err(ProtocolError::InvalidBulkLength));
    assert_eq!(parser.args.len(), 1);
}

#[test]
fn a_command_may_have_as_many_arguments_as_the_limit() {
    assert!(waits(format!("*{MAX_ARGS}\r\n")).is_ok());
    let error = waits(format!("*{}\r\n", MAX_ARGS + 1)).err();
    assert_eq!(error, Some(ProtocolError::InvalidCount));
}

#[test]
fn a_command_may_be_as_long_as_the_limit() {
    let mut parser = Parser {
        pos: MAX_COMMAND - 12,
        ..Parser::default()
    };
    let fits = parser.bulk(b"", 1, 10);
    assert!(matches!(fits, Ok(Progress::Incomplete)));
    let error = parser.bulk(b"", 1, 11).err();
    assert_eq!(error, Some(ProtocolError::CommandTooBig));
}

#[test]
fn what_is_announced_takes_no_memory() {
    let parser = waits(format!("*{MAX_ARGS}\r\n$3\r\nSET\r\n${MAX_BULK}\r\n"));
    let room = parser.expect("a valid command").args.capacity();
    assert!(room <= 16, "room for {room} arguments");
}

#[test]
fn errors_quote_the_byte_as_it_is() {
    let error = waits(b"*1\r\n\x80\r\n").expect_err("not a bulk string");
    let text = b"ERR Protocol error: expected '$', got '\x80'";
    assert_eq!(error.reply(), text);
    assert_eq!(
        ProtocolError::InvalidCount.reply(),
        b"ERR Protocol error: invalid multibulk length"
    );
}

/// What `write` puts out for a client that speaks `protocol`.
fn written(protocol: Protocol, write: impl Fn(&mut Reply<'_>)) -> BytesMut {
    let mut output = BytesMut::new();
    write(&mut Reply::new(&mut output, protocol));
    output
}

#[test]
fn replies_have_their_types_in_resp3() {
    type Write = fn(&mut Reply<'_>);
    let replies: [(Write, &str, &str); 11] = [
        (|r| r.ok(), "+OK\r\n", "+OK\r\n"),
        (|r| r.simple("PONG"), "+PONG\r\n", "+PONG\r\n"),
        (|r| r.error(b"ERR no"), "-ERR no\r\n", "-ERR no\r\n"),
        (
            |r| r.error(b"ERR a\r\nb\r\n"),
            "-ERR a  b\r\n",
            "-ERR a  b\r\n",
        ),
        (|r| r.integer(-7), ":-7\r\n", ":-7\r\n"),
        (|r| r.bulk(b"a\r\n"), "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"),
        (|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (|r| r.null(), "$-1\r\n", "_\r\n"),
        (|r| r.array(3), "*3\r\n", "*3\r\n"),
        (|r| r.map(3), "*6\r\n", "%3\r\n"),
        (|r| r.set(3), "*3\r\n", "~3\r\n"),
    ];
    for (write, resp2, resp3) in replies {
        assert_eq!(written(Protocol::Resp2, write), resp2);
        assert_eq!(written(Protocol::Resp3, write), resp3);
    }
}
