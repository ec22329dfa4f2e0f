//! CPU time of a server, of the load generator and of everything else.
//!
//! This file owns the reading of clocks. For each process and each thread the kernel counts the
//! nanoseconds in which it ran, and has a clock that shows them. That is finer than `utime` and
//! `stime` in `/proc/PID/stat`, which count ticks of 10 ms. The rest is read from `/proc` with the
//! `procfs` crate. Only Linux has clocks of other processes and `/proc`; elsewhere the answer is
//! `None`.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

pub use self::system::{of_machine, of_process, running};

/// What a thread, or all threads of a process, did with their time.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime {
    /// Time in which it ran.
    pub running: Duration,
    /// Time in which it could have run and waited for a core.
    pub waiting: Duration,
}

impl CpuTime {
    /// The difference of two readings.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            running: self.running.saturating_sub(before.running),
            waiting: self.waiting.saturating_sub(before.waiting),
        }
    }
}

/// The CPU time of the calling thread since it started.
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

    /// CPU time that all threads of a process have used since it started.
    pub fn running(pid: u32) -> Option<Duration> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?);
        read(nix::time::clock_getcpuclockid(pid).ok()?)
    }

    /// CPU time of all threads of a process since it started, and of the children that it forked:
    /// Redis writes its snapshots in a child.
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

    /// How long a thread has waited in a run queue.
    fn waiting(thread: &Task) -> Option<Duration> {
        Some(Duration::from_nanos(thread.schedstat().ok()?.run_delay))
    }

    /// CPU time that all programs on this machine have used since it started, and time that a
    /// hypervisor took away. Interrupt handling is left out, because on loopback it is the traffic
    /// of the measurement itself.
    pub fn of_machine() -> Option<Duration> {
        let all = KernelStats::current().ok()?.total;
        let busy = all.user_ms() + all.nice_ms() + all.system_ms() + all.steal_ms()?;
        Some(Duration::from_millis(busy))
    }
}

/// Other systems have no such clocks.
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
