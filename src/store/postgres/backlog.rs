//! What has to be delivered, counted from the index of what is due.

use jiff::Timestamp;

use super::failure::Trouble;
use super::link::Link;
use super::values::{get, limit};
use crate::telemetry::{Depth, Standing};

/// See [`Store::backlog`](crate::store::Store::backlog).
pub(super) async fn backlog(link: &Link, now: Timestamp, most: usize) -> Result<Standing, Trouble> {
    let now = now.as_millisecond();
    // What waits behind an earlier delivery of its object is not in the index, and has its turn when that one has had its.
    let sql = "WITH due AS (SELECT tenant, endpoint, count(*) AS count, min(due_at) AS first FROM deliveries
            WHERE state < 2 AND NOT blocked GROUP BY tenant, endpoint),
        longest AS (SELECT * FROM due ORDER BY count DESC, tenant, endpoint LIMIT $1)
        SELECT t.name, e.name, l.count, l.first FROM longest l JOIN endpoints e ON e.tenant = l.tenant AND e.row = l.endpoint
            JOIN tenants t ON t.row = l.tenant
        UNION ALL SELECT NULL, count(*)::text, coalesce(sum(count), 0)::bigint, min(first) FROM due ORDER BY 3 DESC, 2";
    let (mut lanes, mut whole) = (Vec::new(), (0, 0, None));
    for row in &link.query(sql, &[&limit(most)]).await? {
        let (tenant, name): (Option<String>, String) = (get(row, 0)?, get(row, 1)?);
        let (deliveries, first): (i64, Option<i64>) = (get(row, 2)?, get(row, 3)?);
        match tenant {
            Some(tenant) => lanes.push(Depth { lane: Some((tenant, name)), deliveries, age: age(now, first) }),
            None => whole = (name.parse().unwrap_or_default(), deliveries, first),
        }
    }
    let (count, all, first) = whole;
    let rest = lanes.iter().fold(all, |rest, lane| (rest - lane.deliveries).max(0));
    // Of all lanes: whether anything waits for long is seen here, also when the long lanes are quick.
    lanes.push(Depth { lane: None, deliveries: rest, age: age(now, first) });
    Ok(Standing { lanes, count })
}

fn age(now: i64, due: Option<i64>) -> f64 {
    let milliseconds = due.map_or(0, |due| now.saturating_sub(due).max(0));
    std::time::Duration::from_millis(milliseconds.unsigned_abs()).as_secs_f64()
}
