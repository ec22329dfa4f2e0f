//! Glob-style patterns, as KEYS, SCAN and CONFIG GET take them
//! (`stringmatchlen` in Redis's `util.c`).
//!
//! `*` matches any bytes, `?` any one byte, `[abc]`, `[a-z]` and `[^a]` one of a
//! class, and `\` takes the next byte as it is.
//!
//! Redis matches `*` by recursion. Until 7.0.8 a pattern with many stars could
//! keep it busy for hours (CVE-2022-36021). Only the last star ever needs a second
//! try: if what follows it cannot be matched, letting an earlier star take more
//! does not help. Redis knows this since 7.0.9 (`skipLongerMatches`), and still
//! recurses. Ours has one place to go back to, and the work is bounded by
//! pattern × text.

/// Does `pattern` match the whole of `text`?
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Redis does not look at patterns for nothing, except for the one that means
    // everything.
    if text.is_empty() {
        return matches!(pattern, b"" | b"*");
    }
    let (mut p, mut t) = (0, 0);
    // The pattern behind the last star, and the text that it leaves to it.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() && p == pattern.len() {
            return true;
        }
        if let (true, Some(&byte)) = (p < pattern.len(), text.get(t))
            && let (true, length) = match_one(&pattern[p..], byte)
        {
            p += length;
            t += 1;
            continue;
        }
        match retry {
            // Let the star take one byte more.
            Some((behind, taken)) if taken < text.len() => {
                (p, t) = (behind, taken + 1);
                retry = Some((p, t));
            }
            _ => return false,
        }
    }
}

/// Does the first element of `pattern`, which is no star, match `byte`? And how
/// many bytes of the pattern does that element take?
fn match_one(pattern: &[u8], byte: u8) -> (bool, usize) {
    match pattern {
        [b'?', ..] => (true, 1),
        [b'[', class @ ..] => {
            let (found, length) = match_class(class, byte);
            (found, length + 1)
        }
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [literal, ..] => (*literal == byte, 1),
        [] => (false, 0),
    }
}

/// Matches `byte` against `abc]`, `a-z]` or `^a]`, the part behind the `[`.
/// A class that is never closed ends with the pattern.
fn match_class(class: &[u8], byte: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                at += 2;
            }
            [from, b'-', to, ..] => {
                // C's `char` is signed, so 0xff comes before 0 in Redis.
                let (from, to) = (*from as i8, *to as i8);
                found |= (from.min(to)..=from.max(to)).contains(&(byte as i8));
                at += 3;
            }
            [literal, ..] => {
                found |= *literal == byte;
                at += 1;
            }
        }
    }
    (found != negated, at)
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
