//! The numbers of scores: `double`, as C's `strtod` reads it and `%.17g` prints it.
//!
//! 17 digits are enough to tell any two doubles apart, so a score that is printed and read again
//! is the same. It also means that 0.1 is printed as it is: 0.10000000000000001.

use rustc_apfloat::Float;
use rustc_apfloat::ieee::Double;

/// Significant digits of `%.17g`.
const DIGITS: i32 = 17;

/// Below this, every whole number is a double, and is printed without an exponent.
const EXACT: f64 = (1u64 << 53) as f64;

/// Reads an argument that must be a number (`string2d`): not NaN, no blanks, neither too large for a
/// double nor too small to be told from 0.
pub fn parse(text: &[u8]) -> Option<f64> {
    if let Some(number) = read_whole(text) {
        return Some(number);
    }
    let (number, is_exact) = read(str::from_utf8(text).ok()?)?;
    is_exact.then_some(number)
}

/// Reads a whole number of so few digits that each is a double, which most scores are.
fn read_whole(text: &[u8]) -> Option<f64> {
    let (digits, sign) = match text {
        [b'-', digits @ ..] => (digits, -1.0),
        _ => (text, 1.0),
    };
    let is_whole = matches!(digits.len(), 1..=15) && digits.iter().all(u8::is_ascii_digit);
    let add = |number: u64, digit: &u8| number * 10 + u64::from(digit - b'0');
    is_whole.then(|| sign * digits.iter().fold(0, add) as f64)
}

/// Reads one end of a range of scores (`zslParseRange`), which is less strict: blanks may stand
/// before it, nothing is 0, and what is too large is infinite. Like C, it ends at a NUL byte.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    let text = str::from_utf8(text.split(|byte| *byte == 0).next()?).ok()?;
    if text.is_empty() {
        return Some(0.0);
    }
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    read(text).map(|(number, _)| number)
}

/// Reads decimal or hexadecimal digits, or infinity. Also returns whether the number is in the range
/// of a double.
fn read(text: &str) -> Option<(f64, bool)> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        return Some((text.replace("+", "").parse().ok()?, true));
    }
    // Rust would read `nan`, and a second sign.
    if !digits.starts_with(|first: char| first == '.' || first.is_ascii_digit()) {
        return None;
    }
    let is_hexadecimal = matches!(digits.get(..2), Some("0x" | "0X"));
    let number = match is_hexadecimal {
        true => read_hexadecimal(digits)?,
        false => digits.parse().ok()?,
    };
    // An exponent does not make 0 anything else.
    let exponent: &[char] = if is_hexadecimal {
        &['p', 'P']
    } else {
        &['e', 'E']
    };
    let mantissa = digits.split(exponent).next()?;
    let is_zero = mantissa
        .bytes()
        .all(|it| matches!(it, b'0' | b'.' | b'x' | b'X'));
    let is_exact = number.is_finite() && (number != 0.0 || is_zero);
    let signed = if text.starts_with('-') {
        -number
    } else {
        number
    };
    Some((signed, is_exact))
}

fn read_hexadecimal(digits: &str) -> Option<f64> {
    // Unlike C, LLVM wants an exponent.
    let exponent = if digits.contains(['p', 'P']) {
        ""
    } else {
        "p0"
    };
    let number: Double = format!("{digits}{exponent}").parse().ok()?;
    Some(f64::from_bits(number.to_bits() as u64))
}

/// Prints it as `%.17g` does; infinity is `inf`.
pub fn format(number: f64, output: &mut Vec<u8>) {
    if number.abs() < EXACT && number.fract() == 0.0 {
        if number == 0.0 && number.is_sign_negative() {
            output.push(b'-');
        }
        return output.extend(itoa::Buffer::new().format(number as i64).as_bytes());
    }
    if !number.is_finite() {
        return output.extend(number.to_string().bytes());
    }
    // Such as -1.2300000000000000e-7: all 17 digits, and the exponent decides where the point is.
    let text = format!("{number:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let unsigned = digits.trim_start_matches('-');
    if unsigned.len() < digits.len() {
        output.push(b'-');
    }
    let digits: Vec<u8> = unsigned.bytes().filter(u8::is_ascii_digit).collect();
    let used = digits.iter().rposition(|digit| *digit != b'0');
    let digits = &digits[..used.map_or(1, |last| last + 1)];
    let mut put_with_point = |before: usize| {
        let (whole, fraction) = digits.split_at(before.min(digits.len()));
        output.extend(whole);
        output.extend(std::iter::repeat_n(b'0', before - whole.len()));
        if !fraction.is_empty() {
            output.push(b'.');
            output.extend(fraction);
        }
    };
    match exponent {
        0..DIGITS => put_with_point(exponent as usize + 1),
        -4..0 => {
            output.extend(b"0.");
            output.extend(std::iter::repeat_n(
                b'0',
                exponent.unsigned_abs() as usize - 1,
            ));
            output.extend(digits);
        }
        _ => {
            put_with_point(1);
            let sign = if exponent < 0 { '-' } else { '+' };
            output.extend(format!("e{sign}{:02}", exponent.abs()).bytes());
        }
    }
}

/// The same, as a string.
pub fn to_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    format(number, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf("%.17g")` printed.
    #[test]
    fn numbers_are_printed_as_by_c() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.10000000000000001"),
            (-1.5, "-1.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (12345678901234568.0, "12345678901234568"),
            (9007199254740993.0, "9007199254740992"),
            (123456.789, "123456.789"),
            (1e-4, "0.0001"),
            (0.00012345, "0.00012344999999999999"),
            (1e-5, "1.0000000000000001e-05"),
            (1.5e300, "1.5000000000000001e+300"),
            (-2.5e-7, "-2.4999999999999999e-07"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(String::from_utf8(to_text(number)).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn numbers_are_read_as_by_c() {
        for (text, number) in [
            ("1", 1.0),
            ("-0", -0.0),
            ("007", 7.0),
            ("-999999999999999", -999_999_999_999_999.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("+1.5", 1.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("0x10", 16.0),
            ("-0X1.8p1", -3.0),
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("0e999999", 0.0),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "", " 1", "1 ", "nan", "abc", "1e", "--1", "+-1", "0x", "1e999", "1e-999", ".", "1\0",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        for (text, number) in [
            ("", 0.0),
            (" 1", 1.0),
            ("1e999", f64::INFINITY),
            ("-1e999", f64::NEG_INFINITY),
            ("1e-999", 0.0),
            ("2\0x", 2.0),
        ] {
            assert_eq!(parse_bound(text.as_bytes()), Some(number), "{text:?}");
        }
        assert_eq!(parse_bound(b"nan"), None);
        assert_eq!(parse_bound(b" "), None);
    }
}
