//! A step's suites: built, and known by name, by what they ask and by what to
//! read again about them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;
use syn::{Attribute, Expr, Item, Lit, Meta};

use crate::docs::package_name;
use crate::reread;
use crate::steps::{Step, read_text};

/// All suites of a step, in the order in which a learner meets their concepts.
pub struct Suites {
    /// The program that runs them.
    pub program: PathBuf,
    pub all: Vec<Suite>,
}

/// One suite: a file with tests below `tests/suite`.
pub struct Suite {
    /// The file's name, like `resp`.
    pub name: String,
    /// The place in a GUIDE, like `02-resp-parser/GUIDE.md#the-code`.
    pub reread: String,
    pub tests: Vec<Test>,
}

/// One test.
pub struct Test {
    /// Its whole name, like `resp::empty_commands_get_no_reply`.
    pub path: String,
    /// What its comment says, if it has one.
    pub asks: Option<String>,
    /// What to read again, if that is not what its suite says.
    pub reread: Option<String>,
}

impl Test {
    /// Its name in words.
    pub fn title(&self) -> String {
        self.path.replace("::", ": ").replace('_', " ")
    }
}

impl Suites {
    /// Lists the step's suites, which are built before if they are not at hand.
    pub fn of(step: &Step, program: Option<PathBuf>) -> Result<Self> {
        let program = program.map_or_else(|| build(step), Ok)?;
        let list = Command::new(&program).arg("--list").output()?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let mut all = Vec::new();
        for name in modules(&list) {
            all.extend(suite(step, name, &list)?);
        }
        all.sort_by(|one: &Suite, other| (one.page(), &one.name).cmp(&(other.page(), &other.name)));
        Ok(Suites { program, all })
    }

    /// Keeps the suite of that name, and the tests with these words in their names.
    pub fn keep(&mut self, suite: Option<&str>, test: Option<&str>) -> Result<()> {
        let names: Vec<_> = self.all.iter().map(|suite| suite.name.clone()).collect();
        self.all
            .retain(|it| suite.is_none_or(|name| it.name == name));
        if let (Some(suite), true) = (suite, self.all.is_empty()) {
            bail!(
                "there is no suite {suite}; choose one of: {}",
                names.join(", ")
            );
        }
        for suite in &mut self.all {
            let has =
                |it: &Test, words: &str| it.path.contains(words) || it.title().contains(words);
            suite
                .tests
                .retain(|it| test.is_none_or(|words| has(it, words)));
        }
        self.all.retain(|suite| !suite.tests.is_empty());
        if self.all.is_empty() {
            bail!(
                "no test has these words in its name: {}",
                test.unwrap_or_default()
            );
        }
        Ok(())
    }

    /// How many tests there are.
    pub fn count(&self) -> usize {
        self.all.iter().map(|suite| suite.tests.len()).sum()
    }
}

impl Suite {
    fn page(&self) -> &str {
        self.reread.split('#').next().unwrap_or_default()
    }
}

/// Cargo says where the program is; no other tool knows where targets go.
fn build(step: &Step) -> Result<PathBuf> {
    let package = package_name(step)?;
    let output = Command::new("cargo")
        .args([
            "test",
            "--quiet",
            "--no-run",
            "--test",
            "suite",
            "--package",
            &package,
        ])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(&step.dir)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the suites of {} do not build", step.name);
    }
    let mut messages = Message::parse_stream(&output.stdout[..]);
    let program = messages.find_map(|message| match message.ok()? {
        Message::CompilerArtifact(artifact) if artifact.target.name == "suite" => {
            artifact.executable.map(PathBuf::from)
        }
        _ => None,
    });
    program.with_context(|| format!("{} has no suites", step.name))
}

/// The first part of each test's name, once.
fn modules(list: &str) -> Vec<&str> {
    let mut names: Vec<_> = list
        .lines()
        .filter_map(|line| Some(line.split_once("::")?.0))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The suite of that name; `None` for a helper, whose tests are about itself.
fn suite(step: &Step, name: &str, list: &str) -> Result<Option<Suite>> {
    let source = read_text(&step.dir.join(format!("tests/suite/{name}.rs")))?;
    if !reread::is_suite(&source) {
        return Ok(None);
    }
    let functions = functions(&source).with_context(|| format!("{name}.rs does not parse"))?;
    let tests = functions.into_iter().filter_map(|(function, comment)| {
        let path = format!("{name}::{function}");
        let listed = list
            .lines()
            .any(|line| line.strip_suffix(": test") == Some(&path));
        let (rereads, asks): (Vec<_>, Vec<_>) = comment
            .iter()
            .partition(|line| reread::place(line).is_some());
        let asks = asks.into_iter().map(String::as_str).collect::<Vec<_>>();
        let reread = rereads.first().and_then(|line| reread::place(line));
        listed.then(|| Test {
            path,
            asks: (!asks.is_empty()).then(|| asks.join(" ")),
            reread: reread.map(str::to_owned),
        })
    });
    Ok(Some(Suite {
        name: name.to_owned(),
        reread: reread::target(&source).map_or(String::new(), |(_, place)| place.to_owned()),
        tests: tests.collect(),
    }))
}

/// The name and the comment's lines of each function, in order: a suite begins with
/// what is simplest.
fn functions(source: &str) -> syn::Result<Vec<(String, Vec<String>)>> {
    let items = syn::parse_file(source)?.items.into_iter();
    let functions = items.filter_map(|item| match item {
        Item::Fn(function) => Some(function),
        _ => None,
    });
    Ok(functions
        .map(|function| {
            let comment = function.attrs.iter().filter_map(doc_line).collect();
            (function.sig.ident.to_string(), comment)
        })
        .collect())
}

/// `/// text` is `#[doc = " text"]`.
fn doc_line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_told_in_words() {
        let source = "/// A reply\n/// is one.\n#[test]\nfn one() {}\n#[test]\nfn two() {}\n";
        let functions = functions(source).expect("it parses");
        let one = vec!["A reply".to_owned(), "is one.".to_owned()];
        assert_eq!(
            functions,
            [("one".to_owned(), one), ("two".to_owned(), Vec::new())]
        );
        let test = Test {
            path: "resp::a_reply_is_one".to_owned(),
            asks: None,
            reread: None,
        };
        assert_eq!(test.title(), "resp: a reply is one");
    }

    #[test]
    fn each_module_is_found_once() {
        assert_eq!(
            modules("a::x: test\nb::y: test\na::z::q: test\n\n3 tests"),
            ["a", "b"]
        );
    }
}
