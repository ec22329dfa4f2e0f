//! Code on a page against the code in the source.
//!
//! An excerpt must stand in its file as a run of lines, moved left or right as a
//! whole at most. A line that is only `…`, or a comment with only that, leaves
//! out any number of lines, but none that stand further to the left than itself:
//! so it stays within the item in which it stands. A change (a `diff` block) is two excerpts: what it
//! keeps and adds is in this step's file, what it keeps and removes in that of
//! the step before.

use std::path::{Component, Path};

use similar::TextDiff;

use super::page::{Block, Page};
use super::report::Fault;
use crate::steps::{Step, read_text};

/// Compares an excerpt with its file in the page's step, or in the project.
pub fn check_excerpt(page: &Page, block: &Block, path: &str, root: &Path) -> Option<Fault> {
    let base = page.step.as_ref().map_or(root, |step| step.dir.as_path());
    check(block, &block.body, base, path, "").err()
}

/// Compares a change with both steps' files.
pub fn check_change(
    page: &Page,
    block: &Block,
    path: &str,
    before: Option<&Step>,
) -> Option<Fault> {
    let (Some(step), Some(before)) = (&page.step, before) else {
        let what = "a change where there is no step before";
        let next = "show it as an excerpt: ```rust src/…";
        return Some(Fault::new(block.line, what, next));
    };
    let new = side(&block.body, '-');
    let old = side(&block.body, '+');
    if let Err(fault) = check(block, &new, &step.dir, path, " (with the `+` lines)") {
        return Some(fault);
    }
    if old
        .iter()
        .all(|line| line.trim().is_empty() || is_elision(line))
    {
        return None;
    }
    let label = format!(" of {} (with the `-` lines)", before.name);
    check(block, &old, &before.dir, path, &label).err()
}

/// One side of a change: every line but those that only the other side has.
fn side(body: &[String], other: char) -> Vec<String> {
    let heads = ["diff --git ", "index ", "--- a/", "+++ b/", "--- /dev/null"];
    let shown = body.iter().filter(|line| {
        !line.starts_with(other) && !heads.iter().any(|head| line.starts_with(head))
    });
    let plain = shown.map(|line| match line.strip_prefix("@@") {
        Some(_) => "…".to_owned(),
        None => line
            .strip_prefix(['+', '-', ' '])
            .unwrap_or(line)
            .to_owned(),
    });
    plain.collect()
}

fn check(
    block: &Block,
    lines: &[String],
    base: &Path,
    path: &str,
    whose: &str,
) -> Result<(), Fault> {
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let file = base.join(path);
    if !inside || !file.is_file() {
        let what = format!("`{path}`{whose} is not there");
        let next = "correct the label; the path is relative to the step's folder (to the project's, \
                    on its own pages)";
        return Err(Fault::new(block.line, what, next));
    }
    let Ok(source) = read_text(&file) else {
        let what = format!("`{path}`{whose} cannot be read as text");
        return Err(Fault::new(
            block.line,
            what,
            "label the block with a text file",
        ));
    };
    let source: Vec<&str> = source.lines().map(str::trim_end).collect();
    let excerpt = Excerpt::new(lines);
    if excerpt.pieces.is_empty() {
        let what = format!("the excerpt of `{path}`{whose} shows nothing");
        return Err(Fault::new(
            block.line,
            what,
            "show at least one line, or take it out",
        ));
    }
    if excerpt.is_in(&source) {
        return Ok(());
    }
    let near = excerpt.nearest(&source);
    let what = format!("this is not in `{path}`{whose}");
    let (from, to) = (near.from + 1, near.from + near.truth.len());
    let next = if near.truth == near.piece {
        format!(
            "lines {from} to {to} of `{path}` are that, but not after what is shown before; keep the file's order"
        )
    } else if near.truth.is_empty() {
        format!("nothing like it is in `{path}`; show what is there now, or correct the label")
    } else {
        format!("show lines {from} to {to} of `{path}` as they are, or leave lines out with `// …`")
    };
    let line = block.line + near.line;
    Err(Fault::new(line, what, next).with_difference(&near.piece, &near.truth))
}

/// A block's lines, cut where it leaves something out.
struct Excerpt {
    pieces: Vec<Piece>,
}

/// Lines that follow one another in the source.
#[derive(Default)]
struct Piece {
    /// Where it starts in the block, from 1.
    line: usize,
    lines: Vec<String>,
    /// How far to the right the mark before it stands: nothing that is left out
    /// there stands further to the left.
    depth: Option<usize>,
}

/// The piece that is not in the source, and the lines there that are most like it.
struct Nearest {
    line: usize,
    piece: Vec<String>,
    from: usize,
    truth: Vec<String>,
}

impl Excerpt {
    fn new(lines: &[String]) -> Self {
        let margin = lines
            .iter()
            .filter(|line| !is_elision(line))
            .filter_map(|line| indent(line));
        let margin = margin.min().unwrap_or_default();
        let mut pieces = Vec::new();
        let mut open = Piece {
            line: 1,
            ..Piece::default()
        };
        for (number, line) in (1..).zip(lines) {
            if is_elision(line) {
                let here = indent(line).and_then(|at| at.checked_sub(margin));
                // Two marks in a row leave out what either may.
                let depth = if open.is_blank() {
                    open.depth.min(here)
                } else {
                    here
                };
                let next = Piece {
                    line: number + 1,
                    depth,
                    ..Piece::default()
                };
                pieces.push(std::mem::replace(&mut open, next));
            } else {
                let line = line.get(margin..).unwrap_or_default();
                open.lines.push(line.trim_end().to_owned());
            }
        }
        pieces.push(open);
        pieces.iter_mut().for_each(Piece::trim);
        pieces.retain(|piece| !piece.lines.is_empty());
        // What stands before the excerpt is none of its business.
        if let Some(first) = pieces.first_mut() {
            first.depth = None;
        }
        Excerpt { pieces }
    }

    /// Whether the pieces stand in the source, in order and all equally far to the right.
    fn is_in(&self, source: &[&str]) -> bool {
        let margins = source
            .iter()
            .filter_map(|line| indent(line))
            .max()
            .unwrap_or_default();
        (0..=margins).any(|margin| self.found(source, margin).is_none())
    }

    /// The first piece that is not found, and where the search for it began.
    fn found(&self, source: &[&str], margin: usize) -> Option<(&Piece, usize)> {
        let mut furthest = (0, 0);
        let fits = self.fits(source, margin, (0, 0), &mut furthest);
        (!fits).then(|| (&self.pieces[furthest.0], furthest.1))
    }

    /// Whether the pieces from this number on stand in the source from this line on.
    /// `furthest` is the first time that a piece of the highest number was looked for.
    fn fits(
        &self,
        source: &[&str],
        margin: usize,
        (number, from): (usize, usize),
        furthest: &mut (usize, usize),
    ) -> bool {
        let Some(piece) = self.pieces.get(number) else {
            return true;
        };
        if number > furthest.0 {
            *furthest = (number, from);
        }
        let depth = piece.depth.map_or(0, |depth| depth + margin);
        let outside = |line: &&str| indent(line).is_some_and(|indent| indent < depth);
        let end = source[from..].iter().position(outside);
        let end = end.map_or(source.len(), |skipped| from + skipped);
        (from..=end)
            .filter(|&at| piece.is_at(source, at, margin))
            .any(|at| {
                let next = (number + 1, at + piece.lines.len());
                self.fits(source, margin, next, furthest)
            })
    }

    /// What to show when it is not in the source. Asked only then.
    fn nearest(&self, source: &[&str]) -> Nearest {
        let margins = source
            .iter()
            .filter_map(|line| indent(line))
            .max()
            .unwrap_or_default();
        let searches = (0..=margins).rev().filter_map(|margin| {
            let (piece, start) = self.found(source, margin)?;
            Some((piece, start, margin))
        });
        // The margin with which the search gets furthest tells most.
        let furthest = searches.max_by_key(|(piece, start, _)| (piece.line, *start));
        let (piece, start, margin) = furthest.unwrap_or((&self.pieces[0], 0, 0));
        let (from, end) = piece.most_alike(source, start);
        let margin = if start == 0 {
            offset(&source[from..end], &piece.lines)
        } else {
            margin
        };
        let truth: Vec<_> = source[from..end]
            .iter()
            .map(|line| cut(line, margin))
            .collect();
        let wrong = piece
            .lines
            .iter()
            .zip(&truth)
            .position(|(have, want)| have != want);
        Nearest {
            line: piece.line + wrong.unwrap_or_default(),
            piece: piece.lines.clone(),
            from,
            truth,
        }
    }
}

impl Piece {
    /// Blank lines beside something left out may be left out with it.
    fn trim(&mut self) {
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        while self.lines.first().is_some_and(String::is_empty) {
            self.lines.remove(0);
            self.line += 1;
        }
    }

    /// The lines of the source that have most in common with it, if any has:
    /// those after `start` first, for what comes before it is shown already.
    fn most_alike(&self, source: &[&str], start: usize) -> (usize, usize) {
        let alike = |from: &usize| -> u32 {
            let pairs = source[*from..].iter().zip(&self.lines);
            pairs
                .map(|(have, want)| likeness(have.trim(), want.trim()))
                .sum()
        };
        let best = |places: std::ops::Range<usize>| {
            places
                .rev()
                .max_by_key(alike)
                .filter(|from| alike(from) > 0)
        };
        match best(start..source.len()).or_else(|| best(0..start)) {
            Some(from) => (from, source.len().min(from + self.lines.len())),
            None => (0, 0),
        }
    }

    fn is_at(&self, source: &[&str], at: usize, margin: usize) -> bool {
        let there = source.get(at..at + self.lines.len());
        there.is_some_and(|there| {
            let mut pairs = self.lines.iter().zip(there);
            pairs.all(|(want, have)| same(want, have, margin))
        })
    }

    fn is_blank(&self) -> bool {
        self.lines.iter().all(String::is_empty)
    }
}

fn same(want: &str, have: &str, margin: usize) -> bool {
    if want.is_empty() || have.is_empty() {
        return want == have;
    }
    let (space, rest) = have.split_at_checked(margin).unwrap_or((have, ""));
    space.trim().is_empty() && rest == want
}

fn is_elision(line: &str) -> bool {
    let line = line.trim();
    let line = line
        .strip_prefix("//")
        .or(line.strip_prefix('#'))
        .unwrap_or(line);
    line.trim() == "…"
}

/// From 0 to 100: how much two lines have in common, if that is a good part.
fn likeness(one: &str, other: &str) -> u32 {
    match TextDiff::from_chars(one, other).ratio() {
        _ if other.is_empty() => 0,
        good if good > 0.6 => (good * 100.0) as u32,
        _ => 0,
    }
}

/// How much further to the right the source stands.
fn offset(source: &[&str], excerpt: &[String]) -> usize {
    let theirs = source.iter().filter_map(|line| indent(line)).min();
    let ours = excerpt.iter().filter_map(|line| indent(line)).min();
    theirs
        .unwrap_or_default()
        .saturating_sub(ours.unwrap_or_default())
}

/// The line without so much white space, or as much of it as there is.
fn cut(line: &str, margin: usize) -> String {
    let margin = margin.min(indent(line).unwrap_or_default());
    line.get(margin..).unwrap_or_default().to_owned()
}

/// Bytes of white space before the line's text; none for a blank line.
fn indent(line: &str) -> Option<usize> {
    let text = line.trim_start();
    (!text.is_empty()).then(|| line.len() - text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "use a;\n\nimpl A {\n    fn b() {\n        c();\n\n        d();\n    }\n}\n";

    fn found(excerpt: &str) -> bool {
        let lines: Vec<_> = excerpt.lines().map(str::to_owned).collect();
        let source: Vec<_> = SOURCE.lines().collect();
        Excerpt::new(&lines).is_in(&source)
    }

    #[test]
    fn an_excerpt_may_be_moved_as_a_whole() {
        assert!(found("fn b() {\n    c();\n\n    d();\n}\n"));
        assert!(found("  use a;\n"));
        assert!(!found("fn b() {\nc();\n"));
        assert!(!found("fn b() {\n    c();\n    d();\n"));
    }

    #[test]
    fn lines_left_out_are_marked_and_stay_in_order() {
        assert!(found("use a;\n// …\nimpl A {\n    // …\n        d();\n"));
        assert!(found("impl A {\n…\n}\n"));
        assert!(found("use a;\n\n// …\n\n        d();\n"));
        assert!(!found("        d();\n// …\n        c();\n"));
        assert!(!found("impl A {\n// …\nfn b() {\n"));
    }

    #[test]
    fn what_is_left_out_stays_within_its_item() {
        let source = "fn a() {\n    b();\n    c();\n}\n\nfn d() {\n    e();\n}\n";
        let source: Vec<_> = source.lines().collect();
        let found = |excerpt: &str| {
            let lines: Vec<_> = excerpt.lines().map(str::to_owned).collect();
            Excerpt::new(&lines).is_in(&source)
        };
        assert!(found("fn a() {\n    // …\n}\n"));
        assert!(found("    b();\n    // …\n}\n"));
        assert!(found(
            "fn a() {\n    // …\n}\n// …\nfn d() {\n    // …\n}\n"
        ));
        assert!(found("// …\n    e();\n}\n"));
        assert!(!found("fn a() {\n    b();\n    // …\n    e();\n}\n"));
        assert!(!found("    b();\n    // …\n\nfn d() {\n"));
        assert!(!found("    b();\n    // …\n    // …\n    e();\n"));
    }

    #[test]
    fn a_piece_that_stands_twice_is_tried_twice() {
        let source = ["fn a() {", "    b();", "}", "fn a() {", "    c();", "}"];
        let lines = ["fn a() {", "    // …", "    c();"].map(str::to_owned);
        assert!(Excerpt::new(&lines).is_in(&source));
    }

    #[test]
    fn a_change_has_two_sides() {
        let body: Vec<_> = "@@ -1 +1 @@\n a\n-b\n+c\n\n d"
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(side(&body, '-'), ["…", "a", "c", "", "d"]);
        assert_eq!(side(&body, '+'), ["…", "a", "b", "", "d"]);
    }
}
