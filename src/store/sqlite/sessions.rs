//! Sessions of browsers, and the tenants that there are.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::access::{KeyId, Session as BrowserSession};
use crate::ids::Tenant;
use crate::store::StoreError;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{limit, time};
use crate::store::sqlite::writer::Flow;

/// Sessions past their end that a new one clears away: more than one, so that they become fewer.
const CLEARED: i64 = 8;

impl Sqlite {
    pub(in crate::store) async fn open_session(&self, opened: BrowserSession, now: Timestamp) -> Result<(), StoreError> {
        let open = move |session: &mut Session, (): &mut ()| {
            let cleared = "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= ?1 LIMIT ?2)";
            session.connection.prepare_cached(cleared)?.execute([now.as_millisecond(), CLEARED])?;
            let sql = "INSERT OR REPLACE INTO sessions (hash, key, expires_at) VALUES (?1, ?2, ?3)";
            let BrowserSession { hash, key, expires_at } = &opened;
            session.connection.prepare_cached(sql)?.execute(params![hash, key.0.cast_signed(), expires_at.as_millisecond()])?;
            Ok(Flow::Keep)
        };
        self.writer.write((), open).await
    }

    pub(in crate::store) async fn session(&self, hash: [u8; 32]) -> Result<Option<BrowserSession>, StoreError> {
        self.readers.read(move |connection| session(connection, hash)).await
    }

    pub(in crate::store) async fn close_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        let close = move |session: &mut Session, (): &mut ()| {
            session.connection.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?.execute([hash])?;
            Ok(Flow::Keep)
        };
        self.writer.write((), close).await
    }

    pub(in crate::store) async fn tenants(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.readers.read(move |connection| tenants(connection, &prefix, &after, limit)).await
    }
}

fn session(connection: &Connection, hash: [u8; 32]) -> rusqlite::Result<Option<BrowserSession>> {
    let sql = "SELECT key, expires_at FROM sessions WHERE hash = ?1";
    let read =
        |row: &rusqlite::Row<'_>| Ok(BrowserSession { hash, key: KeyId(row.get::<_, i64>(0)?.cast_unsigned()), expires_at: time(row, 1)? });
    connection.prepare_cached(sql)?.query_row([hash], read).optional()
}

fn tenants(connection: &Connection, prefix: &str, after: &str, most: usize) -> rusqlite::Result<Vec<Tenant>> {
    // Both bounds are answered from the index of the names; what sorts behind every name with the prefix ends the range.
    let end = format!("{prefix}\u{10ffff}");
    let sql = format!("SELECT name FROM tenants WHERE name > ?1 AND name >= ?2 AND name < ?3 ORDER BY name LIMIT {}", limit(most));
    connection.prepare_cached(&sql)?.query_map([after, prefix, &end], |row| Ok(Tenant::new(row.get::<_, String>(0)?)))?.collect()
}
