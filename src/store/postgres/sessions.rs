//! Sessions of browsers, and the tenants that there are.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::failure::Trouble;
use super::link::Link;
use super::values::{get, limit, text, time};
use crate::access::{KeyId, Session};
use crate::ids::Tenant;

/// Sessions past their end that a new one clears away: more than one, so that they become fewer.
const CLEARED: i64 = 8;

/// See [`Store::open_session`](crate::store::Store::open_session).
pub(super) async fn open(link: &Link, opened: &Session, now: Timestamp) -> Result<(), Trouble> {
    let clear = "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at <= $1 LIMIT $2)";
    link.execute(clear, &[&now.as_millisecond(), &CLEARED]).await?;
    let sql = "INSERT INTO sessions (hash, key, expires_at) VALUES ($1, $2, $3)
        ON CONFLICT (hash) DO UPDATE SET key = excluded.key, expires_at = excluded.expires_at";
    let Session { hash, key, expires_at } = opened;
    link.execute(sql, &[&hash.as_slice(), &key.0.cast_signed(), &expires_at.as_millisecond()]).await.map(drop)
}

/// See [`Store::session`](crate::store::Store::session).
pub(super) async fn one(link: &Link, hash: [u8; 32]) -> Result<Option<Session>, Trouble> {
    let row = link.first("SELECT key, expires_at FROM sessions WHERE hash = $1", &[&hash.as_slice()]).await?;
    let read = |row: Row| Ok(Session { hash, key: KeyId(get::<i64>(&row, 0)?.cast_unsigned()), expires_at: time(&row, 1)? });
    row.map(read).transpose()
}

/// See [`Store::close_session`](crate::store::Store::close_session).
pub(super) async fn close(link: &Link, hash: [u8; 32]) -> Result<(), Trouble> {
    link.execute("DELETE FROM sessions WHERE hash = $1", &[&hash.as_slice()]).await.map(drop)
}

/// See [`Store::tenants`](crate::store::Store::tenants).
pub(super) async fn tenants(link: &Link, (prefix, after): (&str, &str), most: usize) -> Result<Vec<Tenant>, Trouble> {
    // Both bounds are answered from the index of the names; what sorts behind every name with the prefix ends the range.
    let end = format!("{prefix}\u{10ffff}");
    let sql = "SELECT name FROM tenants WHERE name > $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT $4";
    link.query(sql, &[&after, &prefix, &end, &limit(most)]).await?.iter().map(|row| Ok(Tenant::new(text(row, 0)?))).collect()
}
