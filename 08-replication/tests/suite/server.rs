//! INFO, CONFIG, TIME, LOLWUT, and many commands in one packet.
//!
//! Reread: 03-get-set/GUIDE.md#given-and-worth-a-look

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::harness::{Server, amount, is_other_server, wait_until};
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, encode, int};

fn connect() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

/// The text of INFO.
fn info(c: &mut Session, sections: &[&str]) -> String {
    let mut reply = c.strings(&[&["INFO"], sections].concat());
    String::from_utf8(reply.remove(0)).expect("text")
}

/// The titles of the sections in INFO.
fn titles(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# "))
        .collect()
}

/// The number behind `name:` in INFO.
fn number(c: &mut Session, name: &str) -> u64 {
    let text = info(c, &[]);
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(field, _)| *field == name);
    let (_, value) = value.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.parse().expect("a number")
}

/// What CONFIG GET replies, by name; the order is Redis's secret.
fn config(c: &mut Session, patterns: &[&str]) -> BTreeMap<String, String> {
    let reply = c.strings(&[&["CONFIG", "GET"], patterns].concat());
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).expect("text");
    reply
        .chunks(2)
        .map(|pair| (text(&pair[0]), text(&pair[1])))
        .collect()
}

#[test]
fn info_is_lines_in_sections() {
    let (_server, mut c) = connect();
    let text = info(&mut c, &[]);
    for line in text.split_terminator("\r\n") {
        let known = line.is_empty() || line.starts_with("# ") || line.contains(':');
        assert!(known && !line.contains(['\r', '\n']), "{line:?}");
    }
    let all = titles(&text);
    for title in [
        "Server",
        "Clients",
        "Memory",
        "Stats",
        "Replication",
        "Modules",
        "Cluster",
        "Keyspace",
    ] {
        assert!(all.contains(&title), "{title}");
    }
    assert!(!all.contains(&"Commandstats") && !all.contains(&"Latencystats"));
    for (sections, expected) in [
        (vec!["stats"], vec!["Stats"]),
        (vec!["SERVER", "clients"], vec!["Server", "Clients"]),
        (
            vec!["clients", "server", "server"],
            vec!["Server", "Clients"],
        ),
        (vec!["modules"], vec!["Modules"]),
        (vec!["COMMANDSTATS"], vec!["Commandstats"]),
        (vec!["latencystats"], vec!["Latencystats"]),
        (vec!["nonsense"], vec![]),
        (vec!["nonsense", "Memory"], vec!["Memory"]),
    ] {
        assert_eq!(titles(&info(&mut c, &sections)), expected, "{sections:?}");
    }
    assert_eq!(titles(&info(&mut c, &["default"])), all);
    for word in ["all", "everything"] {
        let text = info(&mut c, &[word]);
        assert!(
            all.iter()
                .chain(&["Commandstats", "Latencystats"])
                .all(|title| titles(&text).contains(title)),
            "{word}"
        );
    }
}

#[test]
fn info_tells_who_is_asked() {
    let (server, mut c) = connect();
    assert_eq!(number(&mut c, "tcp_port"), u64::from(server.addr().port()));
    assert!(number(&mut c, "process_id") > 0);
    assert!(number(&mut c, "used_memory") > 0);
    assert!(number(&mut c, "used_memory_startup") > 0);
    let text = info(&mut c, &[]);
    for line in [
        "redis_mode:standalone",
        "arch_bits:64",
        "role:master",
        "cluster_enabled:0",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}

#[test]
fn info_counts() {
    let (server, mut c) = connect();
    let mut before = |name| number(&mut c, name);
    let commands = before("total_commands_processed");
    let connections = before("total_connections_received");
    let (hits, misses) = (before("keyspace_hits"), before("keyspace_misses"));
    let clients = before("connected_clients");
    c.expect("SET k v", OK);
    c.expect("GET k", bulk("v"));
    c.expect("MGET k x", "*2\r\n$1\r\nv\r\n$-1\r\n");
    c.expect("EXISTS k x", int(1));
    // A condition is no read.
    c.expect("SET k v NX", NULL);
    c.expect("SET x v XX", NULL);
    let mut other = Session::connect(server.addr());
    other.expect("PING", "+PONG\r\n");
    assert!(number(&mut c, "total_commands_processed") >= commands + 5);
    assert_eq!(
        number(&mut c, "total_connections_received"),
        connections + 1
    );
    assert_eq!(number(&mut c, "connected_clients"), clients + 1);
    assert_eq!(number(&mut c, "keyspace_hits"), hits + 3);
    assert_eq!(number(&mut c, "keyspace_misses"), misses + 2);
    c.expect("CONFIG RESETSTAT", OK);
    assert_eq!(number(&mut c, "keyspace_hits"), 0);
    assert_eq!(number(&mut c, "keyspace_misses"), 0);
    assert_eq!(number(&mut c, "total_connections_received"), 0);
    assert!(number(&mut c, "total_commands_processed") < commands + 5);
    assert_eq!(number(&mut c, "connected_clients"), clients + 1);
}

#[test]
fn info_keyspace() {
    let (_server, mut c) = connect();
    assert_eq!(info(&mut c, &["keyspace"]), "# Keyspace\r\n");
    c.expect("MSET a 1 b 2", OK);
    let text = "# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\n";
    assert_eq!(info(&mut c, &["keyspace"]), text);
}

#[test]
fn config_get() {
    let (server, mut c) = connect();
    let port = server.addr().port().to_string();
    let limit = "536870912".to_owned();
    assert_eq!(config(&mut c, &["port"])["port"], port);
    let both = config(&mut c, &["PORT", "proto-max-bulk-len", "port"]);
    assert_eq!(both.len(), 2);
    assert_eq!(both["proto-max-bulk-len"], limit);
    assert_eq!(
        config(&mut c, &["Proto-MAX-*"])["proto-max-bulk-len"],
        limit
    );
    assert!(config(&mut c, &["*"]).contains_key("save"));
    assert!(config(&mut c, &["s[a-b]v?"]).contains_key("save"));
    c.expect("CONFIG GET nonsense", "*0\r\n");
    c.expect(
        "CONFIG GET nonsense port",
        format!("*2\r\n$4\r\nport\r\n${}\r\n{port}\r\n", port.len()),
    );
    c.expect("CONFIG GET", arity("config|get"));
    c.expect("CONFIG", arity("config"));
    c.expect(
        "CONFIG BOGUS",
        "-ERR unknown subcommand 'BOGUS'. Try CONFIG HELP.\r\n",
    );
}

/// Without a wildcard it is a name, which comes back as it was spelled; each parameter
/// comes once.
#[test]
fn config_get_names_a_parameter_as_it_was_asked() {
    let (_server, mut c) = connect();
    let mut asked =
        |patterns: &[&str]| -> Vec<String> { config(&mut c, patterns).into_keys().collect() };
    assert_eq!(asked(&["Proto-MAX-bulk-len"]), ["Proto-MAX-bulk-len"]);
    assert_eq!(asked(&["Proto-MAX-bulk-le?"]), ["proto-max-bulk-len"]);
    assert_eq!(asked(&["PORT", "port", "p[o]rt"]), ["PORT"]);
    assert_eq!(asked(&["p[o]rt", "PORT"]), ["port"]);
    assert!(asked(&["po\\rt"]).is_empty());
    assert!(asked(&["port\0"]).is_empty());
}

#[test]
fn config_set_takes_units() {
    let (_server, mut c) = connect();
    for (value, bytes) in [
        ("1048576", "1048576"),
        ("1048576b", "1048576"),
        ("1mb", "1048576"),
        ("2MB", "2097152"),
        ("1100kb", "1126400"),
        ("1100k", "1100000"),
        ("2m", "2000000"),
        ("1gb", "1073741824"),
        ("1g", "1000000000"),
    ] {
        c.expect(&format!("CONFIG SET proto-max-bulk-len {value}"), OK);
        let now = config(&mut c, &["proto-max-bulk-len"]);
        assert_eq!(now["proto-max-bulk-len"], bytes, "{value}");
    }
    // A value ends at a NUL byte.
    c.expect_args(&["CONFIG", "SET", "proto-max-bulk-len", "3mb\0x"], OK);
    let now = config(&mut c, &["proto-max-bulk-len"]);
    assert_eq!(now["proto-max-bulk-len"], "3145728");
}

#[test]
fn a_parameter_can_be_set_to_what_it_is() {
    let (server, mut c) = connect();
    let port = server.addr().port().to_string();
    c.expect_args(&["CONFIG", "SET", "port", &port], OK);
}

#[test]
fn config_set_is_all_or_nothing() {
    let (_server, mut c) = connect();
    let failed = |name: &str, why: &str| {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
    };
    let limit = "proto-max-bulk-len";
    let bounds = "argument must be between 1048576 and 9223372036854775807 inclusive";
    let immutable = failed("io-threads", "can't set immutable config");
    let unknown = "-ERR Unknown option or number of arguments for CONFIG SET - 'bogus'\r\n";
    for (arguments, error) in [
        (format!("{limit} 1048575"), failed(limit, bounds)),
        (format!("{limit} 0"), failed(limit, bounds)),
        (
            format!("{limit} 1x"),
            failed(limit, "argument must be a memory value"),
        ),
        (
            format!("{limit} -1"),
            failed(limit, "argument must be a memory value"),
        ),
        ("io-threads 2".into(), immutable.clone()),
        (format!("{limit} 2mb io-threads 2"), immutable.clone()),
        (format!("{limit} nonsense io-threads 2"), immutable),
        ("bogus 1".into(), unknown.into()),
        (format!("{limit} 2mb bogus 1"), unknown.into()),
        (
            format!("{limit} 2mb {limit} 3mb"),
            failed(limit, "duplicate parameter"),
        ),
        (format!("{limit} 2mb bogus"), SYNTAX.into()),
        (limit.into(), arity("config|set")),
    ] {
        c.expect(&format!("CONFIG SET {arguments}"), error);
        assert_eq!(config(&mut c, &[limit])[limit], "536870912", "{arguments}");
    }
    c.expect(
        &format!("CONFIG SET {} 2mb maxmemory 0", limit.to_uppercase()),
        OK,
    );
    for zero in ["0b", "0MB", "", "0\0x"] {
        c.expect_args(&["CONFIG", "SET", "maxmemory", zero], OK);
    }
    c.expect(
        "CONFIG SET maxmemory x",
        failed("maxmemory", "argument must be a memory value"),
    );
    assert_eq!(config(&mut c, &[limit])[limit], "2097152");
    c.expect("CONFIG RESETSTAT x", arity("config|resetstat"));
}

#[test]
fn command_list_names_commands() {
    let (_server, mut c) = connect();
    let mut list = |filter: &str| -> BTreeSet<String> {
        let command = format!("COMMAND LIST{filter}");
        let names = c.strings(&command.split(' ').collect::<Vec<_>>());
        let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
        names.iter().map(text).collect()
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let all = list("");
    let some = ["get", "config", "config|get", "client|id", "command|list"];
    assert!(some.iter().all(|name| all.contains(*name)), "{all:?}");
    let found: BTreeSet<String> = set(&["object|encoding"]);
    assert_eq!(list(" FILTERBY PATTERN OBJECT|ENC*"), found);
    assert_eq!(list(" filterby pattern getse?"), set(&["getset"]));
    for nothing in [" FILTERBY MODULE nosuch", " FILTERBY PATTERN nosuch"] {
        assert_eq!(list(nothing), set(&[]), "{nothing}");
    }
    for wrong in [
        "x",
        "FILTERBY",
        "FILTERBY PATTERN",
        "FILTERBY BOGUS x",
        "FILTERBY PATTERN get x",
        "FILTERBY PATTERN a FILTERBY PATTERN b",
    ] {
        c.expect(&format!("COMMAND LIST {wrong}"), SYNTAX);
    }
}

#[test]
fn command_getkeys_finds_keys_and_executes_nothing() {
    let (_server, mut c) = connect();
    for (command, keys) in [
        ("GET a", &["a"][..]),
        ("set a 1 NX GET", &["a"]),
        ("MGET a b a", &["a", "b", "a"]),
        ("MSET a 1 b 2", &["a", "b"]),
        // Only the handler of MSET minds that they are no pairs.
        ("MSET a 1 b", &["a", "b"]),
        ("COPY a b REPLACE", &["a", "b"]),
        ("object encoding a", &["a"]),
    ] {
        let found = c.strings(
            &format!("COMMAND GETKEYS {command}")
                .split(' ')
                .collect::<Vec<_>>(),
        );
        assert_eq!(
            found,
            keys.iter().map(|key| key.as_bytes()).collect::<Vec<_>>(),
            "{command}"
        );
    }
    c.expect("EXISTS a b", int(0));
    for (error, commands) in [
        (
            "-ERR Invalid command specified\r\n",
            &["NOSUCH a", "OBJECT NOSUCH a", "OBJECT|ENCODING a"][..],
        ),
        (
            "-ERR The command has no key arguments\r\n",
            &["ECHO a b c", "CONFIG GET a", "KEYS *", "OBJECT HELP"],
        ),
        (
            "-ERR Invalid number of arguments specified for command\r\n",
            &["GET a b", "SET a", "OBJECT ENCODING"],
        ),
    ] {
        for command in commands {
            c.expect(&format!("COMMAND GETKEYS {command}"), error);
        }
    }
    c.expect("COMMAND GETKEYS GET", arity("command|getkeys"));
}

#[test]
fn time_is_now() {
    let (_server, mut c) = connect();
    let seconds = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("1970")
            .as_secs()
    };
    let before = seconds();
    let reply = c.strings(&["TIME"]);
    let [told, micros] = [0, 1].map(|i| String::from_utf8_lossy(&reply[i]).parse::<u64>());
    let told = told.expect("seconds");
    assert!((before..=seconds()).contains(&told), "{told}");
    assert!(micros.expect("microseconds") < 1_000_000);
    c.expect("TIME x", arity("time"));
}

#[test]
fn lolwut_names_the_version() {
    let (_server, mut c) = connect();
    let reply = c.strings(&["LOLWUT"]);
    assert!(String::from_utf8_lossy(&reply[0]).contains("Redis ver. "));
    c.expect("LOLWUT VERSION x", NOT_AN_INTEGER);
}

#[test]
fn many_different_commands_in_one_packet() {
    let (_server, mut c) = connect();
    let mut packet = Vec::new();
    let mut expected: Vec<Vec<u8>> = Vec::new();
    let exchange: &[(&str, Vec<u8>)] = &[
        ("SET k 1", OK.into()),
        ("INCR k", int(2).into()),
        ("GET k", bulk("2")),
        (
            "BOGUS",
            "-ERR unknown command 'BOGUS', with args beginning with: \r\n".into(),
        ),
        ("GET", arity("get").into()),
        ("APPEND k 3", int(2).into()),
        ("MGET k none", "*2\r\n$2\r\n23\r\n$-1\r\n".into()),
        ("CONFIG SET proto-max-bulk-len 5mb", OK.into()),
        (
            "CONFIG GET proto-max-bulk-len",
            "*2\r\n$18\r\nproto-max-bulk-len\r\n$7\r\n5242880\r\n".into(),
        ),
        ("SET k v NX XX", SYNTAX.into()),
        ("RENAME k l", OK.into()),
        ("DEL k l", int(1).into()),
        ("GET l", NULL.into()),
        ("DBSIZE", int(0).into()),
    ];
    for _ in 0..200 {
        for (command, reply) in exchange {
            let args: Vec<&str> = command.split(' ').collect();
            packet.extend(encode(&args));
            expected.push(reply.clone());
        }
        packet.extend(b"PING\r\n");
        expected.push(b"+PONG\r\n".to_vec());
    }
    c.send(&packet);
    for (number, expected) in expected.iter().enumerate() {
        let reply = c.reply();
        assert_eq!(
            reply.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "reply {number}"
        );
    }
}

/// Every client adds to the same number, on two threads. None gets lost.
#[test]
fn fifty_clients_count_together() {
    // Whether another server has that flag is its own business.
    let args: &[&str] = match is_other_server() {
        false => &["--io-threads", "2"],
        true => &[],
    };
    let server = Server::start_with(args);
    let address = server.addr();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(move || {
                let mut c = Session::connect(address);
                c.send(&encode(&["INCR", "n"]).repeat(100));
                for _ in 0..100 {
                    assert_eq!(c.reply()[0], b':');
                }
            });
        }
    });
    Session::connect(address).expect("GET n", bulk("5000"));
}

/// How many connections to hold at once, if the system lets us.
const CROWD: usize = 10_000;

/// Every one of very many clients gets an answer. Where a process may not open
/// as many files, there are fewer of them, and the test says how many.
#[test]
fn ten_thousand_clients_are_answered() {
    let (server, mut first) = connect();
    // The tests beside this one need files as well.
    let allowed = soft_limit() / 2;
    // Redis has its own idea of how many is too many.
    let maxclients = config(&mut first, &["maxclients"])
        .get("maxclients")
        .and_then(|number| number.parse().ok())
        .unwrap_or(usize::MAX);
    let wanted = amount(CROWD);
    let crowd = wanted.min(allowed).min(maxclients - 100);
    if crowd < wanted {
        eprintln!("only {crowd} clients: more than that are not allowed here");
    }
    // One after the other: the queue in front of a server is short.
    let mut clients: Vec<_> = (0..crowd)
        .map(|_| {
            let mut client = Session::connect(server.addr());
            client.expect("PING", "+PONG\r\n");
            client
        })
        .collect();
    // And now all at once.
    for client in &mut clients {
        client.send(b"PING\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.reply(), b"+PONG\r\n");
    }
    first.expect("PING", "+PONG\r\n");
}

/// How many files this process may open (`ulimit -n`).
fn soft_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or(256)
}

/// The lines of CLIENT LIST or INFO, each as its fields by name.
fn clients(c: &mut Session, args: &[&str]) -> Vec<BTreeMap<String, String>> {
    let mut reply = c.strings(&[&["CLIENT"], args].concat());
    let text = String::from_utf8(reply.remove(0)).expect("text");
    let field = |field: &str| {
        let (name, value) = field.split_once('=').expect("name=value");
        (name.to_owned(), value.to_owned())
    };
    let lines = text.lines();
    lines
        .map(|line| line.split(' ').map(field).collect())
        .collect()
}

/// The id of a client.
fn id(c: &mut Session) -> i64 {
    let reply = c.call(&["CLIENT", "ID"]);
    let digits = reply[1..].trim_ascii();
    str::from_utf8(digits).expect("digits").parse().expect("id")
}

#[test]
fn client_list_tells_who_is_connected() {
    let (server, mut c) = connect();
    let mut other = Client::connect(&server);
    other.check("CLIENT SETNAME somebody\r\n", OK);
    other.check("GET none\r\n", NULL);
    let other_id = id(&mut c) + 1;
    let list = clients(&mut c, &["LIST"]);
    assert_eq!(list.len(), 2, "{list:?}");
    let (own, others) = (&list[0], &list[1]);
    let addr = other.socket.local_addr().expect("its address").to_string();
    let wanted = [
        ("id", other_id.to_string()),
        ("addr", addr),
        ("laddr", server.addr().to_string()),
        ("name", "somebody".into()),
        ("flags", "N".into()),
        ("db", "0".into()),
        ("sub", "0".into()),
        ("multi", "-1".into()),
        ("qbuf", "0".into()),
        ("omem", "0".into()),
        ("events", "r".into()),
        ("cmd", "get".into()),
        ("user", "default".into()),
        ("redir", "-1".into()),
        ("resp", "2".into()),
    ];
    for (name, value) in wanted {
        assert_eq!(others.get(name), Some(&value), "{name} in {others:?}");
    }
    assert_eq!(own["cmd"], "client|list");
    let names = "addr age argv-mem cmd db events fd flags id idle laddr multi multi-mem name obl \
                 oll omem psub qbuf qbuf-free rbp rbs redir resp ssub sub tot-mem user";
    assert_eq!(own.keys().cloned().collect::<Vec<_>>().join(" "), names);
    assert_eq!(clients(&mut c, &["INFO"])[0]["cmd"], "client|info");
    let found = clients(&mut c, &["LIST", "ID", "0", "-1", &other_id.to_string()]);
    assert_eq!(found[0]["name"], "somebody");
    assert_eq!(found.len(), 1);
    assert_eq!(clients(&mut c, &["LIST", "TYPE", "normal"]).len(), 2);
    assert_eq!(clients(&mut c, &["LIST", "TYPE", "Replica"]).len(), 0);
    other.send("HELLO 3\r\n").receive(1);
    other.check("RESET\r\n", "").finish();
    wait_until("it is gone", || clients(&mut c, &["LIST"]).len() == 1);
    assert_eq!(number(&mut c, "connected_clients"), 1);
}

#[test]
fn client_list_counts_the_seconds_of_silence() {
    let (server, mut c) = connect();
    let mut other = Client::connect(&server);
    other.check("PING\r\n", "+PONG\r\n");
    wait_until("it is idle", || {
        let list = clients(&mut c, &["LIST"]);
        let number = |client: usize, name: &str| list[client][name].parse::<u32>().expect(name);
        assert!(number(0, "idle") <= 1 && number(1, "idle") <= number(1, "age"));
        number(1, "idle") >= 2
    });
    other.check("PING\r\n", "+PONG\r\n");
    let idle = &clients(&mut c, &["LIST"])[1]["idle"];
    assert!(["0", "1"].contains(&&**idle), "{idle}");
}

#[test]
fn client_kill_ends_connections() {
    let (server, mut c) = connect();
    let first = id(&mut c);
    let mut victims: Vec<Client> = (0..5).map(|_| Client::connect(&server)).collect();
    for victim in &mut victims {
        victim.check("PING\r\n", "+PONG\r\n");
    }
    let addr = |victim: &Client| victim.socket.local_addr().expect("its address").to_string();
    c.expect(&format!("CLIENT KILL ID {}", first + 1), int(1));
    assert_eq!(clients(&mut c, &["LIST"]).len(), 5);
    victims.remove(0).expect_closed();
    c.expect(&format!("CLIENT KILL {}", addr(&victims[0])), OK);
    victims.remove(0).expect_closed();
    c.expect(
        &format!("CLIENT KILL addr {} user default", addr(&victims[0])),
        int(1),
    );
    victims.remove(0).expect_closed();
    victims[0].check("PING\r\n", "+PONG\r\n");
    c.expect("CLIENT KILL TYPE pubsub", int(0));
    c.expect(&format!("CLIENT KILL LADDR {}", server.addr()), int(2));
    victims.remove(0).expect_closed();
    // Of an option that is there twice, the last counts.
    let mut victim = Client::connect(&server);
    let address = addr(&victim);
    c.expect(
        &format!("CLIENT KILL ADDR 1.2.3.4:5 ADDR {address}"),
        int(1),
    );
    victim.expect_closed();
    // A command of its own that waits behind is not executed.
    let mut last = Client::connect(&server);
    last.check("CLIENT KILL TYPE normal SKIPME no\r\nSET k v\r\n", int(2));
    last.expect_closed();
    let mut c = Session::connect(server.addr());
    c.expect("EXISTS k", int(0));
    assert_eq!(clients(&mut c, &["LIST"]).len(), 1);
}

#[test]
fn client_list_and_kill_check_their_options() {
    let (_server, mut c) = connect();
    let no_type = "-ERR Unknown client type 'x'\r\n";
    let no_id = "-ERR client-id should be greater than 0\r\n";
    for (command, reply) in [
        ("CLIENT INFO x", &*arity("client|info")),
        ("CLIENT LIST x", SYNTAX),
        ("CLIENT LIST ID", SYNTAX),
        ("CLIENT LIST TYPE", SYNTAX),
        ("CLIENT LIST TYPE normal x", SYNTAX),
        ("CLIENT LIST TYPE x", no_type),
        ("CLIENT LIST ID 1 x", "-ERR Invalid client ID\r\n"),
        ("CLIENT KILL", &arity("client|kill")),
        ("CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n"),
        ("CLIENT KILL ID", "-ERR No such client\r\n"),
        ("CLIENT KILL ID 0", no_id),
        ("CLIENT KILL ID -1", no_id),
        ("CLIENT KILL ID x", no_id),
        ("CLIENT KILL ID 123456", ":0\r\n"),
        ("CLIENT KILL TYPE x", no_type),
        ("CLIENT KILL USER x", "-ERR No such user 'x'\r\n"),
        ("CLIENT KILL SKIPME x", SYNTAX),
        ("CLIENT KILL ID 1 ADDR", SYNTAX),
        ("CLIENT KILL x y", SYNTAX),
        ("CLIENT KILL MAXAGE 1", SYNTAX),
        ("CLIENT KILL TYPE normal", ":0\r\n"),
        (
            "CLIENT KILL TYPE pubsub TYPE normal SKIPME no SKIPME yes",
            ":0\r\n",
        ),
        ("CLIENT KILL ID 123456 ID x", no_id),
    ] {
        c.expect(command, reply);
    }
}
