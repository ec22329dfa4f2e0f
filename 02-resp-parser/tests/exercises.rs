//! The graders of [EXERCISES.md](../EXERCISES.md). `make check-02` runs them; a
//! plain `cargo test` leaves them out, for nobody has solved the exercises yet.
//!
//! Real Redis passes them as well:
//! `WORKSHOP_SERVER="redis-server --save '' --appendonly no"`.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;

use std::time::Duration;

use client::{Client, escaped};
use harness::{Server, wait_until};

/// Each in a connection of its own, so that none depends on another.
#[track_caller]
fn check_all(server: &Server, exchanges: &[(&str, &str)]) {
    for (commands, replies) in exchanges {
        Client::connect(server).check(commands, replies);
    }
}

/// As a last command, it shows that nothing else came and that the connection
/// lives.
const STILL_HERE: (&str, &str) = ("ECHO end\r\n", "$3\r\nend\r\n");

/// Sends `commands` and [`STILL_HERE`], and wants `replies` and no more.
#[track_caller]
fn check_whole(client: &mut Client, commands: &str, replies: &str) {
    client.check(
        format!("{commands}{}", STILL_HERE.0),
        format!("{replies}{}", STILL_HERE.1),
    );
}

/// Compares what `COMMAND INFO` says of a command, up to the positions of its keys, with what Redis
/// says. What follows (categories, tips) is more in Redis.
#[track_caller]
fn check_table(server: &Server, name: &str, start: &str) {
    let start = format!(
        "*1\r\n*10\r\n${}\r\n{name}\r\n{start}:0\r\n:0\r\n:0\r\n",
        name.len()
    );
    let mut client = Client::connect(server);
    client.send(format!("COMMAND INFO {name}\r\n"));
    client.expect_start(start);
}

/// The three things that a failure tells.
fn told(sent: &str, received: &str, redis: &str) -> String {
    format!("\n  sent      {sent}\n  received  {received}\n  Redis     {redis}\n")
}

// ---------------------------------------------------------------------------
// 1. Replies that nobody wants
// ---------------------------------------------------------------------------

#[test]
#[ignore = "exercise 1"]
fn exercise_1_off_silences_replies_and_errors_until_on() {
    let server = Server::start();
    check_all(
        &server,
        &[
            (
                "CLIENT REPLY OFF\r\nPING\r\nECHO x\r\nCLIENT REPLY ON\r\nPING\r\n",
                "+OK\r\n+PONG\r\n",
            ),
            (
                "PING 1\r\nCLIENT REPLY OFF\r\nNOSUCH\r\nECHO\r\nclient reply on\r\n",
                "$1\r\n1\r\n+OK\r\n",
            ),
            (
                "CLIENT REPLY OFF\r\nCLIENT REPLY OFF\r\nCLIENT REPLY FOO\r\nCLIENT REPLY ON\r\n\
                 CLIENT REPLY ON\r\n",
                "+OK\r\n+OK\r\n",
            ),
            (
                "CLIENT REPLY OFF\r\nCLIENT SETNAME me\r\nHELLO 3\r\nCLIENT REPLY ON\r\n\
                 CLIENT GETNAME\r\nCLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n",
                "+OK\r\n$2\r\nme\r\n+OK\r\n_\r\n",
            ),
        ],
    );
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_skip_silences_the_next_command() {
    let server = Server::start();
    let exchanges = [
        ("CLIENT REPLY SKIP\r\nPING\r\n", ""),
        ("CLIENT REPLY SKIP\r\nPING\r\nPING\r\n", "+PONG\r\n"),
        ("CLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n", "+PONG\r\n"),
        (
            "CLIENT REPLY SKIP\r\nCLIENT REPLY FOO\r\nPING\r\n",
            "+PONG\r\n",
        ),
        (
            "CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING\r\nPING 2\r\n",
            "$1\r\n2\r\n",
        ),
        (
            "CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING\r\n",
            "+OK\r\n+PONG\r\n",
        ),
        (
            "CLIENT REPLY SKIP\r\nCLIENT REPLY OFF\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\n",
            "+OK\r\n",
        ),
        (
            "CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\n",
            "+OK\r\n",
        ),
        // An empty line is the next command, too.
        ("CLIENT REPLY SKIP\r\n\r\nPING\r\n", "+PONG\r\n"),
        ("CLIENT REPLY SKIP\r\n*0\r\nPING\r\n", "+PONG\r\n"),
    ];
    for (commands, replies) in exchanges {
        check_whole(&mut Client::connect(&server), commands, replies);
    }
}

/// What has been said applies to what comes later, and to nobody else.
#[test]
#[ignore = "exercise 1"]
fn exercise_1_it_lasts_and_concerns_one_client() {
    let server = Server::start();
    let mut other = Client::connect(&server);
    let mut client = Client::connect(&server);
    client.send("CLIENT REPLY SKIP\r\n").expect_silence();
    client.send("PING\r\n").expect_silence();
    client.check("PING\r\n", "+PONG\r\n");
    client.send("CLIENT REPLY OFF\r\n").expect_silence();
    client.send("PING\r\n").expect_silence();
    other.check("PING\r\n", "+PONG\r\n");
    client.check("CLIENT REPLY ON\r\n", "+OK\r\n");
}

/// Redis says nothing, and then forgets to hang up. So this asks only that nothing
/// comes, neither before the connection ends nor without its end.
#[test]
#[ignore = "exercise 1"]
fn exercise_1_the_end_is_silent_as_well() {
    let server = Server::start();
    for commands in [
        "CLIENT REPLY OFF\r\nQUIT\r\nCLIENT REPLY ON\r\n",
        "CLIENT REPLY SKIP\r\nQUIT\r\n",
        "CLIENT REPLY OFF\r\n*1\r\nPING\r\nCLIENT REPLY ON\r\n",
        "CLIENT REPLY SKIP\r\n*1\r\nPING\r\n",
    ] {
        let mut client = Client::connect(&server);
        client.check("PING\r\n", "+PONG\r\n");
        client.send(commands);
        let timeout = Some(Duration::from_millis(100));
        client.socket.set_read_timeout(timeout).expect("a timeout");
        let received = client.receive(100);
        assert!(
            received.is_empty(),
            "{}",
            told(
                &escaped(commands.as_bytes()),
                &escaped(&received),
                "nothing"
            )
        );
    }
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_reset_brings_the_replies_back() {
    let server = Server::start();
    check_all(
        &server,
        &[
            (
                "CLIENT REPLY OFF\r\nRESET\r\nPING\r\n",
                "+RESET\r\n+PONG\r\n",
            ),
            ("CLIENT REPLY SKIP\r\nRESET\r\nPING\r\n", "+PONG\r\n"),
        ],
    );
}

#[test]
#[ignore = "exercise 1"]
fn exercise_1_the_table_has_it() {
    let server = Server::start();
    let arity = "-ERR wrong number of arguments for 'client|reply' command\r\n";
    check_all(
        &server,
        &[
            ("CLIENT REPLY\r\n", arity),
            ("CLIENT REPLY ON ON\r\n", arity),
            ("CLIENT REPLY maybe\r\n", "-ERR syntax error\r\n"),
        ],
    );
    check_table(
        &server,
        "client|reply",
        ":3\r\n*3\r\n+noscript\r\n+loading\r\n+stale\r\n",
    );
}

// ---------------------------------------------------------------------------
// 2. The new types of RESP3
// ---------------------------------------------------------------------------

/// A type, and its test value in RESP2 and in RESP3.
const TYPES: [(&str, &str, &str); 6] = [
    ("double", "$5\r\n3.141\r\n", ",3.141\r\n"),
    (
        "map",
        "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n",
        "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n",
    ),
    (
        "attrib",
        "$39\r\nSome real reply following the attribute\r\n",
        "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n\
         $39\r\nSome real reply following the attribute\r\n",
    ),
    ("true", ":1\r\n", "#t\r\n"),
    ("false", ":0\r\n", "#f\r\n"),
    (
        "bignum",
        "$37\r\n1234567999999999999999999999999999999\r\n",
        "(1234567999999999999999999999999999999\r\n",
    ),
];

const NOT_ALLOWED: &str = "-ERR DEBUG command not allowed. If the enable-debug-command option is set \
     to \"local\", you can run it from a local connection, otherwise you need to set this option in the \
     configuration file, and then restart the server.\r\n";

#[test]
#[ignore = "exercise 2"]
fn exercise_2_each_type_in_resp2() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut client = Client::connect(&server);
    for (name, resp2, _) in TYPES {
        check_whole(&mut client, &format!("DEBUG PROTOCOL {name}\r\n"), resp2);
    }
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_each_type_in_resp3() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut client = Client::connect(&server);
    client.send("HELLO 3\r\n").reply();
    for (name, _, resp3) in TYPES {
        let upper = name.to_uppercase();
        check_whole(&mut client, &format!("debug protocol {upper}\r\n"), resp3);
    }
    // Back in RESP2, the types are gone.
    client.send("HELLO 2\r\n").reply();
    check_whole(&mut client, "DEBUG PROTOCOL true\r\n", ":1\r\n");
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_what_it_does_not_know_it_refuses() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let unknown = |name: &str| {
        format!(
            "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.\r\n"
        )
    };
    let long = "n".repeat(200);
    check_all(
        &server,
        &[
            (
                "DEBUG\r\n",
                "-ERR wrong number of arguments for 'debug' command\r\n",
            ),
            (
                "DEBUG PROTOCOL strings\r\n",
                "-ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false\r\n",
            ),
            ("DEBUG PROTOCOL\r\n", &unknown("PROTOCOL")),
            ("DEBUG protocol map x\r\n", &unknown("protocol")),
            ("DEBUG nosuch\r\n", &unknown("nosuch")),
            (&format!("DEBUG {long}\r\n"), &unknown(&long[..128])),
        ],
    );
    check_table(
        &server,
        "debug",
        ":-2\r\n*4\r\n+admin\r\n+noscript\r\n+loading\r\n+stale\r\n",
    );
}

#[test]
#[ignore = "exercise 2"]
fn exercise_2_nobody_may_unless_the_flag_allows_it() {
    for flags in [&[][..], &["--enable-debug-command", "no"]] {
        let server = Server::start_with(flags);
        check_all(
            &server,
            &[
                ("DEBUG PROTOCOL double\r\n", NOT_ALLOWED),
                ("DEBUG nosuch\r\n", NOT_ALLOWED),
                (
                    "DEBUG\r\n",
                    "-ERR wrong number of arguments for 'debug' command\r\n",
                ),
            ],
        );
    }
}

// ---------------------------------------------------------------------------
// 3. What the server knows of you
// ---------------------------------------------------------------------------

/// The fields of CLIENT INFO, in Redis's order.
const FIELDS: [&str; 28] = [
    "id",
    "addr",
    "laddr",
    "fd",
    "name",
    "age",
    "idle",
    "flags",
    "db",
    "sub",
    "psub",
    "ssub",
    "multi",
    "qbuf",
    "qbuf-free",
    "argv-mem",
    "multi-mem",
    "rbs",
    "rbp",
    "obl",
    "oll",
    "omem",
    "tot-mem",
    "events",
    "cmd",
    "user",
    "redir",
    "resp",
];

const INFO: &str = "CLIENT INFO\r\n";

/// The reply to CLIENT INFO: its raw bytes, and its fields.
struct Info {
    raw: String,
    fields: Vec<(String, String)>,
}

impl Info {
    /// Sends [`INFO`]. What was sent before it must have been answered.
    fn ask(client: &mut Client) -> Self {
        client.send(INFO);
        Self::read(client)
    }

    fn read(client: &mut Client) -> Self {
        let raw = String::from_utf8_lossy(&client.reply()).into_owned();
        let line = raw.split_once("\r\n").map_or("", |(_, line)| line);
        let line = line.strip_prefix("txt:").unwrap_or(line);
        let pair = |word: &str| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            (name.to_owned(), value.to_owned())
        };
        let fields = line.trim_end().split(' ').map(pair).collect();
        Self { raw, fields }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.0 == name);
        field.map(|field| field.1.as_str())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Compares fields that Redis has just like this.
    #[track_caller]
    fn check(&self, sent: &str, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert!(
                self.get(name) == Some(value),
                "{}",
                told(
                    sent,
                    &self.raw.escape_debug().to_string(),
                    &format!("…{name}={value}…"),
                )
            );
        }
    }
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_it_is_one_line_of_fields_in_order() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let info = Info::ask(&mut client);
    let names: Vec<&str> = info.fields.iter().map(|field| field.0.as_str()).collect();
    let wanted = FIELDS;
    let is_line = info.raw.ends_with("\n\r\n") && info.raw.matches('\n').count() == 3;
    assert!(
        names == wanted && is_line,
        "{}",
        told(
            INFO.trim_end(),
            &escaped(info.raw.as_bytes()),
            &format!(
                "a bulk string that is one line, ended by \\n, with the fields {}",
                wanted.join(" ")
            ),
        )
    );
    for name in ["fd", "qbuf-free", "argv-mem", "rbs", "rbp", "tot-mem"] {
        assert!(
            info.number(name).is_some(),
            "{}",
            told(
                INFO.trim_end(),
                &escaped(info.raw.as_bytes()),
                &format!("{name} is a number"),
            )
        );
    }
    info.check(
        INFO.trim_end(),
        &[
            ("flags", "N"),
            ("db", "0"),
            ("sub", "0"),
            ("psub", "0"),
            ("ssub", "0"),
            ("multi", "-1"),
            ("multi-mem", "0"),
            ("oll", "0"),
            ("omem", "0"),
            ("events", "r"),
            ("cmd", "client|info"),
            ("user", "default"),
            ("redir", "-1"),
        ],
    );
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_each_client_learns_about_itself() {
    let server = Server::start();
    let mut clients = [Client::connect(&server), Client::connect(&server)];
    for client in &mut clients {
        let id = client.send("CLIENT ID\r\n").line();
        let own = client.socket.local_addr().expect("our address");
        let info = Info::ask(client);
        let expected = [
            ("id", id.trim_start_matches(':')),
            ("addr", &own.to_string()),
            ("laddr", &server.addr().to_string()),
            ("name", ""),
        ];
        info.check(INFO.trim_end(), &expected);
    }
    let [first, second] = clients.map(|mut client| Info::ask(&mut client));
    assert!(
        first.get("fd") != second.get("fd"),
        "{}",
        told(
            "CLIENT INFO by two clients",
            &format!("fd={:?} and fd={:?}", first.get("fd"), second.get("fd")),
            "the file descriptors of their sockets, which are different",
        )
    );
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_it_is_about_now() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    client.check("CLIENT SETNAME Anna\r\n", "+OK\r\n");
    let info = Info::ask(&mut client);
    info.check(
        "CLIENT SETNAME Anna, CLIENT INFO",
        &[("name", "Anna"), ("resp", "2")],
    );

    client.send("HELLO 3 SETNAME Ben\r\n").reply();
    let info = Info::ask(&mut client);
    let sent = "HELLO 3 SETNAME Ben, CLIENT INFO";
    info.check(sent, &[("name", "Ben"), ("resp", "3")]);
    let length = info
        .raw
        .split_once("\r\n")
        .map_or(0, |(_, rest)| rest.len() - 2);
    let header = format!("={length}\r\ntxt:");
    assert!(
        info.raw.starts_with(&header),
        "{}",
        told(
            sent,
            &escaped(info.raw.as_bytes()),
            &format!("{}id=…", header.escape_default()),
        )
    );

    client.check("RESET\r\n", "+RESET\r\n");
    let info = Info::ask(&mut client);
    info.check("RESET, CLIENT INFO", &[("name", ""), ("resp", "2")]);
}

/// `qbuf` counts the bytes of the command, and `obl` those of the replies that
/// have not been sent yet.
#[test]
#[ignore = "exercise 3"]
fn exercise_3_the_buffers_are_counted() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for command in [
        "CLIENT INFO\r\n",
        "client  info  \r\n",
        "*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n",
    ] {
        client.send(command);
        let info = Info::read(&mut client);
        let length = command.len().to_string();
        let sent = escaped(command.as_bytes());
        info.check(&sent, &[("qbuf", &length), ("obl", "0")]);
    }
    client.send("PING\r\nCLIENT INFO\r\n");
    client.expect("+PONG\r\n");
    let info = Info::read(&mut client);
    info.check(r"PING\r\nCLIENT INFO\r\n in one piece", &[("obl", "7")]);
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_age_and_idle_are_in_seconds() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let mut other = Client::connect(&server);
    let info = Info::ask(&mut client);
    let is_new = |info: &Info| {
        let is_short = |name| info.number(name).is_some_and(|seconds| seconds <= 1);
        is_short("age") && is_short("idle")
    };
    assert!(
        is_new(&info),
        "{}",
        told(
            "CLIENT INFO by a new client",
            &escaped(info.raw.as_bytes()),
            "age and idle are the seconds since it came and since it last said something: 0",
        )
    );
    // All the while it is not idle.
    wait_until("the age of the client is 2 seconds", || {
        let info = Info::ask(&mut client);
        assert!(
            info.number("idle").is_some_and(|idle| idle <= 1),
            "{}",
            told(
                "CLIENT INFO again and again",
                &escaped(info.raw.as_bytes()),
                "idle=0, for the client has just said something",
            )
        );
        info.number("age").is_some_and(|age| age >= 2)
    });
    // The other one has said nothing meanwhile; what it says now counts.
    let info = Info::ask(&mut other);
    assert!(
        info.number("age").is_some_and(|age| age >= 1)
            && info.number("idle").is_some_and(|idle| idle <= 1),
        "{}",
        told(
            "after 2 s, the first command of a client: CLIENT INFO",
            &escaped(info.raw.as_bytes()),
            "age=2 and idle=0",
        )
    );
}

#[test]
#[ignore = "exercise 3"]
fn exercise_3_the_table_has_it() {
    let server = Server::start();
    check_all(
        &server,
        &[(
            "CLIENT INFO x\r\n",
            "-ERR wrong number of arguments for 'client|info' command\r\n",
        )],
    );
    check_table(
        &server,
        "client|info",
        ":2\r\n*3\r\n+noscript\r\n+loading\r\n+stale\r\n",
    );
}

// ---------------------------------------------------------------------------
// 4. A password
// ---------------------------------------------------------------------------

const NOAUTH: &str = "-NOAUTH Authentication required.\r\n";

const NOAUTH_HELLO: &str = "-NOAUTH HELLO must be called with the client already authenticated, \
     otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select \
     the RESP protocol version at the same time\r\n";

const WRONGPASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

fn start_with_password() -> Server {
    Server::start_with(&["--requirepass", "secret"])
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_without_the_password_there_is_nothing() {
    let server = start_with_password();
    check_all(
        &server,
        &[
            ("PING\r\nPING\r\n", &format!("{NOAUTH}{NOAUTH}")),
            ("PING 1 2\r\n", NOAUTH),
            ("SELECT 0\r\n", NOAUTH),
            ("COMMAND COUNT\r\n", NOAUTH),
            ("CLIENT ID\r\n", NOAUTH),
            ("CLIENT HELP\r\n", NOAUTH),
            // What the table refuses is refused first.
            (
                "NOSUCH a\r\n",
                "-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n",
            ),
            (
                "ECHO\r\n",
                "-ERR wrong number of arguments for 'echo' command\r\n",
            ),
            (
                "CLIENT NOSUCH\r\n",
                "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n",
            ),
            // These may run, as the table says.
            ("RESET\r\n", "+RESET\r\n"),
            ("QUIT\r\n", "+OK\r\n"),
        ],
    );
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_auth_opens_the_door() {
    let server = start_with_password();
    check_all(
        &server,
        &[
            ("AUTH secret\r\nPING\r\n", "+OK\r\n+PONG\r\n"),
            ("auth default secret\r\nPING\r\n", "+OK\r\n+PONG\r\n"),
            ("AUTH x\r\nPING\r\n", &format!("{WRONGPASS}{NOAUTH}")),
            ("AUTH default x\r\n", WRONGPASS),
            ("AUTH other secret\r\n", WRONGPASS),
            ("AUTH DEFAULT secret\r\n", WRONGPASS),
            ("AUTH secre\r\n", WRONGPASS),
            ("AUTH secrets\r\n", WRONGPASS),
            ("AUTH SECRET\r\n", WRONGPASS),
            ("AUTH \"\"\r\n", WRONGPASS),
            (
                "AUTH default secret x\r\nPING\r\n",
                &format!("-ERR syntax error\r\n{NOAUTH}"),
            ),
            (
                "AUTH\r\n",
                "-ERR wrong number of arguments for 'auth' command\r\n",
            ),
            // Who is in stays in, until RESET.
            (
                "AUTH secret\r\nAUTH x\r\nPING\r\n",
                &format!("+OK\r\n{WRONGPASS}+PONG\r\n"),
            ),
            (
                "AUTH secret\r\nRESET\r\nPING\r\n",
                &format!("+OK\r\n+RESET\r\n{NOAUTH}"),
            ),
        ],
    );
    // One client's password opens nobody else's door.
    let (mut first, mut second) = (Client::connect(&server), Client::connect(&server));
    first.check("AUTH secret\r\n", "+OK\r\n");
    second.check("PING\r\n", NOAUTH);
    first.check("PING\r\n", "+PONG\r\n");
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_hello_can_bring_the_password() {
    let server = start_with_password();
    check_all(
        &server,
        &[
            ("HELLO\r\n", NOAUTH_HELLO),
            ("HELLO 3\r\nPING\r\n", &format!("{NOAUTH_HELLO}{NOAUTH}")),
            ("HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n"),
            (
                "HELLO 3 FOO\r\n",
                "-ERR Syntax error in HELLO option 'FOO'\r\n",
            ),
            ("HELLO 3 AUTH default x\r\n", WRONGPASS),
            ("HELLO 3 AUTH other secret\r\n", WRONGPASS),
            (
                "HELLO 4 AUTH default secret\r\nPING\r\n",
                &format!("-NOPROTO unsupported protocol version\r\n{NOAUTH}"),
            ),
            // It counts from where it stands, even if something behind it is wrong.
            (
                "HELLO 3 AUTH default secret FOO\r\nPING\r\n",
                "-ERR Syntax error in HELLO option 'FOO'\r\n+PONG\r\n",
            ),
            // Without it, the protocol stays. The name does not.
            (
                "HELLO 3 SETNAME me\r\nAUTH secret\r\nCLIENT GETNAME\r\nCLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n",
                &format!("{NOAUTH_HELLO}+OK\r\n$2\r\nme\r\n+OK\r\n$-1\r\n"),
            ),
        ],
    );
    let mut client = Client::connect(&server);
    let reply = client
        .send("HELLO 3 AUTH default secret SETNAME me\r\n")
        .reply();
    assert!(
        reply.starts_with(b"%7\r\n$6\r\nserver\r\n"),
        "{}",
        told(
            "HELLO 3 AUTH default secret SETNAME me",
            &escaped(&reply),
            r"%7\r\n$6\r\nserver\r\n…",
        )
    );
    client.check("CLIENT GETNAME\r\n", "$2\r\nme\r\n");
}

/// Who has not said the password may not make the server wait for much.
#[test]
#[ignore = "exercise 4"]
fn exercise_4_strangers_have_short_commands() {
    let server = start_with_password();
    let arguments = |count: usize| format!("*{count}\r\n{}", "$1\r\na\r\n".repeat(count));
    let ten = format!("'a' {}", "'a' ".repeat(8));
    Client::connect(&server).check(
        arguments(10),
        format!("-ERR unknown command 'a', with args beginning with: {ten}\r\n"),
    );
    let echo = format!("*2\r\n$4\r\nECHO\r\n$16384\r\n{}\r\n", "x".repeat(16384));
    Client::connect(&server).check(&echo, NOAUTH);
    for (bytes, error) in [
        ("*11\r\n", "unauthenticated multibulk length"),
        ("*1\r\n$16385\r\n", "unauthenticated bulk length"),
        // What nobody may send is refused first.
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*11x\r\n", "invalid multibulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
    ] {
        let mut client = Client::connect(&server);
        client.check("PING\r\n", NOAUTH);
        client.check(bytes, format!("-ERR Protocol error: {error}\r\n"));
        client.expect_closed();
    }
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_for_friends_the_limits_are_wide() {
    let server = start_with_password();
    let long = "x".repeat(100_000);
    let echo = format!("*2\r\n$4\r\nECHO\r\n$100000\r\n{long}\r\n");
    let many = format!("*30\r\n$4\r\nPING\r\n{}", "$1\r\na\r\n".repeat(29));
    // The password and what it allows may come in one piece.
    Client::connect(&server)
        .send(format!("AUTH secret\r\n{echo}{many}"))
        .expect(format!(
            "+OK\r\n$100000\r\n{long}\r\n-ERR wrong number of arguments for 'ping' command\r\n"
        ));
    let mut client = Client::connect(&server);
    client.check("AUTH secret\r\n", "+OK\r\n");
    client.check("RESET\r\n", "+RESET\r\n");
    client.check(
        "*11\r\n",
        "-ERR Protocol error: unauthenticated multibulk length\r\n",
    );
    client.expect_closed();
}

#[test]
#[ignore = "exercise 4"]
fn exercise_4_without_a_password_everybody_is_a_friend() {
    let unset = "-ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?\r\n";
    for flags in [&[][..], &["--requirepass", ""]] {
        let server = Server::start_with(flags);
        check_all(
            &server,
            &[
                ("PING\r\n", "+PONG\r\n"),
                ("AUTH x\r\nPING\r\n", &format!("{unset}+PONG\r\n")),
                ("AUTH default x\r\n", "+OK\r\n"),
                ("AUTH other x\r\n", WRONGPASS),
                ("AUTH a b c\r\n", "-ERR syntax error\r\n"),
                ("RESET\r\nPING\r\n", "+RESET\r\n+PONG\r\n"),
            ],
        );
        check_table(
            &server,
            "auth",
            ":-2\r\n*6\r\n+noscript\r\n+loading\r\n+stale\r\n+fast\r\n+no_auth\r\n+allow_busy\r\n",
        );
        Client::connect(&server).send("*11\r\n").expect_silence();
    }
}
