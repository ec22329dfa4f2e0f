//! The suites, tested: each fault of `broken-server` is found, and what `verify`
//! says of it is what it said before (`told/<fault>.txt`).
//!
//! With `WORKSHOP_BLESS=1` the texts are written anew. In them `…` stands for
//! anything; it stays where the text around it is still right.

#![forbid(unsafe_code)]

// What the pages are compared with as well.
#[path = "../../src/docs/wildcard.rs"]
mod wildcard;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

const BROKEN_SERVER: &str = env!("CARGO_BIN_EXE_broken-server");

/// The servers that are broken, by their steps.
const STEPS: [&str; 9] = [
    "01-tcp-echo",
    "02-resp-parser",
    "03-get-set",
    "04-expiry",
    "05-aof-persistence",
    "06-rdb-snapshots",
    "07-pubsub",
    "08-replication",
    "09-graceful-shutdown",
];

/// How many are tested at once; most of the time they wait.
const AT_ONCE: usize = 8;

/// Seconds to wait for a reply that does not come. On a busy machine one that
/// does come may take its time.
const PATIENCE: &str = "6";

/// A line of `broken-server --list`.
struct Fault {
    name: String,
    step: usize,
    found_by: String,
    /// What stands in between in the same place, and changes nothing.
    none: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workshop")
}

/// The programs of all steps, by the folders of their steps and their names. They are
/// built together, as `make test` does, for together their dependencies are built once.
fn programs() -> &'static BTreeMap<(String, String), PathBuf> {
    static BUILT: OnceLock<BTreeMap<(String, String), PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--no-run", "--quiet", "--message-format=json"]);
        for step in STEPS.iter().chain([&"10-capstone"]) {
            cargo.args(["--package", &format!("step{step}")]);
        }
        let output = cargo.current_dir(root()).output().expect("cargo runs");
        assert!(output.status.success(), "the steps do not build");
        let lines = String::from_utf8(output.stdout).expect("text");
        let messages = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        messages.filter_map(|message| program(&message)).collect()
    })
}

/// A program that is no unit test, in one of cargo's messages.
fn program(message: &serde_json::Value) -> Option<((String, String), PathBuf)> {
    let name = message["target"]["name"].as_str()?;
    let is_unit_test = message["profile"]["test"] == true && message["target"]["kind"][0] != "test";
    let path = message["executable"].as_str().filter(|_| !is_unit_test)?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let step = folder.file_name()?.to_str()?.to_owned();
    Some(((step, name.to_owned()), path.into()))
}

/// The program of that name, of that step.
fn built(step: usize, name: &str) -> &'static Path {
    let step = STEPS[step - 1];
    &programs()[&(step.to_owned(), name.to_owned())]
}

/// The program of a right server.
fn right_server(step: usize) -> &'static Path {
    built(step, &format!("step{}", STEPS[step - 1]))
}

fn verify(step: usize, server: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["verify", &step.to_string(), "--server", server, "--program"])
        .arg(built(step, "suite"))
        .args(more)
        .current_dir(root())
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("xtask runs")
}

/// The command line of a server with that fault.
fn broken(step: usize, fault: &str) -> String {
    let right = right_server(step).display().to_string();
    let words = [BROKEN_SERVER, "--fault", fault, "--server", &right];
    shlex::try_join(words).expect("no NUL")
}

fn faults() -> Vec<Fault> {
    let list = Command::new(BROKEN_SERVER).arg("--list").output();
    let list = String::from_utf8(list.expect("it runs").stdout).expect("text");
    let faults = list.lines().map(|line| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next().expect("a field");
        Fault {
            name: next(),
            step: next().parse().expect("a step"),
            found_by: next(),
            none: next(),
        }
    });
    faults.collect()
}

/// What was said, without what is another thing on every machine and in every
/// run: where the workshop lies, line numbers, and the server's own words.
fn told(output: &Output) -> Vec<String> {
    let both = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&both).replace(&root().display().to_string(), "");
    let lines = text.lines().skip(1);
    let lines = lines.filter(|line| !line.trim_start().starts_with("it said"));
    let place = |line: &str| match line.split_once(".rs:") {
        Some((file, _)) => format!("{file}.rs"),
        None => line.trim_end().to_owned(),
    };
    lines.map(place).collect()
}

/// What is wrong with what is said of that fault, if anything.
fn check(fault: &Fault) -> Option<String> {
    let output = verify(
        fault.step,
        &broken(fault.step, &fault.name),
        &["--test", &fault.found_by, "--patience", PATIENCE],
    );
    let told = told(&output);
    if output.status.success() {
        return Some(format!("{}: not found:\n{}", fault.name, told.join("\n")));
    }
    let folder = root().join("xtask/tests/suites/told");
    let file = folder.join(format!("{}.txt", fault.name));
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let expected: Vec<_> = expected.lines().map(str::to_owned).collect();
    if wildcard::agree(&expected, &told) {
        return None;
    }
    let new = wildcard::update(&expected, &told).join("\n") + "\n";
    if std::env::var_os("WORKSHOP_BLESS").is_some() {
        std::fs::write(&file, new).expect("can write");
        return None;
    }
    Some(format!("{}: it says now:\n{new}", fault.name))
}

/// What is wrong with these, if anything; several are checked at once.
fn wrong<T: Sync>(all: &[T], check: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = check(one);
                    wrong.lock().expect("no panic").extend(found);
                }
            });
        }
    });
    wrong.into_inner().expect("no panic")
}

#[test]
fn each_fault_is_found_and_told() {
    // What is found late is in the later steps, and begins first.
    let mut faults = faults();
    faults.reverse();
    let wrong = wrong(&faults, check);
    assert!(
        wrong.is_empty(),
        "{}\nIf it is better so: WORKSHOP_BLESS=1 cargo test -p xtask --test suites",
        wrong.join("\n")
    );
}

#[test]
fn each_step_has_at_least_three_faults_and_no_text_is_left_over() {
    let faults = faults();
    for step in 1..=STEPS.len() {
        let count = faults.iter().filter(|fault| fault.step == step).count();
        assert!(count >= 3, "step {step} has {count}");
    }
    let folder = std::fs::read_dir(root().join("xtask/tests/suites/told"));
    for file in folder.expect("the texts") {
        let path = file.expect("a file").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            faults.iter().any(|fault| fault.name == name),
            "no fault {name}"
        );
    }
}

/// Otherwise a fault could be found because of what stands in between.
#[test]
fn the_tests_that_find_faults_pass_without_one() {
    let mut tests: Vec<_> = faults()
        .into_iter()
        .map(|it| (it.step, it.none, it.found_by))
        .collect();
    tests.sort_by(|one, other| other.cmp(one));
    tests.dedup();
    let wrong = wrong(&tests, |(step, none, test)| {
        let output = verify(*step, &broken(*step, none), &["--test", test]);
        (!output.status.success()).then(|| told(&output).join("\n"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_server_that_cannot_be_tested_is_told_once() {
    let ends = "sh -c 'echo no such luck; exit 3' sh";
    let deaf = "sh -c 'exec sleep 60' sh";
    for (server, said) in [
        (
            ends,
            &[
                "ends instead of listening (exit status: 3)",
                "it said     no such luck",
            ][..],
        ),
        (
            "./no-such-server",
            &["cannot be started", "./no-such-server"],
        ),
        (
            "Makefile",
            &["for the file in this folder write ./Makefile"],
        ),
        ("", &["make verify-03 SERVER=./my-server"]),
        (deaf, &["nobody listens", "it must take --port"]),
    ] {
        let output = verify(3, server, &[]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{server}: {text}");
        for part in said {
            assert!(text.contains(part), "{server}: no {part:?} in {text}");
        }
    }
}

#[test]
fn a_suite_or_a_test_that_is_not_there_is_told() {
    let server = right_server(1).display().to_string();
    for (more, said) in [
        (
            ["--suite", "resp"],
            "there is no suite resp; choose one of: tcp",
        ),
        (
            ["--test", "no such"],
            "no test has these words in its name: no such",
        ),
    ] {
        let output = verify(1, &server, &more);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
}
