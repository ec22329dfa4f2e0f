//! What a base consists of: the data set, as an RDB file or as the commands that create it
//! (`rewriteAppendOnlyFile` in Redis's `aof.c`).

use std::fs::File;
use std::io::{self, BufWriter};

use super::rewrite::write_commands;
use crate::rdb::{self, Progress};
use crate::store::Snapshot;

/// The format of an AOF's base (`aof-use-rdb-preamble`).
#[derive(Debug, Clone, Copy)]
pub enum BaseFormat {
    /// An RDB file, which is smaller and is loaded faster.
    Rdb(rdb::Options),
    /// Commands, like the rest of the AOF.
    Commands,
}

impl BaseFormat {
    /// Whether it is an RDB file, which a file name must say.
    pub fn is_rdb(self) -> bool {
        matches!(self, Self::Rdb(_))
    }

    /// Writes the data set to `output`. Fails also if `progress` is cancelled.
    pub fn write(
        self,
        data: Snapshot,
        progress: &Progress,
        output: &mut BufWriter<File>,
    ) -> io::Result<()> {
        match self {
            Self::Rdb(options) => rdb::write(data, options, progress, output),
            Self::Commands => write_commands(data, progress, output),
        }
    }
}
