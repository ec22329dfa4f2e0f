//! What a base consists of: the data set, as an RDB file or as the commands that create it
//! (`rewriteAppendOnlyFile` in Redis's `aof.c`).

use std::fs::File;
use std::io::{self, BufWriter, Write};

use bytes::BytesMut;

use super::encode;
use crate::rdb::{self, Progress};
use crate::store::{Entry, Snapshot};

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

/// Writes the data set as commands (`rewriteAppendOnlyFileRio`).
fn write_commands(
    data: Snapshot,
    progress: &Progress,
    output: &mut BufWriter<File>,
) -> io::Result<()> {
    let mut commands = BytesMut::new();
    for part in data.into_parts() {
        for entry in part.entries() {
            commands.clear();
            create(&entry, &mut commands);
            output.write_all(&commands)?;
        }
        progress.add(part.len())?;
    }
    Ok(())
}

/// Appends the commands that create a key: there are only strings, and one SET does it.
fn create(entry: &Entry<'_>, commands: &mut BytesMut) {
    let digits = &mut itoa::Buffer::new();
    let mut words = vec![b"SET", entry.key, entry.value.bytes(digits)];
    let unix = entry.deadline.map(|unix| unix.to_string());
    words.extend(unix.iter().flat_map(|unix| [b"PXAT", unix.as_bytes()]));
    encode(words.into_iter(), commands);
}
