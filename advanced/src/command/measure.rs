//! Tells the room `timing` of each call: when it has ended, and what it was.

use std::time::Duration;

use super::{Command, CommandError, Context, Flag, monitor, notifications};
use crate::config::service::SECRETS;
use crate::resp::Args;
use crate::state::State;
use crate::timing::{Called, Measured, slowlog::shortened};

/// With so many bytes of replies, a batch may be interrupted (`MAX_REPLIES` of the connection).
const LARGE: usize = 64 * 1024;

impl State {
    /// Tells those that have a copy of one of the chapter's parameters.
    pub fn configure_service(&mut self) {
        // What took long before the change counts as before.
        note_delays(self);
        self.config.publish_service();
        let service = &self.config.service;
        let (slower_than, tracks) = (service.slowlog_log_slower_than, service.latency_tracking);
        self.life.timing.configure(slower_than, tracks);
        self.life.timing.latency.threshold = service.latency_monitor_threshold;
        self.store.removal.is_timed = service.latency_monitor_threshold > 0;
        self.store.events.is_on = self.config.service.notify_keyspace_events.is_on();
    }
}

impl Command {
    fn called(&self) -> Called {
        Called {
            address: self.address(),
            name: self.name,
        }
    }

    /// Does it hardly ever take long, and let the next command of the batch follow at once? A
    /// subcommand does not count, because others have the same first word; nor does PUBLISH, after
    /// which the subscribers may have their turn.
    fn is_brief(&self) -> bool {
        // SET is not marked as fast in Redis, because it may have to free a large value.
        let is_fast = self.is(Flag::Fast) || self.name == "set";
        is_fast && !self.is(Flag::Pubsub) && !self.name.contains('|')
    }
}

/// A command has been called. Those who watch are shown it, whoever has sent it, and what it has done
/// to keys is published. Those from the AOF and the primary are not measured.
#[inline]
pub fn end(ctx: &mut Context<'_>, command: &Command, args: Args<'_>, has_failed: bool) {
    if !ctx.client.is_obeyed {
        if has_failed {
            ctx.state.life.timing.fail(command.called());
        }
        let is_last = ctx.state.life.timing.count(|| command.is_brief());
        if is_last || ctx.reply.len() >= LARGE {
            end_run(ctx, command, args);
        }
    }
    if !ctx.state.life.monitors.is_empty() {
        monitor::show(ctx, command, args);
    }
    notifications::publish(ctx.state, command, args);
}

/// The run ends with this command.
#[inline]
fn end_run(ctx: &mut Context<'_>, command: &Command, args: Args<'_>) {
    if let Some(measured) = ctx.state.life.timing.end(command.called()) {
        note(ctx, command, args, measured);
    }
}

/// Work of this kind has taken so long.
pub fn took(state: &mut State, event: &'static str, time: Duration) {
    state.life.timing.latency.note(event, time);
}

/// Notes how long it took to remove keys that had expired, and what the AOF has waited for.
pub fn note_delays(state: &mut State) {
    let longest = state.store.removal.take_longest();
    took(state, "expire-del", longest);
    let has_job = state.background.is_saving() || state.background.is_rewriting();
    let delays = state.aof.take_delays(state.config.appendfsync, has_job);
    for (event, time) in delays {
        took(state, event, time);
    }
}

/// Notes what has taken long.
#[cold]
fn note(ctx: &mut Context<'_>, command: &Command, args: Args<'_>, measured: Measured) {
    let event = match command.is(Flag::Fast) {
        true => "fast-command",
        false => "command",
    };
    took(ctx.state, event, measured.time);
    note_slow(ctx, command, args, measured);
}

/// Puts what was slow into the slow log.
fn note_slow(ctx: &mut Context<'_>, command: &Command, args: Args<'_>, measured: Measured) {
    // One that waits is noted when it has been served.
    if measured.is_slow && ctx.client.waiting.is_none() {
        let client = &ctx.client.handle;
        let args = match measured.calls {
            1 => shortened(args, |index| is_secret(command, args, index)),
            calls => vec![
                args[0].to_vec(),
                format!("... ({calls} calls of a pipeline together)").into_bytes(),
            ],
        };
        let client = (client.addr.to_string(), client.name());
        let most = ctx.state.config.service.slowlog_max_len;
        let slowlog = &mut ctx.state.life.timing.slowlog;
        slowlog.add(measured.time, args, client, most);
    }
}

/// A command that had waited was served within this time, and got this error if it has failed.
#[cfg(feature = "blocking")]
pub fn served(
    ctx: &mut Context<'_>,
    command: &Command,
    args: Args<'_>,
    time: Duration,
    error: Option<&CommandError>,
) {
    let timing = &mut ctx.state.life.timing;
    let measured = timing.served(command.called(), time, error.map(CommandError::text));
    if let Some(measured) = measured {
        took(ctx.state, "command-unblocking", time);
        note_slow(ctx, command, args, measured);
    }
    notifications::publish(ctx.state, command, args);
}

/// It got an error as its reply.
pub fn refused(ctx: &mut Context<'_>, args: Args<'_>, error: &CommandError) {
    let command = ctx.table.lookup(args).ok().map(Command::called);
    ctx.state.life.timing.count_error(error.text(), command);
    if ctx.state.life.timing.is_cut_short()
        && let Ok(command) = ctx.table.lookup(args)
    {
        end_run(ctx, command, args);
    }
}

/// Whether an argument is the value of a parameter that nobody may see.
fn is_secret(command: &Command, args: Args<'_>, index: usize) -> bool {
    let is_value = command.name == "config|set" && index > 2 && index % 2 == 1;
    let is_secret = |name: &&str| args[index - 1].eq_ignore_ascii_case(name.as_bytes());
    is_value && SECRETS.iter().any(is_secret)
}
