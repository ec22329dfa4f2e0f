//! `cargo xtask hearts`: each blank of a step's heart is found, and by its own witness.
//!
//! What is proven: the start compiles without a warning; each blank alone makes a witness
//! of its part fail; while later parts are blank, the witnesses of those before pass; and
//! filled it is the step, to the byte. All blanks are built at once, each with a switch in
//! front of it, so a step is compiled twice and not once for each blank.

use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use syn::{Block, Stmt};

use crate::alone;
use crate::bench::Workbench;
use crate::heart::blanks::{Form, Maker, SWITCH, filled};
use crate::heart::source::{self, Found};
use crate::heart::{Heart, Item, UNUSED};
use crate::lesson::attempt::{LIMIT, PATIENCE, Tests};
use crate::outcome::{self, Verdict};
use crate::output::{ADDED, REMOVED, paint, print};
use crate::side_by_side::{at_once, side_by_side, tests_at_once_of_each};
use crate::steps::{Files, Number, Root, Step, Workshop};

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 02 (default: all that have a heart).
    step: Option<Number>,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let steps = match args.step {
        Some(number) => vec![workshop.step(number)?],
        // The newest has most to build.
        None => workshop
            .all()
            .rev()
            .filter(|it| Heart::exists(it))
            .collect(),
    };
    let failed = Mutex::new(0);
    side_by_side(&steps, |step| {
        let mut bench = Workbench::new(&workshop, step)?;
        if let Some(log) = bench.build()? {
            bail!("{} does not build:\n{log}", step.name);
        }
        if let Some(faults) = check(&workshop, step, &mut bench)? {
            print(&faults)?;
            *failed.lock().expect("no worker panics") += 1;
        }
        Ok(())
    })?;
    alone::clean(&workshop, &steps)?;
    match failed.into_inner().expect("no worker panics") {
        0 => Ok(()),
        count => bail!("the hearts of {count} steps do not hold; see above"),
    }
}

/// Proves a step's heart in its copy, which was built, and says what does not hold. The copy
/// is another afterwards.
pub fn check(workshop: &Workshop, step: &Step, bench: &mut Workbench) -> Result<Option<String>> {
    let began = Instant::now();
    let heart = Heart::read(step)?;
    let proof = Proof::new(workshop, step, &heart)?;
    let faults = proof.faults(bench)?;
    let (parts, blanks) = (heart.parts.len(), proof.items.len());
    let seconds = began.elapsed().as_secs();
    let name = &step.name;
    if faults.is_empty() {
        print(&format!(
            "{} {name}: {parts} parts, {blanks} blanks, each found by its witness ({seconds} s)\n",
            paint(ADDED, "ok")
        ))?;
        return Ok(None);
    }
    let title = format!("{} {name}: its heart does not hold\n", paint(REMOVED, "✗"));
    let faults = faults.iter().map(|fault| format!("  - {fault}\n"));
    Ok(Some([title].into_iter().chain(faults).collect()))
}

struct Proof<'a> {
    step: &'a Step,
    heart: &'a Heart,
    maker: Maker<'a>,
    files: Files,
    /// Each with its part's number.
    items: Vec<(usize, &'a Item)>,
}

/// Some blanks, and what witnesses say of them.
struct Case<'a> {
    /// Their places among all items.
    open: Vec<usize>,
    witnesses: Vec<&'a String>,
    /// One of the witnesses must fail; otherwise all must pass.
    must_fail: bool,
}

impl<'a> Proof<'a> {
    fn new(workshop: &'a Workshop, step: &'a Step, heart: &'a Heart) -> Result<Self> {
        for number in 1..=heart.parts.len() {
            heart.place(step, number)?;
        }
        let before = workshop.before(step);
        Ok(Proof {
            step,
            heart,
            maker: Maker { before },
            files: step.all_files()?,
            items: heart.items(1..),
        })
    }

    /// What does not hold.
    fn faults(&self, bench: &mut Workbench) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let all: Vec<_> = (0..self.items.len()).collect();
        faults.extend(self.not_filled()?);
        self.put(bench, |_| Form::Blank, &all)?;
        // Unit tests are built with the switches below.
        if let Some(log) = bench.rebuild_server()? {
            faults.push(format!(
                "the start does not compile without a warning; give the blank a naive body:\n{log}"
            ));
            return Ok(faults);
        }
        let has_switch = |at: &usize| {
            self.found(*at)
                .is_ok_and(|(found, text)| has_switch(&found, &text))
        };
        let with_switch: Vec<_> = all.into_iter().filter(has_switch).collect();
        let (switched, single): (Vec<_>, Vec<_>) = self
            .cases()
            .into_iter()
            .partition(|case| case.open.iter().all(has_switch));
        if let Some(log) = self.build(bench, Form::Switched, &with_switch)? {
            faults.push(format!(
                "a blank and what it replaces are not of one type:\n{log}"
            ));
            return Ok(faults);
        }
        let tests = Tests::of(bench.programs())?;
        let found = Mutex::new(Vec::new());
        at_once(tests_at_once_of_each(), &switched, |case| {
            let fault = self.fault(case, &tests)?;
            found.lock().expect("no worker panics").extend(fault);
            Ok(())
        })?;
        faults.extend(found.into_inner().expect("no worker panics"));
        for case in single {
            faults.extend(match self.build(bench, |_| Form::Blank, &case.open)? {
                Some(log) => Some(format!("{} does not compile:\n{log}", self.told(&case))),
                None => self.fault(&case, &Tests::of(bench.programs())?)?,
            });
        }
        Ok(faults)
    }

    /// Each blank alone; and of each part's start, the parts before it.
    fn cases(&self) -> Vec<Case<'a>> {
        let alone = self.items.iter().enumerate().map(|(at, (part, _))| Case {
            open: vec![at],
            witnesses: self.heart.parts[part - 1].witness.iter().collect(),
            must_fail: true,
        });
        let parts = self.heart.parts.len();
        let starts = (2..=parts + 1).map(|from| Case {
            open: (0..self.items.len())
                .filter(|at| self.items[*at].0 >= from)
                .collect(),
            witnesses: self.heart.parts[..from - 1]
                .iter()
                .flat_map(|it| &it.witness)
                .collect(),
            must_fail: false,
        });
        alone.chain(starts).collect()
    }

    fn fault(&self, case: &Case<'_>, tests: &Tests) -> Result<Option<String>> {
        let on: String = case.open.iter().map(|at| format!("{at},")).collect();
        for name in &case.witnesses {
            let mut command = tests.command(name)?;
            command.env(SWITCH, format!(",{on}"));
            // What must pass may take as long as it takes while others use the disk.
            let outcome = if case.must_fail {
                command.env(PATIENCE, "5");
                outcome::within(LIMIT, command, name)?
            } else {
                outcome::of(command, name)?
            };
            match (outcome.verdict == Verdict::Failed, case.must_fail) {
                (true, true) => return Ok(None),
                (true, false) => {
                    let what = self.told(case);
                    return Ok(Some(format!("{what}, `{name}` fails:\n{}", outcome.text)));
                }
                (false, _) => {}
            }
        }
        let unseen = || {
            format!(
                "{}, no witness of its part fails; name one that does",
                self.told(case)
            )
        };
        Ok(case.must_fail.then(unseen))
    }

    fn told(&self, case: &Case<'_>) -> String {
        match (case.must_fail, case.open.first()) {
            (true, Some(at)) => format!("with `{}` blank", self.items[*at].1.item),
            (false, Some(at)) => format!("at the start of part {}", self.items[*at].0),
            (_, None) => "with nothing blank".to_owned(),
        }
    }

    /// Where an item is in the step, and the text of its file.
    fn found(&self, at: usize) -> Result<(Found, String)> {
        let item = self.items[at].1;
        let text = self.files.get(&item.file).context("no such file")?;
        let text = std::str::from_utf8(text)?;
        Ok((source::find(text, item)?, text.to_owned()))
    }

    /// Builds the copy with these items in that form; what the compiler says, if it does not.
    fn build(
        &self,
        bench: &mut Workbench,
        form: impl Fn(usize) -> Form,
        items: &[usize],
    ) -> Result<Option<String>> {
        self.put(bench, form, items)?;
        bench.rebuild()
    }

    /// Makes the copy the step with these items in that form.
    fn put(&self, bench: &Workbench, form: impl Fn(usize) -> Form, items: &[usize]) -> Result<()> {
        let mut files = self.files.clone();
        let chosen = items
            .iter()
            .map(|at| (form(*at), self.items[*at].0, self.items[*at].1));
        self.maker.apply(&mut files, chosen)?;
        if let Some(top) = files.get_mut("src/lib.rs") {
            let lints = UNUSED.join(", ");
            top.splice(0..0, format!("#![allow({lints})]\n").into_bytes());
        }
        bench.alone.put(&files)
    }

    /// The start, filled again item by item, must be the step.
    fn not_filled(&self) -> Result<Option<String>> {
        let mut files = self.files.clone();
        let blank = self
            .items
            .iter()
            .map(|(part, item)| (Form::Blank, *part, *item));
        self.maker.apply(&mut files, blank)?;
        for (at, (part, item)) in self.items.iter().enumerate() {
            let (found, right) = self.found(at)?;
            let blank = self.maker.blank(*part, item, &found)?;
            let text = String::from_utf8(files[&item.file].clone())?;
            let text = filled(&text, &right, item, &blank)?;
            files.insert(item.file.clone(), text.into_bytes());
        }
        let mut paths = files.keys();
        let other = paths.find(|path| files.get(*path) != self.files.get(*path));
        Ok(other.map(|path| format!("filled again, {path} is not that of {}", self.step.name)))
    }
}

/// Whether both can stand in one program: their types are the same whatever they are,
/// and lines name nothing that is used after them.
fn has_switch(found: &Found, text: &str) -> bool {
    let lines = format!("{{{}}}", &text[found.body.clone()]);
    let own = |block: Block| !block.stmts.iter().any(|it| matches!(it, Stmt::Local(_)));
    !found.is_strict && (!found.is_lines || syn::parse_str(&lines).is_ok_and(own))
}
