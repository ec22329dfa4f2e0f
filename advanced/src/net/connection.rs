//! One client's connection: owns the socket and both buffers, and turns what
//! arrives into replies.
//!
//! Ownership is the whole memory management: when the task that owns a
//! `Connection` ends, however it ends, socket and buffers go with it.

use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering::Relaxed;
use std::task::ready;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::aof::{Commit, Synced, system_text};
use crate::client::{Client, Waiting};
use crate::clients::Handle;
use crate::clients::notify::Notified;
use crate::clients::output_limit::{self, OutputLimit};
use crate::clients::states::{BLOCKED, CLOSING, TIMED};
use crate::command::{self, CommandError, Context, Table};
use crate::net::to_replica;
use crate::resp::cross_protocol;
use crate::resp::{Batch, ProtocolError, Reply};
use crate::state::{Shared, State};
use crate::util::buffer::{KEPT_BUFFER, give_back, remove_front};

/// How much a new connection reads at a time, in bytes. Ten thousand clients that send little
/// should cost little.
const MIN_READ: usize = 4 * 1024;

/// The most that a connection reads at a time, in bytes: a value of 64 KiB, and its command.
const MAX_READ: usize = 68 * 1024;

/// When replies have this size, in bytes, they are sent before more commands are executed.
const MAX_REPLIES: usize = 64 * 1024;

/// While this many bytes of replies wait for a client that does not read them, its commands are
/// neither read nor executed.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;

/// After this many bytes of published messages, the subscribers have their turn before more
/// commands are executed. Otherwise too much would wait even for a subscriber that keeps up.
const MAX_PUBLISHED: u64 = 16 * 1024;

/// When the server ends, a client that sends nothing for this long is taken to have read its last
/// reply.
const QUIET: Duration = Duration::from_millis(50);

/// When the server ends, the last replies of a client that reads nothing for this long are dropped.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// How many replies of [`Unlogged`] to keep room for between batches.
const KEPT_UNLOGGED: usize = 1024;

/// A client that is being served.
pub struct Connection {
    socket: TcpStream,
    input: BytesMut,
    /// How much to read at a time, in bytes; grows when reads fill the buffer.
    read_size: usize,
    output: BytesMut,
    /// There may be messages in the mailbox, or the server is in another phase.
    has_mail: bool,
    /// It has published [`MAX_PUBLISHED`] bytes in this batch.
    has_published: bool,
    /// Nothing is executed any more.
    has_ended: bool,
    /// How many bytes were received and sent since the last batch, and are not in the statistics
    /// yet.
    received: u64,
    sent: u64,
    /// How much may wait for a client that is no subscriber.
    limit: OutputLimit,
    unlogged: Unlogged,
    batch: Batch,
    client: Client,
    table: &'static Table,
    shared: Shared,
}

impl Connection {
    pub fn new(socket: TcpStream, client: Client, table: &'static Table, shared: Shared) -> Self {
        Self {
            socket,
            input: BytesMut::new(),
            read_size: MIN_READ,
            output: BytesMut::new(),
            // The server may be about to end.
            has_mail: true,
            has_published: false,
            has_ended: false,
            received: 0,
            sent: 0,
            limit: OutputLimit::default(),
            unlogged: Unlogged::default(),
            batch: Batch::default(),
            client,
            table,
            shared,
        }
    }

    /// Serves the client until it closes its half of the connection, or has to be disconnected.
    ///
    /// A client may send thousands of commands before it reads the first reply. So we go on reading
    /// while replies wait to be written; if we did not, both sides would wait for the other to
    /// read, for ever. But we stop at [`MAX_OUTPUT`], and then TCP itself slows the client down.
    pub async fn run(mut self) -> io::Result<()> {
        // Replies are small and wanted now; do not let TCP wait to fill a packet.
        self.socket.set_nodelay(true)?;
        let mut at_end = false;
        let (shared, client) = (self.shared.clone(), self.client.handle.clone());
        // One future for the whole life of the connection, because a new one costs more than to
        // poll this one again.
        let mut mail = pin!(client.mail.notified());
        loop {
            let more = self.execute_batch(&shared);
            self.commit().await;
            if self.exceeds_limit() {
                return Ok(());
            }
            if let Some(waiting) = self.client.waiting.take() {
                at_end |= self.wait(waiting, &client, mail.as_mut()).await?;
                continue;
            }
            if self.has_ended {
                return self.say_goodbye().await;
            }
            // The client may close its half while commands of its own still wait
            // for room in the output. They count, so go on until there is none.
            if !self.may_execute() || (at_end && !more) {
                return self.hang_up().await;
            }
            if std::mem::take(&mut self.has_published) {
                yield_now().await;
            }
            self.send()?;
            let room = self.make_room();
            // Messages for which there was no room follow as soon as the socket has taken the rest.
            let has_mail = self.has_mail && self.output.is_empty();
            let (mut reader, mut writer) = self.socket.split();
            let may_go_on = more && self.output.len() < MAX_OUTPUT;
            tokio::select! {
                // Writing comes first: it is what somebody waits for.
                biased;
                written = writer.write(&self.output), if !self.output.is_empty() => {
                    self.has_written(written?);
                }
                // What has arrived comes before what may arrive; otherwise commands
                // with long replies would pile up. Let other clients have a turn.
                () = yield_now(), if has_mail || may_go_on => {}
                read = read(&mut reader, &mut self.input, room), if !more => {
                    at_end = !self.has_read(read?);
                }
                // Also while replies wait: a client that reads nothing may have to be disconnected.
                () = &mut mail => {
                    mail.set(client.mail.notified());
                    self.has_mail = true;
                }
            }
        }
    }

    /// Sends what the socket takes without waiting, which is nearly always everything.
    fn send(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        match self.socket.try_write(&self.output) {
            Ok(written) => self.has_written(written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Notes that this many bytes of replies were sent.
    fn has_written(&mut self, bytes: usize) {
        remove_front(&mut self.output, bytes);
        self.sent += bytes as u64;
        self.client.handle.hear();
    }

    /// Notes that this many bytes have arrived. Returns false if no more will.
    fn has_read(&mut self, bytes: usize) -> bool {
        self.received += bytes as u64;
        self.client.handle.hear();
        if self.input.len() == self.input.capacity() {
            self.read_size = MAX_READ.min(self.read_size * 2);
        }
        bytes > 0
    }

    /// Sends the last replies. If the client has become a replica, then serves it as one.
    async fn hang_up(&mut self) -> io::Result<()> {
        let is_closing = self.client.closing;
        self.client.handle.states.set(CLOSING, is_closing);
        self.shared.lock().pubsub.leave(self.client.handle.id);
        if self.client.is_browser {
            cross_protocol::log_attack(self.socket.peer_addr());
            return Ok(());
        }
        self.socket.write_all_buf(&mut self.output).await?;
        let Some(file) = self.client.sync.take() else {
            return Ok(());
        };
        // What has arrived after PSYNC belongs to the replica's connection.
        self.batch.fill(&mut self.input).map_err(io::Error::other)?;
        let (socket, input) = (&mut self.socket, std::mem::take(&mut self.input));
        let serve = to_replica::run(socket, input, &self.client.handle, file, &self.shared);
        // In a box, or every client's task would have room for what only a replica's needs.
        Box::pin(serve).await
    }

    /// Executes the commands that have arrived whole. Their replies are in the output afterwards
    /// and leave with one write. Returns whether there may be more, because the output has no room
    /// for their replies yet.
    ///
    /// One lock serves the whole batch. With one worker thread nobody else wants
    /// it; with more, taking it once for 64 commands instead of 64 times is what
    /// keeps the threads from queueing. [`MAX_REPLIES`] bounds how long we hold it, and
    /// there is no `await` in here, so nobody holds it while waiting for a client.
    fn execute_batch(&mut self, shared: &Shared) -> bool {
        if self.input.is_empty() && !self.has_mail {
            return false;
        }
        let state = &mut *shared.lock();
        self.has_ended = state.lifecycle.has_ended();
        if self.has_ended || self.client.handle.is_ended() {
            return false;
        }
        self.begin_batch(state);
        let full = MAX_OUTPUT.min(self.output.len() + MAX_REPLIES);
        let most = state.pubsub.published + MAX_PUBLISHED;
        while self.output.len() < full && self.may_execute() && !self.has_published {
            if state.is_frozen()
                && let Some(argv) = self.must_wait(state)
            {
                self.begin_to_wait(Waiting::Turn, argv);
                break;
            }
            let start = self.output.len();
            #[cfg(feature = "client-lifecycle")]
            (state.life.timing).begin(&self.batch, &self.input, state.store.clock.ticked());
            if let Some(args) = self.batch.take(&self.input) {
                let reply = Reply::new(&mut self.output, self.client.handle.protocol());
                let ctx = &mut Context::new(self.table, &mut self.client, reply, state);
                let is_logged = command::execute(ctx, args);
                let waiting = ctx.client.waiting.map(|it| (it, args.size()));
                #[cfg(feature = "client-lifecycle")]
                if command::special::is_special(&self.client) {
                    command::special::settle(&self.client, state, args, &mut self.output, start);
                }
                if is_logged {
                    self.unlogged.position = state.aof.position();
                    self.unlogged.replies.push(start..self.output.len());
                }
                waiting.inspect(|(waiting, argv)| self.begin_to_wait(*waiting, *argv));
                self.has_published = state.pubsub.published >= most;
                if self.batch.is_done(&mut self.input) {
                    return false;
                }
                continue;
            }
            match fill(&mut self.batch, &mut self.input, state) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    self.say(|reply| reply.error(&error.reply()));
                    self.client.closing = true;
                }
            }
        }
        true
    }

    /// Begins a batch: updates the statistics, notes how far the AOF is, and moves messages to the
    /// output.
    fn begin_batch(&mut self, state: &mut State) {
        state.stats.bytes_received += std::mem::take(&mut self.received);
        state.stats.bytes_sent += std::mem::take(&mut self.sent);
        if state.aof.is_behind(state.config.appendfsync) {
            // What we read here may be a write that a crash would undo.
            self.unlogged.position = state.aof.position();
        }
        self.limit = state.config.client_output_buffer_limit.normal;
        // Messages come before the replies to what is executed now; so if there are
        // commands, all messages move, and otherwise as many as one write takes.
        let room = match self.input.is_empty() {
            true => MAX_REPLIES,
            false => MAX_OUTPUT,
        };
        self.has_mail = self.collect(state, room);
    }

    /// Moves messages to the output, while that is shorter than `room` bytes. Returns whether there
    /// are more.
    #[inline]
    fn collect(&mut self, state: &mut State, room: usize) -> bool {
        let client = &self.client.handle;
        let has_more =
            client.is_subscriber() && state.pubsub.collect(client, &mut self.output, room);
        #[cfg(feature = "client-lifecycle")]
        let has_more =
            command::special::collect(&self.client, state, &mut self.output, room) || has_more;
        has_more
    }

    /// May the client's next command be executed now?
    fn may_execute(&self) -> bool {
        !self.client.closing && self.client.waiting.is_none() && self.client.sync.is_none()
    }

    /// Must the client's next command wait? If so, returns how long its arguments are, in bytes.
    fn must_wait(&self, state: &State) -> Option<usize> {
        let next = self.batch.peek(&self.input)?;
        command::must_wait(self.table, &self.client, state, next).then(|| next.size())
    }

    /// Waits until the client's reply is due. Meanwhile replies are written and commands are read;
    /// otherwise both sides might wait for each other, and a client that disconnects would not be
    /// noticed. Returns true if the client has closed its half of the connection.
    async fn wait<'a>(
        &mut self,
        waiting: Waiting,
        client: &'a Handle,
        mut mail: Pin<&mut Notified<'a>>,
    ) -> io::Result<bool> {
        let is_for_replicas = matches!(waiting, Waiting::Replicas { .. });
        let mut changes = is_for_replicas.then(|| self.shared.lock().replication.watch());
        let mut at_end = false;
        loop {
            if let Some(changes) = &mut changes {
                changes.borrow_and_update();
            }
            if self.is_over(waiting, at_end) {
                return Ok(at_end);
            }
            self.input.reserve(MIN_READ);
            let has_room = self.input.len() < MAX_READ;
            let (mut reader, mut writer) = self.socket.split();
            tokio::select! {
                written = writer.write(&self.output), if !self.output.is_empty() => {
                    self.has_written(written?);
                }
                read = reader.read_buf(&mut self.input), if has_room && !at_end => {
                    at_end = !self.has_read(read?);
                }
                () = acknowledged(&mut changes) => {}
                // There are messages, or the server executes other commands now.
                () = &mut mail => mail.set(client.mail.notified()),
                // Made only if it is needed: to set an alarm and to take it back costs as much as a
                // command.
                () = async { sleep(waiting.left()).await }, if waiting.has_deadline() => {}
            }
        }
    }

    /// The client waits before its next command, and others see it. `argv` is how long the arguments
    /// of the command are with which it waits.
    fn begin_to_wait(&mut self, waiting: Waiting, argv: usize) {
        self.client.waiting = Some(waiting);
        let client = &self.client.handle;
        client.block(argv, self.unread(waiting));
        client.states.set(TIMED, waiting.has_deadline());
        #[cfg(feature = "client-lifecycle")]
        command::special::begin_to_wait(&self.client, waiting);
    }

    /// Is the wait over? Then the client has its reply, and is not blocked any more. Messages do not
    /// wait for that.
    fn is_over(&mut self, waiting: Waiting, at_end: bool) -> bool {
        let shared = self.shared.clone();
        let state = &mut *shared.lock();
        self.collect(state, MAX_REPLIES);
        #[cfg(feature = "client-lifecycle")]
        let waiting = command::special::what_is_left(&self.client, waiting);
        let is_over = self.answer(state, waiting, at_end);
        self.client.handle.show(&self.input, &self.output);
        match is_over {
            true => {
                self.client.handle.states.set(BLOCKED, false);
                self.has_mail = true;
            }
            false => {
                let unread = self.unread(waiting);
                self.client.handle.unread.store(unread, Relaxed);
            }
        }
        is_over
    }

    /// How many bytes of the input come after the command with which the client waits.
    fn unread(&self, waiting: Waiting) -> usize {
        let end = match waiting {
            Waiting::Turn => self.batch.position_after_next(),
            _ => self.batch.position(),
        };
        self.input.len() - end
    }

    /// Replies if what the client waits for has happened, or will not happen. Returns whether the
    /// wait is over.
    fn answer(&mut self, state: &mut State, waiting: Waiting, at_end: bool) -> bool {
        if matches!(waiting, Waiting::Turn) {
            // Whoever leaves meanwhile does not get what it asked for.
            self.client.closing = at_end && !state.lifecycle.has_ended();
            return at_end || state.lifecycle.has_ended() || self.must_wait(state).is_none();
        }
        match waiting {
            Waiting::Replicas { .. } if state.replication.is_replica() => {
                self.say(|reply| reply.error(CommandError::UNBLOCKED.text()));
                self.client.closing = true;
            }
            Waiting::Replicas {
                replicas, offset, ..
            } => {
                let count = state.replication.acknowledged(offset);
                let is_late = waiting.left().is_zero();
                let is_over = is_late || at_end || state.lifecycle.has_ended();
                if count < replicas && !is_over {
                    return false;
                }
                self.say(|reply| reply.integer(count as i64));
            }
            #[cfg(feature = "blocking")]
            Waiting::Keys { .. } => {
                let answer = super::blocked::answer(&mut self.client, state, waiting, at_end);
                let Some((reply, is_logged)) = answer else {
                    return false;
                };
                let start = self.output.len();
                self.say(|output| output.encoded().extend_from_slice(&reply));
                if is_logged {
                    self.unlogged.position = state.aof.position();
                    self.unlogged.replies.push(start..self.output.len());
                }
            }
            Waiting::End(attempt) if !state.lifecycle.is_current(attempt) => {
                let error = b"ERR Errors trying to SHUTDOWN. Check logs.";
                self.say(|reply| reply.error(error));
            }
            // Even if the client has no more to say, its next command must not overtake this one.
            Waiting::End(_) | Waiting::Turn => return state.lifecycle.has_ended(),
        }
        true
    }

    /// Replies outside of a command: to one that has waited, or to what is none.
    fn say(&mut self, what: impl FnOnce(&mut Reply<'_>)) {
        #[cfg(feature = "client-lifecycle")]
        if command::special::takes_its_place(&self.client, &mut self.output) {
            return;
        }
        what(&mut Reply::new(
            &mut self.output,
            self.client.handle.protocol(),
        ));
    }

    /// Ends the connection with the server. What was executed gets its reply, and what was
    /// published reaches its subscribers.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        {
            let shared = self.shared.clone();
            self.collect(&mut shared.lock(), usize::MAX);
        }
        while !self.output.is_empty() {
            // A client that reads nothing for this long does not delay the end.
            let written = timeout(WRITE_TIMEOUT, self.socket.write_buf(&mut self.output)).await;
            if !matches!(written, Ok(Ok(1..))) {
                return Ok(());
            }
        }
        self.socket.shutdown().await?;
        // To close the socket while more arrives would be a reset, which can overtake the replies.
        // So what still arrives is read and ignored.
        loop {
            self.input.clear();
            self.input.reserve(MIN_READ);
            let read = timeout(QUIET, self.socket.read_buf(&mut self.input)).await;
            if !matches!(read, Ok(Ok(1..))) {
                return Ok(());
            }
        }
    }

    /// Disconnects the client if too many replies wait for it, and returns whether it is
    /// disconnected. The registry checks that once a second, too, but memory can be full before.
    /// Messages are counted where they are published.
    fn exceeds_limit(&self) -> bool {
        let (client, waiting) = (&self.client.handle, self.output.len());
        waiting > output_limit::FREE
            && (client.is_ended() || !client.has_mailbox() && client.enforce(self.limit, waiting))
    }

    /// Waits until the AOF has what the batch changed or saw. After that the replies may leave. If
    /// the AOF cannot be written, the replies to writes have become errors.
    async fn commit(&mut self) {
        let position = std::mem::take(&mut self.unlogged.position);
        if position == 0 {
            return;
        }
        // Other clients' commands are ready, too. Let them be executed first; then one write to the
        // AOF serves all.
        yield_now().await;
        let commit = {
            let state = &mut *self.shared.lock();
            let policy = state.config.appendfsync;
            state.aof.commit(position, policy)
        };
        let error = match commit {
            Commit::Done => None,
            Commit::Wait(synced) => wait_until_safe(synced, position).await,
            Commit::Failed(error) => Some(error),
        };
        if let Some(error) = error {
            self.refuse_unlogged(&error);
        }
        self.unlogged.replies.clear();
        self.unlogged.replies.shrink_to(KEPT_UNLOGGED);
    }

    /// Replaces each reply to a write that is not in the AOF by an error.
    fn refuse_unlogged(&mut self, error: &str) {
        let mut replies = BytesMut::new();
        let mut end = 0;
        // A reply that is not sent takes no room.
        for range in self.unlogged.replies.iter().filter(|it| !it.is_empty()) {
            replies.extend_from_slice(&self.output[end..range.start]);
            let error = CommandError::aof(error);
            Reply::new(&mut replies, self.client.handle.protocol()).error(error.text());
            end = range.end;
        }
        replies.extend_from_slice(&self.output[end..]);
        self.output = replies;
    }

    /// Frees buffers that are not needed. Returns how much to read next, in bytes.
    ///
    /// For a bulk string that has arrived in part, there is room for seven times as much as has
    /// arrived: a large value is read in few parts, and is not moved often. What a client only
    /// announces takes no memory, because the system provides memory when it is written to.
    fn make_room(&mut self) -> usize {
        // Not while replies wait: the output is in use, and the next turn checks again.
        if self.output.is_empty() {
            let is_idle = self.client.handle.is_idle();
            match is_idle && self.input.is_empty() {
                true => (self.input, self.batch) = (BytesMut::new(), Batch::default()),
                false => give_back(&mut self.input),
            }
            match is_idle || self.client.handle.is_subscriber() {
                // Ten thousand subscribers must not keep ten thousand buffers.
                true => self.output = BytesMut::new(),
                false => give_back(&mut self.output),
            }
        }
        self.client.handle.show(&self.input, &self.output);
        let announced = self.batch.missing(&self.input);
        let ahead = announced.min(MAX_READ.max(7 * self.input.len()));
        ahead.max(self.read_size)
    }
}

/// However a connection ends, nothing is kept for its client after that.
impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().forget(self.client.handle.id);
    }
}

/// Replies to writes that the AOF may not have yet.
#[derive(Default)]
struct Unlogged {
    /// Where the replies are in the output.
    replies: Vec<Range<usize>>,
    /// The position up to which the AOF must be written first: after our own writes, and after
    /// other clients' writes whose effect we may have seen. 0 if it already is.
    position: u64,
}

/// Waits for an fsync of the AOF up to `position`. Returns why it failed, or `None`.
async fn wait_until_safe(mut synced: watch::Receiver<Synced>, position: u64) -> Option<String> {
    let answered = |synced: &Synced| synced.position >= position || synced.error.is_some();
    match synced.wait_for(answered).await {
        Ok(synced) => synced.error.as_deref().map(system_text),
        // No answer means that this AOF has ended: somebody turned it off, or it was rewritten, and
        // the new one is safe.
        Err(_) => None,
    }
}

/// Waits until a replica has acknowledged more; for ever if that is of no interest.
async fn acknowledged(changes: &mut Option<watch::Receiver<()>>) {
    match changes {
        Some(changes) => _ = changes.changed().await,
        None => pending().await,
    }
}

/// Parses what has arrived, and lets the store prefetch the keys of a pipeline. Returns false if
/// there is no whole command.
fn fill(batch: &mut Batch, input: &mut BytesMut, state: &mut State) -> Result<bool, ProtocolError> {
    batch.parser.max_bulk = state.config.proto_max_bulk_len;
    let count = batch.fill(input)?;
    if count > 1 {
        let commands = batch.iter(input);
        state
            .store
            .prefetch(commands.filter_map(|args| args.get(1)));
    }
    Ok(count > 0)
}

/// Reads up to `room` bytes, or a little more. For a large read, and for the first one, the buffer is
/// allocated when there is something to read, so a client that is silent has none.
async fn read(reader: &mut ReadHalf<'_>, input: &mut BytesMut, room: usize) -> io::Result<usize> {
    if room > KEPT_BUFFER || input.capacity() == 0 {
        return poll_fn(|cx| {
            ready!(reader.as_ref().poll_read_ready(cx))?;
            input.reserve(room);
            let read = pin!(reader.read_buf(input)).poll(cx);
            // At first, and after a read that filled its buffer, tokio takes the socket for readable.
            if read.is_pending() && input.is_empty() {
                *input = BytesMut::new();
            }
            read
        })
        .await;
    }
    input.reserve(room);
    reader.read_buf(input).await
}
