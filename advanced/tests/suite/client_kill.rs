//! CLIENT KILL: whom it means, and what is left of them.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#1-whom-kill-means

use crate::client::Client;
use crate::clients_seen::{ask, field, info, line_of, wait_for_blocked, with_id};
use crate::harness::{Server, amount, wait_until};

/// The address from which a client comes, and the one at which it has arrived.
fn addresses(observer: &mut Client, id: &str) -> (String, String) {
    let line = line_of(observer, id);
    (field(&line, "addr").into(), field(&line, "laddr").into())
}

#[test]
fn the_old_form_names_an_address() {
    let server = Server::start();
    let (mut observer, (mut c, id)) = (Client::connect(&server), with_id(&server));
    let (addr, _) = addresses(&mut observer, &id);
    observer.check("CLIENT KILL 1.2.3.4:5\r\n", "-ERR No such client\r\n");
    observer.check(format!("CLIENT KILL {addr}\r\n"), "+OK\r\n");
    c.expect_closed();
    observer.check(format!("CLIENT KILL {addr}\r\n"), "-ERR No such client\r\n");
    assert_eq!(line_of(&mut observer, &id), "");
}

#[test]
fn a_client_must_match_all_filters() {
    let server = Server::start();
    let (mut observer, own) = with_id(&server);
    let (mut first, first_id) = with_id(&server);
    let (mut second, second_id) = with_id(&server);
    second.send("SUBSCRIBE a\r\n").reply();
    let (addr, laddr) = addresses(&mut observer, &first_id);
    let mut kills = |filters: String, count: usize| {
        let reply = ask(&mut observer, &format!("CLIENT KILL {filters}"));
        assert_eq!(reply, format!(":{count}"), "{filters}");
    };
    kills(format!("ID {first_id} ADDR 1.2.3.4:5"), 0);
    kills(format!("ID {first_id} TYPE pubsub"), 0);
    kills(format!("ID {first_id} LADDR 1.2.3.4:5"), 0);
    kills(format!("ID {own}"), 0);
    kills("TYPE replica".into(), 0);
    kills("TYPE master".into(), 0);
    first.check("PING\r\n", "+PONG\r\n");
    kills(
        format!("addr {addr} LADDR {laddr} user default type NORMAL"),
        1,
    );
    first.expect_closed();
    kills("TYPE pubsub SKIPME yes".into(), 1);
    second.expect_closed();
    kills(format!("ID {second_id} SKIPME no"), 0);
}

#[test]
fn wrong_options_kill_nobody() {
    let server = Server::start();
    let (mut c, mut other) = (Client::connect(&server), Client::connect(&server));
    let greater = "-ERR client-id should be greater than 0";
    let errors = [
        (
            "CLIENT KILL",
            "-ERR wrong number of arguments for 'client|kill' command",
        ),
        ("CLIENT KILL ID 10 wrong", "-ERR syntax error"),
        ("CLIENT KILL ID str", greater),
        ("CLIENT KILL ID -1", greater),
        ("CLIENT KILL ID 0", greater),
        ("CLIENT KILL ID 9223372036854775808", greater),
        ("CLIENT KILL TYPE what", "-ERR Unknown client type 'what'"),
        ("CLIENT KILL USER nobody", "-ERR No such user 'nobody'"),
        ("CLIENT KILL SKIPME maybe", "-ERR syntax error"),
        (
            "CLIENT KILL SKIPME no TYPE what",
            "-ERR Unknown client type 'what'",
        ),
    ];
    for (command, error) in errors {
        assert_eq!(ask(&mut c, command), error, "{command}");
    }
    other.check("PING\r\n", "+PONG\r\n");
}

#[test]
fn who_kills_itself_gets_the_reply_and_executes_nothing_more() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let (mut c, id) = with_id(&server);
    c.send(format!(
        "SET a 1\r\nCLIENT KILL ID {id} SKIPME no\r\nSET a 2\r\n"
    ));
    c.expect("+OK\r\n:1\r\n");
    c.expect_closed();
    observer.check("GET a\r\n", "$1\r\n1\r\n");
    let (mut c, id) = with_id(&server);
    let (addr, _) = addresses(&mut observer, &id);
    c.send(format!("CLIENT KILL {addr}\r\nSET a 2\r\n"));
    c.expect("+OK\r\n");
    c.expect_closed();
    observer.check("GET a\r\n", "$1\r\n1\r\n");
}

/// At once: the very next command of the same pipeline sees none of them.
#[test]
fn nothing_is_left_of_whoever_is_killed() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let mut subscriber = Client::connect(&server);
    subscriber.send("SUBSCRIBE a\r\n").reply();
    let (mut waiter, waits) = with_id(&server);
    waiter.send("WAIT 1 0\r\n");
    wait_for_blocked(&mut observer, 1);
    let mut monitor = Client::connect(&server);
    monitor.check("MONITOR\r\n", "+OK\r\n");
    observer.send(format!(
        "CLIENT KILL SKIPME yes\r\nPUBLISH a x\r\nPUBSUB NUMSUB a\r\nCLIENT UNBLOCK {waits}\r\n"
    ));
    observer.expect(":3\r\n:0\r\n*2\r\n$1\r\na\r\n:0\r\n:0\r\n");
    assert_eq!(info(&mut observer, "blocked_clients"), "0");
    assert_eq!(info(&mut observer, "connected_clients"), "1");
    for client in [&mut subscriber, &mut waiter, &mut monitor] {
        client.expect_closed();
    }
}

/// A monitor is a normal client, and no replica.
#[test]
fn a_monitor_is_of_the_normal_type() {
    let server = Server::start();
    let (mut observer, (mut monitor, id)) = (Client::connect(&server), with_id(&server));
    monitor.check("MONITOR\r\n", "+OK\r\n");
    observer.check(format!("CLIENT KILL ID {id} TYPE replica\r\n"), ":0\r\n");
    observer.check(format!("CLIENT KILL ID {id} TYPE normal\r\n"), ":1\r\n");
    monitor.expect_closed();
}

/// Its socket is full, and it reads nothing. That helps it as little as being busy.
#[test]
fn a_client_that_reads_nothing_is_killed_too() {
    let server = Server::start();
    let (mut observer, (mut c, id)) = (Client::connect(&server), with_id(&server));
    let value = "x".repeat(1_000_000);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n{value}\r\n");
    observer.check(&set, "+OK\r\n");
    c.send("GET k\r\n".repeat(50));
    wait_until("its output is full", || {
        field(&line_of(&mut observer, &id), "events") == "rw"
    });
    observer.check(format!("CLIENT KILL ID {id}\r\n"), ":1\r\n");
    assert_eq!(line_of(&mut observer, &id), "");
    observer.check("PING\r\n", "+PONG\r\n");
}

#[test]
fn a_crowd_is_killed_at_once() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let count = amount(1000);
    let mut crowd: Vec<Client> = (0..count).map(|_| Client::connect(&server)).collect();
    for client in &mut crowd {
        client.check("PING\r\n", "+PONG\r\n");
    }
    observer.send("CLIENT KILL TYPE normal\r\nCLIENT LIST\r\n");
    observer.expect_start(format!(":{count}\r\n"));
    let list = String::from_utf8_lossy(&observer.reply()).into_owned();
    assert_eq!(list.matches("id=").count(), 1);
    for client in &mut crowd {
        client.expect_closed();
    }
}

/// A replica that is killed comes back, and so does the link to a primary.
#[test]
fn links_of_replication_are_clients() {
    let (primary, replica) = (Server::start(), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    let port = primary.addr().port();
    r.check(format!("REPLICAOF 127.0.0.1 {port}\r\n"), "+OK\r\n");
    let is_up = |r: &mut Client| info(r, "master_link_status") == "up";
    wait_until("the replica is online", || {
        is_up(&mut r) && ask(&mut p, "WAIT 1 1") == ":1"
    });
    assert_eq!(
        field(&ask(&mut p, "CLIENT LIST TYPE replica"), "flags"),
        "S"
    );
    let line = ask(&mut r, "CLIENT LIST TYPE master");
    assert_eq!(field(&line, "flags"), "M");
    assert_eq!(field(&line, "user"), "(superuser)");
    p.check("CLIENT KILL TYPE replica\r\n", ":1\r\n");
    assert_eq!(info(&mut p, "connected_slaves"), "0");
    wait_until("it is back", || ask(&mut p, "WAIT 1 1") == ":1");
    wait_until("there is a link", || {
        ask(&mut r, "CLIENT KILL TYPE master") == ":1"
    });
    p.check("SET a 1\r\n", "+OK\r\n");
    wait_until("the link is back", || ask(&mut r, "GET a") == "1");
}
