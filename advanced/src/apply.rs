//! The applier: executes a stream of commands that a server has accepted before, so they must not
//! be refused now (`mustObeyClient` in Redis). One such stream is the AOF, which
//! `recovery/replay.rs` reads; another, from step 08 on, is what a primary sends.
//!
//! A transaction, which is everything between MULTI and EXEC, is executed as a whole or not at all:
//! nothing of it is executed before EXEC has arrived. Our own AOF has no transactions, but Redis's
//! may.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;
use thiserror::Error;

use crate::aof::encode;
use crate::client::Client;
use crate::clients::Handle;
use crate::command::{self, Context, Table};
use crate::resp::{Args, Batch, MAX_COMMAND, Protocol, Reply};
use crate::state::State;

const NO_COMMAND: &str = "there is no command, or its lengths are wrong";

/// Why the rest of a stream cannot be executed.
#[derive(Debug, Error)]
pub enum ApplyError {
    #[error("is damaged at byte {offset}: {what}")]
    Damaged { offset: u64, what: String },
    #[error("holds {command} at byte {offset}, which cannot be executed here: {error}")]
    Refused {
        offset: u64,
        command: String,
        error: String,
    },
}

/// Executes a stream of commands as a client without a socket.
pub struct Applier {
    table: &'static Table,
    client: Client,
    output: BytesMut,
    /// Each command must have exactly the bytes with which a server writes it.
    is_strict: bool,
    /// The bytes of the transaction that is not complete yet, from MULTI on.
    transaction: Option<Vec<u8>>,
    /// How many bytes of the stream have been executed so far.
    pub position: u64,
    /// How many commands have been executed.
    pub commands: u64,
    /// The primary has asked which offset we have reached (`REPLCONF GETACK`).
    pub is_asked: bool,
}

/// A parser for commands that were accepted before: `proto-max-bulk-len` does not apply, because it
/// may have been larger then.
pub fn batch() -> Batch {
    let mut batch = Batch::default();
    batch.parser.max_bulk = MAX_COMMAND;
    batch
}

impl Applier {
    /// Executes the commands of `handle`, which is the primary's, or nobody's for an AOF.
    pub fn new(table: &'static Table, is_strict: bool, handle: Arc<Handle>) -> Self {
        Self {
            table,
            client: Client::obeyed(handle),
            output: BytesMut::new(),
            is_strict,
            transaction: None,
            position: 0,
            commands: 0,
            is_asked: false,
        }
    }

    /// Where in the stream the next command begins, even if it is part of a transaction.
    pub fn offset(&self) -> u64 {
        self.position + self.transaction.as_ref().map_or(0, Vec::len) as u64
    }

    /// Executes all commands that are complete in `input`. After each command, or transaction,
    /// calls `applied` with its bytes.
    pub fn apply(
        &mut self,
        batch: &mut Batch,
        input: &mut BytesMut,
        state: &mut State,
        mut applied: impl FnMut(&mut State, &[u8]),
    ) -> Result<(), ApplyError> {
        // One large reply is no reason to keep its memory.
        self.output = BytesMut::new();
        loop {
            match batch.fill(input) {
                Ok(0) if batch.position() == 0 => return Ok(()),
                Ok(0) if self.is_strict => return Err(self.damaged(0, NO_COMMAND)),
                // Empty lines count as part of the stream, although there is nothing to execute.
                Ok(0) => applied(state, &input[..batch.position()]),
                Ok(_) => state
                    .store
                    .prefetch(batch.iter(input).filter_map(|args| args.get(1))),
                Err(error) => return Err(self.damaged(0, &error.to_string())),
            }
            while let Some((args, bytes)) = batch.take_with_bytes(input) {
                let done = self.command(args, bytes, state)?;
                if !done.is_empty() {
                    self.position += done.len() as u64;
                    applied(state, &done);
                }
            }
        }
    }

    /// Executes a command, or keeps it if it is part of a transaction. Returns the bytes of all
    /// that was executed.
    fn command<'b>(
        &mut self,
        args: Args<'_>,
        bytes: &'b [u8],
        state: &mut State,
    ) -> Result<Cow<'b, [u8]>, ApplyError> {
        if self.is_strict {
            self.check(args, bytes)?;
        }
        if self.transaction.is_none() && !args.is(0, "MULTI") {
            self.execute(args, state)?;
            return Ok(bytes.into());
        }
        let held = self.transaction.get_or_insert_default();
        held.extend_from_slice(bytes);
        if !args.is(0, "EXEC") {
            return Ok(Cow::default());
        }
        let held = self.transaction.take().unwrap_or_default();
        let (mut batch, mut input) = (batch(), BytesMut::from(&held[..]));
        while matches!(batch.fill(&mut input), Ok(1..)) {
            while let Some(args) = batch.take(&input) {
                if !args.is(0, "MULTI") && !args.is(0, "EXEC") {
                    self.execute(args, state)?;
                }
            }
        }
        Ok(held.into())
    }

    /// Fails if the command is not written as an AOF has it. The parser, like Redis's, accepts more
    /// from a client: empty lines, and any two bytes after an argument. In an AOF these mean that a
    /// length is wrong, and so the command may be, too.
    fn check(&self, args: Args<'_>, bytes: &[u8]) -> Result<(), ApplyError> {
        if args.is_inline() && bytes.starts_with(b"#") {
            return Ok(());
        }
        let mut written = BytesMut::with_capacity(bytes.len());
        encode(args.iter(), &mut written);
        match bytes.strip_prefix(&written[..]) {
            Some([]) => Ok(()),
            Some(_) => Err(self.damaged(written.len(), NO_COMMAND)),
            None => Err(self.damaged(0, NO_COMMAND)),
        }
    }

    /// The error for damage this many bytes after the beginning of the next command.
    fn damaged(&self, later: usize, what: &str) -> ApplyError {
        ApplyError::Damaged {
            offset: self.offset() + later as u64,
            what: what.to_owned(),
        }
    }

    fn execute(&mut self, args: Args<'_>, state: &mut State) -> Result<(), ApplyError> {
        // `#TS:1700000000` says when the next command was executed.
        if args.is_inline() && args[0].starts_with(b"#") {
            return Ok(());
        }
        if args.is(0, "REPLCONF") {
            self.is_asked = true;
            return Ok(());
        }
        self.commands += 1;
        self.output.clear();
        let reply = Reply::new(&mut self.output, Protocol::Resp2);
        let ctx = &mut Context::new(self.table, &mut self.client, reply, state);
        let done = command::obey(ctx, args).map(drop);
        done.map_err(|error| ApplyError::Refused {
            offset: self.offset(),
            command: args[0].escape_ascii().to_string(),
            error: String::from_utf8_lossy(error.text()).into_owned(),
        })
    }
}
