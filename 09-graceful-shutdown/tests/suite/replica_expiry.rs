//! Keys that expire on a replica: who sees them, who removes them, and that the primary has the
//! last word. The primary is nothing but a socket, so it says only what a test wants.
//!
//! Reread: 08-replication/GUIDE.md#4-expiry-on-a-replica

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use crate::dump;
use crate::harness::{Server, wait_until};
use crate::log::{connect, data_folder};
use crate::replicas::{Writer, empty_file, follow, info, start, wait_for_link};
use crate::session::{NULL, OK, Session, bulk, encode, int};

const NO_SUCH_KEY: &str = "-ERR no such key\r\n";

/// A replica, and the stream of its primary.
struct Replica {
    _server: Server,
    client: Session,
    stream: TcpStream,
    offset: usize,
}

impl Replica {
    fn start(flags: &[&str]) -> Self {
        let (server, mut client) = start(flags);
        let primary = Writer::new();
        follow(&mut client, primary.addr());
        let stream = primary.accept(empty_file());
        wait_for_link(&mut client);
        Self {
            _server: server,
            client,
            stream,
            offset: 100,
        }
    }

    /// A replica whose clients may write.
    fn writable() -> Self {
        let mut replica = Self::start(&[]);
        let command = "CONFIG SET replica-read-only no";
        replica.client.expect(command, OK);
        replica
    }

    /// Lets the primary say this, and waits until it is executed.
    #[track_caller]
    fn feed(&mut self, lines: &[&str]) {
        let words = |line: &&str| encode(&line.split(' ').collect::<Vec<_>>());
        let bytes: Vec<u8> = lines.iter().flat_map(words).collect();
        self.stream.write_all(&bytes).expect("send");
        self.offset += bytes.len();
        wait_until("the replica has executed it", || {
            info(&mut self.client, "master_repl_offset") == self.offset.to_string()
        });
    }

    /// How many keys have expired here.
    fn expired(&mut self) -> String {
        stat(&mut self.client, "expired_keys")
    }
}

/// What a line of INFO stats says.
fn stat(session: &mut Session, field: &str) -> String {
    let text = session.call(&["INFO", "stats"]);
    let text = String::from_utf8_lossy(&text).into_owned();
    let start = format!("{field}:");
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(&start).map(str::to_owned));
    found.unwrap_or_else(|| panic!("no {field} in INFO"))
}

/// What a client may ask for that reads, and what it is told of `dead`, which is over, and of
/// `live`.
fn reads() -> Vec<(&'static str, String)> {
    let empty = "*2\r\n$1\r\n0\r\n*0\r\n";
    vec![
        ("GET dead", NULL.into()),
        ("MGET dead live", "*2\r\n$-1\r\n$1\r\n1\r\n".into()),
        ("STRLEN dead", int(0)),
        ("GETRANGE dead 0 -1", "$0\r\n\r\n".into()),
        ("EXISTS dead live dead", int(1)),
        ("TOUCH dead live", int(1)),
        ("TYPE dead", "+none\r\n".into()),
        ("TTL dead", int(-2)),
        ("PTTL dead", int(-2)),
        ("EXPIRETIME dead", int(-2)),
        ("PEXPIRETIME dead", int(-2)),
        ("OBJECT ENCODING dead", NULL.into()),
        ("KEYS *", "*1\r\n$4\r\nlive\r\n".into()),
        ("SCAN 0 COUNT 1000 MATCH d*", empty.into()),
        (
            "SCAN 0 COUNT 1000",
            empty.replace("*0\r\n", "*1\r\n$4\r\nlive\r\n"),
        ),
        ("RANDOMKEY", bulk_text("live")),
    ]
}

fn bulk_text(text: &str) -> String {
    String::from_utf8(bulk(text)).expect("text")
}

/// Only the primary may remove a key, because it may have given it another deadline meanwhile.
#[test]
fn whatever_is_read_on_a_replica_nothing_is_removed() {
    for mut replica in [Replica::start(&[]), Replica::writable()] {
        replica.feed(&["SET live 1", "SET dead 42 PXAT 1"]);
        for (command, reply) in reads() {
            replica.client.expect(command, reply);
            replica.client.expect("DBSIZE", int(2));
        }
        assert_eq!(replica.expired(), "0");
        replica.feed(&["PEXPIREAT dead 33000000000123"]);
        replica.client.expect("GET dead", bulk("42"));
        replica
            .client
            .expect("PEXPIRETIME dead", int(33_000_000_000_123));
    }
}

/// Redis draws a hundred times, and then takes what it has drawn.
#[test]
fn randomkey_ends_where_all_keys_are_over() {
    let mut replica = Replica::start(&[]);
    replica.feed(&["SET dead 42 PXAT 1"]);
    replica.client.expect("RANDOMKEY", bulk("dead"));
    replica.client.expect("GET dead", NULL);
    replica.client.expect("DBSIZE", int(1));
}

/// What each command that writes says where `dead` is over: its reply, how many keys have
/// expired, how many of three are left, and what `dead` is then.
fn writes() -> Vec<(&'static str, String, i64, i64, Option<&'static str>)> {
    let ok = || OK.to_owned();
    let null = || NULL.to_owned();
    let gone = || NO_SUCH_KEY.to_owned();
    vec![
        ("INCR dead", int(1), 1, 3, Some("1")),
        ("INCRBYFLOAT dead 1.5", bulk_text("1.5"), 1, 3, Some("1.5")),
        ("APPEND dead x", int(1), 1, 3, Some("x")),
        ("SETRANGE dead 1 x", int(2), 1, 3, Some("\0x")),
        ("SET dead x", ok(), 1, 3, Some("x")),
        ("SET dead x KEEPTTL", ok(), 1, 3, Some("x")),
        ("SET dead x NX GET", null(), 1, 3, Some("x")),
        ("SET dead x XX", null(), 1, 2, None),
        ("SETNX dead x", int(1), 1, 3, Some("x")),
        ("GETSET dead x", null(), 1, 3, Some("x")),
        ("MSET dead x live 2", ok(), 1, 3, Some("x")),
        ("MSETNX dead x new 2", int(1), 1, 4, Some("x")),
        ("MSETNX dead x live 2", int(0), 1, 2, None),
        ("PERSIST dead", int(0), 1, 2, None),
        ("EXPIRE dead 100", int(0), 1, 2, None),
        ("RENAME dead other", gone(), 1, 2, None),
        ("RENAME dead dead", gone(), 1, 2, None),
        ("RENAMENX dead other", gone(), 1, 2, None),
        ("RENAME live dead", ok(), 1, 2, Some("1")),
        ("RENAMENX live dead", int(1), 1, 2, Some("1")),
        ("COPY live dead", int(1), 1, 3, Some("1")),
        // These only read it.
        ("COPY dead other", int(0), 0, 3, None),
        ("GETEX dead EX 100", null(), 0, 3, None),
        ("GETEX dead PERSIST", null(), 0, 3, None),
        // And these remove it as if it were alive.
        ("DEL dead", int(1), 0, 2, None),
        ("UNLINK dead dead live", int(2), 0, 1, None),
        ("GETDEL dead", null(), 0, 2, None),
    ]
}

#[test]
fn who_writes_to_a_replica_finds_no_key_that_is_over() {
    let mut replica = Replica::writable();
    for (command, reply, expired, left, after) in writes() {
        replica.feed(&[
            "FLUSHALL",
            "SET live 1",
            "SET dead 42 PXAT 1",
            "SET other-dead 43 PXAT 1",
        ]);
        replica.client.expect("CONFIG RESETSTAT", OK);
        replica.client.expect(command, reply);
        assert_eq!(replica.expired(), expired.to_string(), "{command}");
        replica.client.expect("DBSIZE", int(left));
        replica
            .client
            .expect("GET dead", after.map_or(NULL.into(), bulk));
        let ttl = if after.is_some() { -1 } else { -2 };
        replica.client.expect("TTL dead", int(ttl));
    }
}

/// Of what a client of the replica has set, the primary knows nothing.
#[test]
fn a_replica_removes_what_its_own_clients_gave_a_deadline() {
    let mut replica = Replica::writable();
    replica.feed(&["MSET a 1 b 2 live 3", "SET dead 42 PXAT 1"]);
    let c = &mut replica.client;
    c.expect("SET far v EX 1000", OK);
    c.expect("SET own v PX 1", OK);
    c.expect("SET past v PXAT 1", OK);
    c.expect("EXPIRE a -1", int(1));
    c.expect("GETEX b PXAT 1", bulk("2"));
    c.expect("MGET a b past", "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
    wait_until("its own keys are gone", || c.call(&["DBSIZE"]) == b":3\r\n");
    wait_until("one is still looked after", || {
        stat(c, "slave_expires_tracked_keys") == "1"
    });
    c.expect("GET far", bulk("v"));
    assert_eq!(replica.expired(), "4");
    replica.feed(&["PEXPIREAT dead 33000000000123"]);
    replica.client.expect("GET dead", bulk("42"));
    replica.feed(&["FLUSHALL"]);
    assert_eq!(stat(&mut replica.client, "slave_expires_tracked_keys"), "0");
}

/// Whatever the clock says here: to the primary, the keys were there.
#[test]
fn the_primarys_stream_finds_keys_that_are_over_here() {
    let mut replica = Replica::start(&[]);
    replica.feed(&[
        "MSET n 41 a x",
        "PEXPIREAT n 1",
        "PEXPIREAT a 1",
        "INCR n",
        "APPEND a y",
        "SETNX n 0",
        "SET a z XX KEEPTTL",
        "COPY n copy",
        "RENAME a renamed",
        "GETEX n PERSIST",
        "PERSIST renamed",
        "SET gone 1 PXAT 1",
        "DEL gone",
    ]);
    let c = &mut replica.client;
    c.expect("DBSIZE", int(3));
    c.expect(
        "MGET n renamed",
        [b"*2\r\n".to_vec(), bulk("42"), bulk("z")].concat(),
    );
    c.expect("GET copy", NULL);
    assert_eq!(replica.expired(), "0");
    replica.feed(&["PERSIST copy"]);
    replica.client.expect("GET copy", bulk("42"));
}

#[test]
fn a_replica_that_is_promoted_removes_what_is_over() {
    for mut replica in [Replica::start(&[]), Replica::writable()] {
        replica.feed(&["SET live 1", "SET dead 42 PXAT 1", "SET other 43 PXAT 1"]);
        let c = &mut replica.client;
        c.expect("DBSIZE", int(3));
        c.expect("REPLICAOF NO ONE", OK);
        wait_until("they are removed", || c.call(&["DBSIZE"]) == b":1\r\n");
        assert_eq!(replica.expired(), "2");
    }
}

/// A primary drops what is over when it starts; a replica keeps it until its primary speaks.
#[test]
fn a_server_that_starts_as_a_replica_keeps_what_is_over() {
    let data = data_folder();
    let over = [&b"\xFC\x01\0\0\0\0\0\0\0"[..], &dump::record(b"dead", b"v")].concat();
    let records = [over, dump::record(b"live", b"1")];
    fs::write(dump::path(&data), dump::file(&records)).expect("a file");
    // Nobody listens there.
    let replica = Server::start_on(data.path(), &["--replicaof", "127.0.0.1 1"]);
    let mut c = connect(&replica);
    c.expect("DBSIZE", int(2));
    c.expect("GET dead", NULL);
    let primary = Server::start_on(data.path(), &[]);
    connect(&primary).expect("DBSIZE", int(1));
}
