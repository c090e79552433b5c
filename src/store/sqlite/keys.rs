//! Key material by name.

use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn key(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached("SELECT material FROM keys WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// Stores the material unless there is some already; what is there then.
pub(super) fn keep(connection: &Connection, name: &str, material: &[u8]) -> rusqlite::Result<Vec<u8>> {
    connection
        .prepare_cached("INSERT INTO keys (name, material) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![name, material])?;
    connection.prepare_cached("SELECT material FROM keys WHERE name = ?1")?.query_row([name], |row| row.get(0))
}
