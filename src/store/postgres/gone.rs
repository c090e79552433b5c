//! Nodes that are gone, or take their leave: what they held is made due again. Requests of a node that is gone may still be under way, so their
//! places stay its own until they must have ended, see [`Gone`].

use std::time::{Duration, Instant};

use super::failure::Trouble;
use super::hub::{CHANNEL, Hub};
use super::link::Link;
use super::nodes::LOOK;
use super::roster::crew_of;
use super::seen::TRUSTED;
use super::values::get;
use crate::ids::LaneId;
use crate::store::Gone;

/// That a node has not been heard of for ten seconds, also when the database's clock was set back since; or for a shorter time, in which a
/// connection that was lost is made anew, while the server knows no connection of it. `$1` is that time in seconds.
pub(super) const IS_GONE: &str = "(n.seen_at < clock_timestamp() - interval '10 s' OR n.seen_at > clock_timestamp() + interval '10 s'
    OR n.seen_at <= clock_timestamp() - make_interval(secs => $1)
        AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = n.pid AND a.datname = current_database()))";

/// Longer than any lease, in milliseconds: than the longest `timeout` of an endpoint and the room to record the attempt.
const LONGEST_LEASE_MS: i64 = 180_000;
/// How much longer a node may have held something than it was heard of, or a shorter time, in milliseconds.
const ROOM_MS: i64 = 10_000;

/// Longer than any request is under way, in milliseconds: of a day's receipts only those since then are looked at.
const REQUEST_MS: i64 = 3_600_000;

/// What the node `$1` holds, lane by lane, by when it was last heard of: `$2` and `$3` are [`leases`]. However much is queued, only what comes due
/// in that time is looked at, in `deliveries_due`, which alone has the order where [`IN_ORDER`] forbids to make it; `OFFSET 0` has the server look so for
/// each lane. What was leased until before may be claimed by anybody.
const HELD: &str = "endpoints e CROSS JOIN LATERAL (SELECT tenant, row, due_at FROM deliveries
    WHERE (tenant, endpoint, due_at) > (e.tenant, e.row, $2) AND (tenant, endpoint, due_at) <= (e.tenant, e.row, $3)
        AND state < 2 AND NOT blocked AND state = 1 AND node = $1 ORDER BY tenant, endpoint, due_at, row OFFSET 0) held";

/// Until the end of the transaction nothing is sorted.
const IN_ORDER: &str = "SET LOCAL enable_sort = off";

/// Between which times the leases end of what a node held that was last heard of at `seen_at`. Milliseconds.
fn leases(seen_at: i64) -> (i64, i64) {
    (seen_at.saturating_sub(ROOM_MS), seen_at.saturating_add(LONGEST_LEASE_MS + ROOM_MS))
}

/// Takes over from those of these nodes that are gone; whether any was. A commit without an answer is not looked up: this node has to be heard of
/// meanwhile, and done again it finds nothing to do.
pub(super) async fn take_over(hub: &Hub, link: &Link, nodes: &[i64], lost_for_s: f64) -> Result<bool, Trouble> {
    let delete = format!(
        "DELETE FROM nodes n WHERE n.row = ANY ($2) AND {IS_GONE} RETURNING n.row, n.crew, n.late, (extract(epoch FROM n.seen_at) * 1000)::bigint"
    );
    link.begin().await?;
    let taken = async {
        link.run(IN_ORDER).await?;
        // Whoever leases something as one of these nodes has committed it, or will not.
        let rows = link.query(&delete, &[&lost_for_s, &nodes]).await?;
        let mut released: Option<u64> = None;
        for row in &rows {
            let (node, crew, late): (i64, Option<Vec<i64>>, Option<Vec<i64>>) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
            let seen_at = get::<i64>(row, 3)?;
            let (from, to) = leases(seen_at);
            let held = format!(
                "INSERT INTO gone_nodes (node, crew, late, seen_at, until, lanes, held)
                SELECT $1, $4, $5, $6, max(until), array_agg(lane), array_agg(held) FROM (
                    SELECT e.row AS lane, count(*) AS held, max(due_at) AS until FROM {HELD} GROUP BY e.row) lanes
                HAVING count(*) > 0"
            );
            link.execute(&held, &[&node, &from, &to, &crew, &late, &seen_at]).await?;
            released = Some(released.unwrap_or_default() + release(link, node, seen_at).await?);
        }
        if released.is_some() {
            tell(link).await?;
        }
        Ok(released)
    };
    let taken = taken.await;
    let Some(deliveries) = link.end(taken).await? else { return Ok(false) };
    hub.reload(link, None).await?;
    tracing::info!(deliveries, "a node is gone; what it was about to send is taken over");
    Ok(true)
}

/// Makes due what a node held that was last heard of at `seen_at`; how much it was.
async fn release(link: &Link, node: i64, seen_at: i64) -> Result<u64, Trouble> {
    let (from, to) = leases(seen_at);
    let due = format!(
        "UPDATE deliveries d SET state = 0, due_at = d.created_at, node = NULL FROM {HELD}
        WHERE d.tenant = held.tenant AND d.row = held.row AND d.state = 1 AND d.node = $1"
    );
    let released = link.execute(&due, &[&node, &from, &to]).await?;
    let under_way = "DELETE FROM receipts WHERE at > $2 AND status IS NULL AND node = $1";
    link.execute(under_way, &[&node, &seen_at.saturating_sub(REQUEST_MS)]).await?;
    Ok(released)
}

/// Tells the others that something is due, and that a node is gone.
async fn tell(link: &Link) -> Result<(), Trouble> {
    link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &format!("0 * {LOOK}")]).await.map(drop)
}

/// The store is closed: what the node still holds is due for the others, and for whoever opens the store next. Its requests have ended or were
/// cut off. A commit without an answer is not looked up: whoever stops does not wait for it.
pub(super) async fn leave(hub: &Hub, link: &Link) -> Result<(), Trouble> {
    link.begin().await?;
    let left = async {
        link.run(IN_ORDER).await?;
        let delete = "DELETE FROM nodes WHERE row = $1 RETURNING (extract(epoch FROM seen_at) * 1000)::bigint";
        // Where it counts as gone, another one has released what it held.
        let Some(row) = link.first(delete, &[&hub.node()]).await? else { return Ok(()) };
        release(link, hub.node(), get(&row, 0)?).await?;
        tell(link).await
    };
    let left = left.await;
    link.end(left).await
}

/// Nodes that are gone and may have something under way, when the database's clock shows `clock`.
pub(super) async fn remembered(link: &Link, clock: i64, now: Instant) -> Result<Vec<Gone>, Trouble> {
    let rows = link.query("SELECT node, crew, late, seen_at, until, lanes, held FROM gone_nodes", &[]).await?;
    let mut gone = Vec::with_capacity(rows.len());
    let mut is_any_over = false;
    for row in &rows {
        is_any_over |= get::<i64>(row, 4)? < clock;
        let (node, crew, late): (i64, Option<Vec<i64>>, Option<Vec<i64>>) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        let since = Duration::from_millis(clock.saturating_sub(get(row, 3)?).max(0).unsigned_abs());
        let lanes = get::<Vec<i64>>(row, 5)?.into_iter().map(LaneId);
        let held = get::<Vec<i64>>(row, 6)?.into_iter().map(|held| usize::try_from(held).unwrap_or_default());
        gone.push(Gone {
            quiet: now.checked_sub(since).unwrap_or(now) + TRUSTED,
            crew: crew.map(|members| crew_of(&members, node)),
            late: late.into_iter().flatten().map(LaneId).collect(),
            held: lanes.zip(held).collect(),
        });
    }
    if is_any_over {
        link.execute("DELETE FROM gone_nodes WHERE until < $1", &[&clock]).await?;
    }
    Ok(gone)
}
