//! A step with its solutions must still do all that it did.
//!
//! The suites take longest of all that a solution is tried with. So solutions that apply one after
//! the other are tried together, in one copy. If together they fail, each is tried alone.

use anyhow::Result;

use super::patch::Patch;
use super::tally::Tally;
use super::{Fault, does_not_build};
use crate::bench::Workbench;
use crate::processes::Ended;
use crate::steps::Step;

/// Tries the solutions of these exercises, of which each applies and builds.
pub fn check(step: &Step, solved: &[u8], bench: &mut Workbench, tally: &Tally) -> Result<()> {
    let mut bring_tests = false;
    for number in solved {
        bring_tests |= Patch::of(step, *number).changes_tests()?;
    }
    let mut left = solved.to_vec();
    while !left.is_empty() {
        let together = apply(step, &left, bench)?;
        left.retain(|number| !together.contains(number));
        tally.working_on(&format!("{:02}: the suites with {together:?}", step.number));
        let mut fault = passes(bench, bring_tests)?;
        for number in &together {
            if fault.is_some() && together.len() > 1 {
                apply(step, &[*number], bench)?;
                let alone = passes(bench, bring_tests)?;
                report(step, *number, alone, tally)?;
            } else {
                report(step, *number, fault.take(), tally)?;
            }
        }
    }
    Ok(())
}

fn report(step: &Step, number: u8, fault: Option<Fault>, tally: &Tally) -> Result<()> {
    let what = "its solution passes the step's suites";
    tally.check(step, number, what, || Ok(fault)).map(drop)
}

/// Makes the copy the step with as many of these solutions as apply; the first always does.
fn apply(step: &Step, numbers: &[u8], bench: &Workbench) -> Result<Vec<u8>> {
    bench.alone.reset()?;
    let mut applied = Vec::new();
    for number in numbers {
        if Patch::of(step, *number)
            .apply(&bench.alone.dir())?
            .is_none()
        {
            applied.push(*number);
        }
    }
    Ok(applied)
}

/// What the copy is tested with is what the untouched step was tested with, unless solutions
/// bring tests of their own.
fn passes(bench: &mut Workbench, bring_tests: bool) -> Result<Option<Fault>> {
    let log = match bring_tests {
        true => bench.build()?,
        false => bench.rebuild()?,
    };
    if let Some(log) = log {
        return Ok(Some(does_not_build(log)));
    }
    let fault = |ended: Ended| {
        let what = match ended.success {
            None => "its tests do not come to an end",
            Some(_) => "its tests fail",
        };
        let next = "the step must still do all that it did; repair the solution";
        Fault::new(what, next).with_log(&ended.output)
    };
    Ok(bench.test()?.map(fault))
}
