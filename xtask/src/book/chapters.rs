//! What the book consists of: the workshop's pages, and two pages of code for each
//! step, its diff and the files that pages link to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;

use super::rewrite;
use crate::chapters::{FOLDER, PAGES};
use crate::diff;
use crate::modules;
use crate::pairs::{Pair, Status, compare};
use crate::paths::normal;
use crate::steps::{Step, Workshop, read_text};

/// The pages, in reading order, and how the book's contents call them.
const FIRST: [(&str, &str); 2] = [("README.md", "Start here"), ("COURSE.md", "The course")];
const LAST: [(&str, &str); 1] = [("CONTRIBUTING.md", "Contributing")];
/// The pages of a step after its README, which has the step's own name.
const STEP: [(&str, &str); 4] = [
    ("GUIDE.md", "Guide"),
    ("EXERCISES.md", "Exercises"),
    ("NOTES.md", "Notes"),
    ("INSTRUCTOR.md", "For instructors"),
];

/// Writes all that mdBook needs into that folder.
pub fn write(workshop: &Workshop, to: &Path) -> Result<()> {
    let mut book = Book {
        root: normal(&workshop.root),
        to: to.to_owned(),
        linked: BTreeMap::new(),
    };
    let mut contents = book.pages("", &FIRST, "")?;
    for step in &workshop.steps {
        let name = &step.name;
        contents += &book.pages(name, &[("README.md", &name.replace('-', " "))], "")?;
        contents += &book.pages(name, &STEP[..1], "  ")?;
        if step.in_lineage() {
            book.put(&format!("code/{name}.md"), changes(workshop, step)?)?;
            writeln!(contents, "  - [What changed](code/{name}.md)")?;
        }
        contents += &book.pages(name, &STEP[1..], "  ")?;
        writeln!(contents, "  - [Files](code/{name}-files.md)")?;
    }
    contents += &advanced(workshop, &mut book)?;
    contents += &book.pages("", &LAST, "")?;
    contents += "- [Other files](code/files.md)\n";
    for step in workshop.steps.iter().map(|it| it.name.as_str()).chain([""]) {
        let page = book.files(step)?;
        book.put(&files_page(step), page)?;
    }
    book.put("SUMMARY.md", format!("# Contents\n\n{contents}"))
}

/// The advanced track's pages, and their lines of the contents.
fn advanced(workshop: &Workshop, book: &mut Book) -> Result<String> {
    let track = [("README.md", "The advanced track")];
    let mut contents = book.pages(FOLDER, &track, "")?;
    for name in modules::drawn(&workshop.root) {
        let folder = format!("{PAGES}/{name}");
        let title = name.replace('-', " ");
        contents += &book.pages(&folder, &[("README.md", &title)], "  ")?;
        contents += &book.pages(&folder, &STEP, "    ")?;
    }
    Ok(contents)
}

/// The page with the files of a step, or of the workshop itself.
fn files_page(step: &str) -> String {
    match step {
        "" => "code/files.md".to_owned(),
        step => format!("code/{step}-files.md"),
    }
}

struct Book {
    root: PathBuf,
    to: PathBuf,
    /// By step, the files and folders that a page links to.
    linked: BTreeMap<String, BTreeSet<String>>,
}

impl Book {
    /// Copies pages of a folder, and returns their lines of the contents.
    fn pages(&mut self, folder: &str, pages: &[(&str, &str)], indent: &str) -> Result<String> {
        let mut contents = String::new();
        for (name, title) in pages {
            let page = Path::new(folder).join(name);
            let path = self.root.join(&page);
            let page = page.display().to_string();
            if path.exists() {
                let new = rewrite::page(&read_text(&path)?, |link| self.lead(folder, link));
                self.put(&page, new.with_context(|| page.clone())?)?;
                writeln!(contents, "{indent}- [{title}]({page})")?;
            }
        }
        Ok(contents)
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.to.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.to))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Where the book has what a page in that folder links to.
    fn lead(&mut self, folder: &str, link: &str) -> Result<String> {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
            return Ok(link.to_owned());
        }
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let whole = normal(&self.root.join(folder).join(&*decoded));
        let inside = whole.strip_prefix(&self.root).unwrap_or(&whole);
        let inside = inside.to_string_lossy().into_owned();
        let up = "../".repeat(Path::new(folder).components().count());
        let name = inside.rsplit('/').next().unwrap_or_default();
        let mut pages = FIRST.iter().chain(&LAST).chain(&STEP);
        if pages.any(|(page, _)| *page == name) {
            return Ok(link.to_owned());
        }
        if whole.join("README.md").exists() {
            let readme = format!("{up}{inside}/README.md").replace("//", "/");
            return Ok(format!("{readme}#{anchor}")
                .trim_end_matches('#')
                .to_owned());
        }
        if [".svg", ".png"].iter().any(|end| name.ends_with(end)) {
            let picture = fs::read(&whole).with_context(|| inside.clone())?;
            self.put(&inside, &picture)?;
            return Ok(link.to_owned());
        }
        let (step, file) = match inside.split_once('/') {
            Some((step, file)) if step.as_bytes()[0].is_ascii_digit() => (step, file),
            _ => ("", inside.as_str()),
        };
        let linked = self.linked.entry(step.to_owned()).or_default();
        linked.insert(file.to_owned());
        Ok(format!("{up}{}#{}", files_page(step), id(file)))
    }

    /// The files of a step that pages link to.
    fn files(&self, step: &str) -> Result<String> {
        let of = if step.is_empty() {
            "the workshop"
        } else {
            step
        };
        let mut text = format!("# Files of {of}\n\nThose that pages link to.\n");
        for file in self.linked.get(step).into_iter().flatten() {
            write!(text, "\n## `{file}` {{#{}}}\n\n", id(file))?;
            let path = self.root.join(step).join(file);
            if path.is_dir() {
                for name in names(&path)? {
                    writeln!(text, "- `{name}`")?;
                }
            } else {
                let language = language(file);
                text += &fenced(language, &read_text(&path)?);
            }
        }
        Ok(text)
    }
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names = entries.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

/// An anchor without what a link or a heading could take for something else.
fn id(file: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '-' };
    format!("file-{}", file.chars().map(plain).collect::<String>())
}

fn language(file: &str) -> &str {
    match file.rsplit(['.', '/']).next() {
        Some("rs") => "rust",
        Some("patch") => "diff",
        Some("sh") => "bash",
        Some("toml") => "toml",
        Some("Makefile") => "makefile",
        _ => "text",
    }
}

/// The comments of a program may contain fences of three.
fn fenced(language: &str, text: &str) -> String {
    format!("``````{language}\n{}\n``````\n", text.trim_end())
}

/// The page with what a step adds: new files whole, and the changes elsewhere.
fn changes(workshop: &Workshop, step: &Step) -> Result<String> {
    let pairs = compare(workshop.before(step), step)?;
    let name = &step.name;
    let mut text = format!(
        "# What {name} changes\n\n{}, tests included.\n",
        diff::totals(&pairs)
    );
    for pair in pairs.iter().filter(|it| diff::is_program(it)) {
        let (Some((before, after)), true) = (pair.texts(), pair.status() != Status::Same) else {
            continue;
        };
        write!(
            text,
            "\n## `{}` ({}) {{#{}}}\n\n",
            pair.path,
            became(pair),
            id(&pair.path)
        )?;
        text += &match pair.status() {
            Status::New => fenced(language(&pair.path), after),
            _ => fenced(
                "diff",
                &anstream::adapter::strip_str(&diff::hunks(before, after)).to_string(),
            ),
        };
    }
    Ok(text)
}

fn became(pair: &Pair) -> String {
    let (added, removed) = diff::counts(pair);
    format!("{} {added} {removed}", pair.status().word())
        .trim_end()
        .to_owned()
}
