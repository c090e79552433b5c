//! The places of sources that have been taken in.

use rusqlite::{Connection, params};

use crate::store::Taken;

/// See [`Query::Taken`](crate::store::Query::Taken).
pub(super) fn is_taken(connection: &Connection, tenant: i64, taken: &Taken) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM taken WHERE tenant = ?1 AND source = ?2 AND position = ?3")?.exists(params![
        tenant,
        taken.source,
        taken.position
    ])
}

/// See [`Effects::taken`](crate::store::Effects::taken).
pub(super) fn take(connection: &Connection, tenant: i64, taken: &Taken) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO taken (tenant, source, position) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![tenant, taken.source, taken.position])
        .map(drop)
}

/// See [`Store::forget_taken`](crate::store::Store::forget_taken).
pub(super) fn forget(connection: &Connection, source: &str, through: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM taken WHERE source = ?1 AND position <= ?2")?.execute(params![source, through]).map(drop)
}
