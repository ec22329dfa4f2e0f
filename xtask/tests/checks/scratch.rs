//! A workshop made for one test: two tiny steps without dependencies, and a capstone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A server that answers line by line, with nothing but the standard library.
const SERVER: &str = r#"use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(2).expect("--port N");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let mut count = 0;
    for socket in listener.incoming() {
        let mut socket = socket?;
        for line in BufReader::new(socket.try_clone()?).lines() {
            count += 1;
            match line?.as_str() {
                "ping" => writeln!(socket, "pong")?,
                "count" => writeln!(socket, "{count}")?,
                "port" => writeln!(socket, "port {port} id {}", std::process::id())?,
                "die" => std::process::exit(3),
                _ => writeln!(socket, "what?")?,
            }
        }
    }
    Ok(())
}
"#;

const GUIDE: &str = "# Lesson

## You will learn
## The idea

```mermaid
flowchart TD
  A[accept] --> B[answer]
```

## How Redis does it
## The code

```rust src/main.rs
for socket in listener.incoming() {
    // …
        count += 1;
```

## Why this way

```rust sketch: the one that lost
let lost = ();
```

## What can go wrong
## Check yourself

<details><summary>1</summary>a</details>
<details><summary>2</summary>a</details>
<details><summary>3</summary>a</details>
<details><summary>4</summary>a</details>
<details><summary>5</summary>a</details>

## For instructors
## Read on

[the lesson](#lesson), [the file](src/main.rs#L3), [the next](../02-more/README.md#run-it-1)
";

const README: &str = "# Step

## Run it

```console not-run: starts the server
$ make 01-echo
```

## Run it

```console
$ ask() { exec 3<>/dev/tcp/127.0.0.1/6380; echo \"$1\" >&3; head -n 1 <&3; }; ask ping
pong
$ exec 3<>/dev/tcp/127.0.0.1/6380; echo port >&3; head -n 1 <&3
port 6380 id …
```
";

/// The workshop. It is gone when this is dropped.
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A workshop in which everything is as it shall be.
    pub fn clean() -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let scratch = Scratch { folder };
        let members = r#"members = ["01-echo", "02-more", "10-capstone"]"#;
        scratch.write(
            "Cargo.toml",
            &format!("[workspace]\nresolver = \"3\"\n{members}\n"),
        );
        scratch.write(
            "README.md",
            "# Workshop\n\n[one](01-echo/GUIDE.md#the-idea)\n",
        );
        for (step, package) in [
            ("01-echo", "step01-echo"),
            ("02-more", "step02-more"),
            ("10-capstone", "step10-capstone"),
        ] {
            let manifest = format!(
                "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"
            );
            scratch.write(&format!("{step}/Cargo.toml"), &manifest);
            scratch.write(&format!("{step}/src/main.rs"), SERVER);
        }
        for step in ["01-echo", "02-more"] {
            scratch.write(&format!("{step}/README.md"), README);
        }
        scratch.write("01-echo/GUIDE.md", GUIDE);
        scratch
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("the file is there")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("has a folder")).expect("can make the folder");
        fs::write(path, text).expect("can write");
    }

    /// Replaces text in a file, which must be there.
    pub fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// Runs the tool here, as a person would and not as CI.
    pub fn run(&self, args: &[&str]) -> Told {
        self.run_with(args, &[("CI", None)])
    }

    /// Runs the tool here with `CI=true`.
    pub fn run_in_ci(&self, args: &[&str]) -> Told {
        self.run_with(args, &[("CI", Some("true"))])
    }

    /// Runs the tool here with these variables, or without them.
    pub fn run_with(&self, args: &[&str], variables: &[(&str, Option<&str>)]) -> Told {
        let mut command = self.tool(args);
        for (name, value) in variables {
            command.env_remove(name);
            command.envs(value.map(|value| (name, value)));
        }
        Told::new(&command.output().expect("xtask runs"))
    }

    /// Starts the tool here and does not wait.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.tool(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("xtask runs")
    }

    fn tool(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(args).arg("--root").arg(self.root());
        command
            // No scratch workshop is about Redis.
            .env("WORKSHOP_REDIS", "none")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .env_remove("RUST_BACKTRACE");
        command
    }
}

/// What the tool said.
pub struct Told {
    pub ok: bool,
    /// What it printed as its result.
    pub out: String,
    /// That, and then its errors.
    pub text: String,
}

impl Told {
    pub fn new(output: &Output) -> Self {
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = out.clone() + &String::from_utf8_lossy(&output.stderr);
        Told {
            ok: output.status.success(),
            out,
            text,
        }
    }

    /// It must have succeeded and said all this.
    #[track_caller]
    pub fn fine(&self, parts: &[&str]) {
        assert!(self.ok, "it failed:\n{}", self.text);
        self.says(parts);
    }

    /// It must have failed and said all this.
    #[track_caller]
    pub fn fails(&self, parts: &[&str]) {
        assert!(!self.ok, "it did not fail:\n{}", self.text);
        self.says(parts);
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(
                self.text.contains(part),
                "it does not say {part:?}:\n{}",
                self.text
            );
        }
    }
}
