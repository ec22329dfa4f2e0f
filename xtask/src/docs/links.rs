//! Relative links and anchors.
//!
//! Links to other sites are not followed: whether they answer today says nothing
//! about the page, and a check must not depend on the network.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::page::{Link, Page};
use super::report::{Fault, Report};
use crate::paths::normal;
use crate::reread;
use crate::steps::read_text;

/// Follows links; remembers the anchors of the pages that it has seen.
pub struct Links<'a> {
    root: &'a Path,
    anchors: HashMap<PathBuf, Vec<String>>,
}

impl<'a> Links<'a> {
    /// For the project in that folder, which no link may leave.
    pub fn new(root: &'a Path) -> Self {
        Links {
            root,
            anchors: HashMap::new(),
        }
    }

    /// Follows every link of the page.
    pub fn check(&mut self, page: &Page, report: &mut Report) {
        for link in &page.links {
            let Some(target) = &link.target else {
                let what = format!("the link [{}] is defined nowhere", link.shown);
                let next = format!("add a line `[{}]: <where to>`", link.shown);
                report.faults.push(Fault::new(link.line, what, next));
                continue;
            };
            if is_elsewhere(target) {
                continue;
            }
            report.links += 1;
            if let Err((what, next)) = self.follow(&page.path, target) {
                report.faults.push(fault(link, target, &what, next));
            }
        }
    }

    /// Follows the lines of a suite that say what to read again.
    pub fn check_reread(&mut self, source: &str) -> Vec<Fault> {
        let Some(head) = reread::target(source) else {
            let what = "this suite names no part of a GUIDE";
            let next = "end its head comment with `//! Reread: <page>#<anchor>`, as seen from the \
                        project's folder";
            let fault = reread::is_suite(source).then(|| Fault::new(1, what, next));
            return fault.into_iter().collect();
        };
        let from = self.root.join("README.md");
        let all = std::iter::once(head).chain(reread::targets_of_tests(source));
        all.filter_map(|(line, target)| {
            let (what, next) = self.follow(&from, target).err()?;
            Some(Fault::new(line, format!("`{target}` {what}"), next))
        })
        .collect()
    }

    /// The error is what is wrong and what to do. `from` is the page with the link.
    fn follow(&mut self, from: &Path, target: &str) -> Result<(), (String, String)> {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = if path.is_empty() {
            from.to_owned()
        } else {
            self.resolve(from, path)?
        };
        if anchor.is_empty() {
            return Ok(());
        }
        let file = if file.is_dir() {
            file.join("README.md")
        } else {
            file
        };
        if file.extension().is_some_and(|extension| extension == "md") {
            self.find_anchor(&file, &decode(anchor))
        } else {
            find_line(&file, anchor)
        }
    }

    fn resolve(&self, from: &Path, path: &str) -> Result<PathBuf, (String, String)> {
        let decoded = decode(path);
        let from = from.parent().unwrap_or(self.root);
        let joined = match decoded.strip_prefix('/') {
            Some(from_root) => self.root.join(from_root),
            None => from.join(&decoded),
        };
        let place = normal(&joined);
        if !place.starts_with(normal(self.root)) {
            let next = "link inside the project, or give the whole address";
            return Err(("leaves the project".to_owned(), next.to_owned()));
        }
        if !place.exists() {
            let next = "correct the path; it is relative to the page's folder";
            return Err(("leads to no file".to_owned(), next.to_owned()));
        }
        Ok(place)
    }

    fn find_anchor(&mut self, file: &Path, anchor: &str) -> Result<(), (String, String)> {
        let known = self
            .anchors
            .entry(file.to_owned())
            .or_insert_with(|| anchors(file));
        if known.iter().any(|name| name == anchor) {
            return Ok(());
        }
        let mut near: Vec<_> = known.iter().collect();
        near.sort_by_key(|name| std::cmp::Reverse(likeness(name, anchor)));
        let near: Vec<_> = near.iter().take(3).map(|name| format!("#{name}")).collect();
        let next = match near.as_slice() {
            [] => "that page has no headings; link to the page".to_owned(),
            names => format!("name a heading of that page, such as {}", names.join(", ")),
        };
        Err(("leads to no heading".to_owned(), next))
    }
}

fn fault(link: &Link, target: &str, what: &str, next: String) -> Fault {
    Fault::new(link.line, format!("the link `{target}` {what}"), next)
}

fn anchors(file: &Path) -> Vec<String> {
    let page = Page::read(file.to_owned(), String::new(), None);
    page.map(|page| page.anchors.into_iter().collect())
        .unwrap_or_default()
}

/// `#L10` and `#L10-L20` lead to lines of a source file.
fn find_line(file: &Path, anchor: &str) -> Result<(), (String, String)> {
    let last = anchor
        .rsplit('-')
        .next()
        .and_then(|part| part.strip_prefix('L'));
    let last: Option<usize> = last.and_then(|number| number.parse().ok());
    let lines = read_text(file)
        .map(|text| text.lines().count())
        .unwrap_or_default();
    if last.is_some_and(|last| (1..=lines).contains(&last)) {
        return Ok(());
    }
    let next = format!("that file has {lines} lines; write #L1 or #L1-L9, or link to the file");
    Err(("leads to no line".to_owned(), next))
}

/// Whether it has a scheme (`https:`, `mailto:`) or names a host.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    target.starts_with("//")
        || scheme.is_some_and(|s| {
            s.chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        })
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn likeness(one: &str, other: &str) -> u32 {
    (similar::TextDiff::from_chars(one, other).ratio() * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_told_from_files() {
        for target in ["https://redis.io", "mailto:a@b.c", "//host/x"] {
            assert!(is_elsewhere(target), "{target}");
        }
        for target in ["src/a.rs", "#a", "../x.md#a:b", "a/b:c"] {
            assert!(!is_elsewhere(target), "{target}");
        }
    }
}
