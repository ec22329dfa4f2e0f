//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-003
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use client::{Client, escaped};
use harness::{Server, wait_until};
use session::encode;

const MEGABYTE: usize = 1 << 20;

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&client.send(encode(&words)).reply());
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

#[track_caller]
fn set(client: &mut Client, name: &str, value: &str) {
    let command = format!("CONFIG SET {name} {value}");
    assert_eq!(ask(client, &command), "+OK", "{command}");
}

/// A client that sends large commands and may be disconnected while it does.
struct Talker {
    socket: TcpStream,
    id: String,
}

impl Talker {
    fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.addr()).expect("the server accepts clients");
        let patience = client::patience();
        socket
            .set_read_timeout(Some(patience))
            .and_then(|()| socket.set_write_timeout(Some(patience)))
            .expect("a timeout can be set");
        let mut talker = Talker {
            socket,
            id: String::new(),
        };
        talker.say(&encode(&["CLIENT", "ID"]));
        talker.id = talker.line()[1..].to_owned();
        talker
    }

    /// Sends bytes. Whether they arrive is for the test to find out.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Begins an ECHO of so many bytes, and sends all but the last of them.
    fn begin(&mut self, length: usize) {
        let head = format!("*2\r\n$4\r\nECHO\r\n${length}\r\n");
        self.say(head.as_bytes());
        self.say(&vec![b'x'; length - 1]);
    }

    /// Sends the last byte, and expects the reply.
    #[track_caller]
    fn end(&mut self, length: usize) {
        self.say(b"x\r\n");
        assert_eq!(self.line(), format!("${length}"), "the reply of ECHO");
        let mut rest = vec![0; length + 2];
        let read = self.socket.read_exact(&mut rest);
        assert!(read.is_ok(), "the reply of ECHO breaks off: {read:?}");
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let (mut line, mut byte) = (String::new(), [0]);
        while !line.ends_with("\r\n") {
            let read = self.socket.read(&mut byte);
            assert!(
                matches!(read, Ok(1)),
                "a line of a reply was expected, and after {line:?} came {read:?}"
            );
            line.push(byte[0].into());
        }
        line.trim_end().to_owned()
    }

    /// The connection must end, and without another byte.
    #[track_caller]
    fn expect_closed(&mut self) {
        let mut byte = [0];
        match self.socket.read(&mut byte) {
            Ok(0) => {}
            Ok(_) => panic!("the client must be disconnected, and got {byte:?}"),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the client must be disconnected, and nothing came: {error}"),
        }
    }
}

/// Waits until so many bytes of a talker's command have arrived.
#[track_caller]
fn wait_for_input(observer: &mut Client, talker: &Talker, length: usize) {
    let id = &talker.id;
    wait_until("what was sent has arrived, as CLIENT LIST shows it", || {
        let line = ask(observer, &format!("CLIENT LIST ID {id}"));
        let qbuf = line
            .split(' ')
            .find_map(|field| field.strip_prefix("qbuf="));
        qbuf.and_then(|it| it.parse().ok()).unwrap_or(0) >= length
    });
}

#[test]
#[ignore = "an exercise: make check-003"]
fn exercise_1_a_command_that_is_too_long_ends_its_client() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut talker = Talker::connect(&server);
    set(&mut observer, "client-query-buffer-limit", "1mb");
    talker.begin(2 * MEGABYTE);
    talker.expect_closed();
    assert_eq!(ask(&mut observer, "PING"), "+PONG");
    let id = &talker.id;
    let list = ask(&mut observer, &format!("CLIENT LIST ID {id}"));
    assert!(!list.contains("addr="), "the client is still there: {list}");
}

#[test]
#[ignore = "an exercise: make check-003"]
fn exercise_1_what_is_within_the_limit_is_executed() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut talker = Talker::connect(&server);
    set(&mut observer, "client-query-buffer-limit", "1mb");
    talker.begin(MEGABYTE / 2);
    talker.end(MEGABYTE / 2);
    // Together they are more than the limit, and none of them waits for long.
    for _ in 0..8 {
        talker.begin(MEGABYTE / 4);
        talker.end(MEGABYTE / 4);
    }
    talker.begin(2 * MEGABYTE);
    talker.expect_closed();
    set(&mut observer, "client-query-buffer-limit", "4mb");
    let mut talker = Talker::connect(&server);
    talker.begin(2 * MEGABYTE);
    talker.end(2 * MEGABYTE);
}

#[test]
#[ignore = "an exercise: make check-003"]
fn exercise_2_the_largest_client_goes_first() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut small = Talker::connect(&server);
    let mut large = Talker::connect(&server);
    small.begin(MEGABYTE);
    large.begin(4 * MEGABYTE);
    wait_for_input(&mut observer, &small, MEGABYTE - 1);
    wait_for_input(&mut observer, &large, 4 * MEGABYTE - 1);
    set(&mut observer, "maxmemory-clients", "4mb");
    large.expect_closed();
    small.end(MEGABYTE);
    let info = ask(&mut observer, "INFO stats");
    assert!(info.contains("\nevicted_clients:1\n"), "INFO stats: {info}");
}

#[test]
#[ignore = "an exercise: make check-003"]
fn exercise_2_who_said_no_evict_stays() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut kept = Talker::connect(&server);
    kept.say(&encode(&["CLIENT", "NO-EVICT", "ON"]));
    assert_eq!(kept.line(), "+OK");
    let mut other = Talker::connect(&server);
    kept.begin(6 * MEGABYTE);
    other.begin(12 * MEGABYTE);
    wait_for_input(&mut observer, &kept, 6 * MEGABYTE - 1);
    wait_for_input(&mut observer, &other, 12 * MEGABYTE - 1);
    set(&mut observer, "maxmemory-clients", "16mb");
    other.expect_closed();
    kept.end(6 * MEGABYTE);
}

#[test]
#[ignore = "an exercise: make check-003"]
fn exercise_2_the_limit_holds_for_all_together() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    set(&mut observer, "maxmemory-clients", "8mb");
    let mut talkers: Vec<Talker> = (0..4).map(|_| Talker::connect(&server)).collect();
    // None of them is large enough alone.
    for talker in &mut talkers {
        talker.begin(3 * MEGABYTE);
    }
    let evicted = |observer: &mut Client| {
        let info = ask(observer, "INFO stats");
        let number = info
            .lines()
            .find_map(|it| it.strip_prefix("evicted_clients:"));
        number.and_then(|it| it.parse::<usize>().ok()).unwrap_or(0)
    };
    wait_until("INFO stats says that two or more are evicted", || {
        evicted(&mut observer) >= 2
    });
    let ids: Vec<&str> = talkers.iter().map(|it| it.id.as_str()).collect();
    let list = ask(&mut observer, &format!("CLIENT LIST ID {}", ids.join(" ")));
    let left = list.matches(" laddr=").count();
    // How large a buffer is beyond what is in it is the server's choice.
    assert!((1..=2).contains(&left), "CLIENT LIST: {list}");
}
