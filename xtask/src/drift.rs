//! Drift: two steps that say the same thing in two ways.
//!
//! When two copies of a file are the same program but not the same text, one of
//! them was reformatted or its comments were reworded, and the diff between the
//! steps shows a difference that teaches nothing. Texts are compared as the
//! compiler sees them, as tokens. Documentation comments reach the compiler as
//! `#[doc = "…"]`, so those are dropped here.
//!
//! A reworded comment next to a real change is not drift: it may explain it.

use std::iter::Peekable;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Whether two different texts of a file differ in form only: in white space,
/// line breaks, the commas that a formatter adds, or comments.
pub fn differs_in_form_only(path: &str, before: &str, after: &str) -> Result<bool> {
    if before == after {
        return Ok(false);
    }
    if path.ends_with(".rs") {
        Ok(tokens(before)? == tokens(after)?)
    } else if path.ends_with(".toml") {
        Ok(before.parse::<toml::Table>()? == after.parse::<toml::Table>()?)
    } else {
        Ok(false)
    }
}

fn tokens(source: &str) -> Result<Vec<String>> {
    let stream: TokenStream = source.parse().map_err(|error| anyhow!("{error}"))?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    let mut rest = stream.into_iter().peekable();
    let mut commas = 0;
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' && skip_doc(&mut rest) => {}
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                commas += 1;
                let trailing = rest.peek().is_none();
                // `(a,)` is a tuple and `(a)` is not, so a lone comma stays.
                if !(trailing && commas > 1) {
                    tokens.push(",".to_owned());
                }
            }
            TokenTree::Group(group) => flatten_group(&group, tokens),
            other => tokens.push(other.to_string()),
        }
    }
}

fn flatten_group(group: &Group, tokens: &mut Vec<String>) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    };
    tokens.push(open.to_owned());
    flatten(group.stream(), tokens);
    tokens.push(close.to_owned());
}

/// After a `#`: consumes `[doc = "…"]` or `![doc = "…"]` if that is what follows.
fn skip_doc(rest: &mut Peekable<impl Iterator<Item = TokenTree> + Clone>) -> bool {
    let mut ahead = rest.clone();
    let mut next = ahead.next();
    if matches!(&next, Some(TokenTree::Punct(punct)) if punct.as_char() == '!') {
        next = ahead.next();
    }
    let found = matches!(&next, Some(TokenTree::Group(group)) if is_doc(group));
    if found {
        *rest = ahead;
    }
    found
}

/// `[doc = "…"]`, but not `[doc(hidden)]`.
fn is_doc(group: &Group) -> bool {
    let mut tokens = group.stream().into_iter();
    let name = tokens.next();
    let equals = tokens.next();
    group.delimiter() == Delimiter::Bracket
        && matches!(&name, Some(TokenTree::Ident(ident)) if ident == "doc")
        && matches!(&equals, Some(TokenTree::Punct(punct)) if punct.as_char() == '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drifts(before: &str, after: &str) -> bool {
        differs_in_form_only("src/a.rs", before, after).unwrap()
    }

    #[test]
    fn comments_and_layout_are_form() {
        let plain = "fn f(a: u8, b: u8) -> u8 { a + b }";
        assert!(drifts(
            plain,
            "//! Head.\n/// Adds.\nfn f(a: u8, b: u8) -> u8 {\n    a + b // why\n}\n"
        ));
        assert!(drifts(
            plain,
            "fn f(\n    a: u8,\n    b: u8,\n) -> u8 { a + b }"
        ));
        assert!(drifts("/// One.\nfn f() {}", "/** Two. */\nfn f() {}"));
    }

    #[test]
    fn code_is_not() {
        assert!(!drifts("fn f() { a() }", "/// New words.\nfn f() { b() }"));
        assert!(!drifts("fn f() { g((1)) }", "fn f() { g((1,)) }"));
        assert!(!drifts("#[doc(hidden)] fn f() {}", "fn f() {}"));
        assert!(!drifts("fn f() { g(\"a  b\") }", "fn f() { g(\"a b\") }"));
    }

    #[test]
    fn identical_text_is_no_drift() {
        assert!(!drifts("fn f() {}", "fn f() {}"));
    }

    #[test]
    fn a_manifest_is_compared_by_what_it_says() {
        let drifts = |a, b| differs_in_form_only("Cargo.toml", a, b).unwrap();
        assert!(drifts("[a]\nb = 1\n", "# why\n[a]\nb=1\n"));
        assert!(!drifts("[a]\nb = 1\n", "[a]\nb = 2\n"));
    }
}
