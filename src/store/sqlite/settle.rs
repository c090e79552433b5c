//! Recording finished attempts, each only while its claim still stands.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::ids::LaneId;
use crate::store::agenda::Note;
use crate::store::sqlite::endpoints::{Standing, given_up, suspend, taken};
use crate::store::sqlite::queue::unblock;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::state_number;
use crate::store::sqlite::writer::Flow;
use crate::store::{Alert, DeliveryState, NewAttempt, Settled};

/// See [`Store::settle`](crate::store::Store::settle).
pub(super) fn settle(session: &mut Session, attempts: &[NewAttempt], recorded: &mut Vec<bool>) -> rusqlite::Result<Flow> {
    recorded.clear();
    let mut wakes = false;
    for attempt in attempts {
        let settled = match &attempt.then {
            Settled::Pending { .. } => retry(&session.connection, attempt)?,
            Settled::Delivered | Settled::Diverted(_) | Settled::Failed(_) => finish(&session.connection, attempt)?,
        };
        recorded.push(settled.is_some());
        let Some(settled) = settled else { continue };
        record(&session.connection, settled.row, attempt)?;
        wakes |= follow(session, &settled, attempt)?;
    }
    Ok(if wakes { Flow::Wake } else { Flow::Keep })
}

/// A delivery whose attempt is recorded.
struct Recorded {
    row: i64,
    /// The tenant's row.
    tenant: i64,
    lane: LaneId,
    blocked: bool,
}

impl Recorded {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { row: row.get(0)?, tenant: row.get(1)?, lane: LaneId(row.get(2)?), blocked: row.get(3)? })
    }
}

/// What follows for other deliveries and for the endpoint; whether something is due that was not before.
fn follow(session: &mut Session, settled: &Recorded, attempt: &NewAttempt) -> rusqlite::Result<bool> {
    let (at, alarm) = (ended_at(attempt), attempt.alarm.as_deref());
    let endpoint = Standing { tenant: &attempt.tenant, row: settled.tenant, lane: settled.lane, at, sequence: None, alarm };
    let given_up_as = match &attempt.then {
        Settled::Pending { at, .. } => {
            session.may_be_blocked |= settled.blocked;
            if !settled.blocked {
                session.note(Note::Due(settled.lane, at.as_millisecond()));
            }
            return Ok(true);
        }
        Settled::Delivered => None,
        Settled::Diverted(why) => Some((Alert::Diverted, why)),
        Settled::Failed(why) => Some((Alert::Failed, why)),
    };
    let mut wakes = match given_up_as {
        None => taken(session, endpoint)?,
        Some((alert, why)) => {
            let told = given_up(session, endpoint, alert, why)?;
            let suspended = if attempt.suspend { suspend(session, endpoint, why)? } else { None };
            told || suspended.unwrap_or_default()
        }
    };
    if session.may_be_blocked {
        wakes |= unblock(session, settled.row)?;
    }
    Ok(wakes)
}

/// The delivery has reached its end, unless the claim is lost. Two statements: one that changes and returns would have SQLite copy every page
/// that it touches.
fn finish(connection: &Connection, attempt: &NewAttempt) -> rusqlite::Result<Option<Recorded>> {
    let (state, reason) = match &attempt.then {
        Settled::Diverted(reason) => (DeliveryState::Diverted, Some(reason.as_str())),
        Settled::Failed(reason) => (DeliveryState::Failed, Some(reason.as_str())),
        Settled::Delivered | Settled::Pending { .. } => (DeliveryState::Delivered, None),
    };
    let found = connection
        .prepare_cached("SELECT row, tenant, endpoint, blocked FROM deliveries WHERE row = ?1 AND fence = ?2 AND state = 1")?
        .query_row([attempt.slot.0, attempt.fence], Recorded::read)
        .optional()?;
    let Some(found) = found else { return Ok(None) };
    let recorded = &attempt.attempt;
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, blocked = 0, attempts = ?3, spent = spent + 1, last_status = ?4, reason = ?5, settled_after = ?6 - created_at, due_at = 0
             WHERE row = ?1",
        )?
        .execute(params![
            found.row,
            state_number(state),
            recorded.number,
            recorded.status,
            reason,
            ended_at(attempt).as_millisecond()
        ])?;
    Ok(Some(found))
}

/// The delivery is due again, unless the claim is lost. One that was resent meanwhile, ahead of it, goes first.
fn retry(connection: &Connection, attempt: &NewAttempt) -> rusqlite::Result<Option<Recorded>> {
    let Settled::Pending { at, counts } = &attempt.then else { return Ok(None) };
    let recorded = &attempt.attempt;
    connection
        .prepare_cached(
            "UPDATE deliveries AS d SET state = 0, due_at = ?3, attempts = ?4, spent = spent + ?5, last_status = ?6, reason = ?7,
                 blocked = d.ordered AND EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant
                     AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.ordered = 1 AND e.row < d.row)
             WHERE row = ?1 AND fence = ?2 AND state = 1 RETURNING row, tenant, endpoint, blocked",
        )?
        .query_row(
            params![attempt.slot.0, attempt.fence, at.as_millisecond(), recorded.number, counts, recorded.status, recorded.error],
            Recorded::read,
        )
        .optional()
}

fn record(connection: &Connection, row: i64, attempt: &NewAttempt) -> rusqlite::Result<()> {
    let recorded = &attempt.attempt;
    let timing = &recorded.timing;
    connection
        .prepare_cached(
            "INSERT INTO attempts (delivery, number, started_at, took_us, status, error, response_headers, response_body,
                 resolve_us, connect_us, tls_us, first_byte_us, reused, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            row,
            recorded.number,
            recorded.started_at.as_millisecond(),
            micros(recorded.took),
            recorded.status,
            recorded.error,
            recorded.response_headers,
            recorded.response_body.as_deref(),
            timing.resolve.map(micros),
            timing.connect.map(micros),
            timing.tls.map(micros),
            timing.first_byte.map(micros),
            timing.reused,
            recorded.signature,
        ])
        .map(drop)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn ended_at(attempt: &NewAttempt) -> Timestamp {
    attempt.attempt.started_at.saturating_add(attempt.attempt.took).unwrap_or(attempt.attempt.started_at)
}
