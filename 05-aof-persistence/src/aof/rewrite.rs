//! The data set as commands that make it again (`rewriteAppendOnlyFileRio` in Redis's `aof.c`).

use std::io::{self, Write};

use bytes::BytesMut;

use super::encode;
use crate::store::Store;

/// Writes a data set.
pub fn write_commands(store: &Store, output: &mut impl Write) -> io::Result<()> {
    let mut command = BytesMut::new();
    let mut write = |words: &[&[u8]]| {
        command.clear();
        encode(words.iter().copied(), &mut command);
        output.write_all(&command)
    };
    for (key, value, deadline) in store.iter() {
        let digits = &mut itoa::Buffer::new();
        let value = value.bytes(digits);
        match deadline.map(|deadline| store.clock.unix(deadline).to_string()) {
            Some(unix) => write(&[b"SET", key, value, b"PXAT", unix.as_bytes()])?,
            None => write(&[b"SET", key, value])?,
        }
    }
    Ok(())
}
