//! The environment of a run: the machine, the system, the versions.
//!
//! This file owns what a reader needs to judge a figure or to repeat it. A number without its
//! machine says nothing. What a system does not reveal is left out.

use std::process::Command;
use std::time::SystemTime;

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The machine and the run.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// When the run began, in UTC.
    pub begun: String,
    pub cpu: Option<String>,
    pub cores: usize,
    pub memory: Option<String>,
    /// Name and release of the kernel.
    pub kernel: Option<String>,
    /// The folder in which servers keep their files, and its file system.
    pub files: String,
    /// Name and version of this benchmark.
    pub benchmark: String,
    /// The arguments of the command line.
    pub arguments: Vec<String>,
}

impl Environment {
    /// Collects the facts.
    pub fn here() -> Self {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(wanted).ok();
        let brand = |it: &System| Some(it.cpus().first()?.brand().trim().to_owned());
        let gibibytes = |it: &System| it.total_memory() as f64 / f64::from(1 << 30);
        let folder = std::env::temp_dir().to_string_lossy().into_owned();
        let file_system = said_by("stat", &["-f", "-c", "%T", &folder]);
        Self {
            begun: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            cpu: system.as_ref().and_then(brand).filter(|it| !it.is_empty()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: system.map(|it| format!("{:.1} GiB", gibibytes(&it))),
            kernel: said_by("uname", &["-srm"]),
            files: folder + &file_system.map(|it| format!(" ({it})")).unwrap_or_default(),
            benchmark: concat!("step10-capstone ", env!("CARGO_PKG_VERSION")).to_owned(),
            arguments: std::env::args().skip(1).collect(),
        }
    }

    /// The machine in one line.
    pub fn machine(&self) -> String {
        let cores = Some(self.cores_in_words());
        let parts = [self.cpu.clone(), cores, self.kernel.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    pub fn cores_in_words(&self) -> String {
        let plural = if self.cores == 1 { "" } else { "s" };
        format!("{} core{plural}", self.cores)
    }
}

/// The first line that a program prints; `None` if it is missing or fails.
fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_says_nothing() {
        assert_eq!(said_by("no-such-program-here", &[]), None);
        assert_eq!(said_by("false", &[]), None);
        assert_eq!(said_by("echo", &["this"]).as_deref(), Some("this"));
    }
}
