//! Writing results: colour only where it is wanted, and findings one by one.
//!
//! A whole result is written at once. When the reader of a pipe has seen enough
//! (`cargo xtask diff 05 | head`), that is a normal end and no error.

use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};

/// What names a file or a step.
pub const HEADING: Style = Style::new().bold();
/// An added line.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// A removed line, and what is wrong.
pub const REMOVED: Style = AnsiColor::Red.on_default();
/// Where in the file a hunk belongs.
pub const PLACE: Style = AnsiColor::Cyan.on_default();
/// What helps but is not the matter.
pub const HINT: Style = Style::new().dimmed();

/// The text in that style.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to standard output; colours are dropped where they are not wanted.
pub fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Succeeds if nothing was found; otherwise prints each finding and fails.
pub fn report(findings: &[String], all_well: &str) -> Result<()> {
    if findings.is_empty() {
        return print(&format!("{all_well}\n"));
    }
    for finding in findings {
        anstream::eprintln!("{} {finding}", paint(REMOVED, "✗"));
    }
    match findings.len() {
        1 => bail!("1 finding, see above"),
        count => bail!("{count} findings, see above"),
    }
}
