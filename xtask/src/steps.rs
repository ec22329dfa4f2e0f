//! Where the workshop is, which steps it has, and what files a step consists of.
//!
//! A step is a folder `NN-name` with a `Cargo.toml`. Steps 01 to 09 are the
//! *lineage*: each contains all of the one before it. Step 10 measures the
//! others and stands beside them, so nothing is ever compared with it. After step 09
//! the lineage goes on in the chapters of the advanced track, each of which is made from
//! `advanced/` (`chapters.rs`) and is a step like any other.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::chapters;

/// The last step that grows out of the one before it.
pub const LAST_OF_LINEAGE: u8 = 9;

/// What a step is compared by and carried by: these folders, and its `Cargo.toml`.
const SOURCE_FOLDERS: [&str; 3] = ["src", "tests", "benches"];

/// What a step is built by. Where templates lie is said in a file of their own.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "askama.toml"];

/// The files of one step: path inside the step, with `/`, to content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// `--root DIR`, which every command has so that it can be tried on another tree.
#[derive(clap::Args, Debug)]
pub struct Root {
    /// The workshop's folder (default: found from the current folder upwards).
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Root {
    /// Finds the workshop, its steps, and the chapters, which are made anew where they differ.
    pub fn open(&self) -> Result<Workshop> {
        let mut workshop = self.open_without_chapters()?;
        workshop.chapters = chapters::write_all(&workshop.root)?;
        Ok(workshop)
    }

    /// The same where the sources of the chapters may be such that nothing can be made of them.
    pub fn open_without_chapters(&self) -> Result<Workshop> {
        let root = match &self.root {
            Some(root) => root.clone(),
            None => find_root(&std::env::current_dir()?)?,
        };
        let (steps, chapters) = (find_steps(&root)?, Vec::new());
        Ok(Workshop {
            root,
            steps,
            chapters,
        })
    }
}

/// What a step or a chapter is called in short. Chapters have three digits, and a letter
/// where a chapter is in parts, and stand in an order of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Number {
    /// A step, like `05`.
    Step(u8),
    /// A chapter of the advanced track, like `012` or `010a`.
    Chapter(u16, Option<char>),
}

/// As one writes it after `make diff-`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Step(number) => write!(f, "{number:02}"),
            Number::Chapter(number, None) => write!(f, "{number:03}"),
            Number::Chapter(number, Some(part)) => write!(f, "{number:03}{part}"),
        }
    }
}

/// As one names it on the command line: `05`, `5` or `05-aof-persistence`, and `012` or
/// `012-transactions` for a chapter.
impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.split('-').next().unwrap_or_default();
        let part = name.chars().next_back().filter(char::is_ascii_lowercase);
        let digits = name.strip_suffix(|last| Some(last) == part).unwrap_or(name);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        match (digits.len(), digits.parse::<u16>()) {
            (3, Ok(number)) if is_number && number > 0 => Ok(Number::Chapter(number, part)),
            (1 | 2, Ok(number)) if is_number && number > 0 && part.is_none() => {
                Ok(Number::Step(number as u8))
            }
            _ => Err("give a step by its number, like 05, or a chapter, like 012".to_owned()),
        }
    }
}

/// The workshop: its folder, and its steps in order.
pub struct Workshop {
    /// The folder that holds the steps.
    pub root: PathBuf,
    /// Every step that exists, lowest number first; the capstone included.
    pub steps: Vec<Step>,
    /// Every chapter of the advanced track that can be read, in the order in which they are read.
    pub chapters: Vec<Step>,
}

impl Workshop {
    /// The step of that number, or an error that lists the steps there are.
    pub fn step(&self, number: Number) -> Result<&Step> {
        let found = self.all().find(|step| step.number == number);
        found.with_context(|| {
            let (kind, among): (_, Vec<_>) = match number {
                Number::Step(_) => ("step", self.steps.iter().collect()),
                Number::Chapter(..) => ("chapter", self.chapters.iter().collect()),
            };
            let names: Vec<_> = among.iter().map(|step| step.name.as_str()).collect();
            format!(
                "there is no {kind} {number}; choose one of: {}",
                names.join(", ")
            )
        })
    }

    /// All steps, and then all chapters.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter().chain(&self.chapters)
    }

    /// The steps that grow out of one another, in order.
    pub fn lineage(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter().filter(|step| step.in_lineage())
    }

    /// The closest step before this one, which is `None` for the first and the capstone.
    pub fn before(&self, step: &Step) -> Option<&Step> {
        let row = self.lineage().chain(&self.chapters);
        let mut earlier = row.take_while(|it| it.number != step.number);
        match step.in_lineage() {
            true => earlier.by_ref().last(),
            false => None,
        }
    }

    /// The step or chapter that grows out of this one.
    pub fn next(&self, step: &Step) -> Option<&Step> {
        let mut row = self.lineage().chain(&self.chapters);
        row.find(|it| {
            self.before(it)
                .is_some_and(|before| before.number == step.number)
        })
    }

    /// The steps of the lineage after this one, in order.
    pub fn after(&self, step: &Step) -> impl Iterator<Item = &Step> {
        let number = step.number;
        self.lineage().filter(move |later| later.number > number)
    }
}

/// One step: a folder `NN-name` with a `Cargo.toml`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place in the order, from 1.
    pub number: Number,
    /// The folder's name, like `05-aof-persistence`.
    pub name: String,
    /// The folder with its sources.
    pub dir: PathBuf,
    /// The folder with its pages, heart and solutions: the same, but for a chapter.
    pub pages: PathBuf,
}

impl Step {
    /// Whether it contains the step before it, as all but the capstone do.
    pub fn in_lineage(&self) -> bool {
        self.number <= Number::Step(LAST_OF_LINEAGE) || self.is_chapter()
    }

    /// Whether it is a chapter of the advanced track.
    pub fn is_chapter(&self) -> bool {
        matches!(self.number, Number::Chapter(..))
    }

    /// What one calls it in a sentence.
    pub fn label(&self) -> String {
        match self.is_chapter() {
            true => format!("chapter {}", self.number),
            false => format!("step {}", self.number),
        }
    }

    /// How one of its pages links to one of its sources.
    pub fn link(&self, path: &str) -> String {
        match self.is_chapter() {
            true => format!("../../{path}"),
            false => path.to_owned(),
        }
    }

    /// The path of one of its pages, as one tells it: from the workshop's folder.
    pub fn page(&self, file: &str) -> String {
        match self.is_chapter() {
            true => format!("{}/{}/{file}", chapters::PAGES, self.name),
            false => format!("{}/{file}", self.name),
        }
    }

    /// Reads every file that steps are compared by.
    pub fn files(&self) -> Result<Files> {
        let mut files = self.all_files()?;
        files.retain(|path, _| is_source(path));
        Ok(files)
    }

    /// The same with its graders and its tools: all that cargo needs.
    pub fn all_files(&self) -> Result<Files> {
        let mut files = Files::new();
        for folder in SOURCE_FOLDERS {
            read_folder(&self.dir, folder, &mut files)?;
        }
        for name in MANIFESTS {
            let path = self.dir.join(name);
            if name == "Cargo.toml" || path.exists() {
                files.insert(name.to_owned(), read(&path)?);
            }
        }
        Ok(files)
    }
}

/// Whether a path inside a step is one that steps are compared by.
pub fn is_source(path: &str) -> bool {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    // A step's graders ask for what no step has, and its tools need no copies. They do not travel.
    let stays = path == "tests/exercises.rs" || path.starts_with("src/bin/");
    let in_folder = SOURCE_FOLDERS.contains(&first) && !rest.is_empty() && !hidden && !stays;
    path == "Cargo.toml" || in_folder
}

/// Reads a file, naming it in the error.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a text file, naming it in the error.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_folder(step: &Path, folder: &str, files: &mut Files) -> Result<()> {
    let top = step.join(folder);
    if !top.exists() {
        return Ok(());
    }
    for entry in WalkDir::new(&top).sort_by_file_name() {
        let entry = entry?;
        let path = relative(step, entry.path())?;
        if entry.file_type().is_file() {
            files.insert(path, read(entry.path())?);
        }
    }
    Ok(())
}

/// The path inside `base`, with `/` on every system.
fn relative(base: &Path, path: &Path) -> Result<String> {
    let parts: Vec<_> = path
        .strip_prefix(base)?
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Ok(parts.join("/"))
}

fn find_root(from: &Path) -> Result<PathBuf> {
    for folder in from.ancestors() {
        let manifest = folder.join("Cargo.toml");
        if manifest.is_file() && read_text(&manifest)?.contains("[workspace]") {
            return Ok(folder.to_owned());
        }
    }
    bail!(
        "{} is not inside the workshop; go there, or say where it is with --root DIR",
        from.display()
    )
}

fn find_steps(root: &Path) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let folders = fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))?;
    for folder in folders {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        if let Some(number) = step_number(&name)
            && folder.path().join("Cargo.toml").is_file()
        {
            let (dir, pages) = (folder.path(), folder.path());
            steps.push(Step {
                number,
                name,
                dir,
                pages,
            });
        }
    }
    steps.sort_by_key(|step| step.number);
    for pair in steps.windows(2) {
        if pair[0].number == pair[1].number {
            bail!(
                "{} and {} have the same number; rename one of the two folders",
                pair[0].name,
                pair[1].name
            );
        }
    }
    if steps.is_empty() {
        bail!(
            "no step (a folder `NN-name` with a Cargo.toml) in {}; give the workshop's folder with --root DIR",
            root.display()
        );
    }
    Ok(steps)
}

/// `05-aof-persistence` is step 5; a folder of any other form is no step.
fn step_number(folder: &str) -> Option<Number> {
    let (digits, _name) = folder.split_once('-')?;
    let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().map(Number::Step);
    number.filter(|_| is_number)
}
