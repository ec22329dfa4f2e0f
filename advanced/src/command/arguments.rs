//! What handlers read from their arguments.

use super::{CommandError, Result};
use crate::resp::parse_integer;

/// Reads an argument that must be an integer of 64 bits.
pub fn integer(text: &[u8]) -> Result<i64> {
    parse_integer(text).ok_or(CommandError::NOT_AN_INTEGER)
}

/// Reads an argument that must be an integer without a negative sign; `error` says what is wrong
/// with any other (`getPositiveLongFromObjectOrReply`).
#[cfg(feature = "sets")]
pub fn positive(text: &[u8], error: &'static str) -> Result<usize> {
    let number = parse_integer(text).and_then(|number| usize::try_from(number).ok());
    number.ok_or(CommandError::new(error))
}

/// Reads how many elements are to be picked at random; a negative number must have a positive
/// counterpart.
pub fn random_count(text: &[u8]) -> Result<i64> {
    let count = integer(text)?;
    if count == i64::MIN {
        let (least, most) = (-i64::MAX, i64::MAX);
        let range = format!("{least} and {most}");
        let before = "ERR value is out of range, value must between ";
        return Err(CommandError::quoting(before, range.as_bytes(), ""));
    }
    Ok(count)
}

/// Checks that an argument is 0, the index of the only database.
pub fn check_database(index: &[u8]) -> Result {
    match i32::try_from(integer(index)?) {
        Ok(0) => Ok(()),
        Ok(_) => Err(CommandError::new("ERR DB index is out of range")),
        Err(_) => Err(CommandError::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
    }
}
