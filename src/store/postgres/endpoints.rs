//! The state of endpoints: suspended and released, and whether trouble has been told. What is told is a message like any other, written with
//! what caused it.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::effects::{Outgoing, alone};
use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::transaction::Batch;
use super::values::{get, text, text_if_any, time_if_any};
use crate::ids::{EndpointId, LaneId, Sequence, Tenant};
use crate::store::agenda::Note;
use crate::store::{Alarm, Alert, EndpointState, NewMessage, StoreError, Suspension};

/// Where an endpoint stands.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
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

/// A delivery was given up. Only the first one since the endpoint last took a delivery is told: a receiver that fails thousands of them
/// is one piece of news. The message for whoever is to be told.
pub(super) async fn given_up(link: &Link, endpoint: Standing<'_>, alert: Alert, why: &str) -> Result<Option<NewMessage>, Trouble> {
    let Some((alarm, sequence)) = endpoint.alarm.zip(endpoint.sequence) else { return Ok(None) };
    let opened = "UPDATE endpoints SET alerted = true WHERE tenant = $1 AND row = $2 AND NOT alerted";
    if link.execute(opened, &[&endpoint.row, &endpoint.lane.0]).await? == 0 {
        return Ok(None);
    }
    Ok(alarm.message(alert, why, endpoint.at, sequence))
}

/// What happens to an endpoint outside a save.
pub(super) enum News<'a> {
    /// A delivery was given up.
    GivenUp(Alert, &'a str),
    /// A delivery was taken: trouble that was told is over, unless the endpoint is suspended still.
    Taken,
    /// It is suspended.
    Suspended(&'a str),
}

/// Notes it, and tells whoever is to be told; whether anything has changed.
pub(super) async fn happens(
    batch: &mut Batch<'_>,
    outgoing: &mut Outgoing,
    endpoint: Standing<'_>,
    news: News<'_>,
) -> Result<bool, Trouble> {
    let (row, lane) = (endpoint.row, endpoint.lane.0);
    let link = batch.link;
    let changed = match &news {
        News::GivenUp(..) => {
            endpoint.alarm.is_some()
                && link
                    .execute("UPDATE endpoints SET alerted = true WHERE tenant = $1 AND row = $2 AND NOT alerted", &[&row, &lane])
                    .await?
                    > 0
        }
        News::Taken => {
            let over = "UPDATE endpoints SET alerted = false WHERE tenant = $1 AND row = $2 AND alerted AND suspended_at IS NULL";
            link.execute(over, &[&row, &lane]).await? > 0
        }
        News::Suspended(why) => {
            let suspend = "UPDATE endpoints SET suspended_at = $3, suspended_why = $4, alerted = alerted OR $5
                WHERE tenant = $1 AND row = $2 AND suspended_at IS NULL";
            link.execute(suspend, &[&row, &lane, &endpoint.at.as_millisecond(), why, &endpoint.alarm.is_some()]).await? > 0
        }
    };
    if !changed {
        return Ok(false);
    }
    let (alert, why) = match news {
        News::GivenUp(alert, why) => (alert, why),
        News::Taken => (Alert::Recovered, ""),
        News::Suspended(why) => {
            outgoing.notes.push(Note::Suspended(endpoint.lane));
            (Alert::Suspended, why)
        }
    };
    let (Some(alarm), Some(place)) = (endpoint.alarm, batch.place(row)) else { return Ok(true) };
    let Some(ledger) = batch.ledgers.get_mut(place) else { return Ok(true) };
    let sequence = Sequence::after(ledger.sequence, endpoint.at.as_second());
    ledger.sequence = sequence.0;
    if let Some(message) = alarm.message(alert, why, endpoint.at, sequence) {
        alone(batch, outgoing, place, (sequence, endpoint.at, &message)).await?;
    }
    Ok(true)
}

/// See [`Store::suspend`](crate::store::Store::suspend).
pub(super) async fn suspend(hub: &Hub, tenant: &Tenant, endpoint: &EndpointId, suspension: &Suspension) -> Result<bool, StoreError> {
    let (row, lane) = on!(hub, |link| {
        let row = hub.make_tenant(&link, tenant).await?;
        Ok((row, hub.lane(&link, (row, tenant), endpoint).await?))
    })?;
    let (changed, outgoing) = within!(hub, |link| {
        let mut outgoing = Outgoing::to_claim();
        let mut batch = Batch::over(hub, &link, &[(row, tenant.clone())]).await?;
        let endpoint = Standing { row, lane, at: suspension.at, sequence: None, alarm: suspension.alarm.as_deref() };
        let changed = happens(&mut batch, &mut outgoing, endpoint, News::Suspended(&suspension.why)).await?;
        batch.close(&outgoing).await?;
        Ok((changed, outgoing))
    })?;
    outgoing.send_off(hub);
    Ok(changed)
}

/// See [`Store::unsuspend`](crate::store::Store::unsuspend).
pub(super) async fn unsuspend(hub: &Hub, tenant: &Tenant, endpoint: &EndpointId) -> Result<bool, StoreError> {
    let outgoing = within!(hub, |link| {
        let mut outgoing = Outgoing::default();
        let Some(row) = hub.tenant(&link, tenant).await? else { return Ok(None) };
        let released = "UPDATE endpoints SET suspended_at = NULL, suspended_why = NULL
            WHERE tenant = $1 AND name = $2 AND suspended_at IS NOT NULL RETURNING row";
        let Some(lane) = link.first(released, &[&row, &endpoint.as_str()]).await? else { return Ok(None) };
        let lane: i64 = get(&lane, 0)?;
        let first = link.first(FIRST, &[&row, &lane, &i64::MIN]).await?;
        let first = first.map(|first| get::<Option<i64>>(&first, 0)).transpose()?.flatten();
        outgoing.notes.push(Note::Released(LaneId(lane), first));
        outgoing.wakes = true;
        Batch::over(hub, &link, &[]).await?.close(&outgoing).await?;
        Ok(Some(outgoing))
    })?;
    let changed = outgoing.is_some();
    if let Some(outgoing) = outgoing {
        outgoing.send_off(hub);
    }
    Ok(changed)
}

/// The time from which something may be claimed of a lane, not before another time: one look into the index, however long its queue is.
/// By the lane in the order and in both bounds, see `claim!`.
pub(super) const FIRST: &str = "SELECT due_at FROM deliveries
    WHERE (tenant, endpoint, due_at) >= ((SELECT $1::bigint), $2, $3) AND (tenant, endpoint) <= ((SELECT $1::bigint), $2)
        AND state < 2 AND NOT blocked
    ORDER BY tenant, endpoint, due_at, row LIMIT 1";

/// See [`Store::endpoint_states`](crate::store::Store::endpoint_states), or those that are suspended.
pub(super) async fn states(hub: &Hub, tenant: &Tenant, only_suspended: &str) -> Result<Vec<EndpointState>, StoreError> {
    let sql = format!("SELECT name, suspended_at, suspended_why FROM endpoints WHERE tenant = $1 {only_suspended}");
    on!(hub, |link| {
        let Some(tenant) = hub.tenant(&link, tenant).await? else { return Ok(Vec::new()) };
        link.query(&sql, &[&tenant]).await?.iter().map(state).collect()
    })
}

fn state(row: &Row) -> Result<EndpointState, Trouble> {
    let suspended = suspended(row, 1)?;
    Ok(EndpointState { endpoint: EndpointId::new(text(row, 0)?), suspended })
}

/// When and why an endpoint was suspended, in two columns.
pub(super) fn suspended(row: &Row, from: usize) -> Result<Option<(Timestamp, Box<str>)>, Trouble> {
    let why = text_if_any(row, from + 1)?.unwrap_or_default();
    Ok(time_if_any(row, from)?.map(|at| (at, why)))
}
