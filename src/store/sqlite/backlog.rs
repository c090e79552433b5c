//! What has to be delivered, counted from the index of what is due; and whether the disk takes what is written.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::store::sqlite::values::limit;
use crate::telemetry::{Depth, Standing};

/// See [`Store::backlog`](crate::store::Store::backlog).
pub(super) fn backlog(connection: &Connection, now: Timestamp, most: usize) -> rusqlite::Result<Standing> {
    let now = now.as_millisecond();
    // What waits behind an earlier delivery of its object is not in the index, and has its turn when that one has had its.
    let whole = "SELECT count(*), count(DISTINCT endpoint), min(due_at) FROM deliveries WHERE state < 2 AND blocked = 0";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?));
    let (mut rest, count, first) = connection.prepare_cached(whole)?.query_row([], read)?;
    let longest = "SELECT t.name, e.name, due.count, due.first
                   FROM (SELECT endpoint, count(*) AS count, min(due_at) AS first FROM deliveries
                         WHERE state < 2 AND blocked = 0 GROUP BY endpoint ORDER BY 2 DESC, 1 LIMIT ?1) AS due
                   JOIN endpoints e ON e.row = due.endpoint JOIN tenants t ON t.row = e.tenant ORDER BY due.count DESC, e.row";
    let read = |row: &Row<'_>| {
        let lane = Some((row.get(0)?, row.get(1)?));
        Ok(Depth { lane, deliveries: row.get(2)?, age: age(now, row.get(3)?) })
    };
    let mut lanes = connection.prepare_cached(longest)?.query_map([limit(most)], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rest = lanes.iter().fold(rest, |rest, lane| (rest - lane.deliveries).max(0));
    // Of all lanes: whether anything waits for long is seen here, also when the long lanes are quick.
    lanes.push(Depth { lane: None, deliveries: rest, age: age(now, first) });
    Ok(Standing { lanes, count })
}

fn age(now: i64, due: Option<i64>) -> f64 {
    let milliseconds = due.map_or(0, |due| now.saturating_sub(due).max(0));
    std::time::Duration::from_millis(milliseconds.unsigned_abs()).as_secs_f64()
}

/// See [`Store::probe`](crate::store::Store::probe).
pub(super) fn probe(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO probe (row, at) VALUES (1, ?1) ON CONFLICT (row) DO UPDATE SET at = excluded.at";
    connection.prepare_cached(sql)?.execute(params![now.as_millisecond()]).map(drop)
}
