//! What is left of the log when calls to the system fail, hang, or are the last ones of a
//! server.
//!
//! Reread: 05-aof-persistence/GUIDE.md#what-can-go-wrong

use crate::faults::{Action, Disk, Fault};
use crate::harness::Server;
use crate::log::{ON, connect, data_folder, data_set, plain};
use crate::session::{OK, encode};

/// The disk of these suites does what it is told, to real Redis as well.
#[test]
fn the_disk_does_what_it_is_told() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut server = disk.start(&[&ON[..], &["--appendfsync", "always"]].concat());
    let mut c = connect(&server);
    c.expect("SET a 1", OK);
    if !disk.journal().contains("incr.aof") {
        return eprintln!("not tested: this server does not call the system through libc");
    }
    disk.arm(&Fault::new(Action::Hold).calls("sync").path(".incr.aof"));
    c.send(&encode(&["SET", "b", "2"]));
    disk.wait_for_fault();
    disk.disarm();
    assert_eq!(c.reply(), OK.as_bytes());
    disk.arm(
        &Fault::new(Action::Kill)
            .calls("write")
            .path(".incr.aof")
            .first(2),
    );
    c.expect("SET c 3", OK);
    c.send(&encode(&["SET", "d", "4"]));
    assert!(!server.ended().success());
    assert_eq!((disk.seen(), disk.faults()), (2, 1));
    let server = Server::start_on(data.path(), &ON);
    let expected = plain(&[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_eq!(data_set(&mut connect(&server)), expected);
}
