//! Clients wait and are served while the link to the replica is cut, and comes back. On the replica,
//! too, each element is where it was moved to, and nowhere else.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use crate::harness::wait_until;
use crate::replication_load::Pair;
use crate::session::{Session, encode, shown};

/// Who waits for what, what is pushed for it, the reply, and what is in these lists then.
const WAITS: [(&str, &str, &str); 9] = [
    ("BLPOP a 0", "RPUSH a 1 2 3", "*2 $1 a $1 1"),
    ("BRPOP b 0", "RPUSH b 1 2 3", "*2 $1 b $1 3"),
    (
        "BLMPOP 0 1 c LEFT COUNT 2",
        "RPUSH c 1 2 3",
        "*2 $1 c *2 $1 1 $1 2",
    ),
    ("BLMOVE d moved LEFT RIGHT 0", "RPUSH d 1 2 3", "$1 1"),
    ("BRPOPLPUSH e moved 0", "RPUSH e 1 2 3", "$1 3"),
    // The second waits for what the first moves.
    ("BLMOVE f g RIGHT LEFT 0", "RPUSH f 1 2 3", "$1 3"),
    ("BLMOVE g moved RIGHT RIGHT 0", "RPUSH other 1", "$1 3"),
    ("BZPOPMIN y 0", "ZADD y 1 1 2 2 3 3", "*3 $1 y $1 1 $1 1"),
    (
        "BZMPOP 0 1 z MAX COUNT 2",
        "ZADD z 1 1 2 2 3 3",
        "*2 $1 z *2 *2 $1 3 $1 3 *2 $1 2 $1 2",
    ),
];

/// What is left of all that.
const LEFT: [(&str, &str); 8] = [
    ("LRANGE a 0 -1", "*2 $1 2 $1 3"),
    ("LRANGE b 0 -1", "*2 $1 1 $1 2"),
    ("LRANGE c 0 -1", "*1 $1 3"),
    ("LRANGE d 0 -1", "*2 $1 2 $1 3"),
    ("LRANGE e 0 -1", "*2 $1 1 $1 2"),
    ("LRANGE moved 0 -1", "*3 $1 3 $1 1 $1 3"),
    ("ZRANGE y 0 -1", "*2 $1 2 $1 3"),
    ("ZRANGE z 0 -1", "*1 $1 1"),
];

/// `text` with a line end for each space, as replies have it.
fn lines(text: &str) -> String {
    text.replace(' ', "\r\n") + "\r\n"
}

fn command(line: &str) -> Vec<u8> {
    encode(&line.split(' ').collect::<Vec<_>>())
}

fn waits(c: &mut Session) -> usize {
    let info = c.call(&["INFO", "clients"]);
    let info = String::from_utf8_lossy(&info).into_owned();
    let line = info
        .lines()
        .find_map(|it| it.strip_prefix("blocked_clients:"));
    line.and_then(|it| it.parse().ok()).expect("a number")
}

/// When the link is cut: before the hand-over, or right before or after it, when neither has left, or while
/// the clients wait, and it is back for the hand-over.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Before,
    RightBefore,
    RightAfter,
    Earlier,
}

fn is_handed_over_once(mut pair: Pair) {
    pair.follow();
    for when in [Cut::Before, Cut::RightBefore, Cut::RightAfter, Cut::Earlier] {
        let mut waiters = WAITS.map(|(wait, ..)| {
            let mut waiter = pair.connect();
            waiter.send(&command(wait));
            waiter
        });
        wait_until("all wait", || waits(&mut pair.p) == WAITS.len());
        let cut = [command("CLIENT KILL TYPE replica")];
        let pushes = WAITS.map(|(_, push, _)| command(push));
        if matches!(when, Cut::Before | Cut::Earlier) {
            pair.cut();
        }
        if let Cut::Earlier = when {
            pair.settle();
        }
        let commands = match when {
            Cut::Before | Cut::Earlier => pushes.to_vec(),
            Cut::RightBefore => [&cut[..], &pushes].concat(),
            Cut::RightAfter => [&pushes[..], &cut].concat(),
        };
        pair.p.send(&commands.concat());
        commands.iter().for_each(|_| drop(pair.p.reply()));
        for (waiter, (wait, _, reply)) in waiters.iter_mut().zip(WAITS) {
            assert_eq!(
                shown(&waiter.reply()),
                shown(lines(reply).as_bytes()),
                "{wait}"
            );
        }
        pair.settle();
        for (look, left) in LEFT {
            let found = pair.r.call(&look.split(' ').collect::<Vec<_>>());
            assert_eq!(
                shown(&found),
                shown(lines(left).as_bytes()),
                "{when:?}: {look}"
            );
        }
        pair.expect_the_same(&format!("{when:?}"));
        pair.p.call(
            &"UNLINK a b c d e f g moved other y z"
                .split(' ')
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn while_redis_follows_us() {
    if let Some(pair) = Pair::redis_follows() {
        is_handed_over_once(pair);
    }
}

#[test]
fn while_we_follow_redis() {
    if let Some(pair) = Pair::redis_leads() {
        is_handed_over_once(pair);
    }
}

#[test]
fn while_one_of_us_follows_another() {
    is_handed_over_once(Pair::ours());
}
