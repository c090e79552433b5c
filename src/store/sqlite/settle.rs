//! Recording finished attempts, each only while its claim still stands.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::sqlite::queue::unblock;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::state_number;
use crate::store::sqlite::writer::Flow;
use crate::store::{DeliveryState, NewAttempt, Settled};

/// See [`Store::settle`](crate::store::Store::settle).
pub(super) fn settle(session: &mut Session, attempts: &[NewAttempt], recorded: &mut Vec<bool>) -> rusqlite::Result<Flow> {
    recorded.clear();
    let connection = &session.connection;
    let mut wakes = false;
    for attempt in attempts {
        let row = match &attempt.then {
            Settled::Pending { .. } => {
                let again = retry(connection, attempt)?;
                session.may_be_blocked |= again.is_some_and(|(_, blocked)| blocked);
                again.map(|(row, _)| row)
            }
            Settled::Delivered | Settled::Diverted(_) | Settled::Failed(_) => finish(connection, attempt)?,
        };
        recorded.push(row.is_some());
        let Some(row) = row else { continue };
        record(connection, row, attempt)?;
        wakes |= match &attempt.then {
            Settled::Pending { .. } => true,
            Settled::Delivered | Settled::Diverted(_) | Settled::Failed(_) => session.may_be_blocked && unblock(connection, row)?,
        };
    }
    Ok(if wakes { Flow::Wake } else { Flow::Keep })
}

/// The delivery has reached its end; its row, unless the claim is lost.
fn finish(connection: &Connection, attempt: &NewAttempt) -> rusqlite::Result<Option<i64>> {
    let (state, reason) = match &attempt.then {
        Settled::Diverted(reason) => (DeliveryState::Diverted, Some(reason.as_str())),
        Settled::Failed(reason) => (DeliveryState::Failed, Some(reason.as_str())),
        Settled::Delivered | Settled::Pending { .. } => (DeliveryState::Delivered, None),
    };
    let recorded = &attempt.attempt;
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?3, blocked = 0, attempts = ?4, spent = spent + 1, last_status = ?5, reason = ?6, settled_at = ?7
             WHERE id = ?1 AND fence = ?2 AND state = 1 RETURNING row",
        )?
        .query_row(
            params![
                attempt.delivery.0.as_bytes(),
                attempt.fence,
                state_number(state),
                recorded.number,
                recorded.status,
                reason,
                ended_at(attempt)
            ],
            |row| row.get(0),
        )
        .optional()
}

/// The delivery is due again; its row and whether it is blocked, unless the claim is lost. One that was resent meanwhile, ahead of it, goes first.
fn retry(connection: &Connection, attempt: &NewAttempt) -> rusqlite::Result<Option<(i64, bool)>> {
    let Settled::Pending { at, counts } = &attempt.then else { return Ok(None) };
    let recorded = &attempt.attempt;
    connection
        .prepare_cached(
            "UPDATE deliveries AS d SET state = 0, due_at = ?3, attempts = ?4, spent = spent + ?5, last_status = ?6, reason = ?7,
                 blocked = d.ordered AND EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant
                     AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.row < d.row)
             WHERE id = ?1 AND fence = ?2 AND state = 1 RETURNING row, blocked",
        )?
        .query_row(
            params![
                attempt.delivery.0.as_bytes(),
                attempt.fence,
                at.as_millisecond(),
                recorded.number,
                counts,
                recorded.status,
                recorded.error
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

fn record(connection: &Connection, row: i64, attempt: &NewAttempt) -> rusqlite::Result<()> {
    let recorded = &attempt.attempt;
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery, number, started_at, took_ms, status, error, response_headers, response_body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            row,
            recorded.number,
            recorded.started_at.as_millisecond(),
            took_ms(attempt),
            recorded.status,
            recorded.error,
            recorded.response_headers,
            recorded.response_body.as_deref(),
        ])
        .map(drop)
}

fn took_ms(attempt: &NewAttempt) -> i64 {
    i64::try_from(attempt.attempt.took.as_millis()).unwrap_or(i64::MAX)
}

fn ended_at(attempt: &NewAttempt) -> i64 {
    attempt.attempt.started_at.as_millisecond().saturating_add(took_ms(attempt))
}
