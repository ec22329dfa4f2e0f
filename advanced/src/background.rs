//! Background jobs, which write files while clients are served: the RDB file (BGSAVE), or a
//! new base for the AOF (BGREWRITEAOF).
//!
//! Redis forks, and its child process sees the memory as it was. Here a thread gets a
//! [`Snapshot`], which holds the data as it was. As in Redis, there is one job at a time: two
//! would share the disk, and neither would be faster.
//!
//! The thread waits for the disk, so that no client does. It writes to temporary names, and
//! each rename that makes a file visible is done by [`Progress::commit`]: a job that was
//! cancelled has no effect any more, even if its thread still runs. When a thread is done,
//! [`every_tick`](Background::every_tick), which the server calls ten times a second with the
//! lock held, does what follows in memory (`checkChildrenDone` in `server.c`).

use std::fs::File;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::aof::{Aof, Begin, Folder, Rewrite, system_text};
use crate::config::Config;
use crate::rdb::{Progress, SavePoint, Saves};
use crate::stats::lines;
use crate::store::Store;

/// The job that is running, the jobs that are scheduled, and how the last ones ended.
#[derive(Debug, Default)]
pub struct Background {
    job: Option<Job>,
    /// Does a BGSAVE, or a BGREWRITEAOF, begin when no other job is running?
    pub save_scheduled: bool,
    pub rewrite_scheduled: bool,
    pub saves: Saves,
    pub rewrites: Rewrites,
}

/// How the last rewrites of the AOF ended, for INFO and for the next try.
#[derive(Debug, Default)]
pub struct Rewrites {
    took: Option<Duration>,
    count: u64,
    /// How many have failed since the last one that succeeded.
    failures: u64,
    /// When the last of these failed.
    failed_at: Option<Instant>,
}

/// A thread that writes files, and what was true when it began.
#[derive(Debug)]
struct Job {
    thread: JoinHandle<io::Result<Outcome>>,
    is_rewrite: bool,
    started: Instant,
    progress: Progress,
    keys: usize,
    /// `Store::changes` when it began.
    changes: u64,
    /// [`Store::copied`] when it began: how many bytes were copied by then.
    copied: u64,
}

/// What a thread has written.
#[derive(Debug)]
enum Outcome {
    /// The RDB file.
    Saved,
    /// The next increment of the AOF. The manifest in this folder names it.
    Increment(Folder, File),
    /// A new base. The manifest in this folder names it.
    Base(Folder),
}

/// After a rewrite that failed, the next one begins by itself after a second. After this many
/// failures in a row it waits for one minute, then two, four, and so on up to an hour
/// (`aofRewriteLimited`).
const FAILURES_BEFORE_BACKOFF: u64 = 3;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

impl Background {
    /// Is a BGSAVE running?
    pub fn is_saving(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !job.is_rewrite)
    }

    /// Is a rewrite of the AOF running?
    pub fn is_rewriting(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_rewrite)
    }

    /// Saves the data while all clients wait (SAVE). Returns whether it succeeded; if not, the
    /// server log says why.
    pub fn save_now(&mut self, store: &Store, config: &Config) -> bool {
        self.saves.begin();
        let (location, options) = (config.rdb_location(), config.rdb_options());
        let saved = location.save(store.snapshot(), options, &Progress::default());
        match &saved {
            Ok(()) => {
                self.saves.succeed(store.changes);
                let path = location.path();
                info!("{} keys saved to {}", store.len(), path.display());
            }
            Err(error) => warn!("cannot save: {}", system_text(error)),
        }
        saved.is_ok()
    }

    /// Begins to save the data in the background (BGSAVE). Returns whether it has begun; if not,
    /// the server log says why.
    pub fn save(&mut self, store: &Store, config: &Config) -> bool {
        self.save_scheduled = false;
        self.saves.begin();
        let (location, options) = (config.rdb_location(), config.rdb_options());
        let snapshot = store.snapshot();
        let begun = self.spawn(false, store, move |progress| {
            location.save(snapshot, options, progress)?;
            Ok(Outcome::Saved)
        });
        if let Err(error) = &begun {
            warn!("cannot begin to save: {error}");
            self.saves.failed = true;
        }
        begun.is_ok()
    }

    /// Begins to rewrite the AOF in the background (BGREWRITEAOF). Returns whether it has begun;
    /// if not, the server log says why. An AOF that is on continues in a new increment, which the
    /// thread creates first.
    pub fn rewrite(&mut self, aof: &mut Aof, store: &Store, config: &Config) -> bool {
        self.rewrite_scheduled = false;
        let begun = aof.begin_rewrite(config.aof_location());
        let begun = begun.and_then(|begin| match begin {
            Begin::Base(rewrite) => self.write_base(rewrite, store, config),
            Begin::Increment(mut folder) => self.spawn(true, store, move |progress| {
                let file = folder.next_increment(progress)?;
                Ok(Outcome::Increment(folder, file))
            }),
        });
        if let Err(error) = &begun {
            self.fail_rewrite(error);
        }
        begun.is_ok()
    }

    /// Begins a rewrite now or, if a job is running, when that has ended.
    pub fn rewrite_soon(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        self.rewrite_scheduled = true;
        if self.job.is_none() {
            self.rewrite(aof, store, config);
        }
    }

    /// Begins to write the base of an AOF. Whatever is appended from now on continues from it.
    fn write_base(&mut self, rewrite: Rewrite, store: &Store, config: &Config) -> io::Result<()> {
        let (snapshot, format) = (store.snapshot(), config.base_format());
        self.spawn(true, store, move |progress| {
            rewrite.run(snapshot, format, progress).map(Outcome::Base)
        })
    }

    /// Starts a thread that calls `write`.
    fn spawn(
        &mut self,
        is_rewrite: bool,
        store: &Store,
        write: impl FnOnce(&Progress) -> io::Result<Outcome> + Send + 'static,
    ) -> io::Result<()> {
        let progress = Progress::default();
        let watched = progress.clone();
        let thread = thread::Builder::new()
            .name("background".into())
            .spawn(move || write(&watched))?;
        self.job = Some(Job {
            thread,
            is_rewrite,
            started: Instant::now(),
            progress,
            keys: store.len(),
            changes: store.changes,
            copied: store.copied(),
        });
        Ok(())
    }

    /// Cancels the running job, if there is one: it has no effect any more. Its thread deletes
    /// what it has written, which may take a while.
    pub fn cancel(&mut self) {
        if let Some(job) = self.job.take() {
            job.progress.cancel();
            info!("what was written in the background is no longer wanted");
        }
    }

    /// Cancels the running job, if there is one, and waits until its thread has deleted what it
    /// has written.
    pub fn stop(&mut self) {
        if let Some(job) = self.job.take() {
            info!("Ending what is written in the background.");
            job.progress.cancel();
            // It cannot have panicked: that ends the process.
            let _ = job.thread.join();
        }
    }

    /// Cancels a rewrite of the AOF, whether it is running or scheduled.
    pub fn cancel_rewrite(&mut self) {
        self.rewrite_scheduled = false;
        if self.is_rewriting() {
            self.cancel();
        }
    }

    /// Takes the result of a thread that is done, and begins what is scheduled or due.
    pub fn every_tick(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        if let Some(job) = self.job.take_if(|job| job.thread.is_finished()) {
            self.finish(job, aof, store, config);
        }
        if self.job.is_none() {
            self.begin(aof, store, config);
        }
    }

    fn finish(&mut self, job: Job, aof: &mut Aof, store: &Store, config: &Config) {
        let took = job.started.elapsed();
        // It cannot have panicked: that ends the process.
        let Ok(result) = job.thread.join() else {
            return;
        };
        let copied = (store.copied() - job.copied) / 1_000_000;
        match result {
            Ok(Outcome::Saved) => {
                info!("saved in {took:.1?}; {copied} MB were copied meanwhile");
                self.saves.took = Some(took);
                self.saves.succeed(job.changes);
            }
            Ok(Outcome::Increment(folder, file)) => {
                let switched = aof.switch(folder, file);
                let begun = switched.and_then(|rewrite| self.write_base(rewrite, store, config));
                if let Err(error) = begun {
                    self.fail_rewrite(&error);
                }
            }
            Ok(Outcome::Base(folder)) => {
                aof.end_rewrite(folder);
                info!("the AOF was rewritten in {took:.1?}; {copied} MB were copied meanwhile");
                self.rewrites.succeed(took);
            }
            Err(error) if job.is_rewrite => self.fail_rewrite(&error),
            Err(error) => {
                warn!("cannot save: {}", system_text(&error));
                self.saves.took = Some(took);
                self.saves.failed = true;
            }
        }
    }

    fn fail_rewrite(&mut self, error: &io::Error) {
        error!("cannot rewrite the AOF: {}", system_text(error));
        self.rewrites.fail();
    }

    /// Begins what was requested, or what is due. While data is loaded nothing begins, because a
    /// file with half of the data must not replace the one with all of it.
    fn begin(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        if store.loading {
            return;
        }
        let may_rewrite = self.rewrites.may_begin(aof.is_broken());
        let wants_rewrite = aof.wants_base()
            || aof.is_rewrite_due(
                config.auto_aof_rewrite_percentage,
                config.auto_aof_rewrite_min_size as u64,
            );
        // What cannot begin now is tried again.
        if self.rewrite_scheduled || (wants_rewrite && may_rewrite) {
            self.rewrite(aof, store, config);
        } else if let Some(SavePoint { changes, seconds }) =
            self.saves.due(&config.save, store.changes)
        {
            info!("{changes} changes in {seconds} seconds; saving");
            self.save(store, config);
        } else if self.save_scheduled {
            self.save(store, config);
        }
    }

    /// Resets the numbers of saves and rewrites (CONFIG RESETSTAT).
    pub fn reset_counters(&mut self) {
        self.saves.count = 0;
        self.rewrites.count = 0;
    }

    /// The lines of INFO about the RDB file.
    pub fn info_saves(&self, store: &Store) -> String {
        let saving = self.job.as_ref().filter(|job| !job.is_rewrite);
        let saves = &self.saves;
        let taking = saving.map(|job| job.started.elapsed());
        lines(&[
            ("rdb_changes_since_last_save", &saves.unsaved(store.changes)),
            ("rdb_bgsave_in_progress", &u8::from(saving.is_some())),
            ("rdb_last_save_time", &saves.last),
            ("rdb_last_bgsave_status", &ok_or_err(saves.failed)),
            ("rdb_last_bgsave_time_sec", &seconds(saves.took)),
            ("rdb_current_bgsave_time_sec", &seconds(taking)),
            ("rdb_saves", &saves.count),
            ("rdb_last_load_keys_expired", &saves.expired),
            ("rdb_last_load_keys_loaded", &saves.loaded),
        ])
    }

    /// The lines of INFO about the running job: its progress, and what it has cost in memory.
    pub fn info_progress(&self, store: &Store) -> String {
        let job = self.job.as_ref();
        let copied = job.map_or(0, |job| store.copied() - job.copied);
        let keys = job.map_or(0, |job| job.progress.keys());
        let total = job.map_or(0, |job| job.keys);
        let percent = keys as f64 * 100.0 / total.max(1) as f64;
        lines(&[
            // What is copied for a job is counted until it ends.
            ("current_cow_peak", &copied),
            ("current_cow_size", &copied),
            ("current_fork_perc", &format!("{percent:.2}")),
            ("current_save_keys_processed", &keys),
            ("current_save_keys_total", &total),
        ])
    }

    /// The lines of INFO about rewrites of the AOF.
    pub fn info_rewrites(&self) -> String {
        let rewriting = self.job.as_ref().filter(|job| job.is_rewrite);
        let rewrites = &self.rewrites;
        let taking = rewriting.map(|job| job.started.elapsed());
        lines(&[
            ("aof_rewrite_in_progress", &u8::from(rewriting.is_some())),
            ("aof_rewrite_scheduled", &u8::from(self.rewrite_scheduled)),
            ("aof_last_rewrite_time_sec", &seconds(rewrites.took)),
            ("aof_current_rewrite_time_sec", &seconds(taking)),
            (
                "aof_last_bgrewrite_status",
                &ok_or_err(rewrites.failures > 0),
            ),
            ("aof_rewrites", &rewrites.count),
            ("aof_rewrites_consecutive_failures", &rewrites.failures),
        ])
    }
}

impl Rewrites {
    fn succeed(&mut self, took: Duration) {
        *self = Self {
            took: Some(took),
            count: self.count + 1,
            ..Self::default()
        };
    }

    fn fail(&mut self) {
        self.failures += 1;
        self.failed_at = Some(Instant::now());
    }

    /// May a rewrite begin by itself? It is urgent (`is_urgent`) if writes are refused until it
    /// is done: then it is tried every second.
    fn may_begin(&self, is_urgent: bool) -> bool {
        let pause = self.pause(is_urgent);
        self.failed_at.is_none_or(|then| then.elapsed() >= pause)
    }

    fn pause(&self, is_urgent: bool) -> Duration {
        match self.failures.checked_sub(FAILURES_BEFORE_BACKOFF) {
            Some(more) if !is_urgent => MINUTE * 60.min(1 << more.min(6)),
            _ => SECOND,
        }
    }
}

fn ok_or_err(failed: bool) -> &'static str {
    if failed { "err" } else { "ok" }
}

/// Whole seconds, or -1 if there is no time to report.
fn seconds(time: Option<Duration>) -> i64 {
    time.map_or(-1, |time| time.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many minutes pass until the next rewrite, after each of these failures.
    fn delays(rewrites: &mut Rewrites, failures: usize) -> Vec<u64> {
        let mut delay = || {
            rewrites.fail();
            assert_eq!(rewrites.pause(true), SECOND);
            rewrites.pause(false).as_secs() / 60
        };
        (0..failures).map(|_| delay()).collect()
    }

    #[test]
    fn a_rewrite_that_cannot_begin_has_failed() {
        let config = Config {
            dir: "/dev/null".into(),
            ..Config::default()
        };
        let mut background = Background::default();
        assert!(!background.rewrite(&mut Aof::default(), &Store::default(), &config));
        let info = background.info_rewrites();
        assert!(info.contains("aof_last_bgrewrite_status:err"), "{info}");
    }

    #[test]
    fn rewrites_that_fail_come_ever_more_seldom() {
        let mut rewrites = Rewrites::default();
        let expected = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        assert_eq!(delays(&mut rewrites, expected.len()), expected);
        rewrites.succeed(Duration::ZERO);
        assert!(rewrites.may_begin(false));
        assert_eq!(delays(&mut rewrites, 3), [0, 0, 1]);
    }
}
