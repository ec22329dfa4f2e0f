//! What was measured on: the machine, the system, the versions.
//!
//! This file owns what a reader needs to judge a figure, or to repeat it. A number
//! without its machine says nothing. What a system does not tell is left out.

use std::process::Command;
use std::time::SystemTime;

use serde::Serialize;

/// The machine, and the run.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// When the run began, in UTC.
    pub begun: String,
    pub cpu: Option<String>,
    pub cores: usize,
    pub memory: Option<String>,
    /// Name and release of the kernel.
    pub kernel: Option<String>,
    /// Where servers keep their files, and on which file system.
    pub files: String,
    /// This program.
    pub benchmark: String,
    /// The command line, without the program.
    pub arguments: Vec<String>,
}

impl Environment {
    /// Looks around.
    pub fn here() -> Self {
        Self {
            begun: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            cpu: cpu(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory(),
            kernel: said_by("uname", &["-srm"]),
            files: files(),
            benchmark: concat!("step10-capstone ", env!("CARGO_PKG_VERSION")).to_owned(),
            arguments: std::env::args().skip(1).collect(),
        }
    }

    /// Each fact with its name.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let maybe = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
        vec![
            ("begun", self.begun.clone()),
            (
                "CPU",
                format!("{}, {}", maybe(&self.cpu), self.cores_in_words()),
            ),
            ("memory", maybe(&self.memory)),
            ("kernel", maybe(&self.kernel)),
            ("files", self.files.clone()),
            ("benchmark", self.benchmark.clone()),
            ("options", self.options()),
        ]
    }

    /// The machine in one line.
    pub fn machine(&self) -> String {
        let parts = [
            self.cpu.clone(),
            Some(self.cores_in_words()),
            self.kernel.clone(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn cores_in_words(&self) -> String {
        let plural = if self.cores == 1 { "" } else { "s" };
        format!("{} core{plural}", self.cores)
    }

    fn options(&self) -> String {
        match self.arguments.is_empty() {
            true => "none".to_owned(),
            false => self.arguments.join(" "),
        }
    }
}

/// The name of the processor.
fn cpu() -> Option<String> {
    let linux = std::fs::read_to_string("/proc/cpuinfo").ok();
    linux
        .and_then(|text| field(&text, "model name"))
        .or_else(|| said_by("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

/// The size of the memory, in GiB.
fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: f64 = field(&text, "MemTotal")?.split(' ').next()?.parse().ok()?;
    Some(format!("{:.1} GiB", kibibytes / (1024.0 * 1024.0)))
}

/// The value in the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    });
    values.into_iter().find(|value| !value.is_empty())
}

/// The folder of temporary files, and its file system.
fn files() -> String {
    let folder = std::env::temp_dir();
    let folder = folder.to_string_lossy();
    match said_by("stat", &["-f", "-c", "%T", &folder]) {
        Some(system) => format!("{folder} ({system})"),
        None => folder.into_owned(),
    }
}

/// The first line that a program prints, if it is there and succeeds.
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
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 2\nmodel name\t: A CPU: fast\nmodel name\t: another\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A CPU: fast"));
        assert_eq!(field(text, "name"), None);
    }

    #[test]
    fn a_program_that_is_not_there_says_nothing() {
        assert_eq!(said_by("no-such-program-here", &[]), None);
        assert_eq!(said_by("false", &[]), None);
        assert_eq!(said_by("echo", &["this"]).as_deref(), Some("this"));
    }
}
