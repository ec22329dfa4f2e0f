//! What the suites of replication share: servers that follow each other, a replica
//! and a primary that are nothing but a socket, and a relay between two servers,
//! which can be cut.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

use crate::client::Client;
use crate::harness::stopwatch::Stopwatch;
use crate::harness::{Server, wait_until};
use crate::log::connect;
use crate::session::{Session, encode, int, strings};

/// How long a replica may take to be as far as its primary.
const AS_FAR: Duration = Duration::from_secs(30);

/// A server that answers a replica at once. Redis waits some seconds for others to come
/// as well, unless it is told not to.
pub fn prepare(server: &Server) -> Session {
    let mut session = connect(server);
    session.call(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    session
}

/// A server and a connection to it.
pub fn start(flags: &[&str]) -> (Server, Session) {
    let server = Server::start_with(flags);
    let session = prepare(&server);
    (server, session)
}

/// What a line of INFO replication says.
pub fn info(session: &mut Session, field: &str) -> String {
    let text = session.call(&["INFO", "replication"]);
    let text = String::from_utf8_lossy(&text).into_owned();
    let start = format!("{field}:");
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(&start).map(str::to_owned));
    found.unwrap_or_default()
}

/// Makes a server follow the one at `address`.
pub fn follow(session: &mut Session, address: SocketAddr) {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    session.expect_args(&["REPLICAOF", &host, &port], "+OK\r\n");
}

#[track_caller]
pub fn wait_for_link(session: &mut Session) {
    wait_until("the replica has a link to its primary", || {
        info(session, "master_link_status") == "up"
    });
}

/// Waits until the replica has everything that the primary has.
#[track_caller]
pub fn wait_for_offset(primary: &mut Session, replica: &mut Session) {
    wait_until_as_far(("the primary", primary), ("the replica", replica));
}

/// The same for servers that the message of a failure is to tell apart.
#[track_caller]
pub fn wait_until_as_far(primary: (&str, &mut Session), replica: (&str, &mut Session)) {
    let ((first, primary), (second, replica)) = (primary, replica);
    let watch = Stopwatch::start();
    loop {
        let offset = info(primary, "master_repl_offset");
        let link = info(replica, "master_link_status");
        let reached = info(replica, "master_repl_offset");
        if link == "up" && reached == offset {
            return;
        }
        assert!(
            watch.elapsed() < AS_FAR,
            "still not: {second} is as far as {first}\n  {first} is at offset {offset}\n  \
             {second} is at offset {reached}, its link is {link}"
        );
        sleep(Duration::from_millis(10));
    }
}

/// A replica that is nothing but a socket.
pub struct Reader {
    pub client: Client,
    pub id: String,
    /// The offset at which the file was made.
    pub offset: i64,
    pub file: Vec<u8>,
}

impl Reader {
    /// Asks for everything, and gets the file.
    #[track_caller]
    pub fn connect(server: &Server) -> Self {
        let mut reader = Self::begin(server);
        reader.file = file(&mut reader.client);
        reader
    }

    /// Asks for everything. The file comes next.
    #[track_caller]
    pub fn begin(server: &Server) -> Self {
        let mut client = Client::connect(server);
        client.check("REPLCONF listening-port 1\r\n", "+OK\r\n");
        client.send("PSYNC ? -1\r\n");
        let answer = client.line();
        let words: Vec<&str> = answer.split(' ').collect();
        assert!(
            words[0] == "+FULLRESYNC" && words.len() == 3,
            "PSYNC ? -1\n  expected  +FULLRESYNC <id> <offset>\n  received  {answer}"
        );
        let (id, offset) = (words[1].to_owned(), words[2].parse().expect("an offset"));
        Self {
            client,
            id,
            offset,
            file: Vec::new(),
        }
    }

    /// The next command of the feed that is not only there to keep the link alive, or to say which
    /// database is meant.
    #[track_caller]
    pub fn command(&mut self) -> Vec<String> {
        loop {
            let words = self.any_command();
            let kind = words[0].to_ascii_uppercase();
            if kind != "PING" && kind != "SELECT" {
                return words;
            }
        }
    }

    /// The next command of the feed, whichever it is.
    #[track_caller]
    pub fn any_command(&mut self) -> Vec<String> {
        self.wait_for_feed();
        let bytes = self.client.reply();
        // More may come, and nobody need read it.
        self.client.expect_start("");
        self.offset += bytes.len() as i64;
        let words = strings(&bytes);
        let words = words.iter().map(|word| word.escape_ascii().to_string());
        words.collect()
    }

    /// Compares the next command of the feed, as far as `expected` goes, and returns it.
    #[track_caller]
    pub fn expect(&mut self, expected: &[&str]) -> Vec<String> {
        let received = self.command();
        let same = received.iter().zip(expected).all(|(word, it)| word == it);
        assert!(
            same && received.len() >= expected.len(),
            "the next command of the feed\n  expected  {}\n  received  {}",
            expected.join(" "),
            received.join(" ")
        );
        received
    }

    /// Waits until there is more of the feed.
    #[track_caller]
    fn wait_for_feed(&self) {
        let end = loop {
            match self.client.socket.peek(&mut [0]) {
                Ok(0) => break "the connection is closed",
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break "nothing comes",
            }
        };
        panic!(
            "the feed does not go on\n  sent      PSYNC ? -1\n  received  FULLRESYNC, the file, and \
             the feed up to offset {}\n  expected  the next command of the feed\n  instead   {end}",
            self.offset
        );
    }

    pub fn acknowledge(&mut self) {
        let offset = self.offset.to_string();
        let command = encode(&["REPLCONF", "ACK", &offset]);
        self.client.socket.write_all(&command).expect("send");
    }
}

/// The file that stands next in what a primary sends, after signs of life.
pub fn file(client: &mut Client) -> Vec<u8> {
    let line = client.line();
    let length = line.trim_start_matches("\\n").strip_prefix('$');
    let length = length.and_then(|length| length.parse().ok());
    client.receive(length.unwrap_or_else(|| panic!("no length of a file: {line}")))
}

/// A primary that is nothing but a socket.
pub struct Writer {
    listener: TcpListener,
    /// What it says to REPLCONF.
    option: &'static str,
}

/// Its feed.
pub const ID: &str = "0123456789abcdef0123456789abcdef01234567";

impl Writer {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let option = "+OK\r\n";
        Self { listener, option }
    }

    /// One that does not know what a replica says of itself.
    pub fn of_old() -> Self {
        let option = "-ERR unknown command\r\n";
        Self {
            option,
            ..Self::new()
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// The next replica, once it has asked for everything and was told `answer`.
    pub fn accept(&self, answer: impl AsRef<[u8]>) -> TcpStream {
        let (mut socket, _) = self.listener.accept().expect("a replica");
        let patience = Some(crate::client::patience());
        socket.set_read_timeout(patience).expect("a timeout");
        let mut buffer = [0; 4096];
        loop {
            let count =
                crate::client::read(&mut socket, &mut buffer).expect("what the replica says");
            assert!(count > 0, "the replica goes before it has asked");
            let said = String::from_utf8_lossy(&buffer[..count]).to_uppercase();
            let options = said.matches("REPLCONF").count();
            let pings = said.matches("PING").count();
            let mut reply = "+PONG\r\n".repeat(pings) + &self.option.repeat(options);
            if said.contains("PSYNC") {
                reply += &format!("+FULLRESYNC {ID} 100\r\n");
                socket.write_all(reply.as_bytes()).expect("answer");
                // It may hang up in the middle.
                let _ = socket.write_all(answer.as_ref());
                return socket;
            }
            socket.write_all(reply.as_bytes()).expect("answer");
        }
    }
}

/// An RDB file of nothing, as it is sent: without a checksum.
pub fn empty_file() -> Vec<u8> {
    b"$18\r\nREDIS0009\xff\0\0\0\0\0\0\0\0".to_vec()
}

/// Stands between a replica and its primary.
pub struct Relay {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let relay = Self {
            address: listener.local_addr().expect("an address"),
            target: Arc::new(Mutex::new(target)),
            sockets: Arc::default(),
        };
        let (target, sockets) = (relay.target.clone(), relay.sockets.clone());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let address = *target.lock().expect("the target");
                if let Ok(far) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                    let mut sockets = sockets.lock().expect("the sockets");
                    for (from, to) in [(&near, &far), (&far, &near)] {
                        let (from, to) = (from.try_clone(), to.try_clone());
                        let (from, to) = (from.expect("a handle"), to.expect("a handle"));
                        sockets.push(from.try_clone().expect("a handle"));
                        thread::spawn(move || pump(from, to));
                    }
                }
            }
        });
        relay
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Cuts what there is; the next connection goes to `target`.
    pub fn turn(&self, target: SocketAddr) {
        *self.target.lock().expect("the target") = target;
        for socket in self.sockets.lock().expect("the sockets").drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Everything in a server, in a few large steps: each key with its value and deadline.
pub fn all(session: &mut Session) -> BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)> {
    let keys = session.strings(&["KEYS", "*"]);
    let mut found = BTreeMap::new();
    for keys in keys.chunks(5000) {
        let times: Vec<u8> = keys
            .iter()
            .flat_map(|key| encode(&[b"PEXPIRETIME", &key[..]]))
            .collect();
        session.send(&times);
        let times: Vec<Vec<u8>> = keys.iter().map(|_| session.reply()).collect();
        let values: Vec<u8> = keys
            .iter()
            .flat_map(|key| encode(&[b"GET", &key[..]]))
            .collect();
        session.send(&values);
        for (key, time) in keys.iter().zip(times) {
            found.insert(key.clone(), (session.reply(), time));
        }
    }
    found
}

/// Sets `count` keys, each seventh with a time to live.
pub fn fill(session: &mut Session, count: usize) {
    for first in (0..count).step_by(1000) {
        let mut commands = Vec::new();
        for i in first..first + 1000 {
            let (key, value) = (format!("key:{i}"), format!("value {i}"));
            commands.extend(match i % 7 {
                0 => encode(&["SET", &key, &value, "PXAT", "33000000000123"]),
                _ => encode(&["SET", &key, &value]),
            });
        }
        session.send(&commands);
        (0..1000).for_each(|_| drop(session.reply()));
    }
    session.expect("DBSIZE", int(count as i64));
}
