//! Three Sentinels watch over a primary and two replicas. The primary is killed; they
//! make a replica the primary, and the old one a replica when it comes back.
//!
//! Reread: 08-replication/GUIDE.md#what-can-go-wrong

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::client::patience;
use crate::harness::stopwatch::undisturbed;
use crate::harness::{Server, installed, is_in_part, wait_until};
use crate::log::data_folder;
use crate::replicas::{Relay, follow, prepare, start, wait_for_link};
use crate::session::{OK, Session, int, strings};

/// One Sentinel; it ends when this is dropped.
struct Sentinel {
    process: Child,
    session: Session,
    _folder: TempDir,
}

impl Sentinel {
    /// Watches over the primary at `address`.
    fn watch(address: SocketAddr) -> Self {
        let folder = data_folder();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let own = listener.local_addr().expect("an address");
        drop(listener);
        let text = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor it {} {} 2\n\
             sentinel down-after-milliseconds it 1000\nsentinel failover-timeout it 5000\n",
            own.port(),
            folder.path().display(),
            address.ip(),
            address.port()
        );
        let path = folder.path().join("sentinel.conf");
        fs::write(&path, text).expect("write the file");
        let log = File::create(folder.path().join("log")).expect("a log");
        let process = Command::new("redis-server")
            .arg(&path)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .expect("redis-server");
        wait_until("the Sentinel listens", || TcpStream::connect(own).is_ok());
        Self {
            process,
            session: Session::connect(own),
            _folder: folder,
        }
    }

    fn ask(&mut self, command: &str) -> Vec<String> {
        let reply = self.session.call(&["SENTINEL", command, "it"]);
        let words = strings(&reply).into_iter();
        words.map(|word| word.escape_ascii().to_string()).collect()
    }

    fn knows(&mut self, field: &str, value: &str) -> bool {
        let words = self.ask("MASTER");
        words.windows(2).any(|pair| pair == [field, value])
    }

    /// Where it says that the primary is.
    fn primary(&mut self) -> String {
        let words = self.ask("GET-MASTER-ADDR-BY-NAME");
        words.join(":")
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the server at `address` replies to `command`. It is not all there if the server hangs up
/// meanwhile, as Sentinel asks it to when it has given it another role.
fn ask(address: SocketAddr, command: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("connect");
    socket.set_read_timeout(Some(patience())).expect("timeout");
    let _ = socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes());
    let mut reply = Vec::new();
    let _ = socket.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

/// Does the server have everything that was written?
fn has(server: SocketAddr, keys: &[&str]) -> bool {
    let mut keys = keys.iter();
    keys.all(|key| ask(server, &format!("GET {key}")).starts_with("$1\r\n1\r\n"))
}

/// Writes `key` to the primary on which the Sentinels agree, and waits until so many replicas have
/// it. On a busy machine the Sentinels may agree on another one in between.
fn write(sentinels: &mut [Sentinel], key: &str, replicas: usize) {
    let line = format!("SET {key} 1\r\nWAIT {replicas} 1000");
    wait_until("it is written, and the replicas have it", || {
        let first = sentinels[0].primary();
        let primary = first.parse().expect("an address");
        sentinels.iter_mut().all(|it| it.primary() == first)
            && ask(primary, &line).starts_with(&format!("+OK\r\n:{replicas}\r\n"))
    });
}

#[test]
fn sentinels_make_another_primary() {
    if !installed("redis-server") || is_in_part() {
        return;
    }
    // A Sentinel that has missed two seconds does nothing for thirty (its TILT mode).
    undisturbed(|| {
        let data = data_folder();
        let old = Server::start_on(data.path(), &[]);
        let mut o = prepare(&old);
        // The old primary comes back with another port; to everybody it is here.
        let relay = Relay::to(old.addr());
        let mut replicas = [start(&[]), start(&[])];
        for (_, session) in &mut replicas {
            follow(session, relay.addr());
            wait_for_link(session);
        }
        let mut sentinels: Vec<_> = (0..3).map(|_| Sentinel::watch(relay.addr())).collect();
        wait_until("the Sentinels know everybody", || {
            sentinels
                .iter_mut()
                .all(|it| it.knows("num-slaves", "2") && it.knows("num-other-sentinels", "2"))
        });
        o.expect("SET before 1", OK);
        o.expect("WAIT 2 0", int(2));

        let was = relay.addr().to_string();
        old.kill();
        wait_until("the Sentinels agree on another primary", || {
            let first = sentinels[0].primary();
            first != was && sentinels.iter_mut().all(|it| it.primary() == first)
        });
        write(&mut sentinels, "after", 1);
        let is_everywhere = || {
            replicas
                .iter()
                .all(|it| has(it.0.addr(), &["before", "after"]))
        };
        wait_until("both of them have it", is_everywhere);

        let back = Server::start_on(data.path(), &[]);
        relay.turn(back.addr());
        wait_until("the old primary is a replica", || {
            let role = ask(back.addr(), "INFO replication").contains("role:slave");
            role && has(back.addr(), &["before", "after"])
        });
        write(&mut sentinels, "later", 2);
        assert!(has(back.addr(), &["later"]));
    });
}
