//! `cargo xtask book`: the pages as a site that needs no network.
//!
//! mdBook makes it. It is given a copy of the pages in `target/book/src`, in which
//! links lead to where things are in the book, and diagrams are drawn. Added are,
//! for each step, its diff and the files that its pages link to. With `--check`,
//! Chromium opens every page.

pub mod browser;
mod chapters;
pub mod check;
mod rewrite;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::output::{print, report};
use crate::steps::Root;

/// The version of mdBook that the pages were looked at with.
const MDBOOK: &str = "0.5.4";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Also open every page in Chromium.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let chromium = browser::find();
    if args.check && chromium.is_none() {
        let missing = "the book is not checked, because there is no Chromium here; on Debian: \
                       apt-get install chromium; elsewhere set CHROMIUM to the path of its program";
        ensure!(std::env::var("CI").as_deref() != Ok("true"), missing);
        return print(&format!("NOTICE: {missing}\n"));
    }
    let folder = workshop.root.join("target/book");
    // What was built before may have pages that are no more.
    for old in ["src", "html"].map(|it| folder.join(it)) {
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    print("preparing the pages\n")?;
    chapters::write(&workshop, &folder.join("src"))?;
    let mdbook = mdbook(&workshop.root)?;
    succeed(Command::new(mdbook).arg("build").arg(&workshop.root))?;
    let html = folder.join("html");
    if let (true, Some(chromium)) = (args.check, chromium) {
        print("opening every page in Chromium\n")?;
        let checked = check::check(&html, &chromium)?;
        let next = "each names its page; mend it there, or in xtask/src/book";
        let well = format!("all holds in Chromium; pages opened: {}", checked.pages);
        report(&checked.faults, &well).context(next)?;
    }
    print(&format!(
        "the book: {}\n",
        html.join("index.html").display()
    ))
}

/// mdBook's program, installed below `target` if it is not there yet.
fn mdbook(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target/tools").join(format!("mdbook-{MDBOOK}"));
    let program = tools.join("bin/mdbook");
    if !program.exists() {
        print("installing mdBook, which takes a minute; later it is there\n")?;
        // Without optimization it is built in a third of the time, and takes three seconds more.
        let install = "install --locked --debug --no-default-features --features search";
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        cargo.args(install.split(' ')).arg("--root").arg(&tools);
        cargo.arg(format!("mdbook@{MDBOOK}"));
        succeed(cargo.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(program)
}

/// Runs it, and lets it show how far it is.
fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        bail!("{program} did not succeed; what it said is above");
    }
    Ok(())
}
