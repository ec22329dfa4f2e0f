//! The config file, and the command line, which Redis reads as more lines of it
//! (`loadServerConfigFromString` in `config.c`, and `main` in `server.c`).
//!
//! A line is a parameter's name and its value, split into words as an inline command is. The last
//! line on a parameter counts, so a flag beats the file. Two are different: save points add up, and
//! each class of clients has a line of its own for its output limit.
//!
//! The file is trusted as far as its owner is, but it may be damaged: whatever stands in it, the
//! answer is an error with the number of the line. An `include` that includes itself, at which
//! Redis overflows its stack, is an error too.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::words::parse_signed;
use super::{Config, Parameter};
use crate::aof::system_text;
use crate::resp::inline::words;
use crate::util::glob;

/// Renames a command in the table, or says why that cannot be.
pub type Rename = fn(&[u8], &[u8]) -> Result<(), &'static str>;

/// How deep files may include files.
const MAX_DEPTH: usize = 16;

/// These take several words.
const SEVERAL: &[&str] = &[
    "bind",
    "client-output-buffer-limit",
    "latency-tracking-info-percentiles",
    "oom-score-adj-values",
    "replicaof",
    "save",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "slaveof",
];

/// Redis has no longer any use for these.
const FORGOTTEN: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// Why a configuration cannot be read.
#[derive(Debug)]
pub enum Wrong {
    Line {
        number: usize,
        line: String,
        why: String,
    },
    File {
        path: PathBuf,
        error: io::Error,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number, line, why } => write!(
                f,
                "Reading the configuration file, at line {number}\n>>> '{line}'\n{why}"
            ),
            Self::File { path, error } => write!(
                f,
                "Fatal error, can't open config file '{}': {}",
                path.display(),
                system_text(error)
            ),
        }
    }
}

/// Reads the configuration that `arguments`, which are those of the process without its name, ask
/// for. `None` if they ask for help or for the version.
pub fn read_arguments(
    arguments: &[String],
    config: &mut Config,
    rename: Rename,
) -> Option<Result<(), Wrong>> {
    if let [only] = arguments
        && ["-h", "--help", "-V", "--version"].contains(&only.as_str())
    {
        return None;
    }
    let (file, flags) = match arguments {
        [file, flags @ ..] if !file.starts_with('-') => (Some(Path::new(file)), flags),
        flags => (None, flags),
    };
    let (options, has_stdin) = options(flags, file.is_none());
    let mut reader = Reader {
        config,
        rename,
        has_saves: false,
        depth: 0,
    };
    Some(reader.read_all(file, has_stdin, &options))
}

/// The flags as lines of a config file, and whether one of them, the first or the last, is `-`,
/// which is standard input. `is_first` says whether nothing stands before them.
///
/// A word that begins with `--` is a name, except directly after a name that has no value yet:
/// `--logfile --strange` is a file called `--strange`.
fn options(flags: &[String], is_first: bool) -> (String, bool) {
    let mut lines = String::new();
    let mut has_stdin = false;
    let mut has_value = true;
    for (index, flag) in flags.iter().enumerate() {
        let next = flags.get(index + 1);
        if flag == "-" && ((index == 0 && is_first) || next.is_none()) {
            has_stdin = true;
        } else if let Some(name) = flag.strip_prefix("--").filter(|_| has_value) {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(name);
            lines.push(' ');
            has_value = words(flag.as_bytes()).map_or(true, |words| words.len() != 1);
            // Scripts that have no save points say so.
            if flag.eq_ignore_ascii_case("--save") && next.is_none_or(|it| it.starts_with("--")) {
                lines.push_str("\"\"");
                has_value = true;
            }
        } else {
            lines.push_str(&quoted(flag.as_bytes()));
            lines.push(' ');
            has_value = true;
        }
    }
    (lines, has_stdin)
}

/// `bytes` in quotes, so that [`words`] reads them as they are (`sdscatrepr`).
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x07 => text.push_str("\\a"),
            0x08 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}

/// Reads lines into a configuration.
struct Reader<'a> {
    config: &'a mut Config,
    rename: Rename,
    /// There has been a `save`. The first takes the place of the default save points.
    has_saves: bool,
    /// In how many files that include one another we are.
    depth: usize,
}

impl Reader<'_> {
    fn read_all(
        &mut self,
        file: Option<&Path>,
        has_stdin: bool,
        options: &str,
    ) -> Result<(), Wrong> {
        let mut text = String::new();
        if let Some(file) = file {
            text = open(file)?;
            self.config.service.file = std::path::absolute(file).ok();
        }
        if has_stdin {
            let mut bytes = Vec::new();
            let path = PathBuf::from("-");
            let read = io::stdin().read_to_end(&mut bytes);
            read.map_err(|error| Wrong::File { path, error })?;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        if !options.is_empty() {
            text.push('\n');
            text.push_str(options);
        }
        self.read(&text)
    }

    /// Reads lines.
    fn read(&mut self, text: &str) -> Result<(), Wrong> {
        for (index, line) in text.split('\n').enumerate() {
            let line = trimmed(line);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: String| Wrong::Line {
                number: index + 1,
                line: line.to_owned(),
                why,
            };
            let words = words(line.as_bytes())
                .map_err(|_| wrong("Unbalanced quotes in configuration line".into()))?;
            let words = words.iter().map(|word| String::from_utf8_lossy(word));
            let words: Vec<String> = words.map(|word| word.into_owned()).collect();
            match &words[..] {
                [] => {}
                [name, file] if name.eq_ignore_ascii_case("include") => {
                    if self.depth == MAX_DEPTH {
                        return Err(wrong("Too many files include one another".into()));
                    }
                    self.include(file)?;
                }
                [name, values @ ..] => self.directive(name, values).map_err(wrong)?,
            }
        }
        Ok(())
    }

    /// Reads a file that is named in another. A name with wildcards may mean several files or none.
    fn include(&mut self, file: &str) -> Result<(), Wrong> {
        self.depth += 1;
        let path = Path::new(&self.config.dir).join(file);
        let mut text = String::new();
        match file.contains(['*', '?', '[']) {
            true => {
                for path in matching(&path) {
                    text.push_str(&open(&path)?);
                }
            }
            false => text = open(&path)?,
        }
        self.read(&text)?;
        self.depth -= 1;
        Ok(())
    }

    /// One line that is not an `include`.
    fn directive(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        if let Some(parameter) = Parameter::find(name.as_bytes()) {
            return self.set(parameter, values);
        }
        match (lower.as_str(), values) {
            (forgotten, [_]) if FORGOTTEN.contains(&forgotten) => Ok(()),
            ("rename-command", [from, to]) => {
                (self.rename)(from.as_bytes(), to.as_bytes()).map_err(Into::into)
            }
            ("user", [user, rules @ ..]) => check_user(user, rules),
            ("loadmodule", [_, ..]) => Err("This server has no modules".into()),
            ("sentinel", [_, ..]) => Err("sentinel directive while not in sentinel mode".into()),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn set(&mut self, parameter: &Parameter, values: &[String]) -> Result<(), String> {
        let name = parameter.name;
        let arguments = "wrong number of arguments";
        let value = match values {
            _ if SEVERAL.contains(&name) => several(values)?,
            [value] => value.clone(),
            _ => return Err(arguments.into()),
        };
        match name {
            "replicaof" | "slaveof" if value.split(' ').count() != 2 => {
                return Err(arguments.into());
            }
            "client-output-buffer-limit" if value.is_empty() => {}
            "save" => return self.add_saves(parameter, &value),
            "databases" => return self.accept_databases(&value),
            "dir" => drop(fs::read_dir(&value).map_err(|error| system_text(&error))?),
            _ => {}
        }
        parameter.set(self.config, &value)
    }

    /// There is one database. That is enough for a client that uses no other, so the server starts,
    /// and says so.
    fn accept_databases(&mut self, value: &str) -> Result<(), String> {
        let databases = parse_signed(value, 1, i32::MAX.into())?;
        if databases > 1 {
            warn!("`databases` has no effect here: there is one database");
        }
        Ok(())
    }

    /// Adds save points to those of the lines before; none at all takes them back.
    fn add_saves(&mut self, parameter: &Parameter, value: &str) -> Result<(), String> {
        let before = std::mem::take(&mut self.config.save);
        parameter.set(self.config, value)?;
        if self.has_saves && !value.is_empty() {
            self.config.save.splice(0..0, before);
        }
        self.has_saves = true;
        Ok(())
    }
}

/// The words of a parameter that takes several, joined. If there is only one, that may hold all.
fn several(values: &[String]) -> Result<String, String> {
    match values {
        [one] if !one.is_empty() => {
            let words = words(one.as_bytes()).map_err(|_| "unbalanced quotes in the value")?;
            let words = words.iter().map(|word| String::from_utf8_lossy(word));
            Ok(words.collect::<Vec<_>>().join(" "))
        }
        _ => Ok(values.join(" ")),
    }
}

/// Accepts the line on the only user there is, who may do everything, because Redis's CONFIG
/// REWRITE adds it. Any other would be a restriction that is not kept.
fn check_user(user: &str, rules: &[String]) -> Result<(), String> {
    const ALL: &[&str] = &["on", "nopass", "sanitize-payload", "~*", "&*", "+@all"];
    let is_all = user == "default" && ALL.iter().all(|it| rules.iter().any(|rule| rule == it));
    match is_all && rules.len() == ALL.len() {
        true => Ok(()),
        false => Err("This server has no users: everybody may do everything".into()),
    }
}

/// A line without the space around it.
pub fn trimmed(line: &str) -> &str {
    line.trim_matches([' ', '\t', '\r', '\n'])
}

/// What is in a file.
fn open(path: &Path) -> Result<String, Wrong> {
    let bytes = fs::read(path).map_err(|error| Wrong::File {
        path: path.to_owned(),
        error,
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files whose names match the last part of `pattern`, in order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let name = name.as_encoded_bytes();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_match = |path: &PathBuf| {
        let own = path.file_name().map(|it| it.as_encoded_bytes());
        own.is_some_and(|own| !own.starts_with(b".") && glob::matches(name, own))
    };
    let mut found: Vec<PathBuf> = entries.map(|it| it.path()).filter(is_match).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Config, Wrong> {
        let mut config = Config::default();
        let mut reader = Reader {
            config: &mut config,
            rename: |_, _| Err("No such command in rename-command"),
            has_saves: false,
            depth: 0,
        };
        reader.read(text)?;
        Ok(config)
    }

    fn lines(flags: &[&str]) -> String {
        let flags: Vec<String> = flags.iter().map(|it| (*it).to_owned()).collect();
        options(&flags, true).0
    }

    #[test]
    fn flags_become_lines() {
        assert_eq!(lines(&["--port", "1"]), "port \"1\" ");
        assert_eq!(lines(&["--port 1", "--save"]), "port 1 \nsave \"\"");
        assert_eq!(lines(&["--save", "--port", "1"]), "save \"\"\nport \"1\" ");
        assert_eq!(lines(&["--a", "--b", "--c"]), "a \"--b\" \nc ");
        assert_eq!(lines(&["a", "b c"]), "\"a\" \"b c\" ");
    }

    #[test]
    fn what_is_quoted_is_read_as_it_was() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(words(quoted(&bytes).as_bytes()), Ok(vec![bytes]));
    }

    const SAMPLE: &str = "# a comment\nport 7000\nsave 900 1\nsave \"60 10\"\nloglevel 'verbose'\n\
                          client-output-buffer-limit pubsub 32mb 8mb 60\nbind 127.0.0.1 -::1\n\
                          notify-keyspace-events \"K\\x45A\"\nappendfilename \"a.aof\"\n";

    #[test]
    fn a_file_cut_off_anywhere_or_with_a_wrong_byte_is_read_or_an_error() {
        assert!(read(SAMPLE).is_ok());
        for end in 0..SAMPLE.len() {
            let _ = read(&SAMPLE[..end]);
            for byte in ["\"", "'", "\0", "\\", " ", "\n", "é"] {
                let text = format!("{}{byte}{}", &SAMPLE[..end], &SAMPLE[end + 1..]);
                let _ = read(&text).map_err(|wrong| wrong.to_string());
            }
        }
    }

    proptest! {
        #[test]
        fn random_lines_never_panic(text in "(?s).{0,300}") {
            let _ = read(&text);
        }

        #[test]
        fn random_values_never_panic(index in 0usize..200, value in "(?s).{0,40}") {
            let all = super::super::parameters().count();
            if let Some(parameter) = super::super::parameters().nth(index % all) {
                let _ = read(&format!("{} {value}", parameter.name));
            }
        }
    }
}
