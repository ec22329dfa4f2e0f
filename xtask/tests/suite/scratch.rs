//! A workshop to try the tool on: a few tiny steps in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A workshop of its own, gone when dropped.
pub struct Scratch {
    folder: TempDir,
}

/// How a run of the tool ended, and what it said.
pub struct Run {
    /// Whether it exited with status 0.
    pub passed: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Fails the test unless the run passed.
    #[track_caller]
    pub fn passes(self) -> Self {
        assert!(self.passed, "should pass:\n{}{}", self.out, self.err);
        self
    }

    /// Fails the test unless the run failed and said all of this.
    #[track_caller]
    pub fn fails_with(self, said: &[&str]) -> Self {
        assert!(!self.passed, "should fail:\n{}", self.out);
        for text in said {
            assert!(self.err.contains(text), "no {text:?} in:\n{}", self.err);
        }
        self
    }
}

impl Scratch {
    /// Three clean steps and a capstone: 02 adds `resp`, 03 adds `store`, which uses it.
    pub fn new() -> Self {
        let scratch = Scratch {
            folder: TempDir::new().expect("a temporary folder"),
        };
        scratch.write("Cargo.toml", "[workspace]\nmembers = []\n");
        for (step, rooms) in STEPS {
            scratch.add_step(step);
            scratch.write(&format!("{step}/src/lib.rs"), &format!("{HOUSE}{rooms}"));
            scratch.write(&format!("{step}/src/server.rs"), SERVER);
            scratch.write(&format!("{step}/tests/suite/main.rs"), SUITE);
            if rooms.contains("resp") {
                scratch.write(&format!("{step}/src/resp.rs"), RESP);
            }
        }
        scratch.write("03-store/src/store.rs", STORE);
        scratch.add_step("10-capstone");
        scratch.tool(&["lineage", "--write"]).passes();
        scratch
    }

    /// The same, committed to a git repository of its own.
    pub fn committed() -> Self {
        let scratch = Scratch::new();
        scratch.git(&["init", "--quiet"]);
        scratch.commit("start");
        scratch
    }

    fn add_step(&self, step: &str) {
        self.write(&format!("{step}/Cargo.toml"), &manifest(step, DEPENDENCIES));
        self.write(&format!("{step}/README.md"), README);
        self.write(&format!("{step}/src/lib.rs"), HOUSE);
    }

    /// A file of the workshop.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders that lead to it.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create folder");
        fs::write(path, content).expect("write file");
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Deletes a file.
    pub fn delete(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("delete file");
    }

    /// Replaces a text that must be there.
    #[track_caller]
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let content = self.read(name);
        assert!(content.contains(from), "no {from:?} in {name}");
        self.write(name, &content.replace(from, to));
    }

    /// Runs the tool on this workshop.
    pub fn tool(&self, arguments: &[&str]) -> Run {
        self.tool_with(arguments, &[])
    }

    /// Runs the tool with these environment variables.
    pub fn tool_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(arguments)
            .arg("--root")
            .arg(self.folder.path())
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(environment.iter().copied())
            .output()
            .expect("run the tool");
        run(output)
    }

    /// Runs git in this workshop; it must succeed.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let output = Command::new("git")
            .arg("-C")
            .arg(self.folder.path())
            .args(identity)
            .args(arguments)
            .output()
            .expect("run git");
        run(output).passes();
    }

    /// Commits everything.
    #[track_caller]
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-verify", "--message", message]);
    }

    /// Copies a step's folder.
    pub fn copy_step(&self, step: &str, target: &Path) {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(self.path(step))
            .arg(target)
            .status();
        assert!(copied.expect("run cp").success());
    }
}

fn run(output: Output) -> Run {
    Run {
        passed: output.status.success(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A step's manifest; each step has its own name and description.
pub fn manifest(step: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"step{step}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         description = \"Step {step}\"\n\n[dependencies]\n{dependencies}"
    )
}

/// What every step depends on.
pub const DEPENDENCIES: &str =
    "bytes = \"1.12\"\ntokio = { version = \"1.54\", features = [\"net\", \"rt\"] }\n";

const README: &str = "# A step\n\n<!-- lineage:begin -->\n<!-- lineage:end -->\n\nRead on.\n";

const HOUSE: &str = "//! The house.\n\n";

/// The steps, and the rooms of each from the lowest upwards.
const STEPS: [(&str, &str); 3] = [
    ("01-echo", "mod server;\n"),
    ("02-parser", "mod resp;\nmod server;\n"),
    ("03-store", "mod resp;\nmod store;\nmod server;\n"),
];

const SERVER: &str = "\
//! Accepts connections.

/// Listens.
pub fn listen() -> u16 {
    let port = 6380;
    port
}

/// Accepts.
pub fn accept() {
    let one = 1;
    let two = 2;
    drop((one, two));
}
";

const RESP: &str = "\
//! Bytes.

/// One line.
pub fn line(input: &[u8]) -> usize {
    input.len()
}
";

const STORE: &str = "\
//! Keys and values.

use crate::resp;

/// Counts.
pub fn count() -> usize {
    resp::line(b\"\")
}
";

const SUITE: &str = "//! The suite.\n\n#[test]\nfn works() {}\n";
