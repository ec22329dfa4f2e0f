//! Takes the gates out of a file.
//!
//! A gate is `#[cfg(feature = "x")]`, or its `not`, alone on a line. It governs what stands
//! below it: an item, a field, a variant, an arm, an element, a parameter, a statement. The
//! file is formatted, so where that ends can be seen from how far lines are to the right:
//! what is further right than the gate belongs to it, and so does a line that closes or goes
//! on. Comments and attributes directly above a gate belong to it as well.
//!
//! Nothing but whole lines is taken out, so everything else stays as it was, byte for byte.

use std::ops::Range;

use anyhow::{Result, bail};
use proc_macro2::TokenStream;

/// How the two kinds of gates begin and end.
const FORMS: [(&str, &str, bool); 2] = [
    ("#[cfg(feature = \"", "\")]", false),
    ("#[cfg(not(feature = \"", "\"))]", true),
];

/// How a line begins that goes on with what stands above it, as far right as that.
const GOES_ON: [&str; 8] = ["}", ")", "]", ">", "|", ".", "?", "where"];

/// A gate, and what it governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub feature: String,
    /// Whether it lets through where the feature is off.
    pub is_not: bool,
    /// The line that it is on, counted from 0.
    pub line: usize,
    /// All that goes if it does not let through: with what is above it.
    pub all: Range<usize>,
    /// What it governs, without comments and attributes.
    pub thing: Range<usize>,
    /// How far right it stands.
    pub indent: usize,
}

impl Gate {
    fn lets_through(&self, on: &[&str]) -> bool {
        on.contains(&self.feature.as_str()) != self.is_not
    }
}

/// A file without gates.
#[derive(Debug, PartialEq, Eq)]
pub struct Stripped {
    pub text: String,
    /// The modules that it does not declare any more.
    pub modules: Vec<String>,
}

/// Whether there can be a gate in the text.
pub fn has_gates(text: &str) -> bool {
    text.contains("feature")
}

/// The gates of a text, from its top.
pub fn gates(text: &str) -> Result<Vec<Gate>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut gates = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match gate(line) {
            Some((feature, is_not)) => gates.push(governed(&lines, at, feature, is_not)?),
            None if is_other_form(line) => bail!(
                "line {}: a gate is `#[cfg(feature = \"x\")]`, or its `not`, alone on a line; \
                 write it so: {}",
                at + 1,
                line.trim()
            ),
            None => {}
        }
    }
    Ok(gates)
}

/// The text as it is with these features.
pub fn strip(text: &str, on: &[&str]) -> Result<Stripped> {
    let lines: Vec<&str> = text.lines().collect();
    let mut keep = vec![true; lines.len()];
    let mut modules = Vec::new();
    for gate in gates(text)? {
        if gate.lets_through(on) {
            keep[gate.line] = false;
            continue;
        }
        keep[gate.all.clone()].fill(false);
        let gone = lines[gate.thing].iter().filter_map(|line| module(line));
        modules.extend(gone.map(str::to_owned));
    }
    let mut stripped = String::new();
    let mut kept = KeptLines::default();
    for (line, keep) in lines.iter().zip(&keep) {
        match keep {
            true => kept.push(line),
            false => kept.skip(line),
        }
    }
    for line in kept.finish() {
        stripped += line;
        stripped.push('\n');
    }
    Ok(Stripped {
        text: stripped,
        modules,
    })
}

/// Lines of which some were left out. A blank line beside those is left out as well where a
/// formatter would.
#[derive(Default)]
struct KeptLines<'a> {
    lines: Vec<&'a str>,
    /// Whether what was left out stands between the last line and the next.
    is_gap: bool,
}

impl<'a> KeptLines<'a> {
    fn skip(&mut self, line: &str) {
        // What only loses its gate stays, and so does the space around it.
        self.is_gap |= gate(line).is_none();
    }

    fn push(&mut self, line: &'a str) {
        let is_blank = |line: &str| line.trim().is_empty();
        let last = self.lines.last().copied();
        if self.is_gap {
            let opens = last.is_none_or(|it| is_blank(it) || it.ends_with(['{', '(', '[']));
            if is_blank(line) && opens {
                return;
            }
            if last.is_some_and(is_blank) && line.trim_start().starts_with(['}', ')', ']']) {
                self.lines.pop();
            }
        }
        self.is_gap = false;
        self.lines.push(line);
    }

    fn finish(mut self) -> Vec<&'a str> {
        let is_blank = |line: &&str| line.trim().is_empty();
        if self.is_gap && self.lines.last().is_some_and(is_blank) {
            self.lines.pop();
        }
        self.lines
    }
}

fn gate(line: &str) -> Option<(String, bool)> {
    FORMS.iter().find_map(|(begin, end, is_not)| {
        let name = line.trim().strip_prefix(begin)?.strip_suffix(end)?;
        (!name.contains('"')).then(|| (name.to_owned(), *is_not))
    })
}

/// Whether a line speaks of a feature in another way.
fn is_other_form(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let asks = ["cfg(", "cfg!(", "cfg_attr("]
        .iter()
        .any(|it| code.contains(it));
    asks && code.contains("feature")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn governed(lines: &[&str], at: usize, feature: String, is_not: bool) -> Result<Gate> {
    let indent_of_gate = indent(lines[at]);
    let beside = |line: &&str| {
        let text = line.trim_start();
        indent(line) == indent_of_gate && (text.starts_with("//") || text.starts_with("#["))
    };
    let above = lines[..at].iter().rev().take_while(|line| {
        // The file's own comment is no comment on what follows.
        beside(line) && !line.trim_start().starts_with("//!")
    });
    let start = at - above.count();
    let first = at + lines[at..].iter().take_while(|line| beside(line)).count();
    let mut end = first + 1;
    while let Some(line) = lines.get(end) {
        let next = lines[end..].iter().find(|line| !line.trim().is_empty());
        let deeper = next.is_some_and(|next| indent(next) > indent_of_gate);
        if !deeper && !goes_on(line, lines[end - 1], indent_of_gate) {
            break;
        }
        end += 1;
    }
    let end = end.min(lines.len());
    let whole = lines[first.min(end)..end].join("\n");
    if whole.trim().is_empty() || whole.parse::<TokenStream>().is_err() {
        bail!(
            "line {}: what this gate governs does not end where its indentation does; put it into \
             a function of its own, or run: cargo fmt",
            at + 1
        );
    }
    Ok(Gate {
        feature,
        is_not,
        line: at,
        all: start..end,
        thing: first..end,
        indent: indent_of_gate,
    })
}

/// Whether a line that is as far right as the gate goes on with what is above it.
fn goes_on(line: &str, above: &str, indent_of_gate: usize) -> bool {
    if line.trim().is_empty() || indent(line) != indent_of_gate {
        return false;
    }
    let text = line.trim_start();
    // A block after a whole statement is a statement of its own.
    let is_whole = indent(above) == indent_of_gate && above.trim_end().ends_with([';', ',', '}']);
    GOES_ON.iter().any(|it| text.starts_with(it)) || text.starts_with('{') && !is_whole
}

/// `pub mod name;` declares `name`.
fn module(line: &str) -> Option<&str> {
    let (head, name) = line.trim().strip_suffix(';')?.rsplit_once(' ')?;
    let is_module = head == "mod" || head.ends_with(" mod");
    is_module.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All places in which a gate may stand.
    const WHOLE: &str = r#"//! Head.

use std::fmt;

/// Later.
#[cfg(feature = "later")]
pub mod later;

/// A thing.
#[derive(Clone)]
pub struct Thing {
    a: u8,
    /// B.
    #[cfg(feature = "later")]
    b: Vec<
        u8,
    >,
}

enum Kind {
    One,
    #[cfg(feature = "later")]
    Two {
        x: u8,
    },
}

#[cfg(feature = "later")]
impl<T> fmt::Display for Thing
where
    T: Copy,
{
    fn fmt(&self) {}
}

fn go(
    a: u8,
    #[cfg(feature = "later")] b: u8,
) -> u8 {
    // Why it is so.
    #[cfg(feature = "later")]
    let b = match a {
        1 => 2,

        _ => 3,
    };
    #[cfg(not(feature = "later"))]
    let b = 1;
    #[cfg(feature = "later")]
    if a > b {
        one();
    } else {
        two();
    }
    {
        three();
    }
    match kind {
        #[cfg(feature = "later")]
        Kind::One | Kind::Two
        | Kind::Three
            if a =>
        {
            b
        }
        _ => a,
    }
}

#[cfg(feature = "later")]
const LAST: [u8; 2] = [
    1,
    2,
];
"#;

    /// `WHOLE` without the parameter, which is not alone on its line.
    fn whole() -> String {
        WHOLE.replace("#[cfg(feature = \"later\")] b: u8,", "b: u8,")
    }

    #[test]
    fn what_is_off_is_gone_and_what_is_on_has_no_gate() {
        let off = strip(&whole(), &[]).expect("it can be stripped");
        let expected = "//! Head.\n\nuse std::fmt;\n\n/// A thing.\n#[derive(Clone)]\npub struct Thing {\n    \
            a: u8,\n}\n\nenum Kind {\n    One,\n}\n\nfn go(\n    a: u8,\n    b: u8,\n) -> u8 {\n    \
            let b = 1;\n    {\n        three();\n    }\n    match kind {\n        _ => a,\n    }\n}\n";
        assert_eq!(off.text, expected);
        assert_eq!(off.modules, ["later"]);
        let on = strip(&whole(), &["later"]).expect("it can be stripped");
        let lines = whole();
        let kept = lines.lines().filter(|line| !line.contains("cfg(feature"));
        let kept = kept.filter(|line| !line.contains("cfg(not") && *line != "    let b = 1;");
        assert_eq!(
            on.text.lines().collect::<Vec<_>>(),
            kept.collect::<Vec<_>>()
        );
        assert!(on.modules.is_empty());
    }

    #[test]
    fn a_gate_governs_one_thing() {
        let gates = gates(&whole()).expect("it has gates");
        let lines = whole();
        let lines: Vec<_> = lines.lines().collect();
        let first = |at: usize| lines[gates[at].thing.start].trim();
        assert_eq!(first(0), "pub mod later;");
        assert_eq!(gates[0].all.len(), 3);
        assert_eq!(first(4), "let b = match a {");
        assert_eq!((gates[4].all.len(), gates[4].thing.len()), (7, 5));
        assert!(gates[5].is_not && gates[5].all.len() == 2);
    }

    #[test]
    fn other_forms_are_told_with_their_lines() {
        for line in [
            "#[cfg(all(test, feature = \"x\"))]",
            "#[cfg_attr(feature = \"x\", derive(Debug))]",
            "#[cfg(feature = \"x\")] b: u8,",
            "if cfg!(feature = \"x\") {",
            "#![cfg(feature = \"x\")]",
        ] {
            let error = gates(&format!("\n{line}\nfn a() {{}}\n")).expect_err("no gate");
            assert!(error.to_string().contains("line 2: a gate is"), "{error}");
        }
        assert!(
            gates("// cfg(feature) is told about here\n")
                .expect("a comment")
                .is_empty()
        );
    }

    #[test]
    fn what_does_not_end_with_its_indentation_is_told() {
        let text = "#[cfg(feature = \"x\")]\nfn a() {\nb(\"\n\");\n}\n";
        let error = gates(text).expect_err("not whole").to_string();
        assert!(
            error.contains("line 1") && error.contains("cargo fmt"),
            "{error}"
        );
    }
}
