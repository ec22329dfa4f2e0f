//! Step 02's concept: bytes become commands, replies become bytes. Every reply
//! here is what Redis 7.0.15 says.
//!
//! Reread: 02-resp-parser/GUIDE.md#the-parser-the-machine

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, escaped};
use crate::harness::{Server, is_other_server, wait_until};

const MB: usize = 1024 * 1024;
const PING: &str = "*1\r\n$4\r\nPING\r\n";

/// Each command in a connection of its own, so that none depends on another.
#[track_caller]
fn check_all(server: &Server, exchanges: &[(&str, &str)]) {
    for (command, reply) in exchanges {
        Client::connect(server).check(command, reply);
    }
}

/// Reread: 02-resp-parser/GUIDE.md#replies
#[test]
fn commands_and_their_replies() {
    let server = Server::start();
    check_all(
        &server,
        &[
            (PING, "+PONG\r\n"),
            ("*2\r\n$4\r\npInG\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n"),
            ("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "$0\r\n\r\n"),
            (
                "*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0\u{7f}\r\n",
                "$4\r\n\r\n\0\u{7f}\r\n",
            ),
            ("RESET\r\n", "+RESET\r\n"),
            ("SELECT 0\r\n", "+OK\r\n"),
            ("SELECT -1\r\n", "-ERR DB index is out of range\r\n"),
            (
                "SELECT x\r\n",
                "-ERR value is not an integer or out of range\r\n",
            ),
            ("CLIENT GETNAME\r\n", "$-1\r\n"),
            (
                "CLIENT SETNAME me\r\nCLIENT GETNAME\r\n",
                "+OK\r\n$2\r\nme\r\n",
            ),
            (
                "CLIENT SETNAME me\r\nCLIENT SETNAME \"\"\r\nCLIENT GETNAME\r\n",
                "+OK\r\n+OK\r\n$-1\r\n",
            ),
            (
                "CLIENT SETNAME \"a b\"\r\n",
                "-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
            ),
            (
                "CLIENT SETNAME me\r\nRESET\r\nCLIENT GETNAME\r\n",
                "+OK\r\n+RESET\r\n$-1\r\n",
            ),
        ],
    );
}

/// Reread: 02-resp-parser/GUIDE.md#the-table
#[test]
fn refusals_are_in_the_words_of_redis() {
    let server = Server::start();
    let long = "y".repeat(200);
    let cut = "y".repeat(128);
    check_all(
        &server,
        &[
            (
                "ECHO\r\n",
                "-ERR wrong number of arguments for 'echo' command\r\n",
            ),
            (
                "PING 1 2\r\n",
                "-ERR wrong number of arguments for 'ping' command\r\n",
            ),
            (
                "CLIENT\r\n",
                "-ERR wrong number of arguments for 'client' command\r\n",
            ),
            (
                "CLIENT ID 1\r\n",
                "-ERR wrong number of arguments for 'client|id' command\r\n",
            ),
            (
                "COMMAND COUNT 1\r\n",
                "-ERR wrong number of arguments for 'command|count' command\r\n",
            ),
            (
                "CLIENT SETINFO lib-name x\r\n",
                "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n",
            ),
            (
                "COMMAND nosuch\r\n",
                "-ERR unknown subcommand 'nosuch'. Try COMMAND HELP.\r\n",
            ),
            (
                "nosuch a \"b c\"\r\n",
                "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b c' \r\n",
            ),
            (
                "nosuch 'x\\r\\n' \"x\\r\\ny\"\r\n",
                "-ERR unknown command 'nosuch', with args beginning with: 'x\\r\\n' 'x  y' \r\n",
            ),
            (
                &format!("nosuch {long} z\r\n"),
                &format!("-ERR unknown command 'nosuch', with args beginning with: '{cut}' \r\n"),
            ),
            (
                &format!("{long}\r\n"),
                &format!("-ERR unknown command '{cut}', with args beginning with: \r\n"),
            ),
        ],
    );
    // A refused command costs nobody the connection.
    Client::connect(&server)
        .send("nosuch\r\nPING\r\n")
        .expect("-ERR unknown command 'nosuch', with args beginning with: \r\n+PONG\r\n");
}

/// Redis quotes what a client sent byte by byte, up to a NUL; only a newline would
/// break the reply.
/// Reread: 02-resp-parser/GUIDE.md#the-table
#[test]
fn refusals_quote_bytes_that_are_no_text() {
    let server = Server::start();
    let exchanges: [(&[u8], &[u8]); 6] = [
        (
            b"*2\r\n$7\r\nn\xff\0such\r\n$3\r\n\xc3\0z\r\n",
            b"-ERR unknown command 'n\xff', with args beginning with: '\xc3' \r\n",
        ),
        (
            b"*2\r\n$3\r\na\r\n\r\n$3\r\n\nb\r\r\n",
            b"-ERR unknown command 'a  ', with args beginning with: ' b ' \r\n",
        ),
        (
            b"*2\r\n$6\r\nCLIENT\r\n$6\r\nn\xff\r\nx\0\r\n",
            b"-ERR unknown subcommand 'n\xff  x'. Try CLIENT HELP.\r\n",
        ),
        (
            b"*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\n\x80\n\0x\r\n",
            b"-ERR Syntax error in HELLO option '\x80 '\r\n",
        ),
        (
            b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$1\r\n\xff\r\n",
            b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
        ),
        (
            b"*1\r\n\x80\r\n",
            b"-ERR Protocol error: expected '$', got '\x80'\r\n",
        ),
    ];
    for (command, reply) in exchanges {
        Client::connect(&server).check(command, reply);
    }
}

/// An error quotes at most 128 bytes of a command's name, of a subcommand's, and of all arguments
/// together.
/// Reread: 02-resp-parser/GUIDE.md#the-table
#[test]
fn refusals_quote_no_more_than_128_bytes() {
    let server = Server::start();
    let word = |length: usize| "w".repeat(length);
    let unknown = |name: &str, args: &str| {
        format!("-ERR unknown command '{name}', with args beginning with: {args}\r\n")
    };
    for length in [127, 128, 129, 300] {
        let shown = word(length.min(128));
        let mut client = Client::connect(&server);
        client.check(format!("{}\r\n", word(length)), unknown(&shown, ""));
        client.check(
            format!("CLIENT {}\r\n", word(length)),
            format!("-ERR unknown subcommand '{shown}'. Try CLIENT HELP.\r\n"),
        );
    }
    // The quotes and the blank behind each argument count as well.
    for (first, second) in [(120, 5), (123, 2), (124, 1)] {
        let args = format!("'{}' '{}' ", word(first), &"bcdefgh"[..second]);
        let command = format!("nosuch {} bcdefgh\r\n", word(first));
        Client::connect(&server).check(command, unknown("nosuch", &args));
    }
    for first in [125, 127, 128] {
        let args = format!("'{}' ", word(first));
        let command = format!("nosuch {} bcdefgh\r\n", word(first));
        Client::connect(&server).check(command, unknown("nosuch", &args));
    }
}

/// Reread: 02-resp-parser/GUIDE.md#commands-that-change-the-client
#[test]
fn a_database_is_named_by_a_number() {
    let server = Server::start();
    let range = "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n";
    let integer = "-ERR value is not an integer or out of range\r\n";
    let index = "-ERR DB index is out of range\r\n";
    check_all(
        &server,
        &[
            ("SELECT 16\r\n", index),
            ("SELECT 2147483647\r\n", index),
            ("SELECT -2147483648\r\n", index),
            ("SELECT 2147483648\r\n", range),
            ("SELECT -2147483649\r\n", range),
            ("SELECT 9223372036854775808\r\n", integer),
            ("SELECT 00\r\n", integer),
            ("SELECT -0\r\n", integer),
            ("SELECT \"\"\r\n", integer),
        ],
    );
}

/// Reread: 02-resp-parser/GUIDE.md#the-table
#[test]
fn a_subcommand_is_not_called_by_its_full_name() {
    let server = Server::start();
    Client::connect(&server).check(
        "client|id\r\n",
        "-ERR unknown command 'client|id', with args beginning with: \r\n",
    );
}

/// Reread: 02-resp-parser/GUIDE.md#inline-commands-unquoted-in-place
#[test]
fn inline_commands_have_quotes() {
    let server = Server::start();
    check_all(
        &server,
        &[
            ("PING\n", "+PONG\r\n"),
            ("  PING \t\r\n", "+PONG\r\n"),
            ("\r\n\n   \r\nPING\r\n", "+PONG\r\n"),
            ("ECHO \"a\\x41\\n\\t\\\"\"\r\n", "$5\r\naA\n\t\"\r\n"),
            ("ECHO 'a\\'b\\n'\r\n", "$5\r\na'b\\n\r\n"),
            ("ECHO \"\"\r\n", "$0\r\n\r\n"),
            ("ECHO \\n\r\n", "$2\r\n\\n\r\n"),
            ("ECHO \"\\xzz\"\r\n", "$3\r\nxzz\r\n"),
            ("ECHO a\"b c\"\r\n", "$4\r\nab c\r\n"),
            ("ECHO a\u{b}b\r\n", "$3\r\na\u{b}b\r\n"),
            ("ECHO \u{b}\u{c}a\r\n", "$1\r\na\r\n"),
            ("\"\\x50ING\"\r\n", "+PONG\r\n"),
            ("'PING' \"'\"\r\n", "$1\r\n'\r\n"),
        ],
    );
    for line in [
        "ECHO \"a\r\n",
        "ECHO 'a\r\n",
        "ECHO \"a\"b\r\n",
        "ECHO 'a'b\r\n",
    ] {
        let mut client = Client::connect(&server);
        client.check(
            line,
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        );
        client.expect_closed();
    }
}

#[test]
fn what_is_not_resp_ends_the_connection() {
    let server = Server::start();
    for (bytes, error) in [
        ("*abc\r\n", "invalid multibulk length"),
        ("*03\r\n", "invalid multibulk length"),
        ("*1x\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\nPING\r\n", "expected '$', got 'P'"),
        ("*1\r\n\r\n", "expected '$', got ' '"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$a\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
    ] {
        let mut client = Client::connect(&server);
        // What came before it is still answered, what comes behind it is not.
        client.send(PING).send(bytes);
        client
            .expect("+PONG\r\n")
            .expect(format!("-ERR Protocol error: {error}\r\n"));
        client.expect_closed();
    }
    Client::connect(&server).check(PING, "+PONG\r\n");
}

/// A web page can make a browser send a request whose body is commands. The connection is closed
/// before they are executed.
#[test]
fn a_request_of_a_browser_ends_the_connection() {
    let server = Server::start();
    for request in [
        "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nPING\r\n",
        "PUT / HTTP/1.1\r\nHost: localhost\r\n\r\nPING\r\n",
        "*1\r\n$5\r\nhOST:\r\nPING\r\n",
        "*1\r\n$6\r\npost\0x\r\nPING\r\n",
    ] {
        let mut client = Client::connect(&server);
        client.check(PING, "+PONG\r\n");
        // What came with it gets no reply either.
        client.send(format!("{PING}{request}")).expect_closed();
    }
    wait_until("the server logs an attack", || {
        server.log().contains("Possible SECURITY ATTACK detected")
    });
    let log = server.log();
    assert_eq!(log.matches("SECURITY ATTACK").count(), 1, "{log}");
    // Words that only begin like these are commands that nobody knows.
    let unknown =
        |name: &str| format!("-ERR unknown command '{name}', with args beginning with: \r\n");
    for name in ["HOST", "POSTS"] {
        let mut client = Client::connect(&server);
        client.check(format!("{name}\r\n{PING}"), unknown(name) + "+PONG\r\n");
    }
}

#[test]
fn empty_commands_get_no_reply() {
    let server = Server::start();
    for nothing in ["*0\r\n", "*-1\r\n", "*-5\r\n", "\r\n", "\n"] {
        Client::connect(&server).check(format!("{nothing}{PING}"), "+PONG\r\n");
    }
}

#[test]
fn limits_hold_at_the_limit_and_one_past_it() {
    let server = Server::start();
    let limit = 64 * 1024;
    let line = |start: &str, length: usize| format!("{start}{}", "1".repeat(length - start.len()));
    Client::connect(&server)
        .send(line("x", limit))
        .expect_silence();
    Client::connect(&server)
        .send("*2147483647\r\n")
        .expect_silence();
    Client::connect(&server)
        .send("*1\r\n$536870912\r\n")
        .expect_silence();
    Client::connect(&server)
        .send(line("*", limit))
        .expect_silence();
    Client::connect(&server)
        .send(format!("*1\r\n{}", line("$", limit)))
        .expect_silence();
    for (bytes, error) in [
        (line("x", limit + 1), "too big inline request"),
        (line("*", limit + 1), "too big mbulk count string"),
        (
            format!("*1\r\n{}", line("$", limit + 1)),
            "too big bulk count string",
        ),
    ] {
        let mut client = Client::connect(&server);
        client.check(bytes, format!("-ERR Protocol error: {error}\r\n"));
        client.expect_closed();
    }
}

/// The limit is for what has not ended. A line whose end arrives with it is read,
/// be it longer.
#[test]
fn a_line_that_arrives_with_its_end_may_be_longer() {
    let server = Server::start();
    let limit = 64 * 1024;
    for length in [limit, limit + 1, limit + 2000] {
        let text = "x".repeat(length - "ECHO ".len());
        let mut client = Client::connect(&server);
        client.send(format!("ECHO {}", &text[..limit - 1000]));
        client.check(
            format!("{}\r\n", &text[limit - 1000..]),
            format!("${}\r\n{text}\r\n", text.len()),
        );
        let zeros = "0".repeat(length);
        for (before, error) in [
            ("*", "invalid multibulk length"),
            ("*1\r\n$", "invalid bulk length"),
        ] {
            let mut client = Client::connect(&server);
            client.send(format!("{before}{}", &zeros[..limit - 1000]));
            client.check(
                format!("{}\r\n", &zeros[limit - 1000..]),
                format!("-ERR Protocol error: {error}\r\n"),
            );
            client.expect_closed();
        }
    }
}

/// Reread: 02-resp-parser/GUIDE.md#the-connection-room-for-what-comes
#[test]
fn an_announced_length_takes_no_memory() {
    let server = Server::start();
    let before = server.peak_memory();
    let clients: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = Client::connect(&server);
            client.send("*1048576\r\n$536870912\r\nstart");
            client
        })
        .collect();
    Client::connect(&server).check(PING, "+PONG\r\n");
    drop(clients);
    if let (Some(before), Some(after), false) = (before, server.peak_memory(), is_other_server()) {
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024, "grew by {grown} KiB");
    }
}

/// One client after the other sends and gets a large value, and stays.
/// Reread: 02-resp-parser/GUIDE.md#the-connection-room-for-what-comes
#[test]
fn a_silent_client_keeps_no_large_buffers() {
    let server = Server::start();
    let command = format!("*2\r\n$4\r\nECHO\r\n$60000\r\n{}\r\n", "x".repeat(60_000));
    let reply = format!("$60000\r\n{}\r\n", "x".repeat(60_000));
    let mut clients: Vec<Client> = Vec::new();
    let before = server.peak_memory();
    for _ in 0..400 {
        let mut client = Client::connect(&server);
        client.check(&command, &reply);
        clients.push(client);
    }
    // Redis looks for such buffers once in a while, and has some at its peak. An allocator takes
    // memory from the system in pieces of a few MiB. The system's own count is off by a few pages.
    if let (Some(before), Some(after), false) = (before, server.peak_memory(), is_other_server()) {
        let each = after.saturating_sub(before) / clients.len() as u64;
        assert!(each < 12, "{each} KiB for each silent client");
    }
}

#[test]
fn a_pipeline_may_be_cut_anywhere() {
    let server = Server::start();
    let stream =
        format!("{PING}ECHO \"a b\"\r\n*2\r\n$4\r\nECHO\r\n$5\r\nx\r\ny\n\r\n*0\r\nPING\n");
    let replies = "+PONG\r\n$3\r\na b\r\n$5\r\nx\r\ny\n\r\n+PONG\r\n";
    for cut in 1..stream.len() {
        let (head, tail) = stream.split_at(cut);
        Client::connect(&server)
            .send(head)
            .send(tail)
            .expect(replies);
    }
    let mut client = Client::connect(&server);
    for byte in stream.bytes() {
        client.send([byte]);
    }
    client.expect(replies);
}

/// Commands whose replies do not fit into one batch arrive with one read, and nothing after them.
/// All of them get replies.
/// Reread: 02-resp-parser/GUIDE.md#3-execute-in-batches
#[test]
fn a_pipeline_may_have_more_replies_than_a_batch() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let reply = client.send("COMMAND\r\n").reply();
    let count = 256 * 1024 / reply.len() + 2;
    client
        .send("COMMAND\r\n".repeat(count))
        .expect(reply.repeat(count));
}

/// A parser that starts again with every piece needs minutes for this.
#[test]
fn pieces_do_not_make_the_work_quadratic() {
    let server = Server::start();
    let started = Instant::now();
    let word = "w".repeat(64 * 1024 - 5);
    let mut client = Client::connect(&server);
    for byte in format!("ECHO {word}").bytes() {
        client.send([byte]);
    }
    client
        .send("\n")
        .expect(format!("${}\r\n{word}\r\n", word.len()));

    let bulk = "b".repeat(MB);
    let command = format!("*2\r\n$4\r\nECHO\r\n${MB}\r\n{bulk}\r\n");
    let mut client = Client::connect(&server);
    for piece in command.as_bytes().chunks(16) {
        client.send(piece);
    }
    client.expect(format!("${MB}\r\n{bulk}\r\n"));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "took {took:?}");
}

/// If the server stopped reading while replies wait, both sides would wait for
/// each other for ever.
/// Reread: 02-resp-parser/GUIDE.md#4-read-while-replies-wait
#[test]
fn a_client_may_send_everything_before_it_reads() {
    let server = Server::start();
    let payload = "p".repeat(100);
    let command = format!("*2\r\n$4\r\nPING\r\n$100\r\n{payload}\r\n");
    let reply = format!("$100\r\n{payload}\r\n");
    let count = 200_000;
    let mut client = Client::connect(&server);
    client.send(command.repeat(count));
    for _ in 0..count / 1000 {
        client.expect(reply.repeat(1000));
    }
}

/// Redis drops the replies of a client that closes its half before it reads, so
/// only ours is tested.
/// Reread: 02-resp-parser/GUIDE.md#3-execute-in-batches
#[test]
fn a_half_closed_client_gets_all_its_replies() {
    if is_other_server() {
        eprintln!("not tested: what another server owes a client that has closed its half");
        return;
    }
    let server = Server::start();
    let payload = "p".repeat(10_000);
    let reply = format!("$10000\r\n{payload}\r\n");
    let mut client = Client::connect(&server);
    client
        .send(format!("*2\r\n$4\r\nPING\r\n{reply}").repeat(2000))
        .finish();
    for _ in 0..2000 {
        client.expect(&reply);
    }
    client.expect_closed();
}

/// Reread: 02-resp-parser/GUIDE.md#4-read-while-replies-wait
#[test]
fn a_client_that_never_reads_disturbs_nobody() {
    let server = Server::start();
    let mut deaf = TcpStream::connect(server.addr()).expect("connect to the server");
    deaf.set_write_timeout(Some(Duration::from_millis(200)))
        .expect("set a timeout");
    let command = format!("*2\r\n$4\r\nECHO\r\n$65536\r\n{}\r\n", "x".repeat(65536));
    let sender = thread::spawn(move || {
        // Until the server stops taking it, or 32 MiB have gone.
        for _ in 0..512 {
            if deaf.write_all(command.as_bytes()).is_err() {
                break;
            }
        }
        deaf
    });
    let mut other = Client::connect(&server);
    for _ in 0..1000 {
        other.check(PING, "+PONG\r\n");
    }
    drop(sender.join().expect("the sender"));
    other.check(PING, "+PONG\r\n");
}

/// What waits for a client is bounded: past that, the server stops reading. Redis
/// keeps all of it, so only ours is tested.
/// Reread: 02-resp-parser/GUIDE.md#4-read-while-replies-wait
#[test]
fn a_client_that_never_reads_costs_a_bounded_amount() {
    if is_other_server() {
        eprintln!("not tested: how much another server keeps for a client that does not read");
        return;
    }
    let echo = format!("*2\r\n$4\r\nECHO\r\n${MB}\r\n{}\r\n", "x".repeat(MB));
    assert_taken(&echo, 192 * MB);
    assert_taken(&"COMMAND\r\n".repeat(10_000), 32 * MB);
}

/// Sends `commands` again and again without reading; the server must stop before
/// it has taken `limit` bytes. Some of them are in the system's buffers.
fn assert_taken(commands: &str, limit: usize) {
    let server = Server::start();
    let before = server.peak_memory();
    let mut deaf = TcpStream::connect(server.addr()).expect("connect to the server");
    deaf.set_write_timeout(Some(Duration::from_millis(500)))
        .expect("set a timeout");
    let times = limit / commands.len();
    let stopped = (0..times).any(|_| deaf.write_all(commands.as_bytes()).is_err());
    assert!(
        stopped,
        "the server took {limit} bytes of a client that reads no reply\n  likely    no limit to the \
         replies that wait: in `execute_batch`, or because `run` reads although there is more"
    );
    Client::connect(&server).check(PING, "+PONG\r\n");
    // It may have commands left to execute, but not for ever.
    wait_until(
        "the server rests while its client reads no reply\n  likely    `run` yields although the \
         output is full, so each turn of its loop finds nothing to do",
        || {
            let share = server.share_of_processor(Duration::from_millis(300));
            share.is_none_or(|percent| percent < 20)
        },
    );
    if let (Some(before), Some(after)) = (before, server.peak_memory()) {
        let grown = after - before;
        assert!(grown < 384 * 1024, "grew by {grown} KiB");
    }
}

/// Reread: 02-resp-parser/GUIDE.md#replies
#[test]
fn quit_says_ok_and_nothing_more() {
    let server = Server::start();
    for command in ["QUIT\r\n", "QUIT a b\r\n"] {
        let mut client = Client::connect(&server);
        client.send(PING).send(command).send(PING);
        client.expect("+PONG\r\n+OK\r\n").expect_closed();
    }
}

/// The reply to HELLO, of which the client's id is not known beforehand.
fn check_hello(client: &mut Client, command: &str, map: &str, protocol: u8) {
    client.send(command).expect(format!(
        "{map}\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n"
    ));
    assert!(client.line().starts_with('$'));
    let version = client.line();
    assert!(version.contains('.'), "{version}");
    client.expect(format!("$5\r\nproto\r\n:{protocol}\r\n$2\r\nid\r\n"));
    assert!(client.line().starts_with(':'));
    client.expect(
        "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
    );
}

/// Reread: 02-resp-parser/GUIDE.md#commands-that-change-the-client
#[test]
fn hello_chooses_the_protocol() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    check_hello(&mut client, "HELLO\r\n", "*14", 2);
    check_hello(
        &mut client,
        "HELLO 3 SETNAME me AUTH default x\r\n",
        "%7",
        3,
    );
    client.check("CLIENT GETNAME\r\n", "$2\r\nme\r\n");
    client.check(
        "HELLO 3 nosuch\r\n",
        "-ERR Syntax error in HELLO option 'nosuch'\r\n",
    );
    client.check("COMMAND INFO nosuch\r\n", "*1\r\n_\r\n");
    check_hello(&mut client, "HELLO\r\n", "%7", 3);
    check_hello(&mut client, "HELLO 2\r\n", "*14", 2);
    client.check("CLIENT GETNAME\r\nRESET\r\n", "$2\r\nme\r\n+RESET\r\n");
    check_all(
        &server,
        &[
            ("HELLO 1\r\n", "-NOPROTO unsupported protocol version\r\n"),
            ("HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n"),
            (
                "HELLO x\r\n",
                "-ERR Protocol version is not an integer or out of range\r\n",
            ),
            (
                "HELLO 3 SETNAME\r\n",
                "-ERR Syntax error in HELLO option 'SETNAME'\r\n",
            ),
            (
                "HELLO 3 AUTH a\r\n",
                "-ERR Syntax error in HELLO option 'AUTH'\r\n",
            ),
            (
                "HELLO 3 AUTH nobody x\r\n",
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
            ),
        ],
    );
}

/// RESP3 has types of its own for a null, a map and a set.
/// Reread: 02-resp-parser/GUIDE.md#replies
#[test]
fn each_protocol_has_its_types() {
    let server = Server::start();
    for (protocol, null, map, set) in [(2, "$-1", "*14", '*'), (3, "_", "%7", '~')] {
        let mut client = Client::connect(&server);
        let hello = client.send(format!("HELLO {protocol}\r\n")).reply();
        assert!(hello.starts_with(map.as_bytes()), "{}", escaped(&hello));
        client.check("CLIENT GETNAME\r\n", format!("{null}\r\n"));
        let info = client.send("COMMAND INFO PING\r\n").reply();
        let start = format!("*1\r\n*10\r\n$4\r\nping\r\n:-1\r\n{set}1\r\n+fast\r\n");
        assert!(info.starts_with(start.as_bytes()), "{}", escaped(&info));
        client.check("COMMAND INFO nosuch\r\n", format!("*1\r\n{null}\r\n"));
        // RESET also goes back to RESP2.
        client.check("RESET\r\nCLIENT GETNAME\r\n", "+RESET\r\n$-1\r\n");
    }
}

/// The options take effect one by one, the protocol only when all are right.
/// Without a password, the default user may give any.
#[test]
fn auth_without_a_password() {
    let server = Server::start();
    let unset = "-ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?\r\n";
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    check_all(
        &server,
        &[
            (
                "AUTH\r\n",
                "-ERR wrong number of arguments for 'auth' command\r\n",
            ),
            ("AUTH x\r\nPING\r\n", &format!("{unset}+PONG\r\n")),
            ("AUTH default x\r\n", "+OK\r\n"),
            ("AUTH default \"\"\r\n", "+OK\r\n"),
            ("AUTH Default x\r\nPING\r\n", &format!("{wrong}+PONG\r\n")),
            ("AUTH other x\r\n", wrong),
            ("AUTH default x y\r\n", "-ERR syntax error\r\n"),
        ],
    );
}

/// Reread: 02-resp-parser/GUIDE.md#commands-that-change-the-client
#[test]
fn a_hello_that_fails_leaves_the_protocol() {
    let server = Server::start();
    for options in ["SETNAME me nosuch", "SETNAME me AUTH nobody x"] {
        let mut client = Client::connect(&server);
        let error = client.send(format!("HELLO 3 {options}\r\n")).reply();
        assert!(error.starts_with(b"-"), "{}", escaped(&error));
        client.check("CLIENT GETNAME\r\n", "$2\r\nme\r\n");
        client.check("COMMAND INFO nosuch\r\n", "*1\r\n$-1\r\n");
    }
}

/// Reread: 02-resp-parser/GUIDE.md#the-table
#[test]
fn command_describes_the_table() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let info = client.send("COMMAND INFO ECHO nosuch\r\n").reply();
    // Categories, tips and key specifications follow; how many is for each server to say.
    let start = "*2\r\n*10\r\n$4\r\necho\r\n:2\r\n*3\r\n+loading\r\n+stale\r\n+fast\r\n\
                 :0\r\n:0\r\n:0\r\n*";
    assert!(info.starts_with(start.as_bytes()), "{}", escaped(&info));
    assert!(info.ends_with(b"$-1\r\n"), "{}", escaped(&info));
    client.send("COMMAND COUNT\r\nCOMMAND\r\n");
    let count = client.line();
    assert_eq!(client.line(), count.replace(':', "*"));
}

/// Reread: 02-resp-parser/GUIDE.md#commands-that-change-the-client
#[test]
fn ids_are_never_used_twice() {
    let server = Server::start();
    let id = || {
        let mut client = Client::connect(&server);
        client.send("CLIENT ID\r\n");
        client
            .line()
            .trim_start_matches(':')
            .parse::<u64>()
            .expect("a number")
    };
    let (first, second) = (id(), id());
    assert!(first < second, "{first}, then {second}");
}

#[test]
fn garbage_does_no_harm() {
    let mut server = Server::start();
    let mut seed = 42u64;
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..500)
            .map(|_| {
                seed = seed
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                // Bytes that mean something make deeper damage than mere noise.
                match seed >> 62 {
                    0 => (seed >> 33) as u8,
                    1 => b"*$\r\n\"'\\"[(seed >> 33) as usize % 7],
                    2 => b"0123456789"[(seed >> 33) as usize % 10],
                    _ => b"PINGECHO "[(seed >> 33) as usize % 9],
                }
            })
            .collect();
        let mut socket = TcpStream::connect(server.addr()).expect("connect to the server");
        // The server may hang up before it has all of it.
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    }
    assert!(server.is_alive());
    Client::connect(&server).check(PING, "+PONG\r\n");
}
