//! The slow log: the last commands that took long (`slowlog.c` in Redis).

use std::collections::VecDeque;
use std::time::Duration;

use crate::resp::Args;
use crate::util::unix_time;

/// How many arguments of a command are kept, and how many bytes of each.
const MAX_ARGS: usize = 32;
const MAX_BYTES: usize = 128;

/// The entries, the newest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    pub entries: VecDeque<Entry>,
    next: i64,
}

/// A command that took long.
#[derive(Debug)]
pub struct Entry {
    /// Never used twice while the server runs.
    pub id: i64,
    /// When it ended, in seconds since 1970.
    pub time: u64,
    pub taken: Duration,
    pub args: Vec<Vec<u8>>,
    pub address: String,
    pub client: String,
}

impl SlowLog {
    /// Adds an entry, and drops the oldest if there are more than `most` then.
    pub fn add(
        &mut self,
        taken: Duration,
        args: Vec<Vec<u8>>,
        (address, client): (String, String),
        most: u64,
    ) {
        self.entries.push_front(Entry {
            id: self.next,
            time: unix_time().as_secs(),
            taken,
            args,
            address,
            client,
        });
        self.next += 1;
        self.entries
            .truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
}

/// The arguments as the slow log keeps them. Those at the positions for which `is_secret` are not
/// shown.
pub fn shortened(args: Args<'_>, is_secret: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let shown = match args.len() > MAX_ARGS {
        true => MAX_ARGS - 1,
        false => args.len(),
    };
    let mut kept: Vec<Vec<u8>> = args
        .iter()
        .take(shown)
        .enumerate()
        .map(|(index, arg)| match is_secret(index) {
            true => b"(redacted)".to_vec(),
            false => cut(arg),
        })
        .collect();
    if args.len() > shown {
        let more = args.len() - shown;
        kept.push(format!("... ({more} more arguments)").into_bytes());
    }
    kept
}

fn cut(arg: &[u8]) -> Vec<u8> {
    match arg.split_at_checked(MAX_BYTES) {
        Some((start, rest)) if !rest.is_empty() => {
            let more = format!("... ({} more bytes)", rest.len());
            [start, more.as_bytes()].concat()
        }
        _ => arg.to_vec(),
    }
}
