//! The words of a config file: names that have changed, numbers, and one word of several.

use crate::resp::parse_integer;

/// The name under which a parameter is written, if it has a second one, from the time when Redis
/// said `slave` and `ziplist`.
pub fn primary_name(name: &str) -> String {
    match name {
        "lua-time-limit" => "busy-reply-threshold".into(),
        _ => name
            .replace("slave", "replica")
            .replace("ziplist", "listpack"),
    }
}

/// A number from `least` to `most`.
pub fn parse_signed(value: &str, least: i64, most: i64) -> Result<i64, String> {
    let number =
        parse_integer(value.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
    match (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(format!(
            "argument must be between {least} and {most} inclusive"
        )),
    }
}

/// One of `words`, in upper or lower case.
pub fn parse_word(value: &str, words: &[&str]) -> Result<String, String> {
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(value));
    found.map(|word| (*word).to_owned()).ok_or_else(|| {
        let words = words.join(", ");
        format!("argument(s) must be one of the following: {words}")
    })
}
