//! A server of the graders' own: it notes when commands arrive, and can be made hard to reach.
//!
//! It has the few commands that the benchmark sends. Connections whose first command is GET or
//! SET are those that are measured; the benchmark's other connections introduce themselves.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a connection is met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is accepted at once.
    Easy,
    /// After each reply to a measured command, the queue of connections is full when the next
    /// client comes. The kernel drops its first packet, and it tries again a second later.
    Hard,
}

pub struct Server {
    pub address: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    reach: Reach,
    address: SocketAddr,
    /// Of each measured connection, when its commands arrived.
    arrivals: Mutex<Vec<Vec<Instant>>>,
    /// A connection of our own that fills the queue.
    plug: Mutex<Option<TcpStream>>,
    ended: AtomicBool,
}

impl Server {
    pub fn start(reach: Reach) -> Self {
        // The queue that is to be filled has room for one connection.
        let listener = listen(if reach == Reach::Hard { 0 } else { 128 });
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            reach,
            address,
            arrivals: Mutex::default(),
            plug: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepts = Arc::clone(&shared);
        Self {
            address: address.to_string(),
            shared,
            accepting: Some(std::thread::spawn(move || accept(&listener, &accepts))),
        }
    }

    /// When commands arrived, in seconds: a list for each measured connection, in order.
    pub fn arrivals(&self) -> Vec<Vec<f64>> {
        let arrivals = self.shared.arrivals.lock().unwrap();
        let first = arrivals.iter().flatten().min().copied();
        let seconds = |at: &Instant| (*at - first.unwrap_or(*at)).as_secs_f64();
        let lists = arrivals.iter().map(|list| list.iter().map(seconds));
        lists.map(Iterator::collect).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

fn listen(backlog: u32) -> TcpListener {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let _runtime = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(backlog).unwrap().into_std().unwrap()
}

/// Accepts whoever comes, but a plug only when somebody stands before the full queue.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.ended.load(Ordering::SeqCst) {
        let mut plug = shared.plug.lock().unwrap();
        let is_shut = plug.is_some();
        if (!is_shut || somebody_waits(shared.address.port()))
            && let Ok((stream, _)) = listener.accept()
        {
            if plug.take().is_none() {
                let shared = Arc::clone(shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
            continue;
        }
        drop(plug);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Is there a socket on this machine that waits for an answer of this port (`SYN_SENT`)?
fn somebody_waits(port: u16) -> bool {
    let Ok(sockets) = fs::read_to_string("/proc/net/tcp") else {
        // Only Linux tells. Elsewhere, a client that is not slow has come by now.
        std::thread::sleep(Duration::from_millis(300));
        return true;
    };
    let port = format!(":{port:04X}");
    let mut sockets = sockets.lines().map(|line| line.split_whitespace().skip(2));
    sockets.any(|mut fields| {
        fields.next().is_some_and(|to| to.ends_with(&port)) && fields.next() == Some("02")
    })
}

/// Answers one client until it goes.
fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    let mut output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    let (mut replies, mut measured, mut first) = (Vec::new(), None, true);
    loop {
        let command = read_command(&mut input)?;
        let now = Instant::now();
        let is_load = ["GET", "SET"].contains(&command[0].as_str());
        if std::mem::take(&mut first) && is_load {
            let mut arrivals = shared.arrivals.lock().unwrap();
            arrivals.push(Vec::new());
            measured = Some(arrivals.len() - 1);
        }
        if let Some(number) = measured {
            shared.arrivals.lock().unwrap()[number].push(now);
            if shared.reach == Reach::Hard {
                let mut plug = shared.plug.lock().unwrap();
                plug.get_or_insert_with(|| TcpStream::connect(shared.address).unwrap());
            }
        }
        replies.extend(reply(&command).into_bytes());
        if input.buffer().is_empty() {
            output.write_all(&replies).ok()?;
            replies.clear();
        }
    }
}

fn reply(command: &[String]) -> String {
    match (command[0].as_str(), command.get(1)) {
        ("SET", _) => "+OK\r\n".to_owned(),
        // A value of 16 bytes is the key.
        ("GET", Some(key)) => format!("${}\r\n{key}\r\n", key.len()),
        ("DEL", _) => ":1\r\n".to_owned(),
        ("INFO", _) => "$0\r\n\r\n".to_owned(),
        _ => "-ERR unknown command\r\n".to_owned(),
    }
}

/// An array of bulk strings; none, if the client has gone.
fn read_command(input: &mut impl BufRead) -> Option<Vec<String>> {
    let count = read_number(input)?;
    let arguments = (0..count).map(|_| {
        let mut bytes = vec![0; read_number(input)? + 2];
        input.read_exact(&mut bytes).ok()?;
        bytes.truncate(bytes.len() - 2);
        String::from_utf8(bytes).ok()
    });
    arguments.collect()
}

/// The number in a line such as `*3` or `$16`.
fn read_number(input: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    line.get(1..)?.trim().parse().ok()
}
