//! Which part of which GUIDE a suite belongs to.
//!
//! Somebody whose server fails a test wants to know what to read again. So each
//! suite ends its head comment with one line, `//! Reread: <page>#<anchor>`, the
//! page as seen from the project's folder. `verify` shows it, and `docs` checks
//! that it leads somewhere.

/// How the line begins.
const START: &str = "//! Reread: ";

/// The line's number, counted from 1, and where it leads.
pub fn target(source: &str) -> Option<(usize, &str)> {
    let head = source.lines().take_while(|line| line.starts_with("//!"));
    let mut numbered = (1..).zip(head);
    numbered.find_map(|(number, line)| Some((number, line.strip_prefix(START)?.trim())))
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
}
