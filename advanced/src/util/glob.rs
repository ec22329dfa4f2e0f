//! Glob-style patterns, as KEYS, SCAN and CONFIG GET take them
//! (`stringmatchlen` in Redis's `util.c`).
//!
//! `*` matches any bytes, `?` any one byte, `[abc]`, `[a-z]` and `[^a]` one of a
//! class, and `\` takes the next byte as it is.
//!
//! Redis matches `*` by recursion. Until 7.0.8 a pattern with many stars could
//! keep it busy for hours (CVE-2022-36021). Only the last star ever needs a second
//! try: if what follows it cannot be matched, letting an earlier star take more
//! does not help. Redis has known this since 7.0.9 (`skipLongerMatches`), and still
//! recurses. Ours has one place to go back to, and the work is bounded by
//! pattern × text.

/// Does `pattern` match the whole of `text`?
pub fn matches(mut pattern: &[u8], mut text: &[u8]) -> bool {
    // Redis does not look at patterns for an empty text, except for the one that means
    // everything.
    if text.is_empty() {
        return matches!(pattern, b"" | b"*");
    }
    // The pattern after the last star, and the text that the star leaves to it.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
        } else if let Some((byte, left)) = text.split_first()
            && let (true, rest) = match_one(pattern, *byte)
        {
            (pattern, text) = (rest, left);
        } else if text.is_empty() && pattern.is_empty() {
            return true;
        } else if let Some((rest, [_, left @ ..])) = retry {
            // Let the star take one byte more.
            (pattern, text) = (rest, left);
            retry = Some((rest, left));
        } else {
            return false;
        }
    }
}

/// Does the first element of `pattern`, which is no star, match `byte`? And what of the
/// pattern comes after that element?
fn match_one(pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    match pattern {
        [b'?', rest @ ..] => (true, rest),
        [b'[', b'^', class @ ..] => {
            let (found, rest) = match_class(class, byte);
            (!found, rest)
        }
        [b'[', class @ ..] => match_class(class, byte),
        [b'\\', escaped, rest @ ..] => (*escaped == byte, rest),
        [literal, rest @ ..] => (*literal == byte, rest),
        [] => (false, pattern),
    }
}

/// Matches `byte` against `abc]` or `a-z]`, the part after the `[`, and leaves what comes
/// after the class. A class that is never closed ends with the pattern.
fn match_class(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut found = false;
    loop {
        let (matches, rest) = match class {
            [] => return (found, class),
            [b']', rest @ ..] => return (found, rest),
            [b'\\', escaped, rest @ ..] => (*escaped == byte, rest),
            [from, b'-', to, rest @ ..] => {
                // C's `char` is signed, so 0xff comes before 0 in Redis.
                let (from, to) = (*from as i8, *to as i8);
                let range = from.min(to)..=from.max(to);
                (range.contains(&(byte as i8)), rest)
            }
            [literal, rest @ ..] => (*literal == byte, rest),
        };
        found |= matches;
        class = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**", "", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[\\]]", "]", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("a[", "a", false),
            ("[a", "a", true),
            ("a\\", "a\\", true),
            ("**", "abc", true),
            ("a*", "ba", false),
        ] {
            let result = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(result, expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "a*".repeat(1000) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(10_000).as_bytes()));
    }
}
