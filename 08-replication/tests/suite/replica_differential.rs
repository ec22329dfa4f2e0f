//! Random commands that speak of time to a replica of this server's and to one of Redis's, whose
//! primaries say the same. The replies must be the same, byte for byte, and where clients may not
//! write, the number of keys as well.
//!
//! The primaries are nothing but sockets. To a read-only replica they go on talking, of keys that
//! are over as of others; to a writable one they say nothing after the beginning, because what is
//! left of a key that its client has let expire depends on when the replica removes it. For the
//! same reason DEL and UNLINK are not compared there. Left out is a deadline before 1970: to Redis
//! that is none, which only shows where it ends no key at once.
//!
//! Reread: 08-replication/GUIDE.md#4-expiry-on-a-replica

use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use crate::expiry_differential::{Args, Dice, agree};
use crate::harness::{Server, amount, wait_until};
use crate::replicas::{Writer, empty_file, follow, info, prepare, wait_for_link};
use crate::session::{OK, Session, encode, shown};

const ROUNDS: usize = 3000;

/// The only one that is drawn.
const BEFORE_1970: &str = "-9223372036854775808";

/// A replica, and what its primary says to it.
struct Replica {
    _server: Server,
    client: Session,
    stream: TcpStream,
    offset: usize,
}

impl Replica {
    fn of(server: Server, read_only: &str) -> Self {
        let mut client = prepare(&server);
        let primary = Writer::new();
        follow(&mut client, primary.addr());
        let stream = primary.accept(empty_file());
        wait_for_link(&mut client);
        client.expect(&format!("CONFIG SET replica-read-only {read_only}"), OK);
        Self {
            _server: server,
            client,
            stream,
            offset: 100,
        }
    }

    fn feed(&mut self, command: &Args) {
        let bytes = encode(command);
        self.stream.write_all(&bytes).expect("send");
        self.offset += bytes.len();
        wait_until("the replica has executed it", || {
            info(&mut self.client, "master_repl_offset") == self.offset.to_string()
        });
    }
}

/// A command as a primary sends it: absolute times, and no error.
fn command_of_a_primary(dice: &mut Dice) -> Args {
    let (key, value) = (dice.key(), dice.value());
    let away = dice.rng.i64(1_000_000..1_000_000_000);
    let moment = match dice.rng.bool() {
        true => dice.started - away,
        false => dice.started + away,
    };
    let lines = [
        "SET k v",
        "SET k v PXAT t",
        "SET k v KEEPTTL",
        "PEXPIREAT k t",
        "PEXPIREAT k t",
        "GETEX k PXAT t",
        "PERSIST k",
        "APPEND k v",
        "SETRANGE k 1 v",
        "SETNX k v",
        "SET k v XX",
        "MSET k v other v",
        "COPY k other REPLACE",
        "GETDEL k",
        "DEL k",
        "UNLINK k",
    ];
    let line = lines[dice.rng.usize(..lines.len())];
    let words = line.split(' ').map(|word| match word {
        "k" => key.clone(),
        "v" => value.clone(),
        "t" => moment.to_string(),
        _ => word.to_owned(),
    });
    words.collect()
}

fn compare(read_only: &str) {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let mut dice = Dice::new();
    let mut replicas = [Server::start(), redis].map(|server| Replica::of(server, read_only));
    let is_read_only = read_only == "yes";
    for round in 0..amount(ROUNDS) {
        if round < 60 || (is_read_only && dice.rng.u8(..3) == 0) {
            let command = command_of_a_primary(&mut dice);
            replicas
                .iter_mut()
                .for_each(|replica| replica.feed(&command));
            continue;
        }
        let args = dice.command();
        if args.iter().any(|word| word == BEFORE_1970) {
            continue;
        }
        let is_counted = ["DEL", "UNLINK"].contains(&args[0].to_ascii_uppercase().as_str());
        let [ours, theirs] = replicas
            .each_mut()
            .map(|replica| replica.client.call(&args));
        assert!(
            agree(&args, &ours, &theirs) || (is_counted && !is_read_only),
            "round {round}:\n  {args:?}\nreply:\n  {}\nRedis:\n  {}",
            shown(&ours),
            shown(&theirs)
        );
        if is_read_only {
            let sizes = replicas
                .each_mut()
                .map(|replica| replica.client.call(&["DBSIZE"]));
            assert_eq!(sizes[0], sizes[1], "round {round}, after {args:?}");
        } else if dice.about_to_end {
            sleep(Duration::from_millis(6));
        }
    }
    wait_until("both have as many keys", || {
        let sizes = replicas
            .each_mut()
            .map(|replica| replica.client.call(&["DBSIZE"]));
        sizes[0] == sizes[1]
    });
}

#[test]
fn a_read_only_replica_replies_as_redis() {
    compare("yes");
}

#[test]
fn a_writable_replica_replies_as_redis() {
    compare("no");
}
