//! The families of commands, one file each, and the table that joins them.

mod connection;
mod expiry;
mod info;
mod introspection;
mod key;
mod persistence;
mod pubsub;
mod replication;
mod server;
mod shutdown;
mod string;

use std::sync::LazyLock;

use crate::command::Table;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        introspection::COMMANDS,
        connection::COMMANDS,
        expiry::COMMANDS,
        info::COMMANDS,
        key::COMMANDS,
        persistence::COMMANDS,
        pubsub::COMMANDS,
        replication::COMMANDS,
        server::COMMANDS,
        shutdown::COMMANDS,
        string::COMMANDS,
    ])
});

/// Every command that this server knows.
pub fn table() -> &'static Table {
    &TABLE
}
