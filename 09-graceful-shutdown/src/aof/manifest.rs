//! The manifest: which files make up the log, and in which order.
//!
//! Since Redis 7 the log is several files in a folder. A *base* holds the data
//! set as it was at some time, the *increments* what happened since. The manifest
//! names them, one a line:
//!
//! ```text
//! file appendonly.aof.1.base.aof seq 1 type b
//! file appendonly.aof.1.incr.aof seq 1 type i
//! ```
//!
//! It is replaced as a whole, by renaming a new one over it, so at every moment
//! there is one that names a complete log (`aofManifest` in Redis's `aof.c`).

use std::fmt;

use thiserror::Error;

use crate::resp::Parser;

/// What is wrong with a manifest, and in which line.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct ManifestError {
    line: usize,
    what: &'static str,
}

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// Counts up from 1, apart for bases and increments.
    pub sequence: u64,
}

/// The files of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Part>,
    /// In the order in which they were written.
    pub increments: Vec<Part>,
    /// Files that are no longer needed and may be deleted.
    pub history: Vec<Part>,
}

impl Manifest {
    /// Reads a manifest. Redis's own need not be like ours: a name may be quoted,
    /// and a line may be a comment.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        let lines = text.lines().zip(1..);
        for (text, line) in lines.filter(|(text, _)| !text.starts_with('#')) {
            parse_line(text)
                .and_then(|(part, kind)| manifest.add(part, kind))
                .map_err(|what| ManifestError { line, what })?;
        }
        match manifest.is_empty() {
            // It was cut off, or the files that it named would be overwritten.
            true => Err(ManifestError {
                line: 1,
                what: "it names no file of a log",
            }),
            false => Ok(manifest),
        }
    }

    fn add(&mut self, part: Part, kind: char) -> Result<(), &'static str> {
        match kind {
            'b' if self.base.is_some() => return Err("a second base"),
            'b' => self.base = Some(part),
            'h' => self.history.push(part),
            'i' => {
                let last = self.increments.last();
                if last.is_some_and(|last| last.sequence >= part.sequence) {
                    return Err("the increments are not in order");
                }
                self.increments.push(part);
            }
            _ => return Err("the type is none of b, i and h"),
        }
        Ok(())
    }

    /// The files to replay, in order.
    pub fn files(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// What follows this manifest when there is a new base: the increments from number
    /// `first` on go on from it, and all other files so far are history.
    pub fn start_over(&self, base: Part, first: u64) -> Self {
        let is_kept = |part: &&Part| part.sequence >= first;
        let kept = self.increments.iter().filter(is_kept);
        let old = self.increments.iter().filter(|part| !is_kept(part));
        let old = self.base.iter().chain(old);
        Self {
            base: Some(base),
            increments: kept.cloned().collect(),
            history: self.history.iter().chain(old).cloned().collect(),
        }
    }

    /// A base with the next number. The log is called `name`. No name is used of which
    /// `is_taken` says that there is such a file.
    pub fn next_base(&self, name: &str, is_rdb: bool, is_taken: impl Fn(&str) -> bool) -> Part {
        let format = if is_rdb { "rdb" } else { "aof" };
        next(self.base.as_ref(), is_taken, |sequence| {
            format!("{name}.{sequence}.base.{format}")
        })
    }

    /// The same for an increment.
    pub fn next_increment(&self, name: &str, is_taken: impl Fn(&str) -> bool) -> Part {
        next(self.increments.last(), is_taken, |sequence| {
            format!("{name}.{sequence}.incr.aof")
        })
    }

    /// The increment to append to, made if there is none yet.
    pub fn last_increment(&mut self, name: &str) -> &Part {
        if self.increments.is_empty() {
            self.increments.push(Part {
                name: format!("{name}.1.incr.aof"),
                sequence: 1,
            });
        }
        &self.increments[self.increments.len() - 1]
    }
}

fn next(
    last: Option<&Part>,
    is_taken: impl Fn(&str) -> bool,
    name: impl Fn(u64) -> String,
) -> Part {
    let mut sequence = last.map_or(1, |part| part.sequence + 1);
    while is_taken(&name(sequence)) {
        sequence += 1;
    }
    let name = name(sequence);
    Part { name, sequence }
}

/// `file <name> seq <number> type <b|i|h>`. Lines look like inline commands, and
/// quotes mean the same in both, so the same parser splits them.
fn parse_line(line: &str) -> Result<(Part, char), &'static str> {
    let mut line = format!("{line}\n").into_bytes();
    let mut parser = Parser::default();
    if !matches!(parser.parse(&mut line), Ok(Some(_))) {
        return Err("it is not made of words");
    }
    let words: Vec<&[u8]> = parser.args(&line).iter().collect();
    let value = |key: &str| {
        let mut pairs = words.chunks_exact(2);
        let value = pairs.rfind(|pair| pair[0] == key.as_bytes());
        value.and_then(|pair| str::from_utf8(pair[1]).ok())
    };
    let name = value("file").ok_or("there is no file")?;
    if name.is_empty() || name.contains('/') {
        return Err("the file is not in this folder");
    }
    let sequence = value("seq").and_then(|number| number.parse().ok());
    let part = Part {
        name: name.to_owned(),
        sequence: sequence.ok_or("there is no sequence number")?,
    };
    let kind = value("type").and_then(|kind| kind.chars().next());
    Ok((part, kind.ok_or("there is no type")?))
}

/// The manifest as Redis writes it.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ('b', self.base.as_slice()),
            ('h', &self.history),
            ('i', &self.increments),
        ];
        for (kind, parts) in kinds {
            for Part { name, sequence } in parts {
                writeln!(f, "file {name} seq {sequence} type {kind}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "file appendonly.aof.1.base.aof seq 1 type b\n\
                         file appendonly.aof.1.incr.aof seq 1 type i\n";

    /// A new base and a new increment behind it.
    fn start_over(old: &Manifest, name: &str, there: &[&str]) -> Manifest {
        let is_taken = |file: &str| there.contains(&file);
        let base = old.next_base(name, false, is_taken);
        let increment = old.next_increment(name, is_taken);
        let mut new = old.start_over(base, increment.sequence);
        new.increments.push(increment);
        new
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = start_over(&Manifest::default(), "appendonly.aof", &[]);
        assert_eq!(manifest.to_string(), USUAL);
        assert_eq!(Manifest::parse(USUAL), Ok(manifest));
    }

    #[test]
    fn starting_over_keeps_counting() {
        let manifest = Manifest::parse(USUAL);
        let manifest = manifest.map(|old| start_over(&old, "appendonly.aof", &[]));
        let text = manifest.map(|new| new.to_string());
        let expected = "file appendonly.aof.2.base.aof seq 2 type b\n\
                        file appendonly.aof.1.base.aof seq 1 type h\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    /// They may be all that is left of a log whose manifest got lost.
    #[test]
    fn starting_over_uses_no_file_that_is_there() {
        let there = ["log.1.incr.aof", "log.2.incr.aof", "log.1.base.aof"];
        let manifest = start_over(&Manifest::default(), "log", &there);
        let expected = "file log.2.base.aof seq 2 type b\nfile log.3.incr.aof seq 3 type i\n";
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn increments_that_go_on_from_the_new_base_are_kept() {
        let text = format!("{USUAL}file appendonly.aof.2.incr.aof seq 2 type i\n");
        let manifest = Manifest::parse(&text).map(|old| {
            let base = old.next_base("appendonly.aof", true, |_| false);
            old.start_over(base, 2).to_string()
        });
        let expected = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.base.aof seq 1 type h\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(manifest.as_deref(), Ok(expected));
    }

    #[test]
    fn what_redis_may_write_is_understood() {
        let text = "# a comment\nfile \"my \\x6cog.aof\" seq 7 type b\n";
        let part = Part {
            name: "my log.aof".into(),
            sequence: 7,
        };
        let manifest = Manifest {
            base: Some(part),
            ..Manifest::default()
        };
        assert_eq!(Manifest::parse(text), Ok(manifest));
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for (text, expected) in [
            (
                "file a seq 1 type x\n",
                "line 1: the type is none of b, i and h",
            ),
            (
                "file a seq 1 type b\nfile b seq 2 type b\n",
                "line 2: a second base",
            ),
            ("\n", "line 1: there is no file"),
            ("", "line 1: it names no file of a log"),
            ("file a seq 1 type h\n", "line 1: it names no file of a log"),
            (
                "file a seq one type b\n",
                "line 1: there is no sequence number",
            ),
            (
                "file ../a seq 1 type b\n",
                "line 1: the file is not in this folder",
            ),
            ("file \"a seq 1 type b\n", "line 1: it is not made of words"),
            (
                "file a seq 2 type i\nfile b seq 2 type i\n",
                "line 2: the increments are not in order",
            ),
        ] {
            let error = Manifest::parse(text).map_err(|error| error.to_string());
            assert_eq!(error, Err(expected.to_owned()), "{text:?}");
        }
    }
}
