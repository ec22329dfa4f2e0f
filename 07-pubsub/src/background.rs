//! What is written while clients are served: the RDB file (BGSAVE), or a new base for
//! the log (BGREWRITEAOF).
//!
//! Redis forks, and its child process sees the memory as it was. Here a thread gets a
//! [`Snapshot`], which sees the data as it was. As there, there is one of them
//! at a time: two would share the disk, and the second could only be slower.
//!
//! The thread writes a file and touches nothing that others see. What follows from its
//! success is done by [`finish`](Background::finish), which the server calls ten times
//! a second with the lock held (`checkChildrenDone` in `server.c`).

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::aof::{Aof, system_text};
use crate::config::Config;
use crate::file::Temporary;
use crate::rdb::{Progress, Saves};
use crate::store::{Snapshot, Store};

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

/// The account of the rewrites of the log.
#[derive(Debug, Default)]
pub struct Rewrites {
    failed: bool,
    took: Option<Duration>,
    count: u64,
    /// How many have failed since the last one that did not.
    failures: u64,
    /// After a failure, when the next one may begin of itself.
    not_before: Option<Instant>,
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
    Saved,
    Base(Temporary),
}

/// After so many rewrites that failed in a row, the next one does not begin of itself
/// at once, but after a minute, two, four, and so on up to an hour
/// (`aofRewriteLimited`).
const PATIENCE: u64 = 3;
const MINUTE: Duration = Duration::from_secs(60);

impl Background {
    pub fn is_saving(&self) -> bool {
        self.job.as_ref().is_some_and(|job| !job.is_rewrite)
    }

    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    pub fn is_rewriting(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_rewrite)
    }

    /// Saves the data while everybody waits: SAVE.
    pub fn save_now(&mut self, store: &Store, config: &Config) -> io::Result<()> {
        self.saves.begin();
        let location = config.rdb_location();
        location.save(store.snapshot(), config.rdb_options(), &Progress::default())?;
        self.saves.succeed(store.changes);
        info!(
            "{} keys saved to {}",
            store.len(),
            location.path().display()
        );
        Ok(())
    }

    /// Begins to save the data: BGSAVE.
    pub fn save(&mut self, store: &Store, config: &Config) -> io::Result<()> {
        self.save_scheduled = false;
        self.saves.begin();
        let (location, options) = (config.rdb_location(), config.rdb_options());
        let begun = self.spawn(false, store, move |snapshot, progress| {
            location.save(snapshot, options, progress)?;
            Ok(Outcome::Saved)
        });
        self.saves.failed |= begun.is_err();
        begun
    }

    /// Begins to write the log anew: BGREWRITEAOF. From now on it grows in a new file,
    /// which goes on where the snapshot ends.
    pub fn rewrite(&mut self, aof: &mut Aof, store: &Store, config: &Config) -> io::Result<()> {
        self.rewrite_scheduled = false;
        let begun = aof.begin_rewrite(config.log_location(), config.base_format());
        let begun = begun.and_then(|base| {
            self.spawn(true, store, move |snapshot, progress| {
                base.write(snapshot, progress).map(Outcome::Base)
            })
        });
        if let Err(error) = &begun {
            error!("cannot begin to write the log anew: {error}");
            aof.abort_rewrite();
            self.rewrites.fail();
        }
        begun
    }

    fn spawn(
        &mut self,
        is_rewrite: bool,
        store: &Store,
        write: impl FnOnce(Snapshot, &Progress) -> io::Result<Outcome> + Send + 'static,
    ) -> io::Result<()> {
        let snapshot = store.snapshot();
        let progress = Progress::default();
        let watched = progress.clone();
        let thread = thread::Builder::new()
            .name("background".into())
            .spawn(move || write(snapshot, &watched))?;
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

    /// Lets what is under way come to nothing, for it is no longer wanted.
    pub fn cancel(&mut self) {
        if let Some(job) = &self.job {
            job.progress.cancel();
        }
    }

    /// Takes what a thread has made, if it is done, and begins what is due.
    pub fn every_tick(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        if self
            .job
            .as_ref()
            .is_some_and(|job| job.thread.is_finished())
        {
            self.finish(aof, store);
        }
        if self.job.is_none() {
            self.begin(aof, store, config);
        }
    }

    fn finish(&mut self, aof: &mut Aof, store: &Store) {
        let Some(job) = self.job.take() else {
            return;
        };
        let took = job.started.elapsed();
        // It cannot have panicked: that ends the process.
        let Ok(result) = job.thread.join() else {
            return;
        };
        let copied = (store.copied - job.copied) / 1_000_000;
        if job.progress.is_cancelled() {
            info!("what was written in the background is no longer wanted");
            if job.is_rewrite {
                aof.abort_rewrite();
            }
            return;
        }
        let result = match result {
            Ok(Outcome::Base(base)) => aof.end_rewrite(base),
            other => other.map(drop),
        };
        match (result, job.is_rewrite) {
            (Ok(()), false) => {
                info!("saved in {took:.1?}; {copied} MB were copied meanwhile");
                self.saves.took = Some(took);
                self.saves.succeed(job.changes);
            }
            (Ok(()), true) => {
                info!("the log is written anew in {took:.1?}; {copied} MB were copied meanwhile");
                self.rewrites.succeed(took);
            }
            (Err(error), false) => {
                warn!("cannot save: {}", system_text(&error));
                self.saves.took = Some(took);
                self.saves.failed = true;
            }
            (Err(error), true) => {
                warn!("cannot write the log anew: {}", system_text(&error));
                self.rewrites.fail();
                aof.abort_rewrite();
            }
        }
    }

    /// Begins what somebody asked for, or what is due.
    fn begin(&mut self, aof: &mut Aof, store: &Store, config: &Config) {
        let may_rewrite = self
            .rewrites
            .not_before
            .is_none_or(|then| then <= Instant::now());
        let wants_rewrite = aof.is_provisional()
            || aof.is_rewrite_due(
                config.auto_aof_rewrite_percentage,
                config.auto_aof_rewrite_min_size,
            );
        // Who cannot begin now has said so in the log, and is asked again.
        if self.rewrite_scheduled || (wants_rewrite && may_rewrite) {
            let _ = self.rewrite(aof, store, config);
        } else if let Some(point) = self.saves.due(&config.save, store.changes) {
            info!(
                "{} changes in {} seconds; saving",
                point.changes, point.seconds
            );
            self.save_or_warn(store, config);
        } else if self.save_scheduled {
            self.save_or_warn(store, config);
        }
    }

    fn save_or_warn(&mut self, store: &Store, config: &Config) {
        if let Err(error) = self.save(store, config) {
            warn!("cannot begin to save: {error}");
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
        format!(
            "rdb_changes_since_last_save:{}\r\nrdb_bgsave_in_progress:{}\r\n\
             rdb_last_save_time:{}\r\nrdb_last_bgsave_status:{}\r\n\
             rdb_last_bgsave_time_sec:{}\r\nrdb_current_bgsave_time_sec:{}\r\n\
             rdb_saves:{}\r\nrdb_last_load_keys_expired:{}\r\nrdb_last_load_keys_loaded:{}\r\n",
            saves.unsaved(store.changes),
            u8::from(saving.is_some()),
            saves.last,
            ok_or_err(saves.failed),
            seconds(saves.took),
            seconds(saving.map(|job| job.started.elapsed())),
            saves.count,
            saves.expired,
            saves.loaded,
        )
    }

    /// The lines of INFO about how far it is, and what it costs.
    pub fn info_progress(&self, store: &Store) -> String {
        let job = self.job.as_ref();
        let copied = job.map_or(0, |job| store.copied - job.copied);
        let keys = job.map_or(0, |job| job.progress.keys());
        let total = job.map_or(0, |job| job.keys);
        let percent = keys as f64 * 100.0 / total.max(1) as f64;
        format!(
            "current_cow_size:{copied}\r\ncurrent_fork_perc:{percent:.2}\r\n\
             current_save_keys_processed:{keys}\r\ncurrent_save_keys_total:{total}\r\n"
        )
    }

    /// The lines of INFO about rewrites of the log.
    pub fn info_rewrites(&self) -> String {
        let rewriting = self.job.as_ref().filter(|job| job.is_rewrite);
        let rewrites = &self.rewrites;
        format!(
            "aof_rewrite_in_progress:{}\r\naof_rewrite_scheduled:{}\r\n\
             aof_last_rewrite_time_sec:{}\r\naof_current_rewrite_time_sec:{}\r\n\
             aof_last_bgrewrite_status:{}\r\naof_rewrites:{}\r\n\
             aof_rewrites_consecutive_failures:{}\r\n",
            u8::from(rewriting.is_some()),
            u8::from(self.rewrite_scheduled),
            seconds(rewrites.took),
            seconds(rewriting.map(|job| job.started.elapsed())),
            ok_or_err(rewrites.failed),
            rewrites.count,
            rewrites.failures,
        )
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
        self.failed = true;
        self.failures += 1;
        if let Some(more) = self.failures.checked_sub(PATIENCE) {
            let minutes = 60.min(1 << more.min(6));
            self.not_before = Some(Instant::now() + MINUTE * minutes);
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
            let earliest = Instant::now();
            rewrites.fail();
            let latest = Instant::now();
            let Some(then) = rewrites.not_before else {
                return 0;
            };
            let minutes = then.duration_since(earliest).as_secs() / 60;
            assert!(then <= latest + MINUTE * minutes as u32);
            minutes
        };
        (0..failures).map(|_| delay()).collect()
    }

    #[test]
    fn rewrites_that_fail_come_ever_more_seldom() {
        let mut rewrites = Rewrites::default();
        let expected = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        assert_eq!(delays(&mut rewrites, expected.len()), expected);
        rewrites.succeed(Duration::ZERO);
        assert_eq!(rewrites.not_before, None);
        assert_eq!(delays(&mut rewrites, 3), [0, 0, 1]);
    }
}
