//! The house plan of a step: which file may import which.
//!
//! The plan is the step's own `src/lib.rs`, which declares the rooms from the lowest
//! upwards. A room is a folder of `src/`, or one file. A file may import its own room and
//! every room that is declared above its own; inside a room, files must not import one
//! another in a circle. `main.rs` and `lib.rs` stand above all rooms.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::imports::Import;
use crate::steps::Files;

const PLAN: &str = "src/lib.rs";

/// The rooms of a step, lowest first.
#[derive(Debug, Default)]
pub struct Plan {
    rooms: Vec<String>,
}

/// A place in a [`Plan`], in reading order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The room's number, lowest first.
    room: usize,
    /// A room's `mod.rs` is read before the room's other files.
    is_inside: bool,
    file: String,
}

impl Plan {
    /// The plan of the step with these files; an empty one if it has no `src/lib.rs`.
    pub fn of(files: &Files) -> Result<Self> {
        let Some(source) = files.get(PLAN) else {
            return Ok(Plan::default());
        };
        let source = String::from_utf8_lossy(source);
        let parsed = syn::parse_file(&source)
            .with_context(|| format!("{PLAN} does not parse; `cargo check` names the line"))?;
        let rooms = parsed.items.into_iter().filter_map(|item| match item {
            syn::Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
            _ => None,
        });
        Ok(Plan {
            rooms: rooms.collect(),
        })
    }

    /// The place of a file, named like `command/string`; `None` if no room is its own.
    pub fn place(&self, file: &str) -> Option<Place> {
        let room = match file {
            "main" | "lib" => self.rooms.len(),
            _ => {
                let room = room_of(file);
                self.rooms.iter().position(|it| it == room)?
            }
        };
        Some(Place {
            room,
            is_inside: file.contains('/') && !file.ends_with("/mod"),
            file: file.to_owned(),
        })
    }

    /// Whether the import goes to the same room or downwards; `None` if a file has no place.
    pub fn allows(&self, import: &Import) -> Option<bool> {
        Some(self.place(&import.to)?.room <= self.place(&import.from)?.room)
    }
}

fn room_of(file: &str) -> &str {
    file.split_once('/').map_or(file, |(room, _)| room)
}

/// The files of one room that import one another in a circle, such as `[a/x, a/y]`. The
/// room's `mod.rs` does not count: it declares the files, and they use what it defines.
pub fn circles(imports: &BTreeSet<Import>) -> BTreeSet<Vec<String>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Import { from, to, .. } in imports {
        let inside = |file: &str| file.contains('/') && !file.ends_with("/mod");
        if room_of(from) == room_of(to) && inside(from) && inside(to) {
            uses.entry(from).or_default().insert(to);
        }
    }
    let reaches = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for next in uses.get(file).into_iter().flatten() {
                if reached.insert(*next) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let circle = |file: &&str| {
        let on_the_way_back = reaches(file)
            .into_iter()
            .filter(|it| reaches(it).contains(file));
        let circle: Vec<_> = on_the_way_back.map(str::to_owned).collect();
        (!circle.is_empty()).then_some(circle)
    };
    uses.keys().filter_map(circle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let lib = b"//! The house.\n/// Bytes.\npub mod resp;\nmod store;\npub mod net;\n";
        Plan::of(&Files::from([(PLAN.to_owned(), lib.to_vec())])).expect("it parses")
    }

    fn import(from: &str, to: &str) -> Import {
        let [from, to] = [from, to].map(str::to_owned);
        let written = String::new();
        Import { from, to, written }
    }

    #[test]
    fn a_room_uses_itself_and_what_is_declared_above_it() {
        let allows = |from, to| plan().allows(&import(from, to));
        assert_eq!(allows("store/mod", "resp/parser"), Some(true));
        assert_eq!(allows("resp/parser", "store/mod"), Some(false));
        assert_eq!(allows("net/listener", "net/connection"), Some(true));
        assert_eq!(allows("lib", "net/listener"), Some(true));
        assert_eq!(allows("net/listener", "main"), Some(false));
        assert_eq!(allows("helpers", "resp/mod"), None);
    }

    #[test]
    fn a_room_is_read_from_its_head() {
        let place = |file| plan().place(file).expect("it has a place");
        assert!(place("resp/reply") < place("store/mod"));
        assert!(place("store/mod") < place("store/clock"));
        assert!(place("net/listener") < place("lib"));
    }

    #[test]
    fn circles_are_inside_a_room_and_without_its_head() {
        let imports = [
            ("a/x", "a/y"),
            ("a/y", "a/z"),
            ("a/z", "a/x"),
            ("a/w", "a/x"),
            ("b/mod", "b/x"),
            ("b/x", "b/mod"),
            ("a/x", "b/x"),
            ("b/x", "a/x"),
        ];
        let imports = imports.map(|(from, to)| import(from, to)).into();
        let circle = ["a/x", "a/y", "a/z"].map(str::to_owned).to_vec();
        assert_eq!(circles(&imports), BTreeSet::from([circle]));
    }
}
