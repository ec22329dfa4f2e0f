//! What disturbs a server besides the load: a pause, or snapshots.
//!
//! This file owns both. A pause is SIGSTOP and SIGCONT, so the server needs no support for it. A
//! new snapshot is requested with BGSAVE as soon as the last one is complete. If the server refuses
//! to save, the run ends, so that no row says "during BGSAVE" without a snapshot.

use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Time between two attempts at BGSAVE. While the server still saves, it answers with an error.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// How long the last snapshot may take.
const LAST_SAVE: Duration = Duration::from_secs(60);

/// A server that is stopped until this value is dropped.
pub struct Pause(Pid);

impl Pause {
    /// Stops the server's process.
    pub fn begin(pid: Option<u32>) -> Result<Self> {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        let pid = Pid::from_raw(pid.context("a server on another machine cannot be paused")?);
        kill(pid, Signal::SIGSTOP).context("cannot pause the server")?;
        Ok(Self(pid))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // If the server has ended, its clients report that.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// Runs `work` while the server saves one snapshot after the other. Waits for the last snapshot, so
/// that it does not slow down the next measurement.
pub async fn while_saving<T>(
    mut server: redis::Connection,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let done = tokio::select! {
        // Polled first, so the first snapshot starts before the work.
        biased;
        error = keep_saving(&mut server) => return Err(error),
        done = work => done?,
    };
    let until = Instant::now() + LAST_SAVE;
    loop {
        let info: String = redis::cmd("INFO").arg("persistence").query(&mut server)?;
        if !info.contains("rdb_bgsave_in_progress:1") {
            return Ok(done);
        }
        ensure!(Instant::now() < until, "a snapshot does not end");
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Starts a snapshot whenever none is being written, and returns the error when the server refuses.
async fn keep_saving(server: &mut redis::Connection) -> Error {
    loop {
        match redis::cmd("BGSAVE").exec(server) {
            Err(error) if !error.to_string().contains("already in progress") => {
                return anyhow!("BGSAVE was answered with {error}");
            }
            _ => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The third field of its `stat`.
    fn state(pid: u32) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields[..1].to_owned()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pause_ends_when_it_is_dropped() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let wait_for = |stopped: bool| {
            let until = Instant::now() + Duration::from_secs(10);
            while (state(child.id()) == "T") != stopped {
                assert!(Instant::now() < until, "{}", state(child.id()));
                std::thread::yield_now();
            }
        };
        let pause = Pause::begin(Some(child.id())).unwrap();
        wait_for(true);
        drop(pause);
        wait_for(false);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn what_has_no_process_cannot_be_paused() {
        assert!(Pause::begin(None).is_err());
    }
}
