//! What handlers read from their arguments.

use super::{CommandError, Result};
use crate::resp::parse_integer;

/// Reads an argument that must be an integer of 64 bits.
pub fn integer(text: &[u8]) -> Result<i64> {
    parse_integer(text).ok_or(CommandError::NOT_AN_INTEGER)
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
