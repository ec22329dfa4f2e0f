//! The end of a server on a disk that fails or is slow: what it confirms is safe.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#what-can-go-wrong

use std::time::Duration;

use crate::faults::{Action, Disk, EIO, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder, info};
use crate::session::{OK, bulk, encode};

const FAILED: &str = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";

/// Real Redis warns, and ends.
#[test]
fn a_failed_fsync_is_not_forgotten() {
    if is_other_server() {
        return;
    }
    for policy in ["no", "everysec", "always"] {
        let data = data_folder();
        let Some(disk) = Disk::under(&data) else {
            return;
        };
        let mut server = disk.start(&[&ON[..], &["--appendfsync", policy, "--save", ""]].concat());
        let mut c = connect(&server);
        c.expect("SET k 1", OK);
        disk.arm(
            &Fault::new(Action::Fail(EIO))
                .calls("sync")
                .path(".incr.aof"),
        );
        c.expect("SHUTDOWN", FAILED);
        assert!(disk.faults() > 0);
        wait_until("the log is written anew", || {
            info(&mut c, "aof_rewrites").is_some_and(|count| count != "0")
                && info(&mut c, "aof_last_write_status").as_deref() == Some("ok")
        });
        c.expect("SET k 2", OK);
        c.send(&encode(&["SHUTDOWN"]));
        assert_eq!(server.ended().code(), Some(0));
        let server = Server::start_on(data.path(), &ON);
        connect(&server).expect("GET k", bulk("2"));
    }
}

/// After the beginning of a rewrite the log has two files, and both are made safe.
#[test]
fn the_fsync_of_the_older_file_is_waited_for() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let flags = [&ON[..], &["--appendfsync", "no", "--save", ""]].concat();
    let mut server = disk.start(&flags);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    let second = Duration::from_secs(1);
    disk.arm(
        &Fault::new(Action::Delay(second))
            .calls("sync")
            .path(".1.incr.aof"),
    );
    c.expect(
        "BGREWRITEAOF",
        "+Background append only file rewriting started\r\n",
    );
    disk.wait_for_fault();
    c.expect("SET k 2", OK);
    c.send(&encode(&["SHUTDOWN"]));
    assert_eq!(server.ended().code(), Some(0));
    let journal = disk.journal();
    let (_, after) = journal.split_once("fault\t").expect("the fault");
    let done = after
        .lines()
        .skip(1)
        .any(|line| line.contains("sync") && line.contains(".1.incr.aof"));
    assert!(done, "{journal}");
}
