//! What was sent to an endpoint lately, by way of the index of its deliveries.

use std::time::Duration;

use rusqlite::{Connection, Row, params};

use super::Sqlite;
use crate::ids::{EndpointId, Tenant};
use crate::store::sqlite::values::{limit, time};
use crate::store::{Lately, StoreError, Tried, TriedLately};

/// How much older than its attempt a delivery may be, in milliseconds: the usual waits between attempts add up to three days.
const REACH_MS: i64 = 4 * 86_400_000;

/// The last deliveries to an endpoint.
pub(super) const LAST: &str = "SELECT d.row FROM deliveries d INDEXED BY deliveries_endpoint
    WHERE d.endpoint = (SELECT e.row FROM endpoints e JOIN tenants t ON t.row = e.tenant WHERE t.name = ?1 AND e.name = ?2)
    AND d.created_at >= ?3 ORDER BY d.created_at DESC LIMIT ?4";

impl Sqlite {
    pub(in crate::store) async fn tried_lately(
        &self,
        tenant: &Tenant,
        endpoint: &EndpointId,
        lately: Lately,
    ) -> Result<TriedLately, StoreError> {
        let (tenant, endpoint) = (tenant.clone(), endpoint.clone());
        self.readers.read(move |connection| tried(connection, (&tenant, &endpoint), lately)).await
    }
}

fn tried(connection: &Connection, (tenant, endpoint): (&Tenant, &EndpointId), lately: Lately) -> rusqlite::Result<TriedLately> {
    let since = lately.since.as_millisecond();
    let most = limit(lately.most.saturating_add(1));
    let lane = params![tenant.as_str(), endpoint.as_str(), since.saturating_sub(REACH_MS), most];
    let mut rows = connection.prepare_cached(LAST)?.query_map(lane, |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_cut = rows.len() > lately.most;
    rows.truncate(lately.most);
    let mut attempts = Vec::with_capacity(rows.len());
    let mut of = connection.prepare_cached("SELECT started_at, status, took_us FROM attempts WHERE delivery = ?1 AND started_at >= ?2")?;
    for row in rows {
        for attempt in of.query_map([row, since], read)? {
            attempts.push(attempt?);
        }
    }
    Ok(TriedLately { attempts, is_cut })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Tried> {
    let status = row.get::<_, Option<u16>>(1)?;
    let took = Duration::from_micros(row.get::<_, i64>(2)?.max(0).unsigned_abs());
    Ok(Tried { at: time(row, 0)?, succeeded: status.is_some_and(|status| (200..300).contains(&status)), took })
}
