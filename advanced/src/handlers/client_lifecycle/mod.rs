//! CLIENT as a whole, and MONITOR: a client is a record that others see, hold up and end.

mod help;
mod kill;
mod monitor;
mod pause;
mod reply;
mod tracking;

use crate::command::{Command, CommandError, Flag::*, note_delays};
use crate::handlers::client_list::{
    OTHERS, OWN, client_getname, client_id, client_info, client_list, client_setname,
};
use crate::resp::Args;
use crate::state::State;

pub const COMMANDS: &[Command] = &[
    Command::container("client", CLIENT),
    Command::new(
        "monitor",
        1,
        &[Admin, Noscript, Loading, Stale],
        monitor::monitor,
    ),
];

const CLIENT: &[Command] = &[
    Command::new("client|caching", 3, OWN, tracking::client_caching),
    Command::new("client|getname", 2, OWN, client_getname),
    Command::new("client|getredir", 2, OWN, tracking::client_getredir),
    Command::new("client|help", 2, &[Loading, Stale], help::client_help),
    Command::new("client|id", 2, OWN, client_id),
    Command::new("client|info", 2, OWN, client_info),
    Command::new("client|kill", -3, OTHERS, kill::client_kill),
    Command::new("client|list", -2, OTHERS, client_list),
    Command::new("client|no-evict", 3, OTHERS, reply::client_no_evict),
    Command::new("client|pause", -3, OTHERS, pause::client_pause),
    Command::new("client|reply", 3, OWN, reply::client_reply),
    Command::new("client|setname", 3, OWN, client_setname),
    Command::new("client|tracking", -3, OWN, tracking::client_tracking),
    Command::new("client|trackinginfo", 2, OWN, tracking::client_trackinginfo),
    Command::new("client|unblock", -3, OTHERS, pause::client_unblock),
    Command::new("client|unpause", 2, OTHERS, pause::client_unpause),
];

/// What the cron does at each tick: a pause ends, what took long is noted, and monitors that do not
/// read are disconnected.
pub fn every_tick(state: &mut State) {
    note_delays(state);
    pause::every_tick(state);
    let limits = state.config.client_output_buffer_limit;
    state.life.monitors.enforce(limits.normal);
}

/// There are too many arguments, which the arity does not say.
fn wrong_arguments(args: Args<'_>) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, &args[1], "'. Try CLIENT HELP.")
}
