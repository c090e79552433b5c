//! What was sent to an endpoint lately, by way of the index of its deliveries.

use tokio_postgres::Row;

use super::failure::Trouble;
use super::link::Link;
use super::values::{count, get, limit, status_if_any, time};
use crate::ids::EndpointId;
use crate::store::{Lately, Tried, TriedLately};

/// How much older than its attempt a delivery may be, in milliseconds: the usual waits between attempts add up to three days.
const REACH_MS: i64 = 4 * 86_400_000;

/// See [`Store::tried_lately`](crate::store::Store::tried_lately).
pub(super) async fn tried(link: &Link, tenant: i64, endpoint: &EndpointId, lately: Lately) -> Result<TriedLately, Trouble> {
    let since = lately.since.as_millisecond();
    let last = "SELECT row FROM deliveries WHERE tenant = $1 AND created_at >= $3
            AND endpoint = (SELECT row FROM endpoints WHERE tenant = $1 AND name = $2) ORDER BY created_at DESC LIMIT $4";
    let most = limit(lately.most.saturating_add(1));
    let rows = link.query(last, &[&tenant, &endpoint.as_str(), &since.saturating_sub(REACH_MS), &most]).await?;
    let mut rows = rows.iter().map(|row| get::<i64>(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let is_cut = rows.len() > lately.most;
    rows.truncate(lately.most);
    let attempts = "SELECT started_at, status, took_us FROM attempts WHERE tenant = $1 AND delivery = ANY ($2) AND started_at >= $3";
    let attempts = link.query(attempts, &[&tenant, &rows, &since]).await?;
    Ok(TriedLately { attempts: attempts.iter().map(read).collect::<Result<_, _>>()?, is_cut })
}

fn read(row: &Row) -> Result<Tried, Trouble> {
    let status = status_if_any(row, 1)?;
    let took = std::time::Duration::from_micros(count(row, 2)?);
    Ok(Tried { at: time(row, 0)?, succeeded: status.is_some_and(|status| (200..300).contains(&status)), took })
}
