//! How many files the process may have open: the system's limit, raised where it can be.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// File descriptors for what is not a client: the listener, and the files that are written
/// (`CONFIG_MIN_RESERVED_FDS`).
const RESERVED: u64 = 32;

/// Raises the limit of open files to what this many clients need. Returns how many clients the
/// system allows (`adjustOpenFilesLimit`).
pub fn raise_limit(clients: u64) -> u64 {
    let wanted = clients + RESERVED;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return clients;
    };
    if soft >= wanted {
        return clients;
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map(|()| wanted);
    let max = wanted.min(hard);
    let raised = raised.or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, max, hard).map(|()| max));
    let limit = raised.unwrap_or(soft);
    if limit < wanted {
        warn!(
            "the system allows {limit} open files; {clients} clients need {wanted}. \
             To allow more, see `ulimit -n`"
        );
    }
    // If the limit is very low, clients get half of it.
    clients.min(limit.saturating_sub(RESERVED).max(limit / 2))
}
