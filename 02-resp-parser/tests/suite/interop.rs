//! The tools that come with Redis work with this server, and what it says of its
//! commands is what Redis says of them.
//!
//! Reread: 02-resp-parser/GUIDE.md#the-table

use std::io::Write;
use std::process::{Command, Stdio};

use redis::Value;

use crate::client::Client;
use crate::harness::{Server, installed};

/// Runs a tool against the server and returns what it prints; it must end well.
#[track_caller]
fn run(server: &Server, tool: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(tool)
        .args(["-p", &server.addr().port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(tool);
    let mut stdin = child.stdin.take().expect("the tool's input");
    stdin.write_all(input.as_bytes()).expect("the tool reads");
    drop(stdin);
    let output = child.wait_with_output().expect(tool);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {args:?}: {text}{errors}");
    text
}

#[test]
fn redis_cli_talks_to_it() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    let cli = |args: &[&str]| run(&server, "redis-cli", args, "");
    assert_eq!(cli(&["PING"]), "PONG\n");
    assert_eq!(cli(&["ECHO", "hello \r\n world"]), "hello \r\n world\n");
    assert_eq!(cli(&["--no-raw", "ECHO", "a\"b"]), "\"a\\\"b\"\n");
    assert_eq!(cli(&["-3", "PING", "hello"]), "hello\n");
    assert_eq!(cli(&["-3", "--no-raw", "CLIENT", "GETNAME"]), "(nil)\n");
    assert_eq!(
        cli(&["nosuch", "a"]),
        "ERR unknown command 'nosuch', with args beginning with: 'a' \n\n"
    );
}

#[test]
fn redis_cli_reads_commands_from_a_file() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    let typed = "PING\nCLIENT SETNAME me\nCLIENT GETNAME\nECHO \"a b\"\nSELECT 0\n";
    let printed = run(&server, "redis-cli", &[], typed);
    assert_eq!(printed, "PONG\nOK\nme\na b\nOK\n");
}

#[test]
fn redis_benchmark_measures_it() {
    if !installed("redis-benchmark") {
        return;
    }
    let server = Server::start();
    let args = ["-t", "ping", "-n", "20000", "-P", "16", "-q"];
    let printed = run(&server, "redis-benchmark", &args, "");
    for test in ["PING_INLINE: ", "PING_MBULK: "] {
        assert!(printed.contains(test), "{printed}");
    }
    assert!(!printed.contains("rror"), "{printed}");
}

/// A reply, in the protocol that this client speaks.
fn ask(client: &mut Client, command: &str) -> Value {
    let reply = client.send(format!("{command}\r\n")).reply();
    redis::parse_redis_value(&reply).expect("a reply in RESP")
}

/// The elements of an array or a set.
fn elements(value: Value) -> Vec<Value> {
    match value {
        Value::Array(elements) | Value::Set(elements) => elements,
        other => panic!("not an array: {other:?}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("not a string: {other:?}"),
    }
}

/// What `COMMAND INFO` says of a command.
struct Described {
    name: String,
    /// Its name, arity, flags, and the positions of its keys.
    fields: Vec<Value>,
    /// Some of the ACL categories that it is in.
    categories: Vec<Value>,
    subcommands: Vec<Value>,
}

impl Described {
    fn new(description: Value) -> Self {
        let mut fields = elements(description);
        assert_eq!(fields.len(), 10, "{fields:?}");
        let mut rest = fields.split_off(6);
        Self {
            name: text(&fields[0]),
            fields,
            subcommands: rest.pop().map(elements).unwrap_or_default(),
            categories: elements(rest.swap_remove(0)),
        }
    }
}

/// Every command of the server, and every subcommand.
fn describe_all(client: &mut Client) -> Vec<Described> {
    let mut waiting = elements(ask(client, "COMMAND"));
    let mut all = Vec::new();
    while let Some(description) = waiting.pop() {
        let mut described = Described::new(description);
        waiting.append(&mut described.subcommands);
        all.push(described);
    }
    all
}

/// Connections to both servers, which speak the same protocol.
fn connect_both(ours: &Server, redis: &Server, protocol: u8) -> [Client; 2] {
    [ours, redis].map(|server| {
        let mut client = Client::connect(server);
        client.send(format!("HELLO {protocol}\r\n")).reply();
        client
    })
}

/// Clients decide by it what they may send where: arity, flags, keys.
#[test]
fn commands_are_described_as_redis_describes_them() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let server = Server::start();
    for protocol in [2, 3] {
        let [mut ours, mut theirs] = connect_both(&server, &redis, protocol);
        for described in describe_all(&mut ours) {
            let name = &described.name;
            let reply = ask(&mut theirs, &format!("COMMAND INFO {name}"));
            let expected = elements(reply).pop().expect("one command");
            assert_ne!(expected, Value::Nil, "Redis has no {name}");
            let expected = Described::new(expected);
            assert_eq!(
                described.fields, expected.fields,
                "{name} in RESP{protocol}"
            );
            let is_true = |category: &Value| expected.categories.contains(category);
            assert!(described.categories.iter().all(is_true), "{name}");
        }
    }
}
