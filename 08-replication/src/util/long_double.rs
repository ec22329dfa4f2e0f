//! The numbers of INCRBYFLOAT: `long double`, which on x86 has 80 bits.
//!
//! Redis adds in this type and prints 17 digits behind the point
//! (`ld2string` in `util.c`), so `1000 + 0.1` is `1000.09999999999999998` there.
//! Rust has no such type; an `f64` would give other digits. The arithmetic comes
//! from LLVM's own soft floats, and what is left to us is the printing.

use rustc_apfloat::Float;
use rustc_apfloat::ieee::X87DoubleExtended;

/// The longest text that is taken for a number, in bytes
/// (`MAX_LONG_DOUBLE_CHARS`).
const MAX_TEXT: usize = 5 * 1024 - 1;

/// A `long double`.
#[derive(Debug, Clone, Copy)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads what C's `strtold` reads, but neither blanks nor NaN.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if text.len() > MAX_TEXT {
            return None;
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let value = match digits.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => X87DoubleExtended::INFINITY,
            lower => parse_finite(lower)?,
        };
        Some(Self(if negative { -value } else { value }))
    }

    /// The sum, or nothing if it is infinite or not a number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }

    /// 17 digits behind the point, without the zeros at the end.
    pub fn format(self) -> String {
        let bits = self.0.to_bits();
        let mantissa = bits as u64;
        let exponent = ((bits >> 64) & 0x7fff) as i32 - EXPONENT_BIAS;
        let text = if exponent >= 0 {
            shifted_left(mantissa, exponent as u32)
        } else {
            shifted_right(mantissa, exponent.unsigned_abs())
        };
        let sign = if bits >> 79 == 1 && text != "0" {
            "-"
        } else {
            ""
        };
        format!("{sign}{text}")
    }
}

/// A `long double` is `mantissa × 2^(exponent - EXPONENT_BIAS)`.
const EXPONENT_BIAS: i32 = 16383 + 63;

/// 10^17: the digits behind the point that are printed.
const SCALE: u128 = 100_000_000_000_000_000;

/// Reads digits with a point and an exponent, decimal or hexadecimal.
fn parse_finite(text: &str) -> Option<X87DoubleExtended> {
    let hexadecimal = text.strip_prefix("0x");
    let (digits, mark) = match hexadecimal {
        Some(digits) => (digits, 'p'),
        None => (text, 'e'),
    };
    if !has_form(digits, mark, hexadecimal.is_some()) {
        return None;
    }
    if spells_zero(digits, mark) {
        return Some(X87DoubleExtended::ZERO);
    }
    // LLVM wants an exponent behind hexadecimal digits, C does not.
    let complete = match hexadecimal.is_some() && !text.contains('p') {
        true => format!("{text}p0"),
        false => text.to_owned(),
    };
    let value = complete.parse::<X87DoubleExtended>().ok()?;
    // strtold reports ERANGE for what is too large and for what is too small to
    // be told from 0, and Redis refuses both.
    let in_range = value.is_finite() && !value.is_zero();
    in_range.then_some(value)
}

/// Nothing but zeros in front of the exponent.
fn spells_zero(text: &str, mark: char) -> bool {
    let number = text.split(mark).next().unwrap_or_default();
    number.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Digits, at most one point among them, then perhaps `mark` and an exponent.
fn has_form(text: &str, mark: char, hexadecimal: bool) -> bool {
    let is_digit = |c: char| c.is_digit(if hexadecimal { 16 } else { 10 });
    let (number, exponent) = match text.split_once(mark) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = whole.chars().chain(fraction.chars());
    digits.clone().count() > 0
        && digits.clone().all(is_digit)
        && exponent.is_none_or(|text| {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        })
}

/// `mantissa × 2^-shift`, rounded to 17 digits behind the point, half to even.
fn shifted_right(mantissa: u64, shift: u32) -> String {
    // A mantissa of 64 bits times 10^17 has at most 121.
    let scaled = u128::from(mantissa) * SCALE;
    let mut units = scaled.checked_shr(shift).unwrap_or(0);
    if let Some(half) = 1u128.checked_shl(shift - 1) {
        let rest = scaled - units.checked_shl(shift).unwrap_or(0);
        if rest > half || (rest == half && units % 2 == 1) {
            units += 1;
        }
    }
    let (whole, fraction) = (units / SCALE, units % SCALE);
    let text = format!("{whole}.{fraction:017}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `mantissa × 2^shift`, a whole number of up to 4,933 digits.
fn shifted_left(mantissa: u64, shift: u32) -> String {
    const GROUP: u64 = 1_000_000_000;
    // Nine decimal digits in each element, the lowest first.
    let mut groups: Vec<u64> = Vec::new();
    let mut rest = mantissa;
    while rest > 0 {
        groups.push(rest % GROUP);
        rest /= GROUP;
    }
    for _ in 0..shift {
        let mut carry = 0;
        for group in &mut groups {
            let doubled = *group * 2 + carry;
            (*group, carry) = (doubled % GROUP, doubled / GROUP);
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut text = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::LongDouble;

    fn sum(left: &str, right: &str) -> Option<String> {
        let left = LongDouble::parse(left.as_bytes())?;
        let right = LongDouble::parse(right.as_bytes())?;
        Some(left.checked_add(right)?.format())
    }

    /// What Redis 7.0.15 replied on x86-64.
    #[test]
    fn sums_are_those_of_redis() {
        for (left, right, expected) in [
            ("1000", "0.1", "1000.09999999999999998"),
            ("0.1", "0.2", "0.3"),
            ("0.3", "1e20", "100000000000000000000"),
            ("100000000000000000000", "0x10", "100000000000000000016"),
            ("3.0e3", "200", "3200"),
            (
                "1234567890123.123456",
                "0.000001",
                "1234567890123.12345695495605469",
            ),
            ("5", "-5", "0"),
            ("0", "-1e-20", "0"),
        ] {
            assert_eq!(
                sum(left, right).as_deref(),
                Some(expected),
                "{left} + {right}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", " 1", "1 ", "abc", "nan", "1e", "--1", "0x", ".", "1e99999", "1.2.3",
        ] {
            assert!(LongDouble::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(sum("1", "inf").is_none());
    }
}
