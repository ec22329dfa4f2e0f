//! What INFO says of commands and their times.

use crate::state::State;
use crate::timing::Calls;

/// What makes a section's lines.
type Lines = fn(&State) -> String;

/// The sections.
pub const SECTIONS: &[(&str, Lines)] = &[
    ("Commandstats", commandstats),
    ("Errorstats", errorstats),
    ("Latencystats", latencystats),
];

/// INFO commandstats: how often each command was called, and how long that took.
fn commandstats(state: &State) -> String {
    let line = |it: &&Calls| {
        let (calls, micros) = (it.calls, it.nanos as f64 / 1000.0);
        format!(
            "cmdstat_{}:calls={calls},usec={},usec_per_call={:.2},rejected_calls={},\
             failed_calls={}\r\n",
            it.name,
            micros as u64,
            micros / calls.max(1) as f64,
            it.rejected,
            it.failed,
        )
    };
    state.life.timing.commands().iter().map(line).collect()
}

/// INFO errorstats: how often each error code was a reply.
fn errorstats(state: &State) -> String {
    let errors = state.life.timing.errors.iter();
    errors
        .map(|(code, count)| format!("errorstat_{code}:count={count}\r\n"))
        .collect()
}

/// INFO latencystats: how long the fastest so many percent of the calls took.
fn latencystats(state: &State) -> String {
    let service = &state.config.service;
    let line = |it: &&Calls| {
        let percentile = |percent: &f64| {
            let micros = it.histogram.percentile(*percent) as f64 / 1000.0;
            format!("p{percent}={micros:.3}")
        };
        let percentiles = service.percentiles.iter().map(percentile);
        let percentiles = percentiles.collect::<Vec<_>>().join(",");
        format!("latency_percentiles_usec_{}:{percentiles}\r\n", it.name)
    };
    let commands = state.life.timing.commands();
    let measured = commands.iter().filter(|it| it.histogram.total() > 0);
    match service.latency_tracking {
        true => measured.map(line).collect(),
        false => String::new(),
    }
}
