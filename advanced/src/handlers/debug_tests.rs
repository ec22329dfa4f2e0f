//! The subcommands of DEBUG that tests of the server and of clients need besides those of
//! `debug.rs`.

use std::ops::RangeInclusive;

use crate::command::Handler;
use crate::handlers::{debug_config, debug_protocol};

/// A row for each, as in `debug.rs`.
pub const SUBCOMMANDS: &[(&str, RangeInclusive<usize>, Handler)] = &[
    ("CHANGE-REPL-ID", 2..=2, debug_protocol::change_repl_id),
    ("CONFIG-REWRITE-FORCE-ALL", 2..=2, debug_config::rewrite_all),
    ("ERROR", 3..=3, debug_protocol::error),
    ("LOG", 3..=3, debug_protocol::log),
    ("POPULATE", 3..=5, debug_config::populate),
    ("PROTOCOL", 3..=3, debug_protocol::protocol),
    ("REPLICATE", 3..=usize::MAX, debug_protocol::replicate),
];
