//! The runtime path on a page of the advanced track: the functions that a command runs through,
//! in their order.
//!
//! Under `## Runtime path`, each item of the list begins with a function and a link to its file,
//! and the function must be there. Each but the first must be named in the body of one before it:
//! otherwise it is not on the path. What is called through a table or a task says so in its text,
//! with the word "through".

use std::path::Path;

use anyhow::Result;

use super::page::{Heading, Page};
use super::report::{Fault, Report};
use crate::chapters::source_of;
use crate::heart::source;
use crate::paths::normal;
use crate::steps::read_text;

const HEADING: &str = "Runtime path";
const FORM: &str = "write it as: 1. [`Type::function`](path/to/file.rs): what it does";

/// An item of the list.
struct Call {
    line: usize,
    /// The function, and the path of its file as the page's folder sees it; `None` if the item
    /// does not begin with them.
    target: Option<(String, String)>,
    text: String,
}

/// The functions of the path, each with its file as the page's folder sees it.
pub fn functions(page: &Page) -> Result<Vec<(String, String)>> {
    let calls = match page.headings.iter().find(|it| it.text == HEADING) {
        Some(heading) => calls_below(page, heading)?,
        None => Vec::new(),
    };
    Ok(calls.into_iter().filter_map(|call| call.target).collect())
}

fn calls_below(page: &Page, heading: &Heading) -> Result<Vec<Call>> {
    let text = read_text(&page.path)?;
    let section = page.section(heading);
    let lines = (1..).zip(text.lines());
    Ok(calls(lines.filter(|(line, _)| {
        section.contains(line) && *line != heading.line
    })))
}

/// Checks the path, if the page has one.
pub fn check(page: &Page, root: &Path, report: &mut Report) -> Result<()> {
    let Some(heading) = page.headings.iter().find(|it| it.text == HEADING) else {
        return Ok(());
    };
    let calls = calls_below(page, heading)?;
    if calls.is_empty() {
        let what = format!("`{HEADING}` has no functions");
        report.faults.push(Fault::new(heading.line, what, FORM));
    }
    let mut bodies: Vec<String> = Vec::new();
    for call in &calls {
        match body(call, page, root) {
            Ok(body) => {
                report.faults.extend(off_the_path(call, &bodies));
                bodies.push(body);
            }
            Err(fault) => report.faults.push(fault),
        }
    }
    report.snippets += calls.len();
    Ok(())
}

fn calls<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (line, text) in lines {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(rest) = text[digits..].strip_prefix(". ").filter(|_| digits > 0) {
            calls.push(Call {
                line,
                target: target(rest),
                text: rest.to_owned(),
            });
        } else if let Some(call) = calls.last_mut().filter(|_| text.starts_with(' ')) {
            call.text.push_str(text);
        }
    }
    calls
}

/// The name and the path of ``[`name`](path)``.
fn target(item: &str) -> Option<(String, String)> {
    let (name, rest) = item.strip_prefix("[`")?.split_once("`](")?;
    let (path, _) = rest.split_once(')')?;
    Some((name.to_owned(), path.to_owned()))
}

/// The body of the function.
fn body(call: &Call, page: &Page, root: &Path) -> Result<String, Fault> {
    let Some((name, path)) = &call.target else {
        let what = "this item of the path names no function";
        return Err(Fault::new(call.line, what, FORM));
    };
    let fault = |what: String| {
        let next = "name a function that is there now, and the file in which it is";
        Fault::new(call.line, what, next)
    };
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let mut file = normal(&folder.join(path));
    if let Some(step) = &page.step {
        file = source_of(root, step, &file);
    }
    let source = read_text(&file).map_err(|_| fault(format!("`{path}` cannot be read")))?;
    let found =
        source::function(&source, path, name).map_err(|error| fault(format!("{error:#}")))?;
    Ok(source[found.body].to_owned())
}

/// A fault if no function before it names this one.
fn off_the_path(call: &Call, before: &[String]) -> Option<Fault> {
    let (name, _) = call.target.as_ref()?;
    let short = name.rsplit("::").next().unwrap_or(name);
    let is_named = |body: &String| {
        let mut words = body.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| word == short)
    };
    if before.is_empty() || before.iter().any(is_named) || call.text.contains("through ") {
        return None;
    }
    let what = format!("no function before it on the path names `{short}`");
    let next = "add the one that calls it, or say through what it is called";
    Some(Fault::new(call.line, what, next))
}
