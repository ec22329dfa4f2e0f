//! Runs a page's console blocks, top to bottom, as one session.
//!
//! State carries over from block to block: same folder, same server, unless the
//! page starts its servers itself (`job.rs`). What a block shows as output is
//! compared with what it prints, and with `--bless` replaced by it.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use super::console::{Exchange, exchanges};
use super::job;
use super::page::{Block, Page};
use super::programs::{missing, programs};
use super::report::{Fault, Report};
use super::server::{Builds, Port, Server, package_name};
use super::terminal::{self, Outcome};
use super::wildcard;
use crate::processes::Group;

/// The port that the pages speak of.
const SHOWN_PORT: &str = "6380";

/// The lines of a page to replace, without the last, and by what.
pub type Edit = (std::ops::Range<usize>, Vec<String>);

/// How sessions are held.
pub struct Settings {
    /// The time that one command may take.
    pub limit: Duration,
    /// Whether outputs are brought up to date instead of complained about.
    pub bless: bool,
    /// Whether a program that is not installed is a fault.
    pub strict: bool,
}

/// Runs these blocks of the page. The result is what `--bless` shall write.
pub fn hold(
    page: &Page,
    blocks: &[&Block],
    builds: &mut Builds,
    settings: &Settings,
    report: &mut Report,
) -> Vec<Edit> {
    let wanted = runnable(page, blocks, settings, report);
    let Some(first) = wanted.first().and_then(|block| block.first()) else {
        return Vec::new();
    };
    let line = first.line;
    match Session::open(page, &wanted, builds, settings) {
        Ok(mut session) => {
            for block in &wanted {
                session.run_block(block, report);
            }
            session.edits
        }
        Err((what, next)) => {
            report.faults.push(Fault::new(line, what, next));
            Vec::new()
        }
    }
}

/// The blocks that can be run, taken apart; for each other one, the report says why not.
fn runnable(
    page: &Page,
    blocks: &[&Block],
    settings: &Settings,
    report: &mut Report,
) -> Vec<Vec<Exchange>> {
    let mut wanted = Vec::new();
    for block in blocks {
        let found = match exchanges(block) {
            Ok(found) => found,
            Err(fault) => {
                report.faults.push(fault);
                continue;
            }
        };
        if let Some(fault) = found.iter().find_map(|exchange| misplaced(page, exchange)) {
            report.faults.push(fault);
        } else if let Some(program) = found.iter().find_map(missing_program) {
            miss(&program, block.line, settings, report);
        } else {
            wanted.push(found);
        }
    }
    wanted
}

/// A fault if the command has no place in a block that is run.
fn misplaced(page: &Page, exchange: &Exchange) -> Option<Fault> {
    let server = page.step.as_ref().and_then(|step| package_name(step).ok());
    let starts_server = |program: &str| {
        let name = program.rsplit('/').next();
        server.is_some() && name == server.as_deref()
    };
    if starts_job(page, exchange).is_some() {
        return None;
    }
    for program in programs(&exchange.command) {
        if ["make", "cargo"].contains(&program.as_str()) || starts_server(&program) {
            let what = format!("`{program}` in a console block that is run");
            let next = "move it to a block of its own, ```console not-run: <why>; the server \
                        already runs, or is started with `make <step> ARGS=\"…\" &`";
            return Some(Fault::new(exchange.line, what, next));
        }
    }
    if !has_server(page) && exchange.command.contains(SHOWN_PORT) {
        let what = "a command that needs a server on a page that has none";
        let next = "say why it is not run: ```console not-run: <why>";
        return Some(Fault::new(exchange.line, what, next));
    }
    None
}

/// The project's own pages and the capstone's have no server.
fn has_server(page: &Page) -> bool {
    page.step.as_ref().is_some_and(|step| step.in_lineage())
}

/// If the page starts its server here: the flags, as `make` is told them.
fn starts_job<'a>(page: &Page, exchange: &'a Exchange) -> Option<&'a str> {
    let step = page.step.as_ref().filter(|step| step.in_lineage())?;
    job::start(&exchange.command, &step.name)
}

fn missing_program(exchange: &Exchange) -> Option<String> {
    missing(&programs(&exchange.command)).cloned()
}

fn miss(program: &str, line: usize, settings: &Settings, report: &mut Report) {
    let what = format!("this block needs `{program}`, which is not installed");
    if settings.strict {
        let next = format!("install `{program}` where this runs; with CI=true every block is run");
        report.faults.push(Fault::new(line, what, next));
    } else {
        report.skipped += 1;
        let notice = format!("skipped: {what}; install it and run this again");
        report.notices.push((line, notice));
    }
}

/// A folder, maybe a server, and what was started so far.
struct Session<'a> {
    page: &'a Page,
    settings: &'a Settings,
    folder: TempDir,
    /// The step's program, if it has one.
    program: Option<PathBuf>,
    /// Where the server listens, now or later.
    port: Option<Port>,
    server: Option<Server>,
    /// What still runs in the background, to be ended with the session.
    groups: Vec<Group>,
    edits: Vec<Edit>,
}

impl<'a> Session<'a> {
    /// Starts the session; the error is what is wrong and what to do.
    fn open(
        page: &'a Page,
        blocks: &[Vec<Exchange>],
        builds: &mut Builds,
        settings: &'a Settings,
    ) -> Result<Self, (String, String)> {
        let folder = tempfile::tempdir().map_err(|error| {
            let what = format!("cannot make a folder to run the commands in: {error}");
            (
                what,
                "make room or rights in the folder for temporary files".to_owned(),
            )
        })?;
        let mut session = Session {
            page,
            settings,
            folder,
            program: None,
            port: None,
            server: None,
            groups: Vec::new(),
            edits: Vec::new(),
        };
        if let Some(step) = page.step.as_ref().filter(|step| step.in_lineage()) {
            let program = builds.get(step).map_err(|error| {
                let what = format!("the server of {} cannot be built: {error}", step.name);
                (what, "repair the step first".to_owned())
            })?;
            session.program = Some(program.clone());
            let failed = |error| {
                let what = format!("the server of {} does not start: {error:#}", step.name);
                (what, format!("try it: {} --port 6380", program.display()))
            };
            let port = Port::claim().map_err(failed)?;
            if !job::is_started_by(blocks, &step.name) {
                let folder = session.folder.path();
                let server = Server::start(&program, folder, port.number).map_err(failed)?;
                session.server = Some(server);
            }
            session.port = Some(port);
        }
        Ok(session)
    }

    fn run_block(&mut self, block: &[Exchange], report: &mut Report) {
        report.run += 1;
        for exchange in block {
            let fault = match starts_job(self.page, exchange) {
                Some(flags) => self.start_job(exchange, flags),
                None => self.run_exchange(exchange),
            };
            report.faults.extend(fault);
        }
    }

    /// Starts the server with those flags. What is compared is what it prints
    /// until it is ready.
    fn start_job(&mut self, exchange: &Exchange, flags: &str) -> Option<Fault> {
        if self.running().is_some() {
            let what = "the server that the page started before still runs";
            let next = "end it first: `$ kill -9 %1`";
            return Some(Fault::new(exchange.line, what, next));
        }
        let (program, port) = (self.program.as_ref()?, self.port.as_ref()?);
        match Server::start_with(program, self.folder.path(), port.number, flags) {
            Ok(server) => {
                let printed = server.words();
                self.server = Some(server);
                self.compare(exchange, &self.with_shown_port(&printed), None)
            }
            Err(error) => {
                let what = format!("the server does not start: {error:#}");
                let next = "repair that and run this again";
                Some(Fault::new(exchange.line, what, next))
            }
        }
    }

    fn run_exchange(&mut self, exchange: &Exchange) -> Option<Fault> {
        let command = match self.with_job(&exchange.command) {
            Ok(command) => self.with_real_port(&command),
            Err((what, next)) => return Some(Fault::new(exchange.line, what, next)),
        };
        let outcome = match terminal::run(&command, self.folder.path(), self.settings.limit) {
            Ok(outcome) => outcome,
            Err(error) => {
                let what = format!("`{}` could not be run: {error:#}", exchange.command);
                return Some(Fault::new(
                    exchange.line,
                    what,
                    "repair that and run this again",
                ));
            }
        };
        let actual = self.with_shown_port(&outcome.output);
        let fault = self.judge(exchange, &outcome, actual);
        self.groups.push(outcome.group);
        fault.or_else(|| self.await_end(exchange))
    }

    fn running(&mut self) -> Option<&mut Server> {
        let server = self.server.as_mut()?;
        (!server.has_ended()).then_some(server)
    }

    /// The command with the process of the server that it speaks of.
    fn with_job(&mut self, command: &str) -> Result<String, (String, &'static str)> {
        if !job::is_meant(command) {
            return Ok(command.to_owned());
        }
        match self.running() {
            Some(server) => Ok(job::with_process(command, server.process())),
            None => Err((
                format!("`{command}`: no server runs"),
                "start it first: `$ make <step> ARGS=\"…\" &`",
            )),
        }
    }

    /// Waits for the end of a server that was told to end.
    fn await_end(&mut self, exchange: &Exchange) -> Option<Fault> {
        if !job::is_ended(&exchange.command) {
            return None;
        }
        let mut server = self.server.take()?;
        let ended = server.wait_until_ended(self.settings.limit);
        let what = format!("the server still runs after `{}`", exchange.command);
        let next = "end it with a signal that it obeys";
        (!ended).then(|| Fault::new(exchange.line, what, next))
    }

    fn judge(
        &mut self,
        exchange: &Exchange,
        outcome: &Outcome,
        actual: Vec<String>,
    ) -> Option<Fault> {
        let Exchange {
            line,
            command,
            expected,
            ..
        } = exchange;
        let Some(status) = outcome.status else {
            let seconds = self.settings.limit.as_secs_f64();
            let what = format!("`{command}` did not end within {seconds} s");
            let next = "give it an end (such as `timeout 1 …`), or say why it is not run: \
                        ```console not-run: <why>";
            return Some(Fault::new(*line, what, next).with_difference(expected, &actual));
        };
        let server_ended = self.server.as_mut().is_some_and(Server::has_ended);
        let server = self.server.as_ref().filter(|_| server_ended);
        let last_words = server.map(Server::last_words);
        self.compare(exchange, &actual, last_words)
            .or_else(|| failure(exchange, status))
    }

    /// Compares what was printed with the page. If the server has ended, its last
    /// words explain more than the difference.
    fn compare(
        &mut self,
        exchange: &Exchange,
        actual: &[String],
        last_words: Option<String>,
    ) -> Option<Fault> {
        let Exchange {
            line,
            command,
            expected,
            place,
        } = exchange;
        if wildcard::agree(expected, actual) {
            return None;
        }
        let updated = wildcard::update(expected, actual);
        if self.settings.bless && last_words.is_none() {
            self.edits.push((place.clone(), updated));
            return None;
        }
        let what = format!("`{command}` does not print what the page shows");
        let next = match last_words {
            Some(words) => format!("find out why the server ended; it said: {words}"),
            None => "if the new output (+) is right, paste it or run `cargo xtask docs --bless`; \
                     if not, repair the step"
                .to_owned(),
        };
        Some(Fault::new(*line, what, next).with_difference(expected, &updated))
    }

    fn with_real_port(&self, command: &str) -> String {
        match &self.port {
            Some(port) => replace_number(command, SHOWN_PORT, &port.number.to_string()),
            None => command.to_owned(),
        }
    }

    fn with_shown_port(&self, output: &str) -> Vec<String> {
        let shown = match &self.port {
            Some(port) => replace_number(output, &port.number.to_string(), SHOWN_PORT),
            None => output.to_owned(),
        };
        shown.lines().map(visible).collect()
    }
}

/// A fault if the command failed. The page says nothing of it, or it would show the status.
fn failure(exchange: &Exchange, status: ExitStatus) -> Option<Fault> {
    // Who writes to a `head` that has seen enough is ended by a signal: 128 + SIGPIPE.
    if status.success() || status.code() == Some(141) {
        return None;
    }
    let what = format!("`{}` fails: {status}", exchange.command);
    let next = "if that is meant, let the page show it: `…; echo $?`; if not, repair the command";
    Some(Fault::new(exchange.line, what, next))
}

/// What stays of a line at a terminal: a carriage return in it starts it again,
/// which is how `redis-benchmark` shows its progress.
fn visible(line: &str) -> String {
    let line = line.trim_end();
    line.rsplit('\r').next().unwrap_or(line).to_owned()
}

/// Replaces a number, but not the same digits inside a longer one.
fn replace_number(text: &str, from: &str, to: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find(from) {
        let (head, tail) = (&rest[..at], &rest[at + from.len()..]);
        let left = head.chars().next_back().or(before);
        let right = tail.chars().next();
        let alone = ![left, right].iter().flatten().any(char::is_ascii_digit);
        result.push_str(head);
        result.push_str(if alone { to } else { from });
        before = from.chars().next_back();
        rest = tail;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_that_was_overwritten_is_not_shown() {
        assert_eq!(visible("GET: 10%\rGET: 90%\rGET: done  \r"), "GET: done");
    }

    #[test]
    fn a_number_is_replaced_only_as_a_whole() {
        let text = "6380 16380 63801 :6380, 63806380";
        assert_eq!(
            replace_number(text, "6380", "7001"),
            "7001 16380 63801 :7001, 63806380"
        );
    }
}
