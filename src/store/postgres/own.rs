//! The endpoints that tenants make: kept, listed, and deleted with what they had still to get.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::conditions::Conditions;
use super::effects::Outgoing;
use super::endpoints::suspended;
use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::transaction::Batch;
use super::values::{get, limit, ordinal, text, time};
use crate::ids::{DeliveryId, EndpointId, LaneId, Tenant};
use crate::store::agenda::Note;
use crate::store::{Over, OwnEndpoint, OwnEndpointRow, OwnFilter, OwnPage, Placed, StoreError, sealed};

/// Deliveries of a deleted endpoint that are settled in one step.
const STEP: i64 = 5_000;
/// The lock under which a tenant's endpoints are counted and one is made: the first half of its name, the tenant's row is the second.
const MAKING: i32 = 7_357;
/// What became of what a deleted endpoint had still to get.
const GONE: &str = "the endpoint was deleted";

const ROW: &str = "SELECT o.row, o.id, o.definition, o.created_at, o.updated_at, l.suspended_at, l.suspended_why";
const LANE: &str = "LEFT JOIN endpoints l ON l.tenant = o.tenant AND l.name = o.id";

/// See [`Store::put_own_endpoint`](crate::store::Store::put_own_endpoint).
pub(super) async fn put(hub: &Hub, tenant: &Tenant, endpoint: &OwnEndpoint) -> Result<Placed, StoreError> {
    hub.vault.get()?;
    let tenant = on!(hub, |link| hub.make_tenant(&link, tenant).await)?;
    let put = within!(hub, |link| {
        let placed = place(&link, tenant, endpoint).await?;
        if placed != Placed::Kept {
            return Ok(placed);
        }
        let (dialect, key) = endpoint.dialect.as_ref().map(|(name, key)| (name.as_str(), key.as_str())).unzip();
        let events: Vec<&str> = endpoint.events.iter().map(|event| &**event).collect();
        let sql = "INSERT INTO own_endpoints (tenant, id, name, enabled, events, dialect, dialect_key, created_at, updated_at, definition, suspended)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9,
                EXISTS (SELECT FROM endpoints l WHERE l.tenant = $1 AND l.name = $2 AND l.suspended_at IS NOT NULL))
            ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, enabled = excluded.enabled, events = excluded.events,
                dialect = excluded.dialect, dialect_key = excluded.dialect_key, definition = excluded.definition,
                updated_at = greatest(excluded.updated_at, own_endpoints.updated_at + 1)";
        let at = endpoint.at.as_millisecond();
        let definition = sealed::seal(&*hub.vault.get()?, endpoint.id.as_str(), &endpoint.definition);
        let values: super::link::Values<'_> =
            &[&tenant, &endpoint.id.as_str(), &endpoint.name, &endpoint.enabled, &events, &dialect, &key, &at, &definition];
        link.execute(sql, values).await?;
        hub.tell_of_change(&link).await?;
        Ok(Placed::Kept)
    });
    hub.ring();
    put
}

/// Whether there is a place for the endpoint, which nobody else takes until the end of the transaction.
async fn place(link: &Link, tenant: i64, endpoint: &OwnEndpoint) -> Result<Placed, Trouble> {
    let is_alone = match endpoint.over {
        Over::AsOf(at) => {
            let known = "SELECT FROM own_endpoints WHERE tenant = $1 AND id = $2 AND updated_at = $3 FOR UPDATE";
            let known = link.first(known, &[&tenant, &endpoint.id.as_str(), &at.as_millisecond()]).await?;
            return Ok(if known.is_some() { Placed::Kept } else { Placed::Changed });
        }
        Over::Nothing => false,
        Over::NothingAlike => true,
    };
    // Two tenants whose rows are alike in the lower half wait for each other, and that is all.
    link.execute("SELECT pg_advisory_xact_lock($1, ($2::bigint & 2147483647)::integer)", &[&MAKING, &tenant]).await?;
    let same = "SELECT FROM own_endpoints WHERE tenant = $1 AND id = $2";
    if link.first(same, &[&tenant, &endpoint.id.as_str()]).await?.is_some() {
        return Ok(Placed::Taken);
    }
    if let Some((dialect, key)) = endpoint.dialect.as_ref().filter(|_| is_alone) {
        let alike = "SELECT FROM own_endpoints WHERE tenant = $1 AND dialect = $2 AND dialect_key = $3 LIMIT 1";
        if link.first(alike, &[&tenant, dialect, key]).await?.is_some() {
            return Ok(Placed::Taken);
        }
    }
    let count = "SELECT count(*) FROM own_endpoints WHERE tenant = $1";
    let count: Option<i64> = link.first(count, &[&tenant]).await?.map(|row| get(&row, 0)).transpose()?;
    Ok(if count.unwrap_or_default() < limit(endpoint.most) { Placed::Kept } else { Placed::Full })
}

/// See [`Store::own_endpoint`](crate::store::Store::own_endpoint).
pub(super) async fn one(link: &Link, tenant: i64, id: &EndpointId) -> Result<Option<OwnEndpointRow>, Trouble> {
    let sql = format!("{ROW} FROM own_endpoints o {LANE} WHERE o.tenant = $1 AND o.id = $2");
    link.first(&sql, &[&tenant, &id.as_str()]).await?.map(|row| read(&row)).transpose()
}

/// See [`Store::own_endpoints`](crate::store::Store::own_endpoints).
pub(super) async fn list(link: &Link, tenant: i64, filter: &OwnFilter, page: OwnPage) -> Result<Vec<OwnEndpointRow>, Trouble> {
    let mut conditions = Conditions::of("o.tenant = $1", tenant);
    conditions.and("o.row > ?", page.after);
    conditions.text("o.name = ?", filter.name.as_deref());
    conditions.text("o.dialect = ?", filter.dialect.as_deref());
    conditions.text("o.dialect_key = ?", filter.dialect_key.as_deref());
    if !filter.event_types.is_empty() {
        let mut events = filter.event_types.clone();
        events.push("*".to_owned());
        conditions.and("o.events && ?::text[]", events);
    }
    let choices = [
        (filter.enabled, " AND o.enabled", " AND NOT o.enabled"),
        (filter.suspended, " AND o.suspended", " AND NOT o.suspended"),
        (filter.active, " AND o.enabled AND NOT o.suspended", ""),
    ];
    for (wanted, yes, no) in choices {
        conditions.sql.push_str(wanted.map_or("", |wanted| if wanted { yes } else { no }));
    }
    if filter.enabled == Some(false) || filter.suspended == Some(true) || filter.active == Some(false) {
        // The index of those has to be told that it has them all.
        conditions.sql.push_str(" AND (NOT o.enabled OR o.suspended)");
    }
    // First the rows of the page, then what is said of them: a page far behind the first reads nothing of those before it.
    let sql = format!(
        "{ROW} FROM (SELECT o.tenant, o.row FROM own_endpoints o WHERE {} ORDER BY o.row LIMIT {} OFFSET {}) p
         JOIN own_endpoints o ON o.tenant = p.tenant AND o.row = p.row {LANE} ORDER BY o.row",
        conditions.sql,
        limit(page.limit),
        limit(page.offset)
    );
    link.query_once(&sql, &conditions.values()).await?.iter().map(read).collect()
}

/// See [`Store::all_own_endpoints`](crate::store::Store::all_own_endpoints).
pub(super) async fn all(link: &Link, after: i64, most: usize) -> Result<Vec<(i64, Tenant, OwnEndpointRow)>, Trouble> {
    let sql =
        format!("{ROW}, t.name FROM own_endpoints o JOIN tenants t ON t.row = o.tenant {LANE} WHERE o.row > $1 ORDER BY o.row LIMIT $2");
    let each = |row: &Row| {
        let endpoint = read(row)?;
        Ok((endpoint.row, Tenant::new(text(row, 7)?), endpoint))
    };
    link.query(&sql, &[&after, &limit(most)]).await?.iter().map(each).collect()
}

fn read(row: &Row) -> Result<OwnEndpointRow, Trouble> {
    Ok(OwnEndpointRow {
        row: get(row, 0)?,
        id: EndpointId::new(text(row, 1)?),
        definition: get(row, 2)?,
        created_at: time(row, 3)?,
        updated_at: time(row, 4)?,
        suspended: suspended(row, 5)?,
    })
}

/// See [`Store::delete_own_endpoint`](crate::store::Store::delete_own_endpoint).
pub(super) async fn delete(hub: &Hub, tenant: &Tenant, id: &EndpointId, now: Timestamp) -> Result<bool, StoreError> {
    let outgoing = within!(hub, |link| {
        let Some(tenant) = hub.tenant(&link, tenant).await? else { return Ok(None) };
        let deleted = link.execute("DELETE FROM own_endpoints WHERE tenant = $1 AND id = $2", &[&tenant, &id.as_str()]).await?;
        if deleted == 0 {
            return Ok(None);
        }
        let key = format!("endpoint/{id}");
        link.execute("DELETE FROM keys WHERE name = $1", &[&key]).await?;
        link.execute("DELETE FROM retired_keys WHERE name = $1", &[&key]).await?;
        let lanes = "INSERT INTO gone_lanes (tenant, lane, at) SELECT tenant, row, $3 FROM endpoints WHERE tenant = $1 AND name = ANY ($2)
            ON CONFLICT DO NOTHING RETURNING lane";
        let names = [id.as_str().to_owned(), format!("{id}.alert")];
        let mut outgoing = Outgoing::default();
        for row in &link.query(lanes, &[&tenant, &names.as_slice(), &now.as_millisecond()]).await? {
            // Nothing is claimed for it any more, and what waits in memory for a place leaves its line.
            outgoing.notes.push(Note::Suspended(LaneId(get(row, 0)?)));
        }
        Batch::over(hub, &link, &[]).await?.close(&outgoing).await?;
        hub.tell_of_change(&link).await?;
        Ok(Some(outgoing))
    })?;
    let deleted = outgoing.is_some();
    if let Some(outgoing) = outgoing {
        outgoing.send_off(hub);
    }
    Ok(deleted)
}

/// See [`Store::settle_gone`](crate::store::Store::settle_gone).
pub(super) async fn settle_gone(hub: &Hub) -> Result<bool, StoreError> {
    within!(hub, |link| {
        let gone = "SELECT tenant, lane, at FROM gone_lanes ORDER BY tenant, lane LIMIT 1 FOR UPDATE SKIP LOCKED";
        let Some(row) = link.first(gone, &[]).await? else { return Ok(false) };
        let (tenant, lane, at): (i64, i64, i64) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        let settle =
            "UPDATE deliveries SET state = 4, blocked = false, due_at = 0, node = NULL, fence = fence + 1, settled_at = $3, reason = $4
            WHERE tenant = $1 AND row IN (SELECT row FROM deliveries WHERE tenant = $1 AND endpoint = $2 AND state < 2 LIMIT $5)";
        if link.execute(settle, &[&tenant, &lane, &at, &GONE, &STEP]).await? == 0 {
            link.execute("DELETE FROM gone_lanes WHERE tenant = $1 AND lane = $2", &[&tenant, &lane]).await?;
        }
        Ok(true)
    })
}

/// See [`Store::throw_away`](crate::store::Store::throw_away).
pub(super) async fn throw_away(link: &Link, tenant: i64, delivery: DeliveryId) -> Result<bool, Trouble> {
    let sql = "UPDATE deliveries d SET state = 4 FROM messages m
        WHERE m.tenant = $1 AND m.id = $2 AND d.tenant = $1 AND d.row = (m.row << 20 | $3::bigint) AND d.state = 3";
    Ok(link.execute(sql, &[&tenant, &delivery.message().0, &ordinal(delivery)]).await? > 0)
}
