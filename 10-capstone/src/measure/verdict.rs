//! The verdict: was the load generator the bottleneck?
//!
//! This file owns the question that every benchmark must answer about itself. In a closed loop, one
//! side is always the slower one. If that is the load generator, throughput and latency describe
//! the generator, and a faster server would hardly change them. Then only the server's CPU time per
//! command tells two servers apart.
//!
//! In an open loop the question is another one: was each command sent when it was due? The
//! generator of an open loop is always busy, because it watches the clock.

use serde::Serialize;

use super::figures::{Busy, Share};

/// A side that runs for at least this share of the time counts as never idle.
const NEVER_RESTS: f64 = 0.90;
/// A side that waits for a core for at least this share of the time is held up.
const STARVES: f64 = 0.20;
/// An open loop that is late by more than this share of the p99 distorts it.
const LATE: f64 = 0.20;

/// Which side made the other one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The generator was never idle, and the server was.
    Generator,
    /// The server was never idle, and the generator was.
    Server,
    /// Neither side was ever idle.
    Both,
    /// Both were idle at times: they waited for each other, or to be woken up.
    Neither,
    /// The generator had work, but not always a core: other programs used it, or the server did
    /// when both share one core.
    GeneratorStarved,
    /// The server had work, but not always a core.
    ServerStarved,
    /// The server's CPU time is unknown, and the generator was never idle.
    Unknown,
    /// An open loop in which commands were sent on time.
    OnTime,
    /// An open loop in which commands were sent late.
    Late,
}

impl Verdict {
    /// Judges a closed loop by how busy both sides were, and an open loop by how late it was,
    /// compared with its p99.
    pub fn of(busy: &Busy, p99_us: Option<f64>) -> Self {
        if let (Some(late), Some(p99)) = (busy[Share::LateP99Us], p99_us) {
            return match late > p99 * LATE {
                true => Self::Late,
                false => Self::OnTime,
            };
        }
        let never_rests = |part| busy[part].map(|share: f64| share >= NEVER_RESTS);
        let generator = never_rests(Share::Generator) == Some(true);
        let waiting = busy[Share::GeneratorWaiting].unwrap_or_default();
        let server_waiting = busy[Share::ServerWaiting].unwrap_or_default();
        match never_rests(Share::Server) {
            Some(true) if generator => Self::Both,
            Some(true) => Self::Server,
            Some(false) if generator => Self::Generator,
            None if generator => Self::Unknown,
            _ if waiting.max(server_waiting) < STARVES => Self::Neither,
            _ if waiting >= server_waiting => Self::GeneratorStarved,
            _ => Self::ServerStarved,
        }
    }

    /// Do latency and throughput describe the generator and not the server?
    pub fn hides_the_server(self) -> bool {
        use Verdict::{Generator, GeneratorStarved, Late, Unknown};
        matches!(self, Generator | GeneratorStarved | Late | Unknown)
    }

    /// The verdict in words.
    pub fn words(self, busy: &Busy) -> String {
        let percent = |part| busy[part].unwrap_or_default() * 100.0;
        let waited = percent(Share::GeneratorWaiting);
        let server = percent(Share::ServerWaiting);
        let late = busy[Share::LateP99Us].unwrap_or_default();
        match self {
            Self::Generator => "yes: compare CPU µs/op, not latency".to_owned(),
            Self::Server => "no: the server was".to_owned(),
            Self::Both => "no more than the server: neither rested".to_owned(),
            Self::Neither => "no: it had time to spare".to_owned(),
            Self::GeneratorStarved => format!("perhaps: it waited {waited:.0} % for a core"),
            Self::ServerStarved => format!("no: the server waited {server:.0} % for a core"),
            Self::Unknown => "perhaps: it never rested".to_owned(),
            Self::OnTime => format!("no: 99 % left within {late:.0} µs"),
            Self::Late => format!("yes: 99 % left within {late:.0} µs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who did what, so far as it is known.
    fn busy(parts: &[(Share, f64)]) -> Busy {
        let mut busy = Busy::default();
        for (part, share) in parts {
            busy[*part] = Some(*share);
        }
        busy
    }

    fn verdict(generator: f64, waiting: f64, server: Option<f64>) -> Verdict {
        let mut busy = busy(&[
            (Share::Generator, generator),
            (Share::GeneratorWaiting, waiting),
        ]);
        busy[Share::Server] = server;
        Verdict::of(&busy, Some(100.0))
    }

    #[test]
    fn the_one_that_never_rests_is_the_bottleneck() {
        assert_eq!(verdict(0.99, 0.0, Some(0.6)), Verdict::Generator);
        assert_eq!(verdict(0.60, 0.0, Some(0.99)), Verdict::Server);
        assert_eq!(verdict(0.99, 0.0, Some(0.95)), Verdict::Both);
        assert_eq!(verdict(0.45, 0.0, Some(0.40)), Verdict::Neither);
    }

    #[test]
    fn a_server_of_unknown_cpu_time_leaves_doubt() {
        assert_eq!(verdict(0.45, 0.0, None), Verdict::Neither);
        assert_eq!(verdict(0.95, 0.0, None), Verdict::Unknown);
        assert_eq!(verdict(0.60, 0.35, None), Verdict::GeneratorStarved);
    }

    #[test]
    fn to_wait_for_a_core_is_not_to_rest() {
        assert_eq!(verdict(0.60, 0.35, Some(0.5)), Verdict::GeneratorStarved);
        assert_eq!(verdict(0.60, 0.35, Some(0.95)), Verdict::Server);
    }

    #[test]
    fn a_server_that_waits_for_a_core_is_seen() {
        let busy = busy(&[
            (Share::Generator, 0.45),
            (Share::GeneratorWaiting, 0.05),
            (Share::Server, 0.53),
            (Share::ServerWaiting, 0.46),
        ]);
        assert_eq!(Verdict::of(&busy, None), Verdict::ServerStarved);
        assert_eq!(
            Verdict::of(&busy, None).words(&busy),
            "no: the server waited 46 % for a core"
        );
    }

    #[test]
    fn a_server_with_several_threads_may_use_more_than_one_core() {
        assert_eq!(verdict(0.60, 0.0, Some(1.7)), Verdict::Server);
    }

    #[test]
    fn an_open_loop_is_judged_by_its_lateness() {
        let busy = |late| busy(&[(Share::Generator, 1.0), (Share::LateP99Us, late)]);
        assert_eq!(Verdict::of(&busy(3.0), Some(100.0)), Verdict::OnTime);
        assert_eq!(Verdict::of(&busy(30.0), Some(100.0)), Verdict::Late);
        assert!(Verdict::Late.hides_the_server() && !Verdict::OnTime.hides_the_server());
    }
}
