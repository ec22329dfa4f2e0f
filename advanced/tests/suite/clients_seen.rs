//! What one client sees of others, for the suites about their life.

use crate::client::Client;
use crate::harness::{Server, wait_until};

/// What a command made of these words returns, as text; of a bulk string, only its contents.
pub fn ask(client: &mut Client, command: &str) -> String {
    let reply = client.send(format!("{command}\r\n")).reply();
    let text = String::from_utf8_lossy(&reply).into_owned();
    match text.split_once("\r\n") {
        Some((head, rest)) if head.starts_with(['$', '=']) => rest.trim_end().into(),
        _ => text.trim_end().into(),
    }
}

/// The value of a field in a line of CLIENT LIST.
#[track_caller]
pub fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let mut fields = line.split(' ').filter_map(|it| it.split_once('='));
    let found = fields.find(|(it, _)| *it == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {line:?}"))
        .1
        .trim_end()
}

/// The id of a client.
pub fn id(client: &mut Client) -> String {
    ask(client, "CLIENT ID")[1..].into()
}

/// The line of the client with this id; empty if there is none.
pub fn line_of(observer: &mut Client, id: &str) -> String {
    ask(observer, &format!("CLIENT LIST ID {id}"))
}

/// The value of a line of INFO.
pub fn info(observer: &mut Client, name: &str) -> String {
    let text = ask(observer, "INFO everything");
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(it, _)| *it == name);
    found.map_or_else(String::new, |(_, value)| value.trim_end().into())
}

/// Waits until so many clients are blocked.
#[track_caller]
pub fn wait_for_blocked(observer: &mut Client, count: usize) {
    wait_until("so many clients are blocked", || {
        info(observer, "blocked_clients") == count.to_string()
    });
}

/// Connects, and returns the client with its id.
pub fn with_id(server: &Server) -> (Client, String) {
    let mut client = Client::connect(server);
    let id = id(&mut client);
    (client, id)
}
