//! Which part of which GUIDE a suite belongs to.
//!
//! Somebody whose server fails a test wants to know what to read again. So each
//! suite ends its head comment with one line, `//! Reread: <page>#<anchor>`, the
//! page as seen from the project's folder. A test about another part says so in
//! its own comment, `/// Reread: …`. `verify` shows it, and `docs` checks
//! that it leads somewhere.

/// How the line begins, without the marks of the comment.
const START: &str = "Reread: ";

/// Where a line of a comment leads, if it is that line.
pub fn place(comment: &str) -> Option<&str> {
    Some(comment.trim().strip_prefix(START)?.trim())
}

/// The head's line, counted from 1, and where it leads.
pub fn target(source: &str) -> Option<(usize, &str)> {
    let head = source.lines().take_while(|line| line.starts_with("//!"));
    found(head, "//!").next()
}

/// The same for those of single tests.
pub fn targets_of_tests(source: &str) -> impl Iterator<Item = (usize, &str)> {
    found(source.lines(), "///")
}

fn found<'s>(
    lines: impl Iterator<Item = &'s str>,
    mark: &str,
) -> impl Iterator<Item = (usize, &'s str)> {
    let numbered = (1..).zip(lines);
    numbered.filter_map(move |(number, line)| Some((number, place(line.strip_prefix(mark)?)?)))
}

/// Whether a file below `tests/suite` is a suite, and no helper of one.
pub fn is_suite(source: &str) -> bool {
    source.contains("#[test]") && source.contains("Server::start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_head_comment_counts() {
        let source = "//! A suite.\n//!\n//! Reread: 01-a/GUIDE.md#b\n\nfn f() {}\n";
        assert_eq!(target(source), Some((3, "01-a/GUIDE.md#b")));
        assert_eq!(target("//! A suite.\n\n//! Reread: a.md\n"), None);
    }

    #[test]
    fn a_test_may_have_its_own() {
        let source = "//! Reread: a.md\n\n/// It asks.\n/// Reread: b.md#c\nfn f() {}\n";
        assert_eq!(
            targets_of_tests(source).collect::<Vec<_>>(),
            [(4, "b.md#c")]
        );
    }
}
