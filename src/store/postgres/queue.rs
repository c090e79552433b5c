//! The queue: taking deliveries by lease and fence, and making one due again.
//!
//! `deliveries_due` holds exactly what may be claimed, also what is sending, whose `due_at` is the end of its lease. An ordered delivery
//! with an unsettled one before it is `blocked`, and so out of that index, until it is at the head of its lane.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::choose::{numbers, place_of_delivery};
use super::effects::{JSON, Outgoing};
use super::endpoints::FIRST;
use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::lost::{self, Claim};
use super::settle::lock_order;
use super::transaction::Batch;
use super::values::{count, delivery_id, from_json, get, limit, text, text_if_any, timestamp};
use crate::ids::{DeliveryId, LaneId, MessageId, Sequence, Tenant};
use crate::store::agenda::Note;
use crate::store::{Claimed, DeliveryState, Lane, Share, Slot, StoreError};

/// What a single delivery may be sent again from.
const NOT_SENDING: [DeliveryState; 4] = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Diverted, DeliveryState::Failed];

/// What may be claimed of one lane, in an order, with everything that is sent. What is taken is named by tenant and row in a table of its own,
/// so that each is found by its key: with a tenant that is the same for all, the server would rather read all of the tenant's rows while it
/// believes that there are few.
///
/// The lane stands in the order and in both bounds, so that `deliveries_due` is the only index that gives the order. With a lane that is the
/// same for all, a server that has not counted the rows takes another index of lanes as soon as that is the lower one, and sorts all that it
/// reads. What is given by `(SELECT …)` is not known when a statement is planned: the plan is the same for all, and is made once.
macro_rules! claim {
    ($order:literal, $last:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT tenant, row, due_at FROM deliveries
                    WHERE (tenant, endpoint, due_at) >= ((SELECT $1::bigint), $2, $7)
                        AND (tenant, endpoint, due_at) <= ((SELECT $1::bigint), $2, $3) AND state < 2 AND NOT blocked
                        AND NOT EXISTS (SELECT FROM endpoints e WHERE e.tenant = $1 AND e.row = $2 AND e.suspended_at IS NOT NULL)
                        AND EXISTS (SELECT FROM nodes WHERE row = $5 FOR KEY SHARE)
                        AND NOT (state = 1 AND node = $5 AND row = ANY ($8::bigint[]))
                    ORDER BY ",
            $order,
            " LIMIT (SELECT $6::bigint) FOR UPDATE SKIP LOCKED),
            taken AS (UPDATE deliveries d SET state = 1, due_at = $4, fence = d.fence + 1, node = $5 FROM due
                WHERE d.tenant = due.tenant AND d.row = due.row
                RETURNING d.tenant, d.row, d.attempts, d.spent, d.fence, d.method, d.url, d.headers, d.content_type,
                    d.bucket IS NOT NULL AS ordered, due.due_at AS was_due)
            SELECT t.row, m.id, m.event, m.sequence, t.attempts, t.spent, t.fence, t.method, t.url, t.headers, t.content_type,
                CASE WHEN t.content_type IS NULL THEN m.payload
                    ELSE (SELECT body FROM bodies b WHERE b.tenant = t.tenant AND b.delivery = t.row) END, t.ordered
            FROM taken t JOIN messages m ON m.tenant = t.tenant AND m.row = t.row >> 20 ORDER BY ",
            $last
        )
    };
}

/// Those that have been due the longest.
const OLDEST: &str = claim!("tenant, endpoint, due_at, row", "t.was_due, t.row");
/// Those that came due last.
const NEWEST: &str = claim!("tenant DESC, endpoint DESC, due_at DESC, row DESC", "t.was_due DESC, t.row DESC");

/// The leases go on of what the node has in hand. What somebody else has locked is about to be recorded, or claimed by another node.
const GO_ON: &str = "UPDATE deliveries d SET due_at = $3
    FROM (SELECT tenant, row FROM deliveries WHERE tenant = $1 AND row = ANY ($2) AND state = 1 AND node = $4 AND due_at <= $5
        FOR UPDATE SKIP LOCKED) held
    WHERE d.tenant = held.tenant AND d.row = held.row";

/// See [`Store::claim`](crate::store::Store::claim).
pub(super) async fn claim(
    hub: &Hub,
    lane: &Lane,
    now: Timestamp,
    lease_until: Timestamp,
    share: Share,
) -> Result<Vec<Claimed>, StoreError> {
    on!(hub, |link| {
        let Some(tenant) = hub.tenant(&link, &lane.tenant).await? else { return Ok(Vec::new()) };
        lost::find(hub, &link).await?;
        let node = hub.node();
        // Nothing that has been heard of is due before `from`: what was there is claimed, and the server would look at it all again until
        // it has cleared it away.
        let (heard, from) = {
            let agenda = hub.agenda();
            (agenda.heard(), agenda.from(lane.id).unwrap_or(i64::MIN))
        };
        let lease = || hub.claims.lease(lane.id, lease_until.as_millisecond());
        // What is in hand is not claimed again, though its lease may have ended, as it does when the database has stood still.
        let overdue = in_hand(hub, lane.id, now);
        if !overdue.is_empty() {
            link.execute(GO_ON, &[&tenant, &overdue, &lease(), &node, &now.as_millisecond()]).await?;
        }
        let take = async |sql: &str, most: usize| {
            if most == 0 {
                return Ok((Vec::new(), 0));
            }
            let claim = Claim { tenant, lane: lane.id, node, lease: lease() };
            let values: super::link::Values<'_> =
                &[&tenant, &lane.id.0, &now.as_millisecond(), &claim.lease, &node, &limit(most), &from, &overdue];
            let rows = link.query(sql, values).await;
            if rows.as_ref().is_err_and(Trouble::is_passing) {
                hub.claims.lose(claim);
            }
            rows.map(|rows| (rows, claim.lease))
        };
        let (oldest, newest, first) = futures_util::future::join3(
            take(OLDEST, share.oldest),
            take(NEWEST, share.newest),
            link.first(FIRST, &[&tenant, &lane.id.0, &from]),
        )
        .await;
        // Each is on its own: what one has taken is sent, whatever became of the others.
        let mut taken = Vec::new();
        let mut trouble = None;
        for rows in [oldest, newest] {
            match rows {
                Ok((rows, lease)) => taken.extend(rows.into_iter().map(|row| (row, lease))),
                Err(error) => trouble = Some(error),
            }
        }
        match (first, trouble) {
            (Ok(first), None) => {
                let first = first.map(|first| get::<Option<i64>>(&first, 0)).transpose()?.flatten();
                hub.agenda().learn(lane.id, heard, first);
            }
            (Err(error), _) | (Ok(_), Some(error)) if taken.is_empty() => return Err(error),
            (Err(_), _) | (Ok(_), Some(_)) => {}
        }
        taken.iter().map(|(row, lease)| claimed(row, lane, (timestamp(*lease)?, node))).collect()
    })
}

/// Deliveries of a lane that are being sent by this node, or wait to be recorded, and whose lease has ended.
fn in_hand(hub: &Hub, lane: LaneId, now: Timestamp) -> Vec<i64> {
    let in_hand = hub.taker().map(|taker| taker.in_hand(lane)).unwrap_or_default();
    in_hand.into_iter().filter(|(_, lease_until)| *lease_until <= now).map(|(slot, _)| slot.0).collect()
}

/// See [`Store::give_back`](crate::store::Store::give_back).
pub(super) async fn give_back(hub: &Hub, deliveries: &[Claimed], now: Timestamp) -> Result<(), StoreError> {
    let outgoing = within!(hub, |link| {
        let (mut tenants, mut rows, mut fences) = (vec![], vec![], vec![]);
        for delivery in deliveries {
            tenants.push(hub.tenant(&link, &delivery.tenant).await?.unwrap_or_default());
            rows.push(delivery.slot.0);
            fences.push(delivery.fence);
        }
        lock_order(&link, (&tenants, &rows)).await?;
        let sql = "UPDATE deliveries d SET state = 0, due_at = $4, node = NULL,
                blocked = d.bucket IS NOT NULL AND EXISTS (SELECT FROM deliveries e WHERE e.tenant = d.tenant AND e.endpoint = d.endpoint
                    AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.bucket IS NOT NULL AND e.row < d.row)
            FROM (SELECT unnest($1::bigint[]) AS tenant, unnest($2::bigint[]) AS row, unnest($3::bigint[]) AS fence) a
            WHERE d.tenant = a.tenant AND d.row = a.row AND d.fence = a.fence AND d.state = 1
            RETURNING d.endpoint, d.blocked";
        let rows = link.query(sql, &[&tenants, &rows, &fences, &now.as_millisecond()]).await?;
        let mut outgoing = Outgoing::to_claim();
        for row in &rows {
            if !get::<bool>(row, 1)? {
                outgoing.notes.push(Note::Due(LaneId(get(row, 0)?), now.as_millisecond()));
            }
        }
        Batch::over(hub, &link, &[]).await?.close(&outgoing).await?;
        Ok(outgoing)
    })?;
    outgoing.send_off(hub);
    Ok(())
}

/// See [`Store::resend`](crate::store::Store::resend).
pub(super) async fn resend(hub: &Hub, tenant: &Tenant, delivery: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
    let outgoing = within!(hub, |link| {
        let Some(tenant) = hub.tenant(&link, tenant).await? else { return Ok(None) };
        let Some((_, row)) = place_of_delivery(&link, tenant, delivery).await? else { return Ok(None) };
        let mut outgoing = Outgoing::to_claim();
        if !again(&link, &mut outgoing, (tenant, row), &NOT_SENDING, now.as_millisecond()).await? {
            return Ok(None);
        }
        Batch::over(hub, &link, &[]).await?.close(&outgoing).await?;
        Ok(Some(outgoing))
    })?;
    let resent = outgoing.is_some();
    if let Some(outgoing) = outgoing {
        outgoing.send_off(hub);
    }
    Ok(resent)
}

/// Makes a delivery due once more, if it is in one of these states; what is ordered behind it waits for it.
pub(super) async fn again(
    link: &Link,
    outgoing: &mut Outgoing,
    (tenant, row): (i64, i64),
    from: &[DeliveryState],
    now: i64,
) -> Result<bool, Trouble> {
    lock_order(link, (&[tenant], &[row])).await?;
    let sql = format!(
        "UPDATE deliveries d SET state = 0, due_at = $3, node = NULL, settled_at = NULL, reason = NULL,
             blocked = d.bucket IS NOT NULL AND EXISTS (SELECT FROM deliveries e WHERE e.tenant = d.tenant AND e.endpoint = d.endpoint
                 AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.bucket IS NOT NULL AND e.row < d.row)
         WHERE d.tenant = $1 AND d.row = $2 AND d.state IN ({}) RETURNING d.endpoint",
        numbers(from)
    );
    let Some(lane) = link.first(&sql, &[&tenant, &row, &now]).await? else { return Ok(false) };
    let behind = "UPDATE deliveries d SET blocked = true FROM deliveries e
        WHERE e.tenant = $1 AND e.row = $2 AND e.bucket IS NOT NULL AND d.tenant = e.tenant AND d.endpoint = e.endpoint AND d.model = e.model
            AND d.object = e.object AND d.state < 2 AND d.bucket IS NOT NULL AND d.row > e.row";
    link.execute(behind, &[&tenant, &row]).await?;
    outgoing.notes.push(Note::Due(LaneId(get(&lane, 0)?), now));
    Ok(true)
}

/// See [`Store::shift_due`](crate::store::Store::shift_due).
pub(super) async fn shift_due(hub: &Hub, after: i64, by_ms: i64) -> Result<(), StoreError> {
    on!(hub, |link| {
        let shift = "UPDATE deliveries SET due_at = due_at + $2 WHERE state < 2 AND due_at > $1";
        link.execute(shift, &[&after, &by_ms]).await?;
        hub.reload(&link, None).await
    })
}

fn claimed(row: &Row, lane: &Lane, (lease_until, node): (Timestamp, i64)) -> Result<Claimed, Trouble> {
    let message = MessageId(get(row, 1)?);
    Ok(Claimed {
        lane: lane.id,
        tenant: lane.tenant.clone(),
        id: delivery_id(message, get(row, 0)?),
        slot: Slot(get(row, 0)?),
        message,
        event: text(row, 2)?,
        sequence: Sequence(get(row, 3)?),
        endpoint: lane.endpoint.clone(),
        attempts: count(row, 4)?,
        spent: count(row, 5)?,
        fence: get(row, 6)?,
        lease_until,
        node,
        ordered: get(row, 12)?,
        method: text(row, 7)?,
        url: from_json(row, 8)?,
        headers: from_json(row, 9)?,
        content_type: text_if_any(row, 10)?.unwrap_or_else(|| JSON.into()),
        body: get::<Vec<u8>>(row, 11)?.into(),
    })
}
