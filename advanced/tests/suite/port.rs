//! Ports: one that is free, and whose it is then. On a busy machine a stranger may
//! take a port between the moment it is found and the moment the server opens it;
//! a test that talked to that stranger would fail without a fault.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

/// What stands in the system's list for a socket that listens.
const LISTENS: &str = "0A";

/// The length of a line of that list, in bytes.
const LINE: usize = 150;

/// An address with a port that nobody has, and that no other test was given: two
/// servers that start at the same time would take each other for themselves.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(address.port()) {
            return address;
        }
    }
}

/// Does somebody listen at `address`? If nobody does and the system gives our end
/// of the connection the same port, we would be talking to ourselves.
pub fn is_served(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok_and(|socket| socket.local_addr().ok() != Some(address))
}

/// Does this process listen at `port`, or one that it has started? `None` where
/// the system does not tell, which is to say: not on Linux.
pub fn listens(process: u32, port: u16) -> Option<bool> {
    let is_own = |socket: String| family(process).any(|it| holds(it, &socket));
    let mut listed = listeners("/proc/net/tcp", port).ok()?;
    let mut listed6 = listeners("/proc/net/tcp6", port).into_iter().flatten();
    Some(listed.any(is_own) || listed6.any(is_own))
}

/// The sockets that listen at `port`, by the links that the system shows for them.
/// They come before all connections, of which there may be ten thousand that have
/// ended a moment ago. The system makes up a line when it is read, so nobody waits
/// for lines behind the one that is looked for.
fn listeners(list: &str, port: u16) -> io::Result<impl Iterator<Item = String>> {
    let lines = BufReader::with_capacity(LINE, File::open(list)?).lines();
    let socket = move |line: String| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, address, _, LISTENS, ..] = fields[..] else {
            return None;
        };
        let is_there = address.ends_with(&format!(":{port:04X}"));
        let inode = fields.get(9).filter(|_| is_there)?;
        Some(format!("socket:[{inode}]"))
    };
    Ok(lines.map_while(Result::ok).filter_map(socket))
}

/// The process and those that it has started, if it is a script.
fn family(process: u32) -> impl Iterator<Item = u32> {
    let mut waiting = vec![process];
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        let path = format!("/proc/{next}/task/{next}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        waiting.extend(children.split(' ').filter_map(|id| id.parse::<u32>().ok()));
        Some(next)
    })
}

/// Has the process this socket open?
fn holds(process: u32, socket: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    let mut files = files.into_iter().flatten().flatten();
    files.any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket))
}

#[test]
fn whose_a_port_is_can_be_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let own = std::process::id();
    if listens(own, port).is_none() {
        return eprintln!("not tested: the system does not tell");
    }
    assert_eq!(listens(own, port), Some(true));
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("sleep");
    assert_eq!(listens(other.id(), port), Some(false));
    other
        .kill()
        .and_then(|()| other.wait())
        .expect("it can be ended");
}
