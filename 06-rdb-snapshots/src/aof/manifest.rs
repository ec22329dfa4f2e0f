//! The manifest: which files make up the AOF, and in which order.
//!
//! Since Redis 7 the AOF is several files in a folder. A *base* holds the data
//! set as it was at some time, the *increments* what happened since. The manifest
//! names them, one a line:
//!
//! ```text
//! file appendonly.aof.1.base.aof seq 1 type b
//! file appendonly.aof.1.incr.aof seq 1 type i
//! ```
//!
//! It is replaced as a whole, by renaming a new one over it, so at every moment
//! there is one that names a complete AOF (`aofManifest` in Redis's `aof.c`).

use std::fmt;

use crate::resp::inline::words;
use crate::resp::parse_integer;

/// The longest line of a manifest, with its newline, in bytes (`MANIFEST_MAX_LINE`).
const MAX_LINE: usize = 1024;

/// What the name of an increment ends with.
const INCREMENT: &str = ".incr.aof";

/// One file of the AOF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// The number in its name. It counts up from 1, separately for bases and increments.
    pub sequence: u64,
}

/// The files of the AOF.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Part>,
    /// In the order in which they were written.
    pub increments: Vec<Part>,
    /// Files that are no longer needed and may be deleted.
    pub history: Vec<Part>,
}

impl Manifest {
    /// Parses a manifest (`aofLoadManifestFromFile`). Redis may write it in other ways than this
    /// server: a name may be quoted, a line may be a comment, and a later version may add more
    /// pairs to a line. Everything else is an error, because a line that is misread can cost a
    /// whole file.
    ///
    /// # Errors
    /// Says what is wrong, with the number of the line; lines count from 1.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut manifest = Self::default();
        for (text, line) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            if text.starts_with(b"#") {
                continue;
            }
            parse_line(text)
                .and_then(|(part, kind)| manifest.add(part, kind))
                .map_err(|what| format!("line {line}: {what}"))?;
        }
        manifest.check()?;
        Ok(manifest)
    }

    fn add(&mut self, part: Part, kind: u8) -> Result<(), &'static str> {
        if self.names(&part.name) {
            return Err("the file was named before");
        }
        match kind {
            b'b' if self.base.is_some() => return Err("a second base"),
            b'b' => self.base = Some(part),
            b'h' => self.history.push(part),
            b'i' => {
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

    /// Checks what no single line shows. The letters `h` and `i` differ in one bit, and history
    /// is deleted. An increment becomes history together with the base before it, so history
    /// without a base is damage.
    fn check(&self) -> Result<(), &'static str> {
        if self.is_empty() {
            return Err("it names no file of an AOF");
        }
        let is_base = |part: &Part| !part.name.ends_with(INCREMENT);
        match self.history.is_empty() || self.history.iter().any(is_base) {
            true => Ok(()),
            false => Err("it says that increments are history, but not the base before them"),
        }
    }

    /// Does the manifest name this file, as history or otherwise?
    pub fn names(&self, file: &str) -> bool {
        let mut parts = self.files().chain(&self.history);
        parts.any(|part| part.name == file)
    }

    /// The files to replay, in order.
    pub fn files(&self) -> impl Iterator<Item = &Part> + Clone {
        self.base.iter().chain(&self.increments)
    }

    /// Are there no files to replay?
    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    /// Returns the manifest that follows this one when there is a new base. Increments with the
    /// sequence number `first` or a higher one are kept; all other files become history.
    pub fn start_over(&self, base: Part, first: Option<u64>) -> Self {
        let is_kept = |part: &&Part| first.is_some_and(|first| part.sequence >= first);
        let kept = self.increments.iter().filter(is_kept);
        let old = self.increments.iter().filter(|part| !is_kept(part));
        let old = self.base.iter().chain(old);
        Self {
            base: Some(base),
            increments: kept.cloned().collect(),
            history: self.history.iter().chain(old).cloned().collect(),
        }
    }

    /// Returns a base with the next sequence number. `name` is that of the AOF
    /// (`appendfilename`). A number is skipped if `is_taken` is true for the name of its file.
    pub fn next_base(&self, name: &str, is_rdb: bool, is_taken: impl Fn(&str) -> bool) -> Part {
        let format = if is_rdb { "rdb" } else { "aof" };
        next(self.base.as_ref(), is_taken, |sequence| {
            format!("{name}.{sequence}.base.{format}")
        })
    }

    /// Returns an increment with the next sequence number. `name` is that of the AOF
    /// (`appendfilename`). A number is skipped if `is_taken` is true for the name of its file.
    pub fn next_increment(&self, name: &str, is_taken: impl Fn(&str) -> bool) -> Part {
        next(self.increments.last(), is_taken, |sequence| {
            format!("{name}.{sequence}{INCREMENT}")
        })
    }

    /// Returns the increment to append to, after adding one if there is none.
    pub fn last_increment(&mut self, name: &str, is_taken: impl Fn(&str) -> bool) -> &Part {
        if self.increments.is_empty() {
            self.increments.push(self.next_increment(name, is_taken));
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
/// quotes mean the same in both, so the same function splits them.
fn parse_line(line: &[u8]) -> Result<(Part, u8), &'static str> {
    if line.len() > MAX_LINE {
        return Err("it is too long");
    }
    let line = line.strip_suffix(b"\n").ok_or("it is cut off")?;
    let words = words(line).map_err(|_| "it is not made of words")?;
    let (pairs, []) = words.as_chunks::<2>() else {
        return Err("it is not made of pairs");
    };
    let value = |key: &str| {
        let is_key = |pair: &&[Vec<u8>; 2]| pair[0].eq_ignore_ascii_case(key.as_bytes());
        let mut found = pairs.iter().filter(is_key);
        let [_, value] = found.next()?;
        found.next().is_none().then_some(value.as_slice())
    };
    let name = value("file").ok_or("it has no file, or more than one")?;
    if name.is_empty() || name.iter().any(|byte| b"/\\".contains(byte)) {
        return Err("the file is not in this folder");
    }
    let name = str::from_utf8(name).map_err(|_| "the name of the file is not text")?;
    let name = name.to_owned();
    let sequence = value("seq").and_then(parse_integer);
    let sequence = sequence.filter(|number| *number > 0);
    let sequence = sequence.ok_or("it has no sequence number, or more than one")? as u64;
    match value("type") {
        Some([kind]) => Ok((Part { name, sequence }, *kind)),
        _ => Err("it has no type of one letter, or more than one"),
    }
}

/// The manifest as Redis writes it. A name with more than plain letters is quoted
/// (`sdsneedsrepr`).
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ('b', self.base.as_slice()),
            ('h', &self.history),
            ('i', &self.increments),
        ];
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
        for (kind, parts) in kinds {
            for Part { name, sequence } in parts {
                match name.bytes().all(is_plain) {
                    true => write!(f, "file {name}")?,
                    false => write!(f, "file \"{}\"", name.as_bytes().escape_ascii())?,
                }
                writeln!(f, " seq {sequence} type {kind}")?;
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

    /// A new base, and a new increment after it.
    fn start_over(old: &Manifest, name: &str, there: &[&str]) -> Manifest {
        let is_taken = |file: &str| there.contains(&file);
        let base = old.next_base(name, false, is_taken);
        let increment = old.next_increment(name, is_taken);
        let mut new = old.start_over(base, Some(increment.sequence));
        new.increments.push(increment);
        new
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = start_over(&Manifest::default(), "appendonly.aof", &[]);
        assert_eq!(manifest.to_string(), USUAL);
        assert_eq!(Manifest::parse(USUAL.as_bytes()), Ok(manifest));
    }

    #[test]
    fn starting_over_keeps_counting() {
        let manifest = Manifest::parse(USUAL.as_bytes());
        let manifest = manifest.map(|old| start_over(&old, "appendonly.aof", &[]));
        let text = manifest.map(|new| new.to_string());
        let expected = "file appendonly.aof.2.base.aof seq 2 type b\n\
                        file appendonly.aof.1.base.aof seq 1 type h\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    /// They may be all that is left of an AOF whose manifest got lost.
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
        let manifest = Manifest::parse(text.as_bytes()).map(|old| {
            let base = old.next_base("appendonly.aof", true, |_| false);
            old.start_over(base, Some(2)).to_string()
        });
        let expected = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.base.aof seq 1 type h\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(manifest.as_deref(), Ok(expected));
    }

    #[test]
    fn a_name_is_passed_over_that_the_manifest_has() {
        let text = b"file b seq 1 type b\nfile a seq 1 type h\nfile log.1.incr.aof seq 1 type h\n";
        let manifest = Manifest::parse(text).map(|mut manifest| {
            let old = manifest.clone();
            let part = manifest.last_increment("log", |file| old.names(file));
            part.name.clone()
        });
        assert_eq!(manifest.as_deref(), Ok("log.2.incr.aof"));
    }

    #[test]
    fn what_redis_may_write_is_understood() {
        let manifest = Manifest {
            base: Some(Part {
                name: "my \"log\".aof".into(),
                sequence: 7,
            }),
            ..Manifest::default()
        };
        for text in [
            "# a comment\nfile \"my \\x22log\\\".aof\" seq 7 type b\n",
            "TYPE b  Seq 7 new thing FILE 'my \"log\".aof' new more \r\n# and no newline",
            &manifest.to_string(),
        ] {
            assert_eq!(Manifest::parse(text.as_bytes()).as_ref(), Ok(&manifest));
        }
    }

    #[test]
    fn a_line_is_at_most_so_long() {
        let line = |length: usize| {
            let rest = " seq 1 type b\n";
            format!("file {}{rest}", "x".repeat(length - 5 - rest.len()))
        };
        assert!(Manifest::parse(line(1024).as_bytes()).is_ok());
        let error = Manifest::parse(line(1025).as_bytes());
        assert_eq!(error, Err("line 1: it is too long".into()));
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for (text, expected) in [
            ("", "it names no file of an AOF"),
            ("# nothing\n", "it names no file of an AOF"),
            ("file a seq 1 type h\n", "it names no file of an AOF"),
            (
                "file a seq 1 type b\nfile a.incr.aof seq 1 type h\n",
                "it says that increments are history, but not the base before them",
            ),
            ("file a seq 1 type b", "line 1: it is cut off"),
            ("file \"a seq 1 type b\n", "line 1: it is not made of words"),
            ("file a seq 1 type b x\n", "line 1: it is not made of pairs"),
            ("\n", "line 1: it has no file, or more than one"),
            (
                "file a file b seq 1 type b\n",
                "line 1: it has no file, or more than one",
            ),
            (
                "file ../a seq 1 type b\n",
                "line 1: the file is not in this folder",
            ),
            (
                "file ..\\\\a seq 1 type b\n",
                "line 1: the file is not in this folder",
            ),
            (
                "file \"\\xff\" seq 1 type b\n",
                "line 1: the name of the file is not text",
            ),
            (
                "file a seq 0 type b\n",
                "line 1: it has no sequence number, or more than one",
            ),
            (
                "file a seq 9223372036854775808 type b\n",
                "line 1: it has no sequence number, or more than one",
            ),
            (
                "file a seq 1 type bi\n",
                "line 1: it has no type of one letter, or more than one",
            ),
            (
                "file a seq 1 type x\n",
                "line 1: the type is none of b, i and h",
            ),
            (
                "file a seq 1 type b\nfile b seq 2 type b\n",
                "line 2: a second base",
            ),
            (
                "file a seq 1 type b\nfile a seq 2 type i\n",
                "line 2: the file was named before",
            ),
            (
                "file a seq 2 type i\nfile b seq 2 type i\n",
                "line 2: the increments are not in order",
            ),
        ] {
            let error = Manifest::parse(text.as_bytes());
            assert_eq!(error, Err(expected.to_owned()), "{text:?}");
        }
    }
}
