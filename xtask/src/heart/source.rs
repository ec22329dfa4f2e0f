//! Where in a source file a function is, byte by byte.
//!
//! The file is parsed to find it, and then only cut and put together: formatting and
//! comments outside of what is replaced stay as they are.

use std::ops::Range;

use anyhow::{Result, bail};
use syn::visit::{self, Visit};
use syn::{Block, ItemImpl, Signature, Type};

use super::Item;

/// A function, or lines of it, in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From its first line, without comments, to its closing brace.
    pub whole: Range<usize>,
    /// What is between its braces, or the lines, without the last line's end.
    pub body: Range<usize>,
    /// The white space in front of the function, or of the lines.
    pub indent: String,
    /// Whether it is some lines only.
    pub is_lines: bool,
    /// A `const fn`, or one that returns an `impl Trait`: all its ways must be of one type.
    pub is_strict: bool,
}

impl Found {
    /// The number of its first line, counted from 1.
    pub fn line(&self, text: &str) -> usize {
        text[..self.whole.start].matches('\n').count() + 1
    }
}

/// Finds the item, which must be there once.
pub fn find(text: &str, item: &Item) -> Result<Found> {
    let (file, name) = (&item.file, &item.item);
    let found = function(text, file, name)?;
    let (Some(from), Some(to)) = (&item.from, &item.to) else {
        return Ok(found);
    };
    lines(text, &found, [from, to]).or_else(|what| bail!("{file}: `{name}` has {what}"))
}

/// Finds the function of that name, like `Store::insert`.
pub fn function(text: &str, file: &str, name: &str) -> Result<Found> {
    let parsed = match syn::parse_file(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let line = error.span().start().line;
            bail!("{file}:{line} does not parse: {error}; repair that first")
        }
    };
    let mut finder = Finder {
        text,
        wanted: name,
        inside: String::new(),
        found: Vec::new(),
    };
    finder.visit_file(&parsed);
    match &finder.found[..] {
        [one] => Ok(one.clone()),
        [] => bail!("{file} has no function `{name}`; write it as `function` or `Type::function`"),
        all => bail!("{file} has {} functions `{name}`", all.len()),
    }
}

/// The run of lines that begins and ends so; what is wrong if it is not there once.
fn lines(text: &str, function: &Found, [from, to]: [&String; 2]) -> Result<Found, String> {
    let mut at = function.body.start;
    let (mut start, mut end) = (None, None);
    for line in text[function.body.clone()].split_inclusive('\n') {
        if line.trim() == from.trim() {
            if start.is_some() {
                return Err(format!("`{from}` more than once"));
            }
            start = Some(at);
        }
        if line.trim() == to.trim() && start.is_some() && end.is_none() {
            end = Some(at + line.trim_end().len());
        }
        at += line.len();
    }
    let (Some(start), Some(end)) = (start, end) else {
        return Err(format!("no lines from `{from}` to `{to}`"));
    };
    Ok(Found {
        indent: indent(text, start),
        body: start..end,
        is_lines: true,
        ..function.clone()
    })
}

/// The white space at the beginning of the line in which this is.
fn indent(text: &str, at: usize) -> String {
    let start = line_start(text, at);
    let line = &text[start..];
    line[..line.len() - line.trim_start_matches(' ').len()].to_owned()
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |before| before + 1)
}

struct Finder<'a> {
    text: &'a str,
    wanted: &'a str,
    /// The type whose functions are being looked at, with `::`.
    inside: String,
    found: Vec<Found>,
}

impl Finder<'_> {
    fn function(&mut self, signature: &Signature, block: &Block) {
        if format!("{}{}", self.inside, signature.ident) != self.wanted {
            return;
        }
        let braces = block.brace_token.span;
        let body = braces.open().byte_range().end..braces.close().byte_range().start;
        let head = signature.fn_token.span.byte_range().start;
        let mut opaque = Opaque(false);
        opaque.visit_return_type(&signature.output);
        self.found.push(Found {
            whole: line_start(self.text, head)..body.end + 1,
            indent: indent(self.text, head),
            is_lines: false,
            is_strict: signature.constness.is_some() || opaque.0,
            body,
        });
    }
}

/// Whether there is an `impl Trait` in a type.
struct Opaque(bool);

impl<'ast> Visit<'ast> for Opaque {
    fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
        self.0 = true;
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let name = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|it| it.ident.to_string()),
            _ => None,
        };
        let outside = std::mem::replace(
            &mut self.inside,
            name.map_or(String::new(), |name| format!("{name}::")),
        );
        visit::visit_item_impl(self, item);
        self.inside = outside;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! Äpfel.\n\nstruct A<T>(T);\n\nimpl<T> A<T> {\n    /// It does.\n    \
        pub async fn go(\n        &self,\n    ) -> u8 {\n        let a = 1; // ü\n        a\n    }\n}\n\n\
        fn go() {}\n";

    #[test]
    fn a_method_is_told_from_a_function() {
        let method = function(TEXT, "a.rs", "A::go").expect("it is there");
        assert_eq!(
            &TEXT[method.body.clone()],
            "\n        let a = 1; // ü\n        a\n    "
        );
        assert!(TEXT[method.whole.clone()].starts_with("    pub async fn go("));
        assert!(TEXT[method.whole].ends_with("a\n    }"));
        assert_eq!(method.indent, "    ");
        let free = function(TEXT, "a.rs", "go").expect("it is there");
        assert_eq!(&TEXT[free.body], "");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let error = |text, name| function(text, "a.rs", name).expect_err("no").to_string();
        assert!(error(TEXT, "A::no").contains("no function `A::no`"));
        assert!(error("fn a() {", "a").contains("a.rs:1 does not parse"));
        let twice = "impl A { fn a() {} }\nimpl B for A { fn a() {} }";
        assert!(error(twice, "A::a").contains("2 functions"));
    }

    #[test]
    fn lines_are_cut_out_whole() {
        let function = function(TEXT, "a.rs", "A::go").expect("it is there");
        let [from, to] = ["let a = 1; // ü", "a"].map(str::to_owned);
        let found = lines(TEXT, &function, [&from, &to]).expect("they are there");
        assert_eq!(&TEXT[found.body], "        let a = 1; // ü\n        a");
        assert_eq!(found.indent, "        ");
        assert!(lines(TEXT, &function, [&to, &from]).is_err());
    }
}
