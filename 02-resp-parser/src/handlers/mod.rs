//! The families of commands, one file each, and the table that joins them.

mod connection;
mod introspection;

use std::sync::LazyLock;

use crate::command::Table;

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::new(&[introspection::COMMANDS, connection::COMMANDS]));

/// Every command that this server knows.
pub fn table() -> &'static Table {
    &TABLE
}
