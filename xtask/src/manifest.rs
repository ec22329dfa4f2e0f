//! What is changed in a step's `Cargo.toml` when the step is compared, carried or copied.
//!
//! `name` and `description` differ by nature, so they are left out when steps
//! are compared, and kept when a change is carried. A learner's copy has no benches.

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Value};

const IDENTITY: [&str; 2] = ["name", "description"];

/// `manifest` with the name and the description of `other`; all else untouched.
pub fn with_identity_of(manifest: &str, other: &str) -> Result<String> {
    let mut document = parse(manifest)?;
    let other = parse(other)?;
    for key in IDENTITY {
        let mine = document.get_mut("package").and_then(|it| it.get_mut(key));
        let theirs = other.get("package").and_then(|it| it.get(key));
        if let (Some(Item::Value(mine)), Some(Item::Value(theirs))) = (mine, theirs) {
            replace(mine, theirs);
        }
    }
    Ok(document.to_string())
}

/// The crates that only benches use. They are a third of all that a step is built with.
const FOR_BENCHES: [&str; 1] = ["criterion"];

/// `manifest` without benches and their crates; all else untouched.
pub fn without_benches(manifest: &str) -> Result<String> {
    let mut document = parse(manifest)?;
    document.remove("bench");
    if let Some(Item::Table(crates)) = document.get_mut("dev-dependencies") {
        FOR_BENCHES.iter().for_each(|name| {
            crates.remove(name);
        });
    }
    Ok(document.to_string())
}

fn parse(manifest: &str) -> Result<DocumentMut> {
    manifest
        .parse()
        .context("a Cargo.toml is not valid TOML; `cargo metadata` names the line")
}

/// Takes over the value but leaves spaces and a comment around it as they were.
fn replace(mine: &mut Value, theirs: &Value) {
    let decor = mine.decor().clone();
    *mine = theirs.clone();
    *mine.decor_mut() = decor;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_identity_is_taken_over() {
        let mine = "[package]\nname = \"step05\"   # five\nversion = \"0.1.0\"\n\n[dependencies]\na = \"1\"\n";
        let other = "[package]\nname = \"step04\"\nversion = \"9.9.9\"\n";
        let expected = mine.replace("step05", "step04");
        assert_eq!(with_identity_of(mine, other).unwrap(), expected);
    }

    #[test]
    fn benches_are_left_out_with_their_crates() {
        let (head, criterion, tests, benches) = (
            "[package]\nname = \"a\" # one\n\n[dev-dependencies]\n",
            "criterion = \"0.8\"\n",
            "shlex = \"2.0\"\n\n[[test]]\nname = \"suite\"\n",
            "\n[[bench]]\nname = \"b\"\n\n[[bench]]\nname = \"c\"\n",
        );
        let whole = format!("{head}{criterion}{tests}{benches}");
        let expected = format!("{head}{tests}");
        assert_eq!(without_benches(&whole).unwrap(), expected);
        assert_eq!(without_benches(&expected).unwrap(), expected);
    }
}
