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

/// Takes over from those of these nodes that are gone; whether any was. A commit without an answer is not looked up: this node has to be heard of
/// meanwhile, and done again it finds nothing to do.
pub(super) async fn take_over(hub: &Hub, link: &Link, nodes: &[i64], lost_for_s: f64) -> Result<bool, Trouble> {
    let delete = format!(
        "DELETE FROM nodes n WHERE n.row = ANY ($2) AND {IS_GONE} RETURNING n.row, n.crew, n.late, (extract(epoch FROM n.seen_at) * 1000)::bigint"
    );
    link.begin().await?;
    let taken = async {
        // Whoever leases something as one of these nodes has committed it, or will not.
        let rows = link.query(&delete, &[&lost_for_s, &nodes]).await?;
        let mut gone = Vec::new();
        for row in &rows {
            gone.push(get::<i64>(row, 0)?);
            let (crew, late): (Option<Vec<i64>>, Option<Vec<i64>>) = (get(row, 1)?, get(row, 2)?);
            let held = "INSERT INTO gone_nodes (node, crew, late, seen_at, until, lanes, held)
                SELECT $1, $2, $3, $4, max(until), array_agg(lane), array_agg(held) FROM (
                    SELECT e.row AS lane, count(*) AS held, max(d.due_at) AS until FROM endpoints e
                        JOIN deliveries d ON d.tenant = e.tenant AND d.endpoint = e.row AND d.state < 2 AND NOT d.blocked
                        WHERE d.state = 1 AND d.node = $1 GROUP BY e.row) held
                HAVING count(*) > 0";
            link.execute(held, &[&get::<i64>(row, 0)?, &crew, &late, &get::<i64>(row, 3)?]).await?;
        }
        if gone.is_empty() { Ok(None) } else { release(link, &gone).await.map(Some) }
    };
    let taken = taken.await;
    let Some(deliveries) = link.end(taken).await? else { return Ok(false) };
    hub.reload(link, None).await?;
    tracing::info!(deliveries, "a node is gone; what it was about to send is taken over");
    Ok(true)
}

/// Makes due what these nodes held, and tells the others; how much it was.
async fn release(link: &Link, nodes: &[i64]) -> Result<u64, Trouble> {
    let due = "UPDATE deliveries d SET state = 0, due_at = d.created_at, node = NULL
        FROM endpoints e WHERE d.tenant = e.tenant AND d.endpoint = e.row AND d.state < 2 AND NOT d.blocked AND d.state = 1
        AND d.node = ANY ($1)";
    let released = link.execute(due, &[&nodes]).await?;
    link.execute("DELETE FROM receipts WHERE status IS NULL AND node = ANY ($1)", &[&nodes]).await?;
    link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &format!("0 * {LOOK}")]).await?;
    Ok(released)
}

/// The store is closed: what the node still holds is due for the others, and for whoever opens the store next. Its requests have ended or were
/// cut off. A commit without an answer is not looked up: whoever stops does not wait for it.
pub(super) async fn leave(hub: &Hub, link: &Link) -> Result<(), Trouble> {
    link.begin().await?;
    let left = async {
        link.execute("DELETE FROM nodes WHERE row = $1", &[&hub.node()]).await?;
        release(link, &[hub.node()]).await
    };
    let left = left.await;
    link.end(left).await.map(drop)
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
