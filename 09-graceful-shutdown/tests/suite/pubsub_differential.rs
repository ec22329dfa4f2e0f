//! Random commands about channels, from several clients in both protocols, to this
//! server and to a real one. What each client receives must be the same, byte for byte.
//!
//! Two orders are a server's own business: in which patterns are tried, and in
//! which UNSUBSCRIBE names the channels when it is not told which.
//!
//! Every run draws other commands. When it fails, it prints the seed; set
//! `SEED` to it and the same commands come again.
//!
//! Reread: 07-pubsub/GUIDE.md#how-redis-does-it

use fastrand::Rng;

use crate::client::{Client, escaped};
use crate::harness::{Server, amount};
use crate::session::encode;

const TURNS: usize = 2_000;
const CLIENTS: usize = 5;

const CHANNELS: [&str; 6] = ["a", "b", "ab", "abc", "", "x\r\ny"];
const PATTERNS: [&str; 9] = ["*", "a*", "?", "[ab]", "a?c", "", "\\a", "[^a]*", "*b*"];

type Args = Vec<String>;

/// The same client on both servers.
struct Pair([Client; 2]);

impl Pair {
    fn connect(servers: &[Server; 2]) -> Self {
        Self([0, 1].map(|it| Client::connect(&servers[it])))
    }

    fn send(&mut self, bytes: &[u8]) {
        for client in &mut self.0 {
            // What has arrived meanwhile is read later.
            client.expect_start("").send(bytes);
        }
    }

    /// Everything that both have received up to now.
    fn received(&mut self, turn: usize) -> [Vec<Vec<u8>>; 2] {
        let mark = format!("mark {turn}");
        self.send(&encode(&["PING", &mark]));
        self.0.each_mut().map(|client| {
            let mut frames = Vec::new();
            loop {
                let frame = client.reply();
                if contains(&frame, &mark) {
                    return normalized(frames);
                }
                frames.push(frame);
            }
        })
    }
}

fn contains(frame: &[u8], text: &str) -> bool {
    frame
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Puts into order what has none, and takes out what differs.
fn normalized(mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for frame in &mut frames {
        // The reply to HELLO has the client's number.
        if contains(frame, "$6\r\nserver\r\n") {
            frame.truncate(2);
        }
    }
    for run in frames.chunk_by_mut(|one, two| {
        ["$8\r\npmessage\r\n", "$11\r\nunsubscribe\r\n"]
            .iter()
            .any(|word| contains(one, word) && contains(two, word))
    }) {
        let is_message = contains(&run[0], "$8\r\npmessage\r\n");
        let mut counts = Vec::new();
        for frame in run.iter_mut().filter(|_| !is_message) {
            let at = frame.iter().rposition(|byte| *byte == b':').unwrap_or(0);
            counts.push(frame.split_off(at));
        }
        run.sort();
        let pairs = run.iter_mut().zip(counts);
        pairs.for_each(|(frame, count)| frame.extend(count));
    }
    frames
}

struct Dice(Rng);

impl Dice {
    fn pick(&mut self, from: &[&str]) -> String {
        from[self.0.usize(..from.len())].to_owned()
    }

    fn several(&mut self, least: usize, from: &[&str]) -> Args {
        let count = self.0.usize(least..4);
        (0..count).map(|_| self.pick(from)).collect()
    }

    fn command(&mut self, turn: usize) -> Args {
        let named = |name: &str, rest: Args| [vec![name.to_owned()], rest].concat();
        match self.0.u8(..24) {
            0..=3 => named("SUBSCRIBE", self.several(1, &CHANNELS)),
            4..=6 => named("PSUBSCRIBE", self.several(1, &PATTERNS)),
            7..=8 => named("UNSUBSCRIBE", self.several(0, &CHANNELS)),
            9 => named("PUNSUBSCRIBE", self.several(0, &PATTERNS)),
            10..=15 => {
                let channel = self.pick(&CHANNELS);
                named("PUBLISH", vec![channel, format!("message {turn}")])
            }
            16 => named("PING", self.several(0, &["hi"])),
            17 => named("RESET", Vec::new()),
            18..=19 => named("HELLO", vec![self.pick(&["2", "3", "3"])]),
            20 => named("PUBSUB", named("NUMSUB", self.several(0, &CHANNELS))),
            21 => named("PUBSUB", vec!["NUMPAT".into()]),
            22 => named("PUBSUB", vec!["CHANNELS".into(), "a".into()]),
            _ => named(
                &self.pick(&["SUBSCRIBE", "PUBLISH", "ECHO"]),
                vec!["a".into()],
            ),
        }
    }
}

#[test]
fn subscribers_receive_what_they_receive_from_redis() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let seed = std::env::var("SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let mut dice = Dice(Rng::with_seed(seed));
    let servers = [Server::start(), redis];
    let mut pairs: Vec<Pair> = (0..CLIENTS).map(|_| Pair::connect(&servers)).collect();
    for turn in 0..amount(TURNS) {
        let actor = dice.0.usize(..CLIENTS);
        let commands: Vec<Args> = (0..dice.0.usize(1..4))
            .map(|_| dice.command(turn))
            .collect();
        let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
        pairs[actor].send(&bytes);
        // The one who sent goes first: what it caused has happened then.
        for index in (0..CLIENTS).map(|step| (actor + step) % CLIENTS) {
            let [ours, theirs] = pairs[index].received(turn);
            let show = |frames: &[Vec<u8>]| escaped(&frames.concat());
            assert!(
                ours == theirs,
                "turn {turn} of SEED={seed}: client {actor} sent\n  {commands:?}\nclient {index} \
                 got\n  {}\nfrom Redis\n  {}",
                show(&ours),
                show(&theirs)
            );
        }
        if dice.0.u8(..40) == 0 {
            pairs[actor].send(b"QUIT\r\n");
            for client in &mut pairs[actor].0 {
                client.expect("+OK\r\n").expect_closed();
            }
            pairs[actor] = Pair::connect(&servers);
        }
    }
    pairs.iter_mut().for_each(|pair| pair.send(b""));
}
