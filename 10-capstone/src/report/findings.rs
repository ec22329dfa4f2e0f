//! The statements that the results allow, in words and in numbers.
//!
//! This file owns the sentences and the number formats that the table and the page have in common.

use super::results::{Measured, Outcome, Results, Side};
use crate::measure::figures::{Command, Figure, Share, three_digits};
use crate::measure::ratio::{Ratio, in_words};
use crate::measure::verdict::Verdict;
use crate::servers::contestant::Role;

/// From this share of a core on, the CPU time of other programs is worth a warning.
const DISTURBED: f64 = 0.10;

/// The heading of the cross-checks.
pub const BESIDE_REDIS_BENCHMARK: &str =
    "redis-benchmark beside this benchmark: SET of 16 B on the same Redis, in turns";

/// A statement about each server that is compared with Redis in a scenario. `show` writes one
/// ratio.
pub fn of(outcome: &Outcome, show: fn(&Ratio) -> String) -> Vec<(&Side, String)> {
    let sides = outcome.compared();
    let said = sides.filter_map(|side| Some((side, finding(outcome, side, show)?)));
    said.collect()
}

fn finding(outcome: &Outcome, side: &Side, show: fn(&Ratio) -> String) -> Option<String> {
    if let Some(missing) = &side.missing {
        return Some(format!("not measured: {missing}"));
    }
    let measured = side.measured.as_ref()?;
    let mut ratios = measured.ratio.as_ref()?.ratios();
    // In an open loop, every server answers as often as it is asked.
    ratios.retain(|ratio| outcome.scenario.rate.is_none() || ratio.figure != Figure::Ops);
    let words = in_words(&ratios, show);
    let redis = outcome.of_role(Role::Redis).map(|redis| redis.verdict);
    let mut verdicts = redis.into_iter().chain([measured.verdict]);
    Some(match verdicts.any(Verdict::hides_the_server) {
        true => format!("{words}. The generator set the pace: only CPU counts here."),
        false => format!("{words}."),
    })
}

/// How far each server is above the floor in a scenario: the CPU time per command that the echo
/// does not need, of the whole, and the ratio of the whole to the floor.
pub fn above_floor(outcome: &Outcome) -> Option<String> {
    let cpu = |measured: &Measured| measured.figures[Command::All][Figure::Cpu];
    let floor = cpu(outcome.of_role(Role::Floor)?)?;
    let parts = outcome.measured().filter_map(|(side, measured)| {
        let ratio = measured.floor_ratio.as_ref()?;
        let (name, all) = (&side.server, cpu(measured)?);
        let (above, all) = (three_digits(all - floor), three_digits(all));
        let times = ratio.ratio(Command::All, Figure::Cpu)?.times();
        Some(format!("{name} {above} of {all} µs ({times})"))
    });
    Some(parts.collect::<Vec<_>>().join(", "))
}

/// A warning if other programs used much CPU time. The replica and the thread that writes an AOF
/// count as other programs, so only plain scenarios are considered.
pub fn disturbance(results: &Results) -> Option<String> {
    let all = results.measured();
    let plain = all.filter(|(outcome, ..)| outcome.scenario.has_floor());
    let others = plain.filter_map(|(_, _, measured)| measured.busy[Share::Others]);
    let most = others.max_by(f64::total_cmp)?;
    let words = format!(
        "Other programs used up to {:.0} % of a core meanwhile: rely on ratios, not on figures.",
        most * 100.0
    );
    (most > DISTURBED).then_some(words)
}

/// The largest difference between the p50 of GET and of SET, and where it was found.
pub fn get_against_set(results: &Results) -> Option<(f64, String)> {
    let sides = results.measured().filter_map(|(outcome, side, measured)| {
        let p50 = |command| measured.figures[command][Figure::P50];
        let (get, set) = (p50(Command::Get)?, p50(Command::Set)?);
        let place = format!("{}, {}", outcome.scenario, side.server);
        Some(((get - set).abs() / get.min(set), place))
    });
    sides.max_by(|(one, _), (other, _)| one.total_cmp(other))
}

/// A share as a percentage, three characters wide.
pub fn percent(share: f64) -> String {
    format!("{:3.0} %", share * 100.0)
}

/// A figure as text, or a dash if it is unknown.
pub fn shown(figure: Option<f64>) -> String {
    or_dash(figure.map(three_digits))
}

/// The text, or a dash if there is none.
pub fn or_dash(text: Option<String>) -> String {
    text.unwrap_or("—".to_owned())
}
