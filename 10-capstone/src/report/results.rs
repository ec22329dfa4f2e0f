//! The results of a run as data, which the table, the page and the JSON file show.
//!
//! This file owns the structure of the JSON file: each field is one of its keys.

use serde::Serialize;

use crate::cross_check::Check;
use crate::environment::Environment;
use crate::measure::curve::{self, Point};
use crate::measure::figures::{Busy, ByCommand, Command, Figure, Round};
use crate::measure::ratio::Comparison;
use crate::measure::rounds::Rounds;
use crate::measure::verdict::Verdict;
use crate::scenario::Scenario;
use crate::servers::contestant::{About, Role};

/// One server in one scenario.
#[derive(Debug, Serialize)]
pub struct Side {
    /// The name of the server, as in [`About`].
    pub server: String,
    pub role: Role,
    /// The reason why it was not measured; `None` if it was.
    pub missing: Option<String>,
    #[serde(flatten)]
    pub measured: Option<Measured>,
}

impl Side {
    /// The results of a server in a scenario.
    pub fn of(about: &About, missing: Option<String>, rounds: Rounds) -> Self {
        Self {
            server: about.name.clone(),
            role: about.role,
            measured: Measured::of(rounds).filter(|_| missing.is_none()),
            missing,
        }
    }

    /// The comparison with Redis, if both were measured.
    pub fn ratio(&self) -> Option<&Comparison> {
        self.measured.as_ref()?.ratio.as_ref()
    }
}

/// All rounds of one server in one scenario.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The median over rounds; for `max_us` the largest.
    #[serde(flatten)]
    pub figures: ByCommand,
    pub busy: Busy,
    pub verdict: Verdict,
    /// This server divided by Redis.
    pub ratio: Option<Comparison>,
    /// This server divided by the floor; Redis has this ratio as well.
    pub floor_ratio: Option<Comparison>,
    /// The latency curve of all rounds together.
    pub curve: Vec<Point>,
    pub rounds: Vec<Round>,
}

impl Measured {
    /// The results of all rounds; `None` if there are none.
    pub fn of(all: Rounds) -> Option<Self> {
        let (figures, busy) = (all.figures(), all.busy());
        (!all.rounds.is_empty()).then(|| Self {
            figures,
            busy,
            verdict: Verdict::of(&busy, figures[Command::All][Figure::P99]),
            ratio: None,
            floor_ratio: None,
            curve: curve::of(&all.latencies),
            rounds: all.rounds,
        })
    }
}

/// All servers in one scenario.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub scenario: Scenario,
    /// The name of the scenario.
    pub name: String,
    /// Number of keys.
    pub keys: u32,
    pub sides: Vec<Side>,
}

impl Outcome {
    /// Compares the sides with Redis and with the floor, round by round. The servers are measured
    /// one right after the other, so a disturbance that lasts longer than a round hits all of them
    /// alike and leaves their ratios as they are.
    pub fn of(scenario: Scenario, keys: u32, mut sides: Vec<Side>) -> Self {
        // An echo that cannot take part is not worth a line.
        sides.retain(|side| side.role != Role::Floor || side.missing.is_none());
        let mut outcome = Self {
            scenario,
            name: scenario.to_string(),
            keys,
            sides,
        };
        let rounds = |role| outcome.of_role(role).map(|it| it.rounds.clone());
        let (redis, floor) = (rounds(Role::Redis), rounds(Role::Floor));
        for side in &mut outcome.sides {
            let Some(measured) = &mut side.measured else {
                continue;
            };
            let to = |others: &[Round]| Comparison::of(&measured.rounds, others);
            let redis = redis.as_deref().filter(|_| side.role.is_compared());
            let floor = floor.as_deref().filter(|_| side.role != Role::Floor);
            (measured.ratio, measured.floor_ratio) = (redis.map(to), floor.map(to));
        }
        outcome
    }

    /// The sides that were measured.
    pub fn measured(&self) -> impl Iterator<Item = (&Side, &Measured)> {
        let sides = self.sides.iter();
        sides.filter_map(|side| Some((side, side.measured.as_ref()?)))
    }

    /// The sides that are compared with Redis, whether they were measured or not.
    pub fn compared(&self) -> impl Iterator<Item = &Side> {
        self.sides.iter().filter(|side| side.role.is_compared())
    }

    /// The results of Redis or of the floor in this scenario.
    pub fn of_role(&self, role: Role) -> Option<&Measured> {
        let side = self.sides.iter().find(|side| side.role == role);
        side?.measured.as_ref()
    }
}

/// All results of a run: everything that the report shows.
#[derive(Debug, Serialize)]
pub struct Results {
    pub environment: Environment,
    pub seconds: f64,
    pub warmup_seconds: f64,
    pub rounds: u16,
    pub keys: u32,
    pub seed: u64,
    pub servers: Vec<About>,
    pub scenarios: Vec<Outcome>,
    /// The comparison with `redis-benchmark`; empty without `--cross-check`.
    pub cross_checks: Vec<Check>,
}

impl Results {
    /// Does a server have this role?
    pub fn has(&self, role: Role) -> bool {
        self.servers.iter().any(|server| server.role == role)
    }

    /// All servers that were measured, scenario by scenario.
    pub fn measured(&self) -> impl Iterator<Item = (&Outcome, &Side, &Measured)> {
        self.scenarios.iter().flat_map(|outcome| {
            let sides = outcome.measured();
            sides.map(move |(side, measured)| (outcome, side, measured))
        })
    }
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::cpu::CpuTime;
    use crate::measure::figures::tests::assert_close;
    use crate::measure::window::{Measurement, Samples};
    use crate::report::findings::above_floor;

    fn measurement(latency_us: u64, server_us: u64) -> Measurement {
        let mut samples = Samples::new().unwrap();
        for (_, histogram) in &mut samples.latencies {
            histogram.record_n(latency_us * 1000, 100).unwrap();
        }
        Measurement {
            wall: Duration::from_secs(1),
            samples,
            generator: CpuTime::default(),
            server: Some(CpuTime {
                running: Duration::from_micros(server_us),
                waiting: Duration::ZERO,
            }),
            others: None,
        }
    }

    fn about(name: &str, role: Role) -> About {
        About {
            name: name.to_owned(),
            role,
            label: format!("{name} 1.0"),
            flags: String::new(),
        }
    }

    /// The outcome of rounds with these latencies and CPU times, in microseconds.
    fn outcome(ours: &[(u64, u64)], redis: &[(u64, u64)]) -> Outcome {
        let side = |name: &str, role, all: &[(u64, u64)]| {
            let mut rounds = Rounds::new().unwrap();
            for (latency, cpu) in all {
                rounds.add(&measurement(*latency, *cpu)).unwrap();
            }
            Side::of(&about(name, role), None, rounds)
        };
        let sides = vec![
            side("ours", Role::Step, ours),
            side("redis", Role::Redis, redis),
            side("floor", Role::Floor, &[(5, 4000); 3]),
        ];
        Outcome::of(Scenario::plain(1, 1, 16), 100, sides)
    }

    #[test]
    fn each_server_is_compared_with_the_floor() {
        // A measurement has 2,000 commands, a hundred of each kind.
        let outcome = outcome(&[(10, 6000); 3], &[(10, 8000); 3]);
        let above = above_floor(&outcome).unwrap();
        assert_eq!(
            above,
            "ours 1.00 of 3.00 µs (1.50×), redis 2.00 of 4.00 µs (2.00×)"
        );
        let floor = outcome.of_role(Role::Floor).unwrap();
        assert!(floor.floor_ratio.is_none(), "not with itself");
    }

    #[test]
    fn without_a_floor_nothing_is_above_it() {
        let mut outcome = outcome(&[(10, 2100)], &[(10, 2800)]);
        outcome.sides.pop();
        assert_eq!(above_floor(&outcome), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine is ten times slower in the second round, for both.
        let outcome = outcome(
            &[(10, 1000), (100, 10_000), (10, 1000)],
            &[(20, 4000), (200, 40_000), (40, 4000)],
        );
        let ours = outcome.sides[0].measured.as_ref().unwrap();
        let ratio = ours.ratio.as_ref().unwrap();
        assert_close(ratio.median[Command::All][Figure::P50], 0.5);
        assert_close(ratio.low[Command::All][Figure::P50], 0.25);
        assert_close(ratio.high[Command::All][Figure::P50], 0.5);
        assert_close(ratio.median[Command::All][Figure::Cpu], 0.25);
        assert_close(ratio.median[Command::All][Figure::Ops], 1.0);
        // Of all maxima the largest is shown.
        assert_close(ours.figures[Command::All][Figure::Max], 100.0);
        assert_close(ours.figures[Command::All][Figure::P50], 10.0);
        // Redis is not compared with itself.
        assert!(outcome.of_role(Role::Redis).unwrap().ratio.is_none());
    }

    #[test]
    fn one_server_alone_has_no_ratio() {
        let outcome = outcome(&[(10, 1)], &[]);
        assert!(outcome.of_role(Role::Redis).is_none());
        assert!(outcome.sides[0].measured.as_ref().unwrap().ratio.is_none());
    }

    #[test]
    fn the_curve_is_of_all_rounds_together() {
        let outcome = outcome(&[(10, 1), (1000, 1)], &[]);
        let curve = &outcome.sides[0].measured.as_ref().unwrap().curve;
        assert_close(curve.first().map(|point| point.us), 10.0);
        assert_close(curve.last().map(|point| point.us), 1000.0);
    }

    /// Results to draw and to describe: one scenario with a difference and one without
    /// ours.
    pub fn sample() -> Results {
        let mut first = outcome(&[(10, 1), (11, 1), (30, 1)], &[(20, 2), (21, 2), (22, 2)]);
        first.name = "50×1, 16 B".to_owned();
        let mut second = outcome(&[], &[(20, 2), (21, 2), (22, 2)]);
        second.sides[0].missing = Some("step05-aof-persistence does not have it yet".to_owned());
        Results {
            environment: Environment {
                cpu: Some("A CPU".to_owned()),
                arguments: Vec::new(),
                ..Environment::here()
            },
            seconds: 1.0,
            warmup_seconds: 0.1,
            rounds: 3,
            keys: 100,
            seed: 1,
            servers: vec![about("ours", Role::Step), about("redis", Role::Redis)],
            scenarios: vec![first, second],
            cross_checks: Vec::new(),
        }
    }
}
