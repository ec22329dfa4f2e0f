//! Inline commands: a line typed by hand becomes words (`sdssplitargs` in Redis's `sds.c`).

use super::ProtocolError;
use super::span::Span;

/// The words of a line, as [`Parser`](super::Parser) splits an inline command.
///
/// # Errors
/// [`ProtocolError::UnbalancedQuotes`].
pub fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
    let mut line = line.to_vec();
    let mut spans = Vec::new();
    split_words(&mut line, &mut spans)?;
    let word = |span: &Span| line[span.range()].to_vec();
    Ok(spans.iter().map(word).collect())
}

/// Splits a line into words and unquotes them in place, which works because a
/// word never gets longer (`sdssplitargs`).
///
/// `"…"` understands `\n \r \t \b \a \xHH` and `\` before any other byte; `'…'`
/// understands `\'` only. A closing quote must be the end of its word.
pub(super) fn split_words(line: &mut [u8], words: &mut Vec<Span>) -> Result<(), ProtocolError> {
    let mut from = 0;
    // Everything before `from` is read, everything before `to` is written.
    let mut to = 0;
    loop {
        while line.get(from).is_some_and(|b| is_space(*b)) {
            from += 1;
        }
        if from == line.len() {
            return Ok(());
        }
        let start = to;
        (from, to) = unquote_word(line, from, to)?;
        words.push(Span::new(start..to));
    }
}

/// Copies the word at `from` to `to`, without its quotes. Returns the positions after both.
fn unquote_word(
    line: &mut [u8],
    mut from: usize,
    mut to: usize,
) -> Result<(usize, usize), ProtocolError> {
    let mut quote = None;
    loop {
        let (byte, taken) = match (quote, &line[from..]) {
            (None, []) => return Ok((from, to)),
            (Some(_), []) => return Err(ProtocolError::UnbalancedQuotes),
            (None, [blank, ..]) if ends_word(*blank) => return Ok((from, to)),
            (None, [mark @ (b'"' | b'\''), ..]) => {
                quote = Some(*mark);
                from += 1;
                continue;
            }
            (Some(open), [mark, rest @ ..]) if open == *mark => {
                if rest.first().is_some_and(|b| !is_space(*b)) {
                    return Err(ProtocolError::UnbalancedQuotes);
                }
                return Ok((from + 1, to));
            }
            (Some(b'"'), [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex_digit(*high) << 4 | hex_digit(*low), 4)
            }
            (Some(b'"'), [b'\\', escaped, ..]) => (unescape(*escaped), 2),
            (Some(b'\''), [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [byte, ..]) => (*byte, 1),
        };
        line[to] = byte;
        from += taken;
        to += 1;
    }
}

/// Ends a word that is not in quotes. A vertical tab or a form feed does not,
/// although both are space between words.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
