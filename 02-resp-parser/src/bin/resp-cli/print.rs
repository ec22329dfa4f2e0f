//! How a reply looks: to a person with its types, as `cliFormatReplyTTY` in Redis's
//! `redis-cli.c` prints it, and to a program bare, as `cliFormatReplyRaw` does.

use crate::value::Value;

/// The reply for a person, with the newline at its end.
pub fn formatted(value: &Value) -> Vec<u8> {
    let mut output = Vec::new();
    format(value, "", &mut output);
    output
}

/// The reply for a program, without a newline at its end.
pub fn raw(value: &Value) -> Vec<u8> {
    match value {
        Value::Simple(text)
        | Value::Bulk(text)
        | Value::Verbatim(_, text)
        | Value::BigNumber(text) => text.to_vec(),
        Value::Error(text) | Value::BulkError(text) => [text, b"\n".as_slice()].concat(),
        Value::Integer(number) => number.to_string().into_bytes(),
        Value::Double(number) => number.to_string().to_lowercase().into_bytes(),
        Value::Boolean(truth) => format!("({truth})").into_bytes(),
        Value::Null | Value::NullBulk | Value::NullArray => Vec::new(),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => {
            values.iter().map(raw).collect::<Vec<_>>().join(&b'\n')
        }
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| [raw(key), raw(value)].join(&b' ');
            pairs.iter().map(pair).collect::<Vec<_>>().join(&b'\n')
        }
    }
}

/// Appends the value; each further line of it begins with `prefix`.
fn format(value: &Value, prefix: &str, output: &mut Vec<u8>) {
    match value {
        Value::Simple(text) | Value::Verbatim(_, text) | Value::BigNumber(text) => {
            line(&[text], output);
        }
        Value::Error(text) | Value::BulkError(text) => line(&[b"(error) ", text], output),
        Value::Integer(number) => line(&[format!("(integer) {number}").as_bytes()], output),
        Value::Double(number) => {
            let number = number.to_string().to_lowercase();
            line(&[b"(double) ", number.as_bytes()], output);
        }
        Value::Bulk(bytes) => line(&[&quoted(bytes)], output),
        Value::Boolean(truth) => line(&[format!("({truth})").as_bytes()], output),
        Value::Null | Value::NullBulk | Value::NullArray => line(&[b"(nil)"], output),
        Value::Array(values) if values.is_empty() => line(&[b"(empty array)"], output),
        Value::Set(values) if values.is_empty() => line(&[b"(empty set)"], output),
        Value::Push(values) if values.is_empty() => line(&[b"(empty push)"], output),
        Value::Map(pairs) if pairs.is_empty() => line(&[b"(empty hash)"], output),
        Value::Array(values) | Value::Push(values) => list(values, ')', prefix, output),
        Value::Set(values) => list(values, '~', prefix, output),
        Value::Map(pairs) => {
            let inner = inner_prefix(prefix, pairs.len());
            for (index, (key, value)) in pairs.iter().enumerate() {
                number(index, pairs.len(), '#', prefix, output);
                format(key, &inner, output);
                output.pop();
                output.extend_from_slice(b" => ");
                if has_lines(value) {
                    output.extend_from_slice(format!("\n{inner}").as_bytes());
                }
                format(value, &inner, output);
            }
        }
    }
}

fn list(values: &[Value], mark: char, prefix: &str, output: &mut Vec<u8>) {
    let inner = inner_prefix(prefix, values.len());
    for (index, value) in values.iter().enumerate() {
        number(index, values.len(), mark, prefix, output);
        format(value, &inner, output);
    }
}

/// The number of an element, such as ` 9) `, as wide as the last one needs. The first is printed on
/// a line that has already begun.
fn number(index: usize, count: usize, mark: char, prefix: &str, output: &mut Vec<u8>) {
    let prefix = if index == 0 { "" } else { prefix };
    let number = format!("{prefix}{:>1$}{mark} ", index + 1, digits(count));
    output.extend_from_slice(number.as_bytes());
}

fn inner_prefix(prefix: &str, count: usize) -> String {
    format!("{prefix}{}", " ".repeat(digits(count) + 2))
}

fn digits(count: usize) -> usize {
    count.to_string().len()
}

/// Whether the value takes more than one line.
fn has_lines(value: &Value) -> bool {
    match value {
        Value::Array(values) | Value::Set(values) | Value::Push(values) => {
            values.len() > 1 || values.iter().any(has_lines)
        }
        Value::Map(pairs) => pairs.len() > 1 || pairs.iter().any(|(_, value)| has_lines(value)),
        Value::Simple(_)
        | Value::Error(_)
        | Value::Integer(_)
        | Value::Bulk(_)
        | Value::NullBulk
        | Value::NullArray
        | Value::Null
        | Value::Boolean(_)
        | Value::Double(_)
        | Value::BigNumber(_)
        | Value::Verbatim(..)
        | Value::BulkError(_) => false,
    }
}

fn line(pieces: &[&[u8]], output: &mut Vec<u8>) {
    output.extend_from_slice(&pieces.concat());
    output.push(b'\n');
}

/// Puts the bytes in quotes, and escapes those that are not printable (`sdscatrepr`).
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let escaped = |byte: &u8| match *byte {
        b'\\' | b'"' => vec![b'\\', *byte],
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        0x07 => b"\\a".to_vec(),
        0x08 => b"\\b".to_vec(),
        b' '..=b'~' => vec![*byte],
        other => format!("\\x{other:02x}").into_bytes(),
    };
    let inside: Vec<u8> = bytes.iter().flat_map(escaped).collect();
    [b"\"", inside.as_slice(), b"\""].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Value {
        Value::Bulk(text.into())
    }

    fn shown(value: &Value) -> String {
        String::from_utf8(formatted(value)).expect("the test has only ASCII")
    }

    #[test]
    fn it_looks_as_redis_cli_shows_it() {
        assert_eq!(shown(&bulk("a\"\n\u{1}")), "\"a\\\"\\n\\x01\"\n");
        assert_eq!(shown(&Value::Double(f64::INFINITY)), "(double) inf\n");
        let nested = Value::Array(vec![
            Value::Integer(1),
            Value::Array(vec![bulk("a"), Value::NullBulk]),
            Value::Map(vec![
                (bulk("k"), Value::Boolean(true)),
                (bulk("l"), Value::Set(vec![bulk("x"), bulk("y")])),
            ]),
        ]);
        let expected = "1) (integer) 1
2) 1) \"a\"
   2) (nil)
3) 1# \"k\" => (true)
   2# \"l\" => 
      1~ \"x\"
      2~ \"y\"
";
        assert_eq!(shown(&nested), expected);
    }

    #[test]
    fn a_program_gets_it_bare() {
        let value = Value::Array(vec![bulk("a b"), Value::Null, Value::Integer(3)]);
        assert_eq!(raw(&value), b"a b\n\n3");
        let map = Value::Map(vec![(bulk("k"), bulk("v")), (bulk("l"), bulk("w"))]);
        assert_eq!(raw(&map), b"k v\nl w");
    }
}
