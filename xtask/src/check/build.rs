//! The build before the grading, and what its compiler says first.

use std::io::{Cursor, ErrorKind};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};

use crate::processes;

/// The time for a build from nothing.
const LIMIT: Duration = Duration::from_secs(1200);

/// How much of an error is shown. Its beginning tells most.
const LINES: usize = 24;

/// Builds the step and its graders; what went wrong first, if something did.
pub fn first_error(mut cargo: Command) -> Result<Option<String>> {
    cargo.arg("--message-format=json");
    let ended = match processes::run(&mut cargo, LIMIT) {
        Err(error) if is_not_found(&error) => bail!(
            "cargo cannot be found, and nothing can be built without it; \
             install Rust from https://rustup.rs and open a new terminal"
        ),
        other => other?,
    };
    match ended.success {
        Some(true) => Ok(None),
        Some(false) => Ok(Some(said(&ended.output))),
        None => bail!(
            "cargo has been building for {} minutes and was stopped; \
             if another cargo is at work here, wait for it and try again",
            LIMIT.as_secs() / 60
        ),
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::NotFound)
}

/// The compiler's first error, or what cargo says if it did not come that far.
fn said(output: &str) -> String {
    let messages = Message::parse_stream(Cursor::new(output)).flatten();
    let (mut errors, mut others) = (Vec::new(), String::new());
    for message in messages {
        match message {
            Message::CompilerMessage(it) if is_error(&it.message) => errors.push(it.message),
            Message::TextLine(line) => others.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    let count = errors.len();
    match errors.into_iter().next() {
        None => short(others.trim()),
        Some(first) => {
            let first = first.rendered.unwrap_or(first.message);
            let more = format!("\n\n(the first of {count} errors)");
            short(first.trim()) + if count > 1 { &more } else { "" }
        }
    }
}

/// A compiler's last error only counts those before it.
fn is_error(message: &Diagnostic) -> bool {
    message.level == DiagnosticLevel::Error && !message.message.starts_with("aborting due to")
}

/// The first lines.
fn short(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    match lines.len() {
        0..=LINES => lines.join("\n"),
        _ => format!("{}\n…", lines[..LINES].join("\n")),
    }
}
