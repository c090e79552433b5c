//! The queue: taking deliveries by lease and fence, and making one due again.
//!
//! `deliveries_due` holds exactly what may be claimed, also what is sending, whose `due_at` is the end of its lease. An ordered
//! delivery with an unsettled one before it is `blocked`, and so out of that index, until [`unblock`] finds it at the head of its lane.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::ids::{EndpointId, LaneId, MessageId, Sequence, Tenant};
use crate::store::agenda::{Agenda, Note};
use crate::store::sqlite::choose::numbers;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{delivery_id, from_json, limit, uuid};
use crate::store::{Claimed, DeliveryState, Lane, Share, Slot};

/// The content type of the default body.
pub(super) const JSON: &str = "application/json";

/// The time from which something may be claimed of a lane: one look into the index, however long its queue is.
pub(super) const FIRST: &str = "SELECT min(due_at) FROM deliveries WHERE endpoint = ?1 AND state < 2 AND blocked = 0";

/// What may be claimed of one lane, in an order, with everything that is sent.
macro_rules! claim {
    ($order:literal) => {
        concat!(
            "SELECT d.row, m.id, m.event, m.sequence, d.attempts, d.spent, d.fence + 1,
                 d.method, d.url, d.headers, d.content_type,
                 iif(d.content_type IS NULL, m.payload, (SELECT body FROM bodies WHERE delivery = d.row)), d.ordered
             FROM deliveries d
             JOIN messages m ON m.row = d.row >> 20
             WHERE d.endpoint = ?1 AND d.state < 2 AND d.blocked = 0 AND d.due_at <= ?2 ORDER BY ",
            $order,
            " LIMIT ?3"
        )
    };
}

/// Those that have been due the longest.
pub(super) const OLDEST: &str = claim!("d.due_at, d.row");
/// Those that came due last.
pub(super) const NEWEST: &str = claim!("d.due_at DESC, d.row DESC");

/// The first blocked delivery of the lane of another, if nothing unsettled is before it.
pub(super) const UNBLOCK: &str = "UPDATE deliveries AS d SET blocked = 0
    WHERE d.row = (SELECT min(n.row) FROM deliveries n JOIN deliveries e ON e.row = ?1
    WHERE n.endpoint = e.endpoint AND n.tenant = e.tenant AND n.model = e.model AND n.object = e.object
    AND n.state < 2 AND n.ordered = 1 AND n.blocked = 1)
    AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.endpoint = d.endpoint AND b.tenant = d.tenant
    AND b.model = d.model AND b.object = d.object AND b.state < 2 AND b.ordered = 1 AND b.row < d.row)
    RETURNING endpoint, due_at";

/// See [`Store::claim`](crate::store::Store::claim).
pub(super) fn claim(
    session: &mut Session,
    lane: &Lane,
    now: Timestamp,
    lease_until: Timestamp,
    share: Share,
) -> rusqlite::Result<Vec<Claimed>> {
    if session.marked()?.suspended.contains(&lane.id) {
        return Ok(Vec::new());
    }
    let connection = &session.connection;
    let mut all = Vec::new();
    let mut take = connection.prepare_cached("UPDATE deliveries SET state = 1, due_at = ?2, fence = ?3 WHERE row = ?1")?;
    let mut go_on = connection.prepare_cached("UPDATE deliveries SET due_at = ?2 WHERE row = ?1 AND state = 1")?;
    for (sql, at_most) in [(OLDEST, share.oldest), (NEWEST, share.newest)] {
        let mut wanted = at_most;
        // Fewer than were asked for means that no more are due: for what is in hand already others are looked for.
        while wanted > 0 {
            let claimed = |row: &Row<'_>| Ok((row.get(0)?, claimed(row, lane, lease_until)?));
            let found: Vec<(i64, Claimed)> = connection
                .prepare_cached(sql)?
                .query_map(params![lane.id.0, now.as_millisecond(), limit(wanted)], claimed)?
                .collect::<rusqlite::Result<_>>()?;
            let are_all = found.len() < wanted;
            let in_hand = session.taker.as_ref().filter(|_| !found.is_empty()).map(|taker| taker.in_hand(lane.id)).unwrap_or_default();
            for (row, claimed) in found {
                if in_hand.contains_key(&claimed.slot) && go_on.execute(params![row, lease_until.as_millisecond()])? > 0 {
                    continue;
                }
                take.execute(params![row, lease_until.as_millisecond(), claimed.fence])?;
                all.push(claimed);
                wanted -= 1;
            }
            if are_all {
                break;
            }
        }
    }
    drop((take, go_on));
    let first = first(connection, lane.id)?;
    session.note(Note::First(lane.id, first));
    Ok(all)
}

/// The time from which something may be claimed of a lane, whoever may claim it; `None`: nothing is left in it. Milliseconds.
pub(super) fn first(connection: &Connection, lane: LaneId) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(FIRST)?.query_row([lane.0], |row| row.get(0))
}

/// When every lane has something due.
pub(super) fn agenda(connection: &Connection) -> rusqlite::Result<Agenda> {
    let sql = "SELECT e.row, t.name, e.name, e.suspended_at IS NOT NULL,
                   (SELECT min(due_at) FROM deliveries WHERE endpoint = e.row AND state < 2 AND blocked = 0)
               FROM endpoints e JOIN tenants t ON t.row = e.tenant";
    let read = |row: &Row<'_>| {
        let (tenant, endpoint) = (Tenant::new(row.get::<_, String>(1)?), EndpointId::new(row.get::<_, String>(2)?));
        Ok((Lane { id: LaneId(row.get(0)?), tenant, endpoint }, row.get(4)?, row.get(3)?))
    };
    let lanes = connection.prepare(sql)?.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Agenda::of(lanes))
}

/// See [`Store::give_back`](crate::store::Store::give_back).
pub(super) fn give_back(session: &mut Session, deliveries: &[Claimed], now: Timestamp) -> rusqlite::Result<()> {
    let now = now.as_millisecond();
    for Claimed { slot, fence, lane, .. } in deliveries {
        let blocked: Option<bool> = session
            .connection
            .prepare_cached(
                "UPDATE deliveries AS d SET state = 0, due_at = ?3,
                     blocked = d.ordered AND EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant
                         AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.ordered = 1 AND e.row < d.row)
                 WHERE row = ?1 AND fence = ?2 AND state = 1 RETURNING blocked",
            )?
            .query_row(params![slot.0, fence, now], |row| row.get(0))
            .optional()?;
        match blocked {
            Some(true) => session.may_be_blocked = true,
            Some(false) => session.note(Note::Due(*lane, now)),
            None => {}
        }
    }
    Ok(())
}

/// Makes a delivery in one of these states due; `false` when it is in another, or there is none in this row.
pub(super) fn resend(session: &mut Session, tenant: i64, row: i64, from: &[DeliveryState], now: i64) -> rusqlite::Result<bool> {
    let connection = &session.connection;
    let sql = format!(
        "UPDATE deliveries AS d SET state = 0, due_at = ?2, settled_after = NULL, reason = NULL,
             blocked = d.ordered AND EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant
                 AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.ordered = 1 AND e.row < d.row)
         WHERE row = ?1 AND tenant = ?3 AND state IN ({}) RETURNING endpoint",
        numbers(from)
    );
    let again = connection.prepare_cached(&sql)?.query_row(params![row, now, tenant], |row| row.get(0).map(LaneId)).optional()?;
    let Some(lane) = again else { return Ok(false) };
    // What is ordered behind it waits again.
    connection
        .prepare_cached(
            "UPDATE deliveries AS d SET blocked = 1 FROM deliveries e
             WHERE e.row = ?1 AND d.endpoint = e.endpoint AND d.tenant = e.tenant AND d.model = e.model AND d.object = e.object
               AND d.state < 2 AND d.ordered = 1 AND d.row > e.row AND e.ordered = 1",
        )?
        .execute([row])?;
    session.may_be_blocked = true;
    session.note(Note::Due(lane, now));
    Ok(true)
}

/// See [`Store::shift_due`](crate::store::Store::shift_due).
pub(super) fn shift_due(session: &mut Session, after: i64, by_ms: i64) -> rusqlite::Result<()> {
    shift(&session.connection, after, by_ms)?;
    let lanes: Vec<i64> = session
        .connection
        .prepare_cached("SELECT row FROM endpoints")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for lane in lanes.into_iter().map(LaneId) {
        let first = first(&session.connection, lane)?;
        session.note(Note::First(lane, first));
    }
    Ok(())
}

/// Moves every due time and lease after `after`.
pub(super) fn shift(connection: &Connection, after: i64, by_ms: i64) -> rusqlite::Result<()> {
    let shift = "UPDATE deliveries SET due_at = due_at + ?2 WHERE state < 2 AND due_at > ?1";
    connection.prepare_cached(shift)?.execute([after, by_ms]).map(drop)
}

/// Lets the next ordered delivery behind `row`, which has been settled, go when nothing unsettled is before it; whether there is one.
pub(super) fn unblock(session: &mut Session, row: i64) -> rusqlite::Result<bool> {
    let unblocked = |row: &Row<'_>| Ok(Note::Due(LaneId(row.get(0)?), row.get(1)?));
    let note = session.connection.prepare_cached(UNBLOCK)?.query_row([row], unblocked).optional()?;
    let any = note.is_some();
    if let Some(note) = note {
        session.note(note);
    }
    Ok(any)
}

fn claimed(row: &Row<'_>, lane: &Lane, lease_until: Timestamp) -> rusqlite::Result<Claimed> {
    let message = MessageId(uuid(row, 1)?);
    Ok(Claimed {
        lane: lane.id,
        tenant: lane.tenant.clone(),
        id: delivery_id(message, row.get(0)?),
        slot: Slot(row.get(0)?),
        message,
        event: row.get(2)?,
        sequence: Sequence(row.get(3)?),
        endpoint: lane.endpoint.clone(),
        attempts: row.get(4)?,
        spent: row.get(5)?,
        fence: row.get(6)?,
        lease_until,
        node: 0,
        ordered: row.get(12)?,
        method: row.get(7)?,
        url: from_json(row, 8)?,
        headers: from_json(row, 9)?,
        content_type: row.get::<_, Option<Box<str>>>(10)?.unwrap_or_else(|| JSON.into()),
        body: row.get::<_, Vec<u8>>(11)?.into(),
    })
}
