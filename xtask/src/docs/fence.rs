//! What a code block is, read from the words after its ` ``` `.
//!
//! The first word is the language, as on any page. What follows says how the
//! block is held to the truth: by being run, by being compared with a source
//! file, or, for the few that can be neither, by the reason why not. A block
//! that could drift unnoticed is refused, so that nobody has to remember to check it.

/// How a block is checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// ` ```console `: its commands are run.
    Console,
    /// ` ```console not-run: why `.
    NotRun,
    /// ` ```mermaid `.
    Diagram,
    /// ` ```rust src/x.rs `: an excerpt of that file.
    Excerpt(&'a str),
    /// ` ```diff src/x.rs `: what this step changed in that file.
    Change(&'a str),
    /// ` ```rust sketch: why `: code that is in no file, such as a rejected alternative.
    Sketch,
    /// Anything else, like a drawing or a log.
    Plain,
    /// A block that says too little about itself.
    Refused {
        /// What is wrong.
        what: String,
        /// What to write instead.
        next: &'static str,
    },
}

const SHELLS: [&str; 6] = [
    "sh",
    "bash",
    "shell",
    "zsh",
    "shell-session",
    "shellsession",
];
const NOT_RUN: &str = "say why: ```console not-run: needs a second terminal";
const LABEL: &str = "label it with its file, relative to the step's folder (```rust src/store.rs), or, if it is in \
     no file, with the reason (```rust sketch: the alternative that lost)";
const DIFF_LABEL: &str = "label it with the file that it changes (```diff src/store.rs), or give the reason (```diff sketch: …)";

impl<'a> Kind<'a> {
    /// Reads the words after the ` ``` `.
    pub fn of(info: &'a str) -> Self {
        let (first, rest) = split_word(info);
        let language = first.split(',').next().unwrap_or_default();
        if let Some(reason) = reason(rest, "sketch") {
            return kept(reason, Kind::Sketch, "sketch", LABEL);
        }
        match language {
            "console" => console(rest),
            "mermaid" => Kind::Diagram,
            "rust" | "rs" => labelled(rest, Kind::Excerpt, "Rust", LABEL),
            "diff" => labelled(rest, Kind::Change, "diff", DIFF_LABEL),
            shell if SHELLS.contains(&shell) => refused(
                format!("a `{shell}` block is not run"),
                "write it as ```console with `$ ` before each command, or as ```console not-run: <why>",
            ),
            _ => other(rest),
        }
    }
}

fn console(rest: &str) -> Kind<'_> {
    match reason(rest, "not-run") {
        Some(reason) => kept(reason, Kind::NotRun, "not-run", NOT_RUN),
        None if rest.is_empty() => Kind::Console,
        None => refused(format!("`{rest}` after `console` means nothing"), NOT_RUN),
    }
}

fn labelled<'a>(
    rest: &'a str,
    kind: fn(&'a str) -> Kind<'a>,
    language: &str,
    next: &'static str,
) -> Kind<'a> {
    match split_word(rest).0 {
        "" => refused(
            format!("a {language} block without a label is compared with nothing"),
            next,
        ),
        path => kind(path),
    }
}

/// In other languages a label is welcome but not demanded.
fn other(rest: &str) -> Kind<'_> {
    match split_word(rest).0 {
        path if path.contains(['.', '/']) => Kind::Excerpt(path),
        _ => Kind::Plain,
    }
}

/// The reason after `word:`; an empty one if `word` stands there without any.
fn reason<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let after = rest.strip_prefix(word)?;
    match after.strip_prefix(':') {
        Some(reason) => Some(reason.trim()),
        None if after.is_empty() || after.starts_with(' ') => Some(""),
        None => None,
    }
}

fn kept<'a>(reason: &str, kind: Kind<'a>, word: &str, next: &'static str) -> Kind<'a> {
    if reason.is_empty() {
        refused(format!("`{word}` without a reason"), next)
    } else {
        kind
    }
}

fn refused(what: String, next: &'static str) -> Kind<'static> {
    Kind::Refused { what, next }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_how_a_block_is_checked() {
        assert_eq!(Kind::of("console"), Kind::Console);
        assert_eq!(Kind::of("console not-run: two terminals"), Kind::NotRun);
        assert_eq!(Kind::of("rust src/a.rs"), Kind::Excerpt("src/a.rs"));
        assert_eq!(Kind::of("rust sketch: slower"), Kind::Sketch);
        assert_eq!(Kind::of("diff src/a.rs"), Kind::Change("src/a.rs"));
        assert_eq!(Kind::of("toml Cargo.toml"), Kind::Excerpt("Cargo.toml"));
        assert_eq!(Kind::of("text"), Kind::Plain);
        assert_eq!(Kind::of(""), Kind::Plain);
    }

    #[test]
    fn a_block_that_could_drift_unnoticed_is_refused() {
        for info in [
            "rust",
            "rust,ignore",
            "rust sketch:",
            "rust sketch",
            "diff",
            "console not-run",
            "console not-run:",
            "console later",
            "bash",
        ] {
            assert!(matches!(Kind::of(info), Kind::Refused { .. }), "{info}");
        }
    }
}
