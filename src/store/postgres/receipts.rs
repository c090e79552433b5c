//! Requests with an `Idempotency-Key` and their answers.

use tokio_postgres::Row;

use super::failure::Trouble;
use super::hub::{Hub, within};
use super::link::Link;
use super::values::{get, status_if_any, text_if_any};
use crate::store::{KeptAnswer, Receipt, StoreError};

/// How long an answer is kept, in milliseconds: a day, after which nobody repeats a request.
const KEPT_MS: i64 = 86_400_000;
/// Receipts that a new one clears away when they are too old: more than one, so that they become fewer.
const CLEARED: i64 = 8;

/// See [`Store::open_receipt`](crate::store::Store::open_receipt). Whoever comes second with a key waits until the first is noted.
pub(super) async fn open(hub: &Hub, (tenant, key): (&str, &str), request: &[u8], now: i64) -> Result<Receipt, StoreError> {
    within!(hub, |link| {
        let oldest = now.saturating_sub(KEPT_MS);
        let clear = "DELETE FROM receipts WHERE (tenant, key) IN
            (SELECT tenant, key FROM receipts WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
        link.execute(clear, &[&oldest, &CLEARED]).await?;
        let note = "INSERT INTO receipts (tenant, key, request, at, node) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (tenant, key) DO UPDATE SET request = excluded.request, at = excluded.at, node = excluded.node, status = NULL,
                content_type = NULL, body = NULL WHERE receipts.at < $6";
        if link.execute(note, &[&tenant, &key, &request, &now, &hub.node(), &oldest]).await? > 0 {
            return Ok(Receipt::New);
        }
        let known = "SELECT request, status, content_type, body FROM receipts WHERE tenant = $1 AND key = $2";
        let row = link.first(known, &[&tenant, &key]).await?;
        row.map_or(Ok(Receipt::UnderWay), |row| read(&row, request))
    })
}

fn read(row: &Row, request: &[u8]) -> Result<Receipt, Trouble> {
    if get::<&[u8]>(row, 0)? != request {
        return Ok(Receipt::OfAnother);
    }
    let Some(status) = status_if_any(row, 1)? else { return Ok(Receipt::UnderWay) };
    let body = get::<Option<Vec<u8>>>(row, 3)?.unwrap_or_default().into();
    Ok(Receipt::Answered(KeptAnswer { status, content_type: text_if_any(row, 2)?.unwrap_or_default(), body }))
}

/// See [`Store::close_receipt`](crate::store::Store::close_receipt).
pub(super) async fn close(link: &Link, (tenant, key): (&str, &str), answer: Option<&KeptAnswer>) -> Result<(), Trouble> {
    let Some(answer) = answer else {
        let sql = "DELETE FROM receipts WHERE tenant = $1 AND key = $2 AND status IS NULL";
        return link.execute(sql, &[&tenant, &key]).await.map(drop);
    };
    let sql = "UPDATE receipts SET status = $3, content_type = $4, body = $5 WHERE tenant = $1 AND key = $2 AND status IS NULL";
    let values: super::link::Values<'_> = &[&tenant, &key, &i32::from(answer.status), &&*answer.content_type, &&*answer.body];
    link.execute(sql, values).await.map(drop)
}
