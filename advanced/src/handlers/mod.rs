//! The families of commands, one file each, and the table that joins them.

#[cfg(feature = "client-lifecycle")]
mod categories;
#[cfg(not(feature = "client-lifecycle"))]
mod client;
#[cfg(feature = "client-lifecycle")]
pub mod client_lifecycle;
mod client_list;
#[cfg(feature = "client-lifecycle")]
mod config_ports;
#[cfg(not(feature = "client-lifecycle"))]
mod config_same_ports;
mod connection;
mod debug;
#[cfg(feature = "client-lifecycle")]
mod debug_config;
#[cfg(feature = "client-lifecycle")]
mod debug_protocol;
#[cfg(feature = "client-lifecycle")]
mod debug_tests;
mod dump;
mod elements;
mod expiry;
mod hash;
mod info;
#[cfg(feature = "client-lifecycle")]
mod info_timing;
#[cfg(not(feature = "client-lifecycle"))]
mod info_timing {
    /// Nothing is counted or timed, but tools look for the titles.
    pub const SECTIONS: &[super::info::Section] = &[
        ("Commandstats", |_| String::new()),
        ("Latencystats", |_| String::new()),
    ];
}
mod introspection;
mod key;
#[cfg(feature = "client-lifecycle")]
mod latency;
#[cfg(feature = "lists")]
mod list;
#[cfg(feature = "blocking")]
mod list_blocking;
mod memory;
mod persistence;
mod pubsub;
mod replication;
mod server;
#[cfg(feature = "sets")]
mod set;
#[cfg(feature = "sets")]
mod set_algebra;
#[cfg(feature = "sets")]
mod set_random;
mod shutdown;
#[cfg(feature = "sorted-sets")]
mod sorted_set;
mod string;
#[cfg(not(feature = "client-lifecycle"))]
mod undescribed;

use std::sync::LazyLock;
#[cfg(feature = "client-lifecycle")]
use std::sync::{Mutex, PoisonError};

#[cfg(not(feature = "client-lifecycle"))]
use self::{config_same_ports as config_ports, undescribed as categories};
use crate::command::{Command, Table};

/// The families, in the order of the files.
const FAMILIES: &[&[Command]] = &[
    introspection::COMMANDS,
    #[cfg(not(feature = "client-lifecycle"))]
    client::COMMANDS,
    #[cfg(feature = "client-lifecycle")]
    client_lifecycle::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    dump::COMMANDS,
    expiry::COMMANDS,
    hash::COMMANDS,
    info::COMMANDS,
    key::COMMANDS,
    #[cfg(feature = "lists")]
    list::COMMANDS,
    #[cfg(feature = "blocking")]
    list_blocking::COMMANDS,
    memory::COMMANDS,
    #[cfg(feature = "client-lifecycle")]
    latency::COMMANDS,
    persistence::COMMANDS,
    pubsub::COMMANDS,
    replication::COMMANDS,
    server::COMMANDS,
    #[cfg(feature = "sets")]
    set::COMMANDS,
    #[cfg(feature = "sets")]
    set_algebra::COMMANDS,
    #[cfg(feature = "sets")]
    set_random::COMMANDS,
    shutdown::COMMANDS,
    #[cfg(feature = "sorted-sets")]
    sorted_set::COMMANDS,
    string::COMMANDS,
];

#[cfg(not(feature = "client-lifecycle"))]
static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(FAMILIES));
#[cfg(feature = "client-lifecycle")]
static TABLE: LazyLock<Table> =
    LazyLock::new(|| renamed().unwrap_or_else(|_| Table::new(FAMILIES)));

/// Commands with new names, in order (`rename-command`).
#[cfg(feature = "client-lifecycle")]
static RENAMES: Mutex<Vec<[Vec<u8>; 2]>> = Mutex::new(Vec::new());

/// Renames a command, or removes it if its new name is empty. That can be done until the table is
/// used for the first time.
#[cfg(feature = "client-lifecycle")]
pub fn rename(from: &[u8], to: &[u8]) -> Result<(), &'static str> {
    let renames = || RENAMES.lock().unwrap_or_else(PoisonError::into_inner);
    renames().push([from.to_vec(), to.to_vec()]);
    renamed().map(drop).inspect_err(|_| drop(renames().pop()))
}

/// The table with the new names.
#[cfg(feature = "client-lifecycle")]
fn renamed() -> Result<Table, &'static str> {
    let mut table = Table::new(FAMILIES);
    for [from, to] in &*RENAMES.lock().unwrap_or_else(PoisonError::into_inner) {
        table.rename(from, to)?;
    }
    Ok(table)
}

/// Every command that this server knows.
pub fn table() -> &'static Table {
    &TABLE
}
