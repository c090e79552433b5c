//! Key material by name, and what was in force under the name before.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::sqlite::values::time;
use crate::store::{KeptKey, RetiredKey};

pub(super) fn key(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached("SELECT material FROM keys WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// Each name with its key, if there is one.
pub(super) fn found(connection: &Connection, names: Vec<String>) -> rusqlite::Result<Vec<(String, Option<KeptKey>)>> {
    let kept = |name: String| {
        let kept = match key(connection, &name)? {
            Some(material) => Some(KeptKey { material, retired: retired(connection, &name, Timestamp::UNIX_EPOCH)? }),
            None => None,
        };
        Ok((name, kept))
    };
    names.into_iter().map(kept).collect()
}

/// Stores the material unless there is some already; what is there then.
pub(super) fn keep(connection: &Connection, name: &str, material: &[u8]) -> rusqlite::Result<Vec<u8>> {
    connection
        .prepare_cached("INSERT INTO keys (name, material) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![name, material])?;
    connection.prepare_cached("SELECT material FROM keys WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

/// Puts new material in force; what was, if anything, is retired until `until`.
pub(super) fn rotate(connection: &Connection, name: &str, material: &[u8], until: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO retired_keys (name, until, material) SELECT name, ?2, material FROM keys WHERE name = ?1")?
        .execute(params![name, until.as_millisecond()])?;
    connection
        .prepare_cached("INSERT INTO keys (name, material) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET material = excluded.material")?
        .execute(params![name, material])
        .map(drop)
}

/// What was in force before, the newest first, as far as its grace time is not over.
pub(super) fn retired(connection: &Connection, name: &str, now: Timestamp) -> rusqlite::Result<Vec<RetiredKey>> {
    connection
        .prepare_cached("SELECT material, until FROM retired_keys WHERE name = ?1 AND until > ?2 ORDER BY until DESC")?
        .query_map(params![name, now.as_millisecond()], |row| Ok(RetiredKey { material: row.get(0)?, until: time(row, 1)? }))?
        .collect()
}
