//! What is written while clients are served: the RDB file (BGSAVE), or a new base for
//! the AOF (BGREWRITEAOF).
//!
//! Redis forks, and its child process sees the memory as it was. Here a thread gets a
//! [`Snapshot`], which sees the data as it was. As there, there is one of them
//! at a time: two would share the disk, and the second could only be slower.
//!
//! The thread waits for the disk, so that nobody else does. It writes under names of its own,
//! and each rename by which others come to see what it has made is done by
//! [`Progress::commit`]: what is cancelled has no effect any more, even if the thread is still
//! there. What follows in memory is done by [`finish`](Background::finish), which the server
//! calls ten times a second with the lock held (`checkChildrenDone` in `server.c`).

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

/// What is under way, what waits, and how the last ones went.
#[derive(Debug, Default)]
pub struct Background {
    job: Option<Job>,
    /// BGSAVE and BGREWRITEAOF that begin when nothing else is under way.
    pub save_scheduled: bool,
    pub rewrite_scheduled: bool,
    pub saves: Saves,
    pub rewrites: Rewrites,
}

/// The account of the rewrites of the AOF.
#[derive(Debug, Default)]
pub struct Rewrites {
    took: Option<Duration>,
    count: u64,
    /// How many have failed since the last one that did not.
    failures: u64,
    /// When the last one did.
    failed_at: Option<Instant>,
}

/// A thread that writes.
#[derive(Debug)]
struct Job {
    thread: JoinHandle<io::Result<Outcome>>,
    is_rewrite: bool,
    started: Instant,
    progress: Progress,
    keys: usize,
    /// How many changes there had been when it began (`Store::changes`).
    changes: u64,
    /// How many bytes of segments the store had copied by then.
    copied: u64,
}

/// What a thread has made.
#[derive(Debug)]
enum Outcome {
    /// The RDB file is in its place.
    Saved,
    /// The next increment of the AOF is in the manifest.
    Increment(Folder, File),
    /// So is a new base.
    Base(Folder),
}

/// After a rewrite that failed the next one does not begin of itself at once, but after a
/// second; and after so many in a row, after a minute, two, four, and so on up to an hour
/// (`aofRewriteLimited`).
const FAILURES_BEFORE_BACKOFF: u64 = 3;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

impl Background {
    pub fn is_saving(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !job.is_rewrite)
    }

    pub fn is_rewriting(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_rewrite)
    }

    /// Saves the data while everybody waits: SAVE. If that fails, the server log says why.
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

    /// Begins to save the data: BGSAVE. If that fails, the server log says why.
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

    /// Begins to write the AOF anew: BGREWRITEAOF. An AOF that goes on does so in a new
    /// increment, which the thread makes first. If that fails, the server log says why.
    pub fn rewrite(&mut self, aof: &mut Aof, store: &Store, config: &Config) -> bool {
        self.rewrite_scheduled = false;
        let begun = aof.begin_rewrite(config.log_location());
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

    /// Begins a rewrite now or, if something else is under way, when that has ended.
    pub fn rewrite_soon(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        self.rewrite_scheduled = true;
        if self.job.is_none() {
            self.rewrite(aof, store, config);
        }
    }

    /// Begins to write the base of an AOF. What is appended from now on goes on from it.
    fn write_base(&mut self, rewrite: Rewrite, store: &Store, config: &Config) -> io::Result<()> {
        let (snapshot, format) = (store.snapshot(), config.base_format());
        self.spawn(true, store, move |progress| {
            rewrite.run(snapshot, format, progress).map(Outcome::Base)
        })
    }

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
            copied: store.copied,
        });
        Ok(())
    }

    /// Lets what is under way have no effect, because it is no longer wanted. Its thread
    /// deletes what it has made, which may take it a while.
    pub fn cancel(&mut self) {
        if let Some(job) = self.job.take() {
            job.progress.cancel();
            info!("what was written in the background is no longer wanted");
        }
    }

    /// Cancels a rewrite of the AOF, be it under way or scheduled.
    pub fn cancel_rewrite(&mut self) {
        self.rewrite_scheduled = false;
        if self.is_rewriting() {
            self.cancel();
        }
    }

    /// Takes what a thread has made, if it is done, and begins what is due.
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
        let copied = (store.copied - job.copied) / 1_000_000;
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
                info!("the log is written anew in {took:.1?}; {copied} MB were copied meanwhile");
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
        error!("cannot write the log anew: {}", system_text(error));
        self.rewrites.fail();
    }

    /// Begins what somebody asked for, or what is due. While data is loaded, that waits: half
    /// of the data must not take the place of all of it.
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

    /// Forgets how many saves and rewrites there were: CONFIG RESETSTAT.
    pub fn reset_counters(&mut self) {
        self.saves.count = 0;
        self.rewrites.count = 0;
    }

    /// The lines of INFO about the file.
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

    /// The lines of INFO about how far it is, and what it costs.
    pub fn info_progress(&self, store: &Store) -> String {
        let job = self.job.as_ref();
        let copied = job.map_or(0, |job| store.copied - job.copied);
        let keys = job.map_or(0, |job| job.progress.keys());
        let total = job.map_or(0, |job| job.keys);
        let percent = keys as f64 * 100.0 / total.max(1) as f64;
        lines(&[
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

    /// May one begin of itself? Those who may not write until it is done do not have the
    /// patience.
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

/// Whole seconds, or -1 if there are none to speak of.
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
    fn rewrites_that_fail_come_ever_more_seldom() {
        let mut rewrites = Rewrites::default();
        let expected = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        assert_eq!(delays(&mut rewrites, expected.len()), expected);
        rewrites.succeed(Duration::ZERO);
        assert!(rewrites.may_begin(false));
        assert_eq!(delays(&mut rewrites, 3), [0, 0, 1]);
    }
}
