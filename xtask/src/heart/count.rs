//! Lines of code: those of a step's heart, and those that it is given.

use anyhow::Result;
use similar::ChangeTag;

use super::{Heart, source};
use crate::pairs::{Pair, line_diff};
use crate::steps::{Step, read_text};

/// A line of code of a heart.
pub struct Line {
    pub file: String,
    /// Its number, from 0.
    pub number: usize,
    /// The line without the white space around it.
    pub text: String,
}

/// Whether a line is code, and neither blank nor a comment.
pub fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

/// The lines of a heart, signatures included.
pub fn of_heart(step: &Step, heart: &Heart) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (_, item) in heart.items(1..) {
        let text = read_text(&step.dir.join(&item.file))?;
        let found = source::find(&text, item)?;
        let range = match found.is_lines {
            true => found.body,
            false => found.whole,
        };
        let first = text[..range.start].matches('\n').count();
        let code = (first..).zip(text[range].lines());
        lines.extend(code.filter(|(_, it)| is_code(it)).map(|(number, it)| Line {
            file: item.file.clone(),
            number,
            text: it.trim().to_owned(),
        }));
    }
    Ok(lines)
}

/// How many lines of code a step adds in a file, but for those of its heart. Tests do not count.
pub fn given<'a>(pair: &'a Pair, heart: &[Line]) -> usize {
    let is_program = pair.path.starts_with("src/") && !pair.path.ends_with("tests.rs");
    let (Some((before, after)), true) = (pair.texts(), is_program) else {
        return 0;
    };
    // Tests are at the end of a file. A method for them alone stands farther up, indented.
    let program = |text: &'a str| text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let [before, after] = [before, after].map(program);
    let diff = line_diff(before, after);
    let is_new = |it: &similar::Change<&str>| it.tag() == ChangeTag::Insert && is_code(it.value());
    let in_heart = |number| {
        let mut lines = heart.iter();
        lines.any(|it| it.file == pair.path && Some(it.number) == number)
    };
    diff.iter_all_changes()
        .filter(|it| is_new(it) && !in_heart(it.new_index()))
        .count()
}
