//! Values that somebody has tampered with: RESTORE answers, and the server lives on with bounded
//! memory. By hand: `ROUNDS=1000000 cargo test -p advanced --test suite -- restore_fuzz`.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use fastrand::Rng;

use crate::harness::{Server, amount, is_other_server};
use crate::session::{OK, Session, encode};

/// How many values a test run tries. By hand, more of them.
pub const VALUES: usize = 3_000;

/// So many commands are sent at once.
const BATCH: usize = 200;

/// Well above what the server takes with all of it, in KiB.
pub const MAX_MEMORY: u64 = 512 << 10;

/// As many rounds as `ROUNDS` says; otherwise those of a test run.
pub fn rounds(all: usize) -> usize {
    let rounds = std::env::var("ROUNDS").ok().and_then(|it| it.parse().ok());
    rounds.unwrap_or_else(|| amount(all))
}

/// One value of each encoding, without its end.
fn samples(c: &mut Session) -> Vec<Vec<u8>> {
    c.expect("CONFIG SET rdbcompression no", OK);
    c.call(&[
        "HSET",
        "a",
        "f",
        "1",
        "g",
        "-70000",
        "h",
        "text",
        "i",
        "5000000000",
    ]);
    c.call(&["HSET", "b", "f", &"x".repeat(100), "g", "2"]);
    c.call(&["SET", "c", "text"]);
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for key in ["a", "b", "c", "a", "b"] {
        samples.push(dumped(c, key));
        // The second time they are compressed.
        c.call(&[
            "CONFIG",
            "SET",
            "rdbcompression",
            if key == "c" { "yes" } else { "no" },
        ]);
    }
    samples.push(b"\x09\x0e\x02\x01a\x01\x001\x01b\x03\x00two\xff".to_vec());
    let ziplist = b"\x0d\x18\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\x03two\xff";
    samples.push(ziplist.to_vec());
    samples
}

/// The same bytes in each run with the same `SEED`, which is printed.
pub fn seeded() -> Rng {
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    Rng::with_seed(seed)
}

/// What DUMP says of a key, without the version and the checksum at its end.
pub fn dumped(c: &mut Session, key: &str) -> Vec<u8> {
    let reply = c.call(&["DUMP", key]);
    let start = reply.iter().position(|it| *it == b'\n');
    let start = start.map_or(0, |it| it + 1);
    reply[start..reply.len() - 12].to_vec()
}

/// Changes a few bytes.
pub fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..4) {
        let at = rng
            .usize(..bytes.len().max(1))
            .min(bytes.len().saturating_sub(1));
        match rng.u8(..6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, rng.u8(..)),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => {
                bytes[at] = *rng
                    .choice(&[0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xF0, 0xFE, 0xFF])
                    .unwrap_or(&0)
            }
            4 => bytes[at] ^= 1 << rng.u8(..8),
            _ => bytes[at] = rng.u8(..),
        }
    }
}

#[test]
fn a_damaged_value_does_no_harm() {
    tamper(samples, &["HGETALL x", "HSET x f new", "HDEL x a g"]);
}

/// Restores samples in which a few bytes are changed, as `x`. What is accepted can be read and
/// changed with these commands.
pub fn tamper(samples: fn(&mut Session) -> Vec<Vec<u8>>, then: &[&str]) {
    if is_other_server() {
        // Redis checks so much only if it is told to, and crashes otherwise.
        return;
    }
    let rng = &mut seeded();
    let mut server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut c = Session::connect(server.addr());
    let samples = samples(&mut c);
    c.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", OK);
    for _ in 0..rounds(VALUES).div_ceil(BATCH) {
        let mut commands = Vec::new();
        for _ in 0..BATCH {
            let mut payload = rng.choice(&samples).cloned().unwrap_or_default();
            mutate(rng, &mut payload);
            payload.extend(b"\x0a\x00\0\0\0\0\0\0\0\0");
            commands.extend(encode(&[b"RESTORE", &b"x"[..], b"0", &payload, b"REPLACE"]));
            for command in then {
                let words: Vec<&str> = command.split(' ').collect();
                commands.extend(encode(&words));
            }
        }
        c.send(&commands);
        for _ in 0..(1 + then.len()) * BATCH {
            c.reply();
        }
    }
    assert!(server.is_alive());
    c.expect("DEBUG RELOAD", OK);
    let peak = server.peak_memory().unwrap_or_default();
    assert!(peak < MAX_MEMORY, "it took {peak} KiB");
}
