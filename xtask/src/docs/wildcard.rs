//! Expected output against actual output.
//!
//! `…` inside a line stands for anything within that line, a line that is only
//! `…` for any number of lines. Trailing white space never counts: nobody sees it.
//!
//! Both questions, "do they agree?" and "what must change so that they do?", are
//! answered by one alignment, the cheapest way to turn the expectation into the
//! output. They agree if it costs nothing.

const ANY: char = '…';

/// How one line of the result comes about.
#[derive(Clone, Copy)]
enum Move {
    /// The expected line matches the actual one.
    Keep,
    /// A line `…` takes one more actual line.
    Swallow,
    /// A line `…` ends.
    EndGap,
    /// The expected line is not there any more.
    Drop,
    /// The actual line was not expected.
    Add,
}

/// Whether the output is as expected.
pub fn agree(expected: &[String], actual: &[String]) -> bool {
    let (expected, actual) = (trim(expected), trim(actual));
    costs(expected, actual)[0][0] == 0
}

/// The expectation, brought up to date: what still matches stays as it was
/// written, wildcards included, and the rest is as it really is.
pub fn update(expected: &[String], actual: &[String]) -> Vec<String> {
    let (wanted, actual) = (trim(expected), trim(actual));
    let table = costs(wanted, actual);
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    let mut previous_kept = true;
    while let Some(step) = cheapest(&table, wanted, actual, i, j) {
        match step {
            Move::Keep => {
                lines.push(wanted[i].clone());
                (i, j) = (i + 1, j + 1);
                previous_kept = true;
            }
            Move::Drop => {
                i += 1;
                previous_kept = false;
            }
            Move::Add => {
                lines.push(actual[j].clone());
                j += 1;
            }
            Move::Swallow | Move::EndGap => {
                let from = j;
                while let Some(Move::Swallow) = cheapest(&table, wanted, actual, i, j) {
                    j += 1;
                }
                i += 1;
                let next = cheapest(&table, wanted, actual, i, j);
                // A gap between lines that are gone may hide what changed.
                if previous_kept && matches!(next, None | Some(Move::Keep)) {
                    lines.push(ANY.to_string());
                } else {
                    lines.extend_from_slice(&actual[from..j]);
                }
            }
        }
    }
    lines.extend_from_slice(&expected[wanted.len()..]);
    lines
}

/// `table[i][j]` is what it costs to turn the expectation from line `i` on into
/// the output from line `j` on.
fn costs(expected: &[String], actual: &[String]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; actual.len() + 1]; expected.len() + 1];
    for i in (0..=expected.len()).rev() {
        for j in (0..=actual.len()).rev() {
            table[i][j] = options(&table, expected, actual, i, j)
                .map(|(cost, _)| cost)
                .min()
                .unwrap_or_default();
        }
    }
    table
}

fn cheapest(
    table: &[Vec<usize>],
    expected: &[String],
    actual: &[String],
    i: usize,
    j: usize,
) -> Option<Move> {
    options(table, expected, actual, i, j)
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, step)| step)
}

/// What can be done at a place, best first where the cost is the same.
fn options(
    table: &[Vec<usize>],
    expected: &[String],
    actual: &[String],
    i: usize,
    j: usize,
) -> impl Iterator<Item = (usize, Move)> {
    let want = expected.get(i);
    let have = actual.get(j);
    let gap = want.is_some_and(|want| is_gap(want));
    let same = matches!((want, have), (Some(want), Some(have)) if !gap && line_agrees(want, have));
    [
        same.then(|| (table[i + 1][j + 1], Move::Keep)),
        gap.then(|| (table[i + 1][j], Move::EndGap)),
        (gap && have.is_some()).then(|| (table[i][j + 1], Move::Swallow)),
        (want.is_some() && !gap).then(|| (table[i + 1][j] + 1, Move::Drop)),
        (have.is_some() && !gap).then(|| (table[i][j + 1] + 1, Move::Add)),
    ]
    .into_iter()
    .flatten()
}

fn is_gap(line: &str) -> bool {
    line.trim() == "…"
}

fn line_agrees(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (pattern.trim_end(), line.trim_end());
    let Some((first, rest)) = pattern.split_once(ANY) else {
        return pattern == line;
    };
    let Some(mut left) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split(ANY).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

/// Without the blank lines at the end.
fn trim(lines: &[String]) -> &[String] {
    let end = lines.iter().rposition(|line| !line.trim().is_empty());
    &lines[..end.map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn check(expected: &str, actual: &str) -> bool {
        agree(&lines(expected), &lines(actual))
    }

    #[test]
    fn a_wildcard_in_a_line_takes_anything_but_a_line_break() {
        assert!(check("id=… port=6380", "id=7 port=6380"));
        assert!(check("…:M … * Ready", "12:M 09:41 * Ready"));
        assert!(check("ab…", "ab"));
        assert!(!check("a…b…c", "a-c"));
        assert!(!check("aba…aba", "aba"));
        assert!(!check("a…c", "a\nc"));
    }

    #[test]
    fn a_wildcard_line_takes_any_number_of_lines() {
        assert!(check("a\n…\nz", "a\nb\nc\nz"));
        assert!(check("a\n…\nz", "a\nz"));
        assert!(check("…", ""));
        assert!(!check("a\n…\nz", "a\nb"));
    }

    #[test]
    fn white_space_at_the_ends_is_not_seen() {
        assert!(check("a\n\n", "a  "));
        assert!(check("+PONG", "+PONG\r"));
        assert!(!check("a\n\nb", "a\nb"));
        assert!(!check("", "a"));
    }

    #[test]
    fn an_update_keeps_what_still_matches() {
        let new = update(
            &lines("id=…\nold\n…\nend\n"),
            &lines("id=9\nnew\nx\ny\nend"),
        );
        assert_eq!(new, ["id=…", "new", "x", "y", "end"]);
        let new = update(&lines("id=…\n…\nend\nold\n\n"), &lines("id=9\nx\nend\nnew"));
        assert_eq!(new, ["id=…", "…", "end", "new", ""]);
    }

    #[test]
    fn an_updated_expectation_agrees() {
        let expected = lines("a\n…\nb\n…");
        let actual = lines("c\nd\nb\ne");
        assert!(!agree(&expected, &actual));
        assert!(agree(&update(&expected, &actual), &actual));
    }
}
