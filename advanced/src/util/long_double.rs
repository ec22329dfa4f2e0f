//! The numbers of INCRBYFLOAT and HINCRBYFLOAT: `long double`, which on x86 has 80 bits.
//!
//! Redis adds in this type and prints 17 digits after the point
//! (`ld2string` in `util.c`), so `1000 + 0.1` is `1000.09999999999999998` there.
//! Rust has no such type; an `f64` would give other digits. Reading and arithmetic come
//! from LLVM's own soft floats, and what is left to us is the printing.

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round, Status};

/// The longest text that is taken for a number, in bytes
/// (`MAX_LONG_DOUBLE_CHARS`).
const MAX_TEXT: usize = 5 * 1024 - 1;

/// A `long double` is `mantissa × 2^(exponent - EXPONENT_BIAS)`.
const EXPONENT_BIAS: i32 = 16383 + 63;

/// 10^17: the digits after the point that are printed.
const SCALE: u128 = 100_000_000_000_000_000;

/// More digits than any `long double` has before its point.
const ALL_DIGITS: usize = 5000;

/// A `long double`.
#[derive(Debug, Clone, Copy)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads what C's `strtold` reads, decimal or hexadecimal, but neither blanks nor NaN.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?.to_ascii_lowercase();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        let value = match digits {
            _ if text.len() > MAX_TEXT => return None,
            "inf" | "infinity" => X87DoubleExtended::INFINITY,
            _ => parse_finite(digits)?,
        };
        Some(Self(if text.starts_with('-') { -value } else { value }))
    }

    /// The sum, or nothing if it is infinite or not a number.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }

    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Itself, times a whole number, rounded up; nothing if that is out of range.
    #[cfg(feature = "blocking")]
    pub fn ceil_times(self, factor: u32) -> Option<i64> {
        let factor = X87DoubleExtended::from_u128(factor.into()).value;
        let product = (self.0 * factor)
            .value
            .to_i128_r(64, Round::TowardPositive, &mut false);
        (!product.status.contains(Status::INVALID_OP)).then_some(product.value as i64)
    }

    /// 17 digits after the point, without the zeros at the end.
    pub fn format(self) -> String {
        let bits = self.0.to_bits();
        let exponent = ((bits >> 64) & 0x7fff) as i32 - EXPONENT_BIAS;
        if exponent >= 0 {
            // A whole number, and LLVM prints it exactly.
            return format!("{:ALL_DIGITS$.ALL_DIGITS$}", self.0);
        }
        let text = format_fraction(bits as u64, exponent.unsigned_abs());
        match bits >> 79 == 1 && text != "0" {
            true => format!("-{text}"),
            false => text,
        }
    }
}

/// Reads a number without a sign.
fn parse_finite(digits: &str) -> Option<X87DoubleExtended> {
    // LLVM reads words, too, and an exponent that has no digits.
    let is_number = digits.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    let text = match digits.strip_prefix("0x") {
        // LLVM wants an exponent after hexadecimal digits, C does not.
        Some(_) if !digits.contains('p') => format!("{digits}p0"),
        None if !is_number || digits.ends_with(['e', '+', '-']) => return None,
        _ => digits.to_owned(),
    };
    let number = X87DoubleExtended::from_str_r(&text, Round::NearestTiesToEven).ok()?;
    // strtold reports ERANGE for what is too large and for what is too small to
    // be told from 0, and Redis refuses both.
    let is_lost = number.value.is_zero() && number.status != Status::OK;
    (number.value.is_finite() && !is_lost).then_some(number.value)
}

/// `mantissa × 2^-shift`, rounded to 17 digits after the point, half to even.
fn format_fraction(mantissa: u64, shift: u32) -> String {
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
            ("0xE", "0e9", "14"),
            ("-1e20", "-5", "-100000000000000000008"),
            ("1e40", "1e40", "19999999999999999999567372184540512518144"),
            ("0.000003814697265625", "0", "0.00000381469726562"),
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
            "", " 1", "1 ", "abc", "nan", "1e", "1e+", "--1", "0x", "0x.p1", "0x1p", ".",
            "1e99999", "1e-99999", "1.2.3",
        ] {
            assert!(LongDouble::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(sum("1", "inf").is_none());
    }
}
