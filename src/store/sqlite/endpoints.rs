//! The state of endpoints: made when something is first made for them, suspended and released, and whether trouble has been told. What
//! is told is a message like any other, written with what caused it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use rustc_hash::FxHashSet;

use crate::ids::{EndpointId, LaneId, Sequence, Tenant};
use crate::store::agenda::Note;
use crate::store::sqlite::queue;
use crate::store::sqlite::save::{Place, insert_message};
use crate::store::sqlite::session::{Marked, Session};
use crate::store::sqlite::values::time_if_any;
use crate::store::{Alarm, Alert, EndpointState, Suspension};

/// The lane of a tenant to an endpoint that something was ever made for.
pub(super) fn lane(connection: &Connection, tenant: i64, endpoint: &EndpointId) -> rusqlite::Result<Option<LaneId>> {
    connection
        .prepare_cached("SELECT row FROM endpoints WHERE tenant = ?1 AND name = ?2")?
        .query_row(params![tenant, endpoint.as_str()], |row| row.get(0).map(LaneId))
        .optional()
}

/// A new lane.
pub(super) fn make(connection: &Connection, tenant: i64, endpoint: &EndpointId) -> rusqlite::Result<LaneId> {
    connection.prepare_cached("INSERT INTO endpoints (tenant, name) VALUES (?1, ?2)")?.execute(params![tenant, endpoint.as_str()])?;
    Ok(LaneId(connection.last_insert_rowid()))
}

/// The lanes in a state of their own.
pub(super) fn marked(connection: &Connection) -> rusqlite::Result<Marked> {
    let lanes = |sql| -> rusqlite::Result<FxHashSet<LaneId>> {
        connection.prepare_cached(sql)?.query_map([], |row| row.get(0).map(LaneId))?.collect()
    };
    Ok(Marked {
        suspended: lanes("SELECT row FROM endpoints WHERE suspended_at IS NOT NULL")?,
        alerted: lanes("SELECT row FROM endpoints WHERE alerted = 1")?,
    })
}

/// See [`Store::endpoint_states`](crate::store::Store::endpoint_states).
pub(super) fn states(connection: &Connection, tenant: i64) -> rusqlite::Result<Vec<EndpointState>> {
    let state = |row: &Row<'_>| {
        let why: Option<Box<str>> = row.get(2)?;
        let suspended = time_if_any(row, 1)?.map(|at| (at, why.unwrap_or_default()));
        Ok(EndpointState { endpoint: EndpointId::new(row.get::<_, String>(0)?), suspended })
    };
    connection
        .prepare_cached("SELECT name, suspended_at, suspended_why FROM endpoints WHERE tenant = ?1")?
        .query_map([tenant], state)?
        .collect()
}

/// See [`Store::suspended`](crate::store::Store::suspended).
pub(super) fn suspended(connection: &Connection, tenant: i64) -> rusqlite::Result<Vec<EndpointState>> {
    let state = |row: &Row<'_>| {
        let why: Option<Box<str>> = row.get(2)?;
        let suspended = time_if_any(row, 1)?.map(|at| (at, why.unwrap_or_default()));
        Ok(EndpointState { endpoint: EndpointId::new(row.get::<_, String>(0)?), suspended })
    };
    connection
        .prepare_cached(
            "SELECT name, suspended_at, suspended_why FROM endpoints INDEXED BY endpoints_suspended
             WHERE suspended_at IS NOT NULL AND tenant = ?1",
        )?
        .query_map([tenant], state)?
        .collect()
}

/// Where an endpoint stands.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub tenant: &'a Tenant,
    /// The tenant's row.
    pub row: i64,
    pub lane: LaneId,
    /// When something happens to it.
    pub at: Timestamp,
    /// The save that it happens with; `None` when it has a position of its own.
    pub sequence: Option<Sequence>,
    /// Who is told.
    pub alarm: Option<&'a dyn Alarm>,
}

/// See [`Store::suspend`](crate::store::Store::suspend).
pub(super) fn suspend_by_hand(
    session: &mut Session,
    tenant: &Tenant,
    endpoint: &EndpointId,
    suspension: &Suspension,
) -> rusqlite::Result<bool> {
    let row = session.make_tenant(tenant)?;
    let lane = session.lane(row, tenant, endpoint)?;
    let alarm = suspension.alarm.as_deref();
    let endpoint = Standing { tenant, row, lane, at: suspension.at, sequence: None, alarm };
    suspend(session, endpoint, &suspension.why).map(|told| told.is_some())
}

/// Suspends an endpoint; `None` when it already is, otherwise whether an alert has to be looked for.
pub(super) fn suspend(session: &mut Session, endpoint: Standing<'_>, why: &str) -> rusqlite::Result<Option<bool>> {
    if session.marked()?.suspended.contains(&endpoint.lane) {
        return Ok(None);
    }
    session.connection.prepare_cached("UPDATE endpoints SET suspended_at = ?2, suspended_why = ?3 WHERE row = ?1")?.execute(params![
        endpoint.lane.0,
        endpoint.at.as_millisecond(),
        why
    ])?;
    session.marked()?.suspended.insert(endpoint.lane);
    session.note(Note::Suspended(endpoint.lane));
    if endpoint.alarm.is_some() {
        open_trouble(session, endpoint.lane)?;
    }
    tell(session, endpoint, Alert::Suspended, why).map(Some)
}

/// See [`Store::unsuspend`](crate::store::Store::unsuspend).
pub(super) fn unsuspend(session: &mut Session, tenant: &Tenant, endpoint: &EndpointId) -> rusqlite::Result<bool> {
    let Some(tenant) = session.tenant(tenant)? else { return Ok(false) };
    let Some(lane) = lane(&session.connection, tenant.row, endpoint)? else { return Ok(false) };
    if !session.marked()?.suspended.contains(&lane) {
        return Ok(false);
    }
    session
        .connection
        .prepare_cached("UPDATE endpoints SET suspended_at = NULL, suspended_why = NULL WHERE row = ?1")?
        .execute([lane.0])?;
    // Only now: nothing is forgotten when the statement fails.
    session.marked()?.suspended.remove(&lane);
    let first = queue::first(&session.connection, lane)?;
    session.note(Note::Released(lane, first));
    Ok(true)
}

/// A delivery was given up. Only the first one since the endpoint last took a delivery is told: a receiver that fails thousands of them
/// is one piece of news. Whether an alert has to be looked for.
pub(super) fn given_up(session: &mut Session, endpoint: Standing<'_>, alert: Alert, why: &str) -> rusqlite::Result<bool> {
    if endpoint.alarm.is_some() && open_trouble(session, endpoint.lane)? {
        return tell(session, endpoint, alert, why);
    }
    Ok(false)
}

/// A delivery was taken: trouble that was told is over, unless the endpoint is suspended still. Whether an alert has to be looked for.
pub(super) fn taken(session: &mut Session, endpoint: Standing<'_>) -> rusqlite::Result<bool> {
    let marked = session.marked()?;
    if marked.suspended.contains(&endpoint.lane) || !marked.alerted.remove(&endpoint.lane) {
        return Ok(false);
    }
    session.connection.prepare_cached("UPDATE endpoints SET alerted = 0 WHERE row = ?1")?.execute([endpoint.lane.0])?;
    tell(session, endpoint, Alert::Recovered, "")
}

/// Notes that trouble has been told; `false` when it had been before.
fn open_trouble(session: &mut Session, lane: LaneId) -> rusqlite::Result<bool> {
    if !session.marked()?.alerted.insert(lane) {
        return Ok(false);
    }
    session.connection.prepare_cached("UPDATE endpoints SET alerted = 1 WHERE row = ?1")?.execute([lane.0])?;
    Ok(true)
}

/// Writes the message of an alert; whether it has to be looked for.
fn tell(session: &mut Session, endpoint: Standing<'_>, alert: Alert, why: &str) -> rusqlite::Result<bool> {
    let Standing { tenant, row, at, alarm, .. } = endpoint;
    let Some(alarm) = alarm else { return Ok(false) };
    let sequence = if let Some(of_save) = endpoint.sequence {
        of_save
    } else {
        let last = session.tenant(tenant)?.map_or(0, |known| known.last);
        let next = Sequence::after(last, at.as_second());
        session.count(tenant, next.0);
        next
    };
    match alarm.message(alert, why, at, sequence) {
        Some(message) => insert_message(session, &Place { tenant, row, sequence, at }, &message),
        None => Ok(false),
    }
}
