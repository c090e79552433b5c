//! The endpoints that tenants make: kept, listed, and deleted with what they had still to get.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::ids::{DeliveryId, EndpointId, LaneId, Tenant};
use crate::store::agenda::Note;
use crate::store::sqlite::endpoints;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{limit, time, time_if_any};
use crate::store::{Over, OwnEndpoint, OwnEndpointRow, Placed, sealed};
use crate::vault::Vault;

/// Deliveries of a deleted endpoint that are settled in one step.
const STEP: i64 = 5_000;
/// What became of what a deleted endpoint had still to get.
const GONE: &str = "the endpoint was deleted";

pub(super) const ROW: &str = "SELECT o.row, o.id, o.definition, o.created_at, o.updated_at, l.suspended_at, l.suspended_why";
pub(super) const LANE: &str = "LEFT JOIN endpoints l ON l.tenant = o.tenant AND l.name = o.id";

/// See [`Store::put_own_endpoint`](crate::store::Store::put_own_endpoint).
pub(super) fn put(session: &mut Session, vault: &Vault, tenant: &Tenant, endpoint: &OwnEndpoint) -> rusqlite::Result<Placed> {
    let tenant = session.make_tenant(tenant)?;
    let connection = &session.connection;
    let placed = place(connection, tenant, endpoint)?;
    if placed != Placed::Kept {
        return Ok(placed);
    }
    let (dialect, key) = endpoint.dialect.as_ref().map(|(name, key)| (name.as_str(), key.as_str())).unzip();
    let row: i64 = connection
        .prepare_cached(
            "INSERT INTO own_endpoints (tenant, id, name, enabled, dialect, dialect_key, created_at, updated_at, definition, suspended)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8,
                 EXISTS (SELECT 1 FROM endpoints WHERE tenant = ?1 AND name = ?2 AND suspended_at IS NOT NULL))
             ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, dialect = excluded.dialect,
                 dialect_key = excluded.dialect_key, updated_at = max(excluded.updated_at, updated_at + 1), definition = excluded.definition
             RETURNING row",
        )?
        .query_row(
            params![
                tenant,
                endpoint.id.as_str(),
                endpoint.name,
                endpoint.enabled,
                dialect,
                key,
                endpoint.at.as_millisecond(),
                sealed::seal(vault, endpoint.id.as_str(), &endpoint.definition)
            ],
            |row| row.get(0),
        )?;
    connection.prepare_cached("DELETE FROM own_endpoint_events WHERE endpoint = ?1")?.execute([row])?;
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO own_endpoint_events (tenant, event, endpoint, enabled, suspended)
         SELECT tenant, ?2, row, enabled, suspended FROM own_endpoints WHERE row = ?1",
    )?;
    for event in &endpoint.events {
        insert.execute(params![row, event])?;
    }
    Ok(Placed::Kept)
}

/// Whether there is a place for the endpoint.
fn place(connection: &Connection, tenant: i64, endpoint: &OwnEndpoint) -> rusqlite::Result<Placed> {
    let known = "SELECT updated_at FROM own_endpoints WHERE tenant = ?1 AND id = ?2";
    let id = endpoint.id.as_str();
    let known: Option<i64> = connection.prepare_cached(known)?.query_row(params![tenant, id], |row| row.get(0)).optional()?;
    let is_alone = match endpoint.over {
        Over::AsOf(at) => return Ok(if known == Some(at.as_millisecond()) { Placed::Kept } else { Placed::Changed }),
        Over::Nothing => false,
        Over::NothingAlike => true,
    };
    if known.is_some() {
        return Ok(Placed::Taken);
    }
    if let Some((dialect, key)) = endpoint.dialect.as_ref().filter(|_| is_alone) {
        let alike = "SELECT 1 FROM own_endpoints WHERE tenant = ?1 AND dialect = ?2 AND dialect_key = ?3";
        if connection.prepare_cached(alike)?.exists(params![tenant, dialect, key])? {
            return Ok(Placed::Taken);
        }
    }
    let count = "SELECT count(*) FROM own_endpoints INDEXED BY own_endpoints_listed WHERE tenant = ?1";
    let count: i64 = connection.prepare_cached(count)?.query_row([tenant], |row| row.get(0))?;
    Ok(if count < limit(endpoint.most) { Placed::Kept } else { Placed::Full })
}

/// See [`Store::own_endpoint`](crate::store::Store::own_endpoint).
pub(super) fn one(connection: &Connection, tenant: i64, id: &EndpointId) -> rusqlite::Result<Option<OwnEndpointRow>> {
    let sql = format!("{ROW} FROM own_endpoints o {LANE} WHERE o.tenant = ?1 AND o.id = ?2");
    connection.prepare_cached(&sql)?.query_row(params![tenant, id.as_str()], read).optional()
}

/// See [`Store::all_own_endpoints`](crate::store::Store::all_own_endpoints).
pub(super) fn all(connection: &Connection, after: i64, most: usize) -> rusqlite::Result<Vec<(i64, Tenant, OwnEndpointRow)>> {
    let sql = format!(
        "{ROW}, t.name FROM own_endpoints o CROSS JOIN tenants t ON t.row = o.tenant {LANE} WHERE o.row > ?1 ORDER BY o.row LIMIT {}",
        limit(most)
    );
    connection
        .prepare_cached(&sql)?
        .query_map([after], |row| {
            let endpoint = read(row)?;
            Ok((endpoint.row, Tenant::new(row.get::<_, String>(7)?), endpoint))
        })?
        .collect()
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<OwnEndpointRow> {
    let why: Option<Box<str>> = row.get(6)?;
    Ok(OwnEndpointRow {
        row: row.get(0)?,
        id: EndpointId::new(row.get::<_, String>(1)?),
        definition: row.get(2)?,
        created_at: time(row, 3)?,
        updated_at: time(row, 4)?,
        suspended: time_if_any(row, 5)?.map(|at| (at, why.unwrap_or_default())),
    })
}

/// See [`Store::delete_own_endpoint`](crate::store::Store::delete_own_endpoint).
pub(super) fn delete(session: &mut Session, tenant: &Tenant, id: &EndpointId, now: Timestamp) -> rusqlite::Result<bool> {
    let Some(tenant) = session.tenant(tenant)? else { return Ok(false) };
    let row: Option<i64> = session
        .connection
        .prepare_cached("DELETE FROM own_endpoints WHERE tenant = ?1 AND id = ?2 RETURNING row")?
        .query_row(params![tenant.row, id.as_str()], |row| row.get(0))
        .optional()?;
    let Some(row) = row else { return Ok(false) };
    session.connection.prepare_cached("DELETE FROM own_endpoint_events WHERE endpoint = ?1")?.execute([row])?;
    for table in ["keys", "retired_keys"] {
        let sql = format!("DELETE FROM {table} WHERE name = ?1");
        session.connection.prepare_cached(&sql)?.execute([format!("endpoint/{id}")])?;
    }
    for name in [id.clone(), EndpointId::new(format!("{id}.alert"))] {
        if let Some(lane) = endpoints::lane(&session.connection, tenant.row, &name)? {
            session
                .connection
                .prepare_cached("INSERT OR IGNORE INTO gone_lanes (lane, at) VALUES (?1, ?2)")?
                .execute(params![lane.0, now.as_millisecond()])?;
            // Nothing is claimed for it any more, and what waits in memory for a place leaves its line.
            session.note(Note::Suspended(lane));
        }
    }
    Ok(true)
}

/// See [`Store::settle_gone`](crate::store::Store::settle_gone).
pub(super) fn settle_gone(session: &mut Session) -> rusqlite::Result<bool> {
    let gone: Option<(i64, i64)> = session
        .connection
        .prepare_cached("SELECT lane, at FROM gone_lanes ORDER BY lane LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((lane, at)) = gone else { return Ok(false) };
    let mut settled = 0;
    for which in [
        "INDEXED BY deliveries_due WHERE endpoint = ?1 AND state < 2 AND blocked = 0",
        "INDEXED BY deliveries_lane WHERE endpoint = ?1 AND state < 2 AND ordered = 1",
    ] {
        let sql = format!(
            "UPDATE deliveries SET state = 4, blocked = 0, due_at = 0, fence = fence + 1, settled_after = ?2 - created_at, reason = ?3
             WHERE row IN (SELECT row FROM deliveries {which} LIMIT {STEP})"
        );
        settled += session.connection.prepare_cached(&sql)?.execute(params![lane, at, GONE])?;
    }
    if settled == 0 {
        session.connection.prepare_cached("DELETE FROM gone_lanes WHERE lane = ?1")?.execute([lane])?;
        session.note(Note::First(LaneId(lane), None));
    }
    Ok(true)
}

/// See [`Store::throw_away`](crate::store::Store::throw_away).
pub(super) fn throw_away(connection: &Connection, tenant: i64, delivery: DeliveryId) -> rusqlite::Result<bool> {
    let sql =
        "UPDATE deliveries SET state = 4 WHERE row = (SELECT row << 20 | ?2 FROM messages WHERE id = ?1) AND tenant = ?3 AND state = 3";
    let thrown = connection.prepare_cached(sql)?.execute(params![delivery.message().0.as_bytes(), delivery.ordinal(), tenant])?;
    Ok(thrown > 0)
}
