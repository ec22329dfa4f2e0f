//! CPU time: of a server, of the load generator, of everything else.
//!
//! This file owns the reading of clocks. The kernel keeps, for each process and
//! each thread, the nanoseconds that it ran; a clock of its own shows them. That
//! is finer than `utime` and `stime` in `/proc/PID/stat`, which count in ticks of
//! 10 ms. All functions answer `None` where the system does not tell.

use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// CPU time that a process has used since it started, all its threads together.
#[cfg(target_os = "linux")]
pub fn running(pid: u32) -> Option<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    read(nix::time::clock_getcpuclockid(pid).ok()?)
}

/// Other systems have no clock for another process.
#[cfg(not(target_os = "linux"))]
pub fn running(_pid: u32) -> Option<Duration> {
    None
}

/// What a thread did with its time, or a process with that of all its threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime {
    /// It ran.
    pub running: Duration,
    /// It could have run, and waited for a core.
    pub waiting: Duration,
}

impl CpuTime {
    /// What was done between two readings.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            running: self.running.saturating_sub(before.running),
            waiting: self.waiting.saturating_sub(before.waiting),
        }
    }
}

/// What the calling thread did since it started.
pub fn of_this_thread() -> CpuTime {
    CpuTime {
        running: read(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default(),
        waiting: waiting(Path::new("/proc/thread-self")).unwrap_or_default(),
    }
}

/// What all threads of a process did since it started, and the children that it
/// forked: Redis lets a child write its snapshots.
pub fn of_process(pid: u32) -> Option<CpuTime> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads: Vec<_> = threads.into_iter().flatten().flatten().collect();
    let children = threads.iter().flat_map(|thread| children(&thread.path()));
    Some(CpuTime {
        running: running(pid)? + ended_children(pid)? + children.filter_map(running).sum(),
        waiting: threads
            .iter()
            .filter_map(|thread| waiting(&thread.path()))
            .sum(),
    })
}

/// CPU time of children that have ended.
fn ended_children(pid: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    ticks_of_children(&text).map(|ticks| Duration::from_millis(ticks * TICK_MILLISECONDS))
}

/// cutime + cstime of `pid (name) state …`. The name may hold anything, so the
/// fields are counted from its end.
fn ticks_of_children(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(13);
    Some(times.next()?.parse::<u64>().ok()? + times.next()?.parse::<u64>().ok()?)
}

/// The children that a thread has forked and that still run.
fn children(thread: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(thread.join("children")).unwrap_or_default();
    let pids = text.split_ascii_whitespace();
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

/// The second number of `schedstat`: nanoseconds in a run queue.
fn waiting(thread: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
    let waited = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(waited))
}

/// CPU time that all programs on this machine have used since it started, and
/// what a hypervisor took away. Handling of interrupts is left out: on loopback,
/// that is the traffic of the measurement itself.
pub fn of_machine() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    busy_ticks(text.lines().next()?).map(|ticks| Duration::from_millis(ticks * TICK_MILLISECONDS))
}

/// The tick of `/proc/stat` and `/proc/PID/stat`: `USER_HZ` is 100 wherever Rust's Linux targets run.
const TICK_MILLISECONDS: u64 = 10;

/// user + nice + system + steal of `cpu  user nice system idle iowait irq softirq steal …`.
fn busy_ticks(line: &str) -> Option<u64> {
    let ticks: Vec<u64> = line
        .strip_prefix("cpu ")?
        .split_ascii_whitespace()
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    Some(ticks.get(0..3)?.iter().sum::<u64>() + ticks.get(7)?)
}

fn read(clock: ClockId) -> Option<Duration> {
    clock_gettime(clock).ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_are_not_programs() {
        assert_eq!(
            busy_ticks("cpu  1 20 300 4000 50000 600 70 8 0 0"),
            Some(329)
        );
        assert_eq!(busy_ticks("cpu0 1 2 3 4 5 6 7 8"), None);
        assert_eq!(busy_ticks("cpu  1 2 3"), None);
    }

    #[test]
    fn the_time_of_children_is_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 30 4 20 0 1 0";
        assert_eq!(ticks_of_children(stat), Some(34));
        assert_eq!(ticks_of_children("7 (a) S 1"), None);
    }

    #[test]
    fn a_busy_thread_is_seen() {
        let before = of_this_thread().running;
        let mut sum = 0u64;
        while of_this_thread().running - before < Duration::from_millis(20) {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        assert_ne!(sum, 0);
        if cfg!(target_os = "linux") {
            let process = running(std::process::id()).expect("Linux has a clock per process");
            assert!(process >= Duration::from_millis(20), "{process:?}");
        }
    }
}
