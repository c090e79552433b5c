//! Requests with an `Idempotency-Key` and their answers.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::{KeptAnswer, Receipt};

/// How long an answer is kept, in milliseconds: a day, after which nobody repeats a request.
const KEPT_MS: i64 = 86_400_000;
/// Receipts that a new one clears away when they are too old: more than one, so that they become fewer.
const CLEARED: i64 = 8;

/// See [`Store::open_receipt`](crate::store::Store::open_receipt).
pub(super) fn open(connection: &Connection, tenant: &str, key: &str, request: &[u8], now: i64) -> rusqlite::Result<Receipt> {
    connection
        .prepare_cached("DELETE FROM receipts WHERE rowid IN (SELECT rowid FROM receipts WHERE at < ?1 ORDER BY at LIMIT ?2)")?
        .execute([now.saturating_sub(KEPT_MS), CLEARED])?;
    let read = |row: &Row<'_>| {
        let same = row.get_ref(0)?.as_blob()? == request;
        let answer = match row.get::<_, Option<u16>>(1)? {
            None => None,
            Some(status) => Some(KeptAnswer { status, content_type: row.get(2)?, body: row.get::<_, Vec<u8>>(3)?.into() }),
        };
        Ok(match (same, answer) {
            (false, _) => Receipt::OfAnother,
            (true, None) => Receipt::UnderWay,
            (true, Some(answer)) => Receipt::Answered(answer),
        })
    };
    let known = connection
        .prepare_cached("SELECT request, status, content_type, body FROM receipts WHERE tenant = ?1 AND key = ?2 AND at >= ?3")?
        .query_row(params![tenant, key, now.saturating_sub(KEPT_MS)], read)
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO receipts (tenant, key, request, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![tenant, key, request, now])?;
    Ok(Receipt::New)
}

/// See [`Store::close_receipt`](crate::store::Store::close_receipt).
pub(super) fn close(connection: &Connection, tenant: &str, key: &str, answer: Option<&KeptAnswer>) -> rusqlite::Result<()> {
    let Some(answer) = answer else {
        let sql = "DELETE FROM receipts WHERE tenant = ?1 AND key = ?2 AND status IS NULL";
        return connection.prepare_cached(sql)?.execute([tenant, key]).map(drop);
    };
    connection
        .prepare_cached("UPDATE receipts SET status = ?3, content_type = ?4, body = ?5 WHERE tenant = ?1 AND key = ?2 AND status IS NULL")?
        .execute(params![tenant, key, answer.status, answer.content_type, &*answer.body])
        .map(drop)
}

/// Forgets what was under way in a process that has died.
pub(super) fn forget_unanswered(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM receipts WHERE status IS NULL", []).map(drop)
}
