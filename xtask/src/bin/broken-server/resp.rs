//! As much of RESP as it takes to tell where a command or a reply ends.

/// What stands at the beginning of what a client has sent.
pub enum Parsed {
    Incomplete,
    /// Something without a reply, of that length.
    Nothing(usize),
    /// A command's arguments, and its length in bytes.
    Command(Vec<Vec<u8>>, usize),
    /// No RESP.
    Broken,
}

/// Looks for the first command.
pub fn command(bytes: &[u8]) -> Parsed {
    if bytes.first() == Some(&b'*') {
        return array(bytes);
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return match bytes.len() {
            0..=65536 => Parsed::Incomplete,
            _ => Parsed::Broken,
        };
    };
    let words = bytes[..end].split(u8::is_ascii_whitespace);
    let words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    match bytes[..end].contains(&b'"') || bytes[..end].contains(&b'\'') {
        // Quotes may be wrong; what is right then, the right server knows.
        true if unbalanced(&bytes[..end]) => Parsed::Broken,
        _ if words.is_empty() => Parsed::Nothing(end + 1),
        _ => Parsed::Command(words, end + 1),
    }
}

/// A guess that errs on the side of `Broken`.
fn unbalanced(line: &[u8]) -> bool {
    let count = |quote| line.iter().filter(|byte| **byte == quote).count();
    count(b'"') % 2 == 1 || count(b'\'') % 2 == 1 || line.contains(&b'\\')
}

fn array(bytes: &[u8]) -> Parsed {
    let Some((count, mut at)) = number(bytes) else {
        return match line(bytes) {
            None if bytes.len() <= 65536 => Parsed::Incomplete,
            _ => Parsed::Broken,
        };
    };
    if count <= 0 {
        return Parsed::Nothing(at);
    }
    let mut args = Vec::new();
    for _ in 0..count {
        let rest = &bytes[at..];
        match (rest.first(), number(rest)) {
            (None, _) => return Parsed::Incomplete,
            (Some(b'$'), Some((length @ 0..=0x2000_0000, header))) => {
                let start = at + header;
                let end = start + length as usize;
                let Some(arg) = bytes.get(start..end).filter(|_| bytes.len() >= end + 2) else {
                    return Parsed::Incomplete;
                };
                args.push(arg.to_vec());
                at = end + 2;
            }
            (Some(b'$'), None) if line(rest).is_none() && rest.len() <= 65536 => {
                return Parsed::Incomplete;
            }
            _ => return Parsed::Broken,
        }
    }
    Parsed::Command(args, at)
}

/// The length of the first whole reply with all that belongs to it.
pub fn reply(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut missing) = (0, 1);
    while missing > 0 {
        let rest = &bytes[at..];
        let inside = number(rest).map_or(0, |(number, _)| number.max(0) as usize);
        at += line(rest)?;
        missing -= 1;
        match rest[0] {
            b'*' | b'~' | b'>' => missing += inside,
            b'%' => missing += 2 * inside,
            b'$' if rest.starts_with(b"$-") => {}
            b'$' | b'=' => at += inside + 2,
            _ => {}
        }
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

/// The number in the first line behind its first byte, and the line's length.
fn number(bytes: &[u8]) -> Option<(i64, usize)> {
    let length = line(bytes)?;
    let text = str::from_utf8(bytes.get(1..length - 2)?).ok()?;
    Some((text.parse().ok()?, length))
}

/// The length of the first line with its end.
fn line(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    Some(end + 2)
}

/// A command as it is sent.
pub fn encode(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(bulk(arg.len(), arg));
    }
    bytes
}

/// A bulk string that says it has that length.
pub fn bulk(length: usize, text: &[u8]) -> Vec<u8> {
    [format!("${length}\r\n").as_bytes(), text, b"\r\n"].concat()
}

/// The bytes of a reply that is a bulk string.
pub fn text(reply: &[u8]) -> Option<&[u8]> {
    match number(reply) {
        Some((0.., header)) if reply[0] == b'$' => reply[header..].strip_suffix(b"\r\n"),
        _ => None,
    }
}
