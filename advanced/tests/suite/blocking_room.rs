//! A server and its guests: clients of which some wait. Whoever has sent something, and whoever is
//! served because of that, is watched until all have their replies or wait.

use crate::client::Client;
use crate::clients_seen::{ask, field, with_id};
use crate::harness::{Server, wait_until};
use crate::session::encode;

pub struct Room {
    /// It ends with the room.
    _server: Server,
    /// Watches the others.
    pub observer: Client,
    guests: Vec<Guest>,
}

struct Guest {
    client: Client,
    id: String,
    /// How many replies are still to come.
    owed: usize,
    heard: Vec<u8>,
}

impl Guest {
    /// Reads the replies that have arrived.
    fn listen(&mut self) {
        while self.owed > 0 && has_arrived(&mut self.client) {
            let reply = self.client.reply();
            self.heard.extend(reply);
            self.owed -= 1;
        }
    }
}

/// Is there anything to read?
fn has_arrived(client: &mut Client) -> bool {
    client.socket.set_nonblocking(true).expect("do not wait");
    let arrived = client.socket.peek(&mut [0]).is_ok();
    client.socket.set_nonblocking(false).expect("wait again");
    arrived
}

impl Room {
    pub fn new(server: Server, guests: usize) -> Self {
        let (observer, _) = with_id(&server);
        let guests = (0..guests).map(|_| {
            let (client, id) = with_id(&server);
            Guest {
                client,
                id,
                owed: 0,
                heard: Vec::new(),
            }
        });
        Self {
            guests: guests.collect(),
            observer,
            _server: server,
        }
    }

    pub fn id(&self, guest: usize) -> &str {
        &self.guests[guest].id
    }

    /// Does the guest wait?
    pub fn waits(&self, guest: usize) -> bool {
        self.guests[guest].owed > 0
    }

    /// Lets a guest send these commands at once. Returns when nothing more happens.
    #[track_caller]
    pub fn say<T: AsRef<[u8]>>(&mut self, guest: usize, commands: &[Vec<T>]) {
        let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        let guest = &mut self.guests[guest];
        guest.owed += commands.len();
        guest.client.send(bytes);
        self.settle();
    }

    /// The same for one command, whose words are those of a line.
    #[track_caller]
    pub fn line(&mut self, guest: usize, line: &str) {
        self.say(guest, &[line.split(' ').collect()]);
    }

    /// Waits until every guest has all its replies, or waits itself.
    #[track_caller]
    pub fn settle(&mut self) {
        wait_until("everybody has got a reply or waits", || {
            self.guests.iter_mut().for_each(Guest::listen);
            if self.guests.iter().all(|it| it.owed == 0) {
                return true;
            }
            let list = ask(&mut self.observer, "CLIENT LIST");
            let waits = |guest: &Guest| {
                let mut lines = list.lines();
                let line = lines.find(|line| field(line, "id") == guest.id);
                line.is_some_and(|line| field(line, "flags").contains('b'))
            };
            // Who has been served since then is not done.
            self.guests.iter().all(|it| it.owed == 0 || waits(it))
        });
        self.guests.iter_mut().for_each(Guest::listen);
    }

    /// Takes what a guest has received.
    pub fn heard(&mut self, guest: usize) -> Vec<u8> {
        std::mem::take(&mut self.guests[guest].heard)
    }

    /// Compares what a guest has received since it was asked last.
    #[track_caller]
    pub fn expect(&mut self, guest: usize, expected: &str) {
        let heard = self.heard(guest);
        assert_eq!(String::from_utf8_lossy(&heard), expected, "guest {guest}");
    }
}
