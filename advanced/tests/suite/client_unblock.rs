//! CLIENT UNBLOCK: ends the wait of another client.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#the-idea

use crate::client::Client;
use crate::clients_seen::{ask, wait_for_blocked, with_id};
use crate::harness::Server;

#[test]
fn a_wait_ends_as_if_it_were_late_or_with_an_error() {
    let server = Server::start();
    let (mut c, (mut waiter, id)) = (Client::connect(&server), with_id(&server));
    let error = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    for (option, reply) in [("", ":0\r\n"), (" timeout", ":0\r\n"), (" ERROR", error)] {
        waiter.send("WAIT 1 0\r\nPING\r\n");
        wait_for_blocked(&mut c, 1);
        // The second finds nobody who waits.
        c.send(format!(
            "CLIENT UNBLOCK {id}{option}\r\nCLIENT UNBLOCK {id}\r\n"
        ));
        c.expect(":1\r\n:0\r\n");
        waiter.expect(format!("{reply}+PONG\r\n"));
    }
    wait_for_blocked(&mut c, 0);
    c.check(format!("CLIENT UNBLOCK {id} ERROR\r\n"), ":0\r\n");
    waiter.check("WAIT 0 0\r\n", ":0\r\n");
}

#[test]
fn there_must_be_somebody_who_waits() {
    let server = Server::start();
    let (mut c, own) = with_id(&server);
    let wrong = "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT \
                 HELP.";
    let cases = [
        (format!("CLIENT UNBLOCK {own}"), ":0"),
        ("CLIENT UNBLOCK 9999".into(), ":0"),
        ("CLIENT UNBLOCK -1".into(), ":0"),
        (
            "CLIENT UNBLOCK x".into(),
            "-ERR value is not an integer or out of range",
        ),
        (
            "CLIENT UNBLOCK 1 SOMEHOW".into(),
            "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
        ),
        ("CLIENT UNBLOCK 1 ERROR x".into(), wrong),
    ];
    for (command, reply) in cases {
        assert_eq!(ask(&mut c, &command), reply, "{command}");
    }
}
