//! The house plan: which file of a step may import which.
//!
//! This is the one place where the order is written down; `cargo xtask lineage`
//! holds every step against it, and `cargo xtask diff` shows files in it. A new
//! file under `src/` gets a place here before anything else.

/// The files of a step, lowest first, named as under `src/` and without `.rs`.
///
/// A file may import only what stands in a row above its own. Files in one row
/// must not import one another. `commands/*` is every file of that folder that
/// has no place of its own. A folder `resp/` would belong to `resp`.
pub const LAYERS: &[&[&str]] = &[
    // Bytes, and nothing else.
    &[
        "resp",
        "cross_protocol",
        "glob",
        "float",
        "clock",
        "file",
        "output_limit",
        "logging",
    ],
    // The keys, their values, and when they end.
    &["store"],
    // What commands need of the dump, the log, the subscribers and the replicas. The
    // log may begin with a dump, and a replica; what it gets then is what the log gets.
    &["rdb", "stats", "clients", "lifecycle"],
    &["aof", "pubsub"],
    &["replication"],
    &["config"],
    // What is written while clients are served.
    &["background"],
    // Everything that commands share, behind the one lock.
    &["state"],
    // What belongs to one connection.
    &["client"],
    &["admission"],
    // Types, lookup and dispatch; then one file of handlers per family; then
    // the families joined into the table.
    &["command"],
    &["commands/*"],
    &["commands/mod"],
    // Files into the store, and commands that were accepted once.
    &["load", "apply"],
    // What executes commands (a socket, the log at start-up, a primary's feed), and
    // what works on the data without a client.
    &[
        "connection",
        "expiry",
        "delivery",
        "cron",
        "shutdown",
        "replay",
        "link",
        "replica",
    ],
    &["server", "recovery"],
    // Flags, and the program.
    &["cli"],
    &["main"],
];

/// A place in [`LAYERS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The row, lowest first.
    pub row: usize,
    /// The place within the row, which only orders what is shown.
    pub column: usize,
    /// The file that owns the place: `resp` for `resp/parse`, too.
    pub room: String,
}

impl Place {
    /// Whether a file in this place may import a file in that one.
    pub fn may_import(&self, other: &Place) -> bool {
        self.room == other.room || other.row < self.row
    }
}

/// The place of a file, named like `commands/string`; `None` if it has none yet.
pub fn place(file: &str) -> Option<Place> {
    let mut room = file;
    loop {
        if let Some(place) = place_of_room(room) {
            return Some(place);
        }
        (room, _) = room.rsplit_once('/')?;
    }
}

fn place_of_room(room: &str) -> Option<Place> {
    let find = |name: &str| {
        let rows = LAYERS.iter().enumerate();
        rows.filter_map(|(row, files)| Some((row, files.iter().position(|file| *file == name)?)))
            .next()
    };
    let folder = room.rsplit_once('/').map(|(folder, _)| folder);
    let (row, column) =
        find(room).or_else(|| folder.and_then(|folder| find(&format!("{folder}/*"))))?;
    let room = room.to_owned();
    Some(Place { row, column, room })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_import(from: &str, to: &str) -> bool {
        place(from).unwrap().may_import(&place(to).unwrap())
    }

    #[test]
    fn a_file_imports_only_from_rows_below() {
        assert!(may_import("store", "resp"));
        assert!(!may_import("resp", "store"));
        assert!(!may_import("aof", "pubsub"), "same row");
    }

    #[test]
    fn handlers_do_not_import_each_other_but_are_joined_above() {
        assert!(may_import("commands/string", "command"));
        assert!(!may_import("commands/string", "commands/key"));
        assert!(may_import("commands/mod", "commands/string"));
        assert!(!may_import("commands/string", "commands/mod"));
    }

    #[test]
    fn a_folder_belongs_to_the_file_of_its_name() {
        assert_eq!(place("resp/parse").unwrap().room, "resp");
        assert_eq!(place("resp/mod").unwrap().room, "resp");
        assert!(may_import("resp", "resp/parse") && may_import("resp/parse", "resp"));
        assert_eq!(
            place("commands/string/bits").unwrap().room,
            "commands/string"
        );
    }

    #[test]
    fn an_unknown_file_has_no_place() {
        assert_eq!(place("helpers"), None);
    }
}
