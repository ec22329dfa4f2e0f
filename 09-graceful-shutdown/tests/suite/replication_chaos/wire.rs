//! The network in front of one server: a relay with an address that stays, whichever port the
//! server has after a restart. What goes through it can be cut, slowed down, held, or ended in
//! one direction.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// How much is taken at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// How long a piece takes on a slow wire, and how long to wait before looking whether a wire
/// still holds what it has.
const SLOW: Duration = Duration::from_millis(10);

/// How long an address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Free,
    Slow,
    /// Nothing goes through, and nobody is told.
    Held,
}

/// Which half of a connection ends.
#[derive(Clone, Copy, Debug)]
pub enum Half {
    ToServer,
    FromServer,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    /// Both ends of each connection: the client's, and the one to the server.
    pairs: Mutex<Vec<(TcpStream, TcpStream)>>,
    pace: AtomicU8,
    is_over: AtomicBool,
}

/// It ends, with all that goes through it, when it is dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Wire {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            pairs: Mutex::default(),
            pace: AtomicU8::new(Pace::Free as u8),
            is_over: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        spawn(move || {
            for near in listener.incoming().flatten() {
                if accepting.is_over.load(Relaxed) {
                    return;
                }
                accepting.connect(near);
            }
        });
        Self { address, shared }
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connections go to `target`.
    pub fn aim(&self, target: SocketAddr) {
        *self.shared.target.lock().expect("the target") = target;
    }

    pub fn set_pace(&self, pace: Pace) {
        self.shared.pace.store(pace as u8, Relaxed);
    }

    pub fn cut(&self) {
        for (near, far) in self.shared.pairs.lock().expect("the pairs").drain(..) {
            let _ = near.shutdown(Shutdown::Both);
            let _ = far.shutdown(Shutdown::Both);
        }
    }

    /// Ends one direction of what there is; the other goes on as long as both ends want it.
    pub fn cut_half(&self, half: Half) {
        for (near, far) in &*self.shared.pairs.lock().expect("the pairs") {
            let (from, to) = match half {
                Half::ToServer => (near, far),
                Half::FromServer => (far, near),
            };
            let _ = from.shutdown(Shutdown::Read);
            let _ = to.shutdown(Shutdown::Write);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        self.cut();
        // Whoever accepts looks up.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, near: TcpStream) {
        let target = *self.target.lock().expect("the target");
        let Ok(far) = TcpStream::connect_timeout(&target, CONNECT) else {
            return;
        };
        let handle = |socket: &TcpStream| socket.try_clone().expect("a handle");
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (from, to, shared) = (handle(from), handle(to), self.clone());
            spawn(move || shared.pump(from, to));
        }
        self.pairs.lock().expect("the pairs").push((near, far));
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut chunk = [0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            if self.pace.load(Relaxed) == Pace::Slow as u8 {
                sleep(SLOW);
            }
            while self.pace.load(Relaxed) == Pace::Held as u8 && !self.is_over.load(Relaxed) {
                sleep(SLOW);
            }
            if to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
        let _ = from.shutdown(Shutdown::Read);
    }
}
