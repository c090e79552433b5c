//! The queue: which endpoints have something due, taking deliveries by lease and fence, and making one due again.
//!
//! `deliveries_due` holds exactly what may be claimed, also what is sending, whose `due_at` is the end of its lease. An ordered
//! delivery with an unsettled one before it is `blocked`, and so out of that index, until [`unblock`] finds it at the head of its lane.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use crate::store::Claimed;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{from_json, limit, time_if_any, uuid};

/// The content type of the default body.
pub(super) const JSON: &str = "application/json";

/// What is due of each endpoint, and what comes next: one look into the index for each, however long its queue is.
pub(super) const DUE: &str = "SELECT name,
    (SELECT min(due_at) FROM deliveries WHERE endpoint = endpoints.row AND state < 2 AND blocked = 0 AND due_at <= ?1),
    (SELECT min(due_at) FROM deliveries WHERE endpoint = endpoints.row AND state < 2 AND blocked = 0 AND due_at > ?1)
    FROM endpoints ORDER BY row";

/// What may be claimed of one endpoint, with everything that is sent.
pub(super) const CLAIM: &str = "SELECT d.row, t.name, d.id, m.id, m.event, m.sequence, d.attempts, d.spent, d.fence + 1,
    r.method, r.url, r.headers, r.content_type, coalesce(r.body, p.body)
    FROM deliveries d
    JOIN tenants t ON t.row = d.tenant
    JOIN messages m ON m.row = d.message
    JOIN payloads p ON p.message = d.message
    JOIN requests r ON r.delivery = d.row
    WHERE d.endpoint = ?1 AND d.state < 2 AND d.blocked = 0 AND d.due_at <= ?2
    ORDER BY d.due_at, d.row LIMIT ?3";

/// The first blocked delivery of the lane of another, if nothing unsettled is before it.
pub(super) const UNBLOCK: &str = "UPDATE deliveries AS d SET blocked = 0
    WHERE d.row = (SELECT min(n.row) FROM deliveries n JOIN deliveries e ON e.row = ?1
    WHERE n.endpoint = e.endpoint AND n.tenant = e.tenant AND n.model = e.model AND n.object = e.object
    AND n.state < 2 AND n.blocked = 1)
    AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.endpoint = d.endpoint AND b.tenant = d.tenant
    AND b.model = d.model AND b.object = d.object AND b.state < 2 AND b.row < d.row)";

/// See [`Store::due`](crate::store::Store::due).
pub(super) fn due(connection: &Connection, now: Timestamp) -> rusqlite::Result<(Vec<EndpointId>, Option<Timestamp>)> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query([now.as_millisecond()])?;
    let (mut endpoints, mut next) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        if row.get::<_, Option<i64>>(1)?.is_some() {
            endpoints.push(EndpointId::new(row.get::<_, String>(0)?));
        }
        next = [next, time_if_any(row, 2)?].into_iter().flatten().min();
    }
    Ok((endpoints, next))
}

/// See [`Store::claim`](crate::store::Store::claim).
pub(super) fn claim(
    connection: &Connection,
    endpoint: &EndpointId,
    now: Timestamp,
    lease_until: Timestamp,
    at_most: usize,
) -> rusqlite::Result<Vec<Claimed>> {
    let Some(endpoint_row) = endpoint_row(connection, endpoint)? else { return Ok(Vec::new()) };
    let claimed = |row: &Row<'_>| Ok((row.get(0)?, claimed(row, endpoint, lease_until)?));
    let found: Vec<(i64, Claimed)> = connection
        .prepare_cached(CLAIM)?
        .query_map(params![endpoint_row, now.as_millisecond(), limit(at_most)], claimed)?
        .collect::<rusqlite::Result<_>>()?;
    let mut take = connection.prepare_cached("UPDATE deliveries SET state = 1, due_at = ?2, fence = ?3 WHERE row = ?1")?;
    for (row, claimed) in &found {
        take.execute(params![row, lease_until.as_millisecond(), claimed.fence])?;
    }
    Ok(found.into_iter().map(|(_, claimed)| claimed).collect())
}

/// See [`Store::resend`](crate::store::Store::resend).
pub(super) fn resend(session: &mut Session, tenant: i64, delivery: DeliveryId, now: Timestamp) -> rusqlite::Result<bool> {
    let connection = &session.connection;
    let again = connection
        .prepare_cached(
            "UPDATE deliveries AS d SET state = 0, due_at = ?3, settled_at = NULL, reason = NULL,
                 blocked = d.ordered AND EXISTS (SELECT 1 FROM deliveries e WHERE e.endpoint = d.endpoint AND e.tenant = d.tenant
                     AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.row < d.row)
             WHERE id = ?1 AND tenant = ?2 AND state <> 1 RETURNING row",
        )?
        .query_row(params![delivery.0.as_bytes(), tenant, now.as_millisecond()], |row| row.get::<_, i64>(0))
        .optional()?;
    let Some(row) = again else { return Ok(false) };
    session.may_be_blocked = true;
    // What is ordered behind it waits again.
    connection
        .prepare_cached(
            "UPDATE deliveries AS d SET blocked = 1 FROM deliveries e
             WHERE e.row = ?1 AND d.endpoint = e.endpoint AND d.tenant = e.tenant AND d.model = e.model AND d.object = e.object
               AND d.state < 2 AND d.ordered AND d.row > e.row",
        )?
        .execute([row])?;
    Ok(true)
}

/// See [`Store::shift_due`](crate::store::Store::shift_due).
pub(super) fn shift_due(connection: &Connection, after: i64, by_ms: i64) -> rusqlite::Result<()> {
    let shift = "UPDATE deliveries SET due_at = due_at + ?2 WHERE state < 2 AND due_at > ?1";
    connection.prepare_cached(shift)?.execute([after, by_ms]).map(drop)
}

/// Lets the next ordered delivery behind `row`, which has been settled, go when nothing unsettled is before it; whether there is one.
pub(super) fn unblock(connection: &Connection, row: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached(UNBLOCK)?.execute([row]).map(|changed| changed > 0)
}

/// The row of an endpoint that has ever been sent to.
pub(super) fn endpoint_row(connection: &Connection, endpoint: &EndpointId) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT row FROM endpoints WHERE name = ?1")?.query_row([endpoint.as_str()], |row| row.get(0)).optional()
}

fn claimed(row: &Row<'_>, endpoint: &EndpointId, lease_until: Timestamp) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        tenant: Tenant::new(row.get::<_, String>(1)?),
        id: DeliveryId(uuid(row, 2)?),
        message: MessageId(uuid(row, 3)?),
        event: row.get(4)?,
        sequence: Sequence(row.get(5)?),
        endpoint: endpoint.clone(),
        attempts: row.get(6)?,
        spent: row.get(7)?,
        fence: row.get(8)?,
        lease_until,
        method: row.get(9)?,
        url: from_json(row, 10)?,
        headers: from_json(row, 11)?,
        content_type: row.get::<_, Option<Box<str>>>(12)?.unwrap_or_else(|| JSON.into()),
        body: row.get::<_, Vec<u8>>(13)?.into(),
    })
}
