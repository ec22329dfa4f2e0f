//! CPU time: of a server, of the load generator, of everything else.
//!
//! This file owns the reading of clocks. The kernel keeps, for each process and
//! each thread, the nanoseconds that it ran; a clock of its own shows them. That
//! is finer than `utime` and `stime` in `/proc/PID/stat`, which count in ticks of
//! 10 ms. The rest is read from `/proc`, by the `procfs` crate. Only Linux has these
//! clocks of other processes, and `/proc`; elsewhere the answer is `None`.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

pub use self::system::{of_machine, of_process, running};

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
        waiting: system::waiting_of_this_thread().unwrap_or_default(),
    }
}

fn read(clock: ClockId) -> Option<Duration> {
    clock_gettime(clock).ok().map(Duration::from)
}

#[cfg(target_os = "linux")]
mod system {
    use nix::unistd::Pid;
    use procfs::process::{Process, Task};
    use procfs::{CurrentSI, KernelStats};

    use super::*;

    /// CPU time that a process has used since it started, all its threads together.
    pub fn running(pid: u32) -> Option<Duration> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?);
        read(nix::time::clock_getcpuclockid(pid).ok()?)
    }

    /// What all threads of a process did since it started, and the children that it
    /// forked: Redis lets a child write its snapshots.
    pub fn of_process(pid: u32) -> Option<CpuTime> {
        let process = Process::new(i32::try_from(pid).ok()?).ok()?;
        let stat = process.stat().ok()?;
        let ended = (stat.cutime + stat.cstime) as u64 * 1000 / procfs::ticks_per_second();
        let threads: Vec<Task> = process.tasks().ok()?.flatten().collect();
        let children = threads.iter().filter_map(|thread| thread.children().ok());
        let children = children.flatten().filter_map(running);
        Some(CpuTime {
            running: running(pid)? + Duration::from_millis(ended) + children.sum(),
            waiting: threads.iter().filter_map(waiting).sum(),
        })
    }

    pub fn waiting_of_this_thread() -> Option<Duration> {
        let thread = nix::unistd::gettid().as_raw();
        waiting(&Process::myself().ok()?.task_from_tid(thread).ok()?)
    }

    /// How long a thread has been in a run queue.
    fn waiting(thread: &Task) -> Option<Duration> {
        Some(Duration::from_nanos(thread.schedstat().ok()?.run_delay))
    }

    /// CPU time that all programs on this machine have used since it started, and
    /// what a hypervisor took away. Handling of interrupts is left out: on loopback,
    /// that is the traffic of the measurement itself.
    pub fn of_machine() -> Option<Duration> {
        let all = KernelStats::current().ok()?.total;
        let busy = all.user_ms() + all.nice_ms() + all.system_ms() + all.steal_ms()?;
        Some(Duration::from_millis(busy))
    }
}

/// Other systems tell nothing of it.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    pub fn running(_pid: u32) -> Option<Duration> {
        None
    }
    pub fn of_process(_pid: u32) -> Option<CpuTime> {
        None
    }
    pub fn waiting_of_this_thread() -> Option<Duration> {
        None
    }
    pub fn of_machine() -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen() {
        let before = of_this_thread().running;
        let mut sum = 0u64;
        while of_this_thread().running - before < Duration::from_millis(20) {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        assert_ne!(sum, 0);
        if cfg!(target_os = "linux") {
            let process = of_process(std::process::id()).expect("Linux has a clock per process");
            assert!(process.running >= Duration::from_millis(20), "{process:?}");
            assert!(of_machine().expect("Linux counts ticks") > Duration::ZERO);
            assert_eq!(of_process(u32::MAX).map(|time| time.running), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_time_of_children_is_counted() {
        use std::process::Command;

        let own = of_process(std::process::id()).unwrap().running;
        let busy = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
        assert!(
            Command::new("sh")
                .args(["-c", busy])
                .status()
                .unwrap()
                .success()
        );
        let both = of_process(std::process::id()).unwrap().running;
        assert!(
            both - own >= Duration::from_millis(10),
            "{own:?}, then {both:?}"
        );
    }
}
