//! Three or four servers to which everything happens: they are killed, stopped, cut off, made to
//! follow each other in circles, and written to. Then it is quiet, they follow one of them, and
//! all have to be one: the same data, the same offset, and nothing left of what has been.
//!
//! Where there is a stock Redis, some of them are that. The seed is printed first; give `SEED` to
//! it and the same actions are drawn again. `WORKSHOP_CHAOS` says for how many seconds to go on.
//!
//! Reread: 08-replication/GUIDE.md#what-can-go-wrong

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::faults::load::rng;
use crate::harness::{installed, is_in_part};
use model::{Data, difference};
use node::{Node, moment, wait_for};
use wire::{Half, Pace};

mod model;
mod node;
mod wire;

/// For how long, in seconds, if nothing else is said.
const SECONDS: u64 = 10;

/// After how many rounds there are new servers.
const ROUNDS: usize = 3;

/// How many keys some of the servers begin with, so that to load them takes a while.
const MANY: usize = 20_000;

/// The size of a large value, in bytes, and how many of them at once are far more than may wait
/// for a replica.
const LARGE: usize = 256 * 1024;
const FLOOD: usize = 400;

/// More memory, in KiB, than a server needs that holds nothing without a limit.
const MEMORY: u64 = 64 * 1024;

struct World {
    nodes: Vec<Node>,
    /// What was done, for the message of a failure.
    story: Vec<String>,
}

/// Whatever the test says of it, the story comes first.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what was done:\n  {}", self.story.join("\n  "));
        }
    }
}

impl World {
    fn new(rng: &mut Rng, has_stock: bool) -> Self {
        let count = rng.usize(3..=4);
        let story = Vec::new();
        let nodes = (0..count).map(|_| Node::start(has_stock && rng.u8(..3) == 0, rng.bool()));
        let nodes = nodes.collect();
        let mut world = Self { nodes, story };
        if rng.u8(..3) == 0 {
            let key = |number| format!("many:{number}").into_bytes();
            let set = |number| vec![b"SET".to_vec(), key(number), b"v".to_vec()];
            world.nodes[0].write(&(0..MANY).map(set).collect::<Vec<_>>());
            world.tell("0 has many keys");
        }
        world
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    /// One of those that answer.
    fn any(&self, rng: &mut Rng) -> Option<usize> {
        let awake = (0..self.nodes.len()).filter(|node| !self.nodes[*node].is_stopped);
        rng.choice(awake.collect::<Vec<_>>())
    }

    fn act(&mut self, rng: &mut Rng) {
        let node = rng.usize(..self.nodes.len());
        match rng.u8(..16) {
            0..2 => self.restart(node),
            2..4 => self.stop_or_continue(node),
            4..8 => self.disturb(node, rng),
            8..10 => {
                if let Some(node) = self.any(rng) {
                    self.change_files(node, rng);
                }
            }
            _ => {
                if let Some(node) = self.any(rng) {
                    self.turn(node, rng);
                }
            }
        }
        if let Some(node) = self.writer(rng) {
            self.write(node, rng);
        }
        // Now and then for long enough that those who try again are successful.
        let most = if rng.u8(..10) == 0 { 1500 } else { 80 };
        sleep(moment(rng, most));
    }

    /// Whom to write to: mostly one that accepts it.
    fn writer(&self, rng: &mut Rng) -> Option<usize> {
        let accepts = |node: &usize| !self.nodes[*node].is_stopped && self.nodes[*node].is_primary;
        let primaries: Vec<_> = (0..self.nodes.len()).filter(accepts).collect();
        match rng.u8(..6) {
            0 => self.any(rng),
            _ => rng.choice(primaries),
        }
    }

    fn restart(&mut self, node: usize) {
        self.tell(format!("{node} is killed, and starts"));
        self.nodes[node].restart();
    }

    fn stop_or_continue(&mut self, node: usize) {
        let it = &mut self.nodes[node];
        match it.is_stopped {
            true => it.heal(),
            false => it.stop(),
        }
        let is_stopped = it.is_stopped;
        self.tell(format!("{node} is stopped: {is_stopped}"));
    }

    fn disturb(&mut self, node: usize, rng: &mut Rng) {
        let wire = &self.nodes[node].wire;
        let what = match rng.u8(..7) {
            0..2 => {
                wire.cut();
                "cut".to_owned()
            }
            2..4 => {
                let half = if rng.bool() {
                    Half::ToServer
                } else {
                    Half::FromServer
                };
                wire.cut_half(half);
                format!("cut in half, {half:?}")
            }
            drawn => {
                let pace = [Pace::Free, Pace::Slow, Pace::Held][usize::from(drawn - 4)];
                wire.set_pace(pace);
                format!("{pace:?}")
            }
        };
        self.tell(format!("the wire to {node}: {what}"));
    }

    fn change_files(&mut self, node: usize, rng: &mut Rng) {
        let what = rng.u8(..6);
        let it = &mut self.nodes[node];
        match what {
            0 => drop(it.session().call(&["CONFIG", "SET", "save", "1 1"])),
            1 => drop(it.session().call(&["CONFIG", "SET", "save", ""])),
            2 => drop(it.call("BGSAVE")),
            3 => drop(it.call("BGREWRITEAOF")),
            4 => it.set_log(true),
            _ => it.set_log(false),
        }
        let all = "save 1 1, no save, BGSAVE, BGREWRITEAOF, log on, log off";
        let done = all.split(", ").nth(usize::from(what)).unwrap_or_default();
        self.tell(format!("{node}: {done}"));
    }

    /// Another primary, or none.
    fn turn(&mut self, node: usize, rng: &mut Rng) {
        let primary = rng.usize(..self.nodes.len() + 1);
        let line = match self.nodes.get(primary) {
            Some(primary) => follow(primary),
            None => "REPLICAOF NO ONE".to_owned(),
        };
        let reply = self.nodes[node].call(&line);
        if reply.starts_with(b"+") {
            let is_nobody = primary == self.nodes.len();
            self.nodes[node].is_now(is_nobody);
        }
        self.tell(format!(
            "{node} follows {primary}: {}",
            reply.escape_ascii()
        ));
    }

    fn write(&mut self, node: usize, rng: &mut Rng) {
        let commands: Vec<_> = match rng.u8(..12) {
            // Nobody takes it.
            0 => {
                self.nodes[node].wire.set_pace(Pace::Held);
                vec![model::large(rng, LARGE); FLOOD]
            }
            1 => (0..20).map(|_| model::large(rng, LARGE)).collect(),
            _ => (0..rng.usize(1..60)).map(|_| model::command(rng)).collect(),
        };
        let count = self.nodes[node].write(&commands);
        self.tell(format!(
            "{node} takes {count} commands of {}",
            commands.len()
        ));
    }

    /// Nothing happens any more: all follow `root`, directly or through others.
    fn quiet(&mut self, rng: &mut Rng) -> usize {
        self.nodes.iter_mut().for_each(Node::heal);
        let root = rng.usize(..self.nodes.len());
        self.tell(format!("it is quiet, and {root} is the primary"));
        self.nodes[root].insist("REPLICAOF NO ONE");
        self.nodes[root].is_now(true);
        let data = self.nodes[root].data();
        if let Some(model) = self.nodes[root].model.take() {
            self.check(root, model);
        }
        self.nodes[root].model = Some(data);
        let parents = self.follow_all(root, rng);
        let commands: Vec<_> = (0..40).map(|_| model::command(rng)).collect();
        let count = self.nodes[root].write(&commands);
        self.tell(format!("{root} takes {count} commands"));
        self.agree(root, &parents);
        root
    }

    /// Each of the others follows `root`, or one that does; whom.
    fn follow_all(&mut self, root: usize, rng: &mut Rng) -> BTreeMap<usize, usize> {
        let mut parents = BTreeMap::new();
        let mut others: Vec<_> = (0..self.nodes.len()).filter(|node| *node != root).collect();
        rng.shuffle(&mut others);
        for node in others {
            let above: Vec<_> = [root].into_iter().chain(parents.keys().copied()).collect();
            let parent = rng.choice(above).expect("the root");
            parents.insert(node, parent);
            let line = follow(&self.nodes[parent]);
            self.nodes[node].insist(&line);
            self.nodes[node].is_now(false);
            self.tell(format!("{node} follows {parent}"));
        }
        parents
    }

    fn agree(&mut self, root: usize, parents: &BTreeMap<usize, usize>) {
        wait_for("the links are up, and all are as far", || {
            let states: Vec<_> = self.nodes.iter_mut().map(Node::info).collect();
            let wrong = (0..states.len()).find(|node| !is_right(&states, *node, root, parents));
            wrong.map_or(Ok(()), |node| Err(format!("{node}: {:#?}", states[node])))
        });
        let model = self.nodes[root].model.clone().expect("the root's");
        for number in 0..self.nodes.len() {
            self.check(number, model.clone());
            let node = &mut self.nodes[number];
            node.check_files();
            let memory = node.server().peak_memory().unwrap_or(0);
            assert!(memory < MEMORY, "{number} has taken {memory} KiB");
        }
        // What was to end soon ends everywhere.
        wait_for("all have as many keys", || {
            let sizes = self.nodes.iter_mut().map(|node| node.call("DBSIZE"));
            let sizes: Vec<_> = sizes.collect();
            let are_equal = sizes.iter().all(|size| *size == sizes[0]);
            are_equal.then_some(()).ok_or(format!("{sizes:?}"))
        });
    }

    /// Has it what the model says?
    fn check(&mut self, node: usize, model: Data) {
        let data = self.nodes[node].data();
        let model = model::lasting(model);
        assert!(data == model, "{node}: {}", difference(&model, &data));
    }

    /// One with a log is killed when it has what `root` has: it comes back with all of it.
    fn kill_after_sync(&mut self, root: usize, rng: &mut Rng) {
        let has_log = |node: &usize| *node != root && self.nodes[*node].is_logged;
        let nodes: Vec<_> = (0..self.nodes.len()).filter(has_log).collect();
        if let Some(node) = rng.choice(nodes) {
            self.restart(node);
            let model = self.nodes[root].model.clone().expect("the root's");
            self.check(node, model.clone());
            self.nodes[node].model = Some(model);
        }
    }

    /// One that has something else, safe on its disk, is killed while it takes over what `root`
    /// has: it comes back with the one or with the other.
    fn kill_during_sync(&mut self, root: usize, rng: &mut Rng) {
        let others = (0..self.nodes.len()).filter(|node| *node != root);
        let number = rng
            .choice(others.collect::<Vec<_>>())
            .expect("three at least");
        let new = self.nodes[root].data();
        let line = follow(&self.nodes[root]);
        let node = &mut self.nodes[number];
        node.insist("REPLICAOF NO ONE");
        node.is_now(true);
        node.call("SET own 1");
        let with_log = rng.bool();
        node.persist(with_log);
        let own = node.data();
        node.insist(&line);
        let is_far = ["sync", "load", "up"][rng.usize(..3)];
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && !has_come(node, is_far) {}
        sleep(moment(rng, 20));
        node.restart();
        let found = node.data();
        let story = format!("{number} was killed, with a log: {with_log}, after: {is_far}");
        self.tell(&story);
        assert!(
            found == own || found == new,
            "{story}\nits own: {}\nthe primary's: {}",
            difference(&own, &found),
            difference(&new, &found)
        );
        self.nodes[number].model = Some(found);
    }
}

/// What makes a server follow `primary`.
fn follow(primary: &Node) -> String {
    let address = primary.wire.addr();
    format!("REPLICAOF {} {}", address.ip(), address.port())
}

/// Is the synchronization so far?
fn has_come(node: &mut Node, what: &str) -> bool {
    let fields = node.info();
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|found| found == value);
    let is_up = is("master_link_status", "up");
    match what {
        "sync" => is_up || is("master_sync_in_progress", "1") || is("loading", "1"),
        "load" => is_up || is("loading", "1"),
        _ => is_up,
    }
}

/// Is it in its place below `root`, and as far as that?
fn is_right(
    states: &[BTreeMap<String, String>],
    node: usize,
    root: usize,
    parents: &BTreeMap<usize, usize>,
) -> bool {
    let get = |of: usize, name: &str| states[of].get(name).cloned().unwrap_or_default();
    let same = ["master_replid", "master_repl_offset"];
    let below = parents.values().filter(|parent| **parent == node).count();
    let is_in_place = match node == root {
        true => get(node, "role") == "master",
        false => get(node, "role") == "slave" && get(node, "master_link_status") == "up",
    };
    let is_online = |number: usize| get(node, &format!("slave{number}")).contains("state=online");
    is_in_place
        && same.iter().all(|name| get(node, name) == get(root, name))
        && get(node, "connected_slaves") == below.to_string()
        && (0..below).all(is_online)
}

#[test]
fn servers_to_which_everything_happens_become_one() {
    let mut rng = rng();
    let seconds = std::env::var("WORKSHOP_CHAOS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    let seconds = seconds.unwrap_or(if is_in_part() { 1 } else { SECONDS });
    let end = Instant::now() + Duration::from_secs(seconds);
    let has_stock = installed("redis-server");
    while Instant::now() < end {
        let mut world = World::new(&mut rng, has_stock);
        for _ in 0..ROUNDS {
            (0..rng.usize(4..14)).for_each(|_| world.act(&mut rng));
            let root = world.quiet(&mut rng);
            match rng.u8(..4) {
                0..2 => world.kill_during_sync(root, &mut rng),
                2 => world.kill_after_sync(root, &mut rng),
                _ => {}
            }
            if Instant::now() > end {
                break;
            }
        }
    }
}
