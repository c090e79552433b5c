//! Removing what retention no longer keeps, a bounded step at a time: a reader looks through some rows for what may go, then the writer
//! removes a part of it, asking again whether it still may. No index serves this, since every save and settlement would pay for it:
//! rows are in the order of their making, and a sweep looks at the oldest ones only.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::sqlite::values::state_number;
use crate::store::{Cutoffs, DeliveryState, Removed, Stage, Sweep};

/// Rows that one step looks through.
const LOOKED_AT: usize = 1_000;
/// Rows that one transaction removes, beside what belongs to them: some milliseconds of the writer's time.
const REMOVED_AT_ONCE: usize = 250;

/// Rows that may go, and where the sweep stands after them.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub rows: Vec<i64>,
    pub next: Option<Sweep>,
}

/// A row as a sweep sees it.
struct Seen {
    row: i64,
    made_at: i64,
    may_go: bool,
}

/// Looks through the next rows.
pub(super) fn look(connection: &Connection, cutoffs: &Cutoffs, sweep: Sweep) -> rusqlite::Result<Candidates> {
    let times = Times::of(cutoffs);
    let (youngest, seen) = match sweep.stage {
        Stage::Deliveries => (times.delivered.max(times.diverted), deliveries(connection, &times, sweep.after)?),
        Stage::Messages => (times.messages, messages(connection, &times, sweep.after)?),
        Stage::Traces => (times.traces, traces(connection, &times, sweep.after)?),
        // There are few, and one statement removes them.
        Stage::RetiredKeys => return Ok(Candidates { rows: vec![0], next: sweep.next_stage() }),
    };
    let rows: Vec<i64> = seen.iter().filter(|seen| seen.may_go).take(REMOVED_AT_ONCE).map(|seen| seen.row).collect();
    // A clock that was set back may have put some younger rows before older ones, but hardly so many.
    let is_over = seen.len() < LOOKED_AT || seen.iter().all(|seen| seen.made_at >= youngest);
    let last = match rows.last() {
        Some(last) if rows.len() == REMOVED_AT_ONCE => Some(*last),
        Some(_) | None if is_over => None,
        Some(_) | None => seen.last().map(|seen| seen.row),
    };
    let next = last.map_or_else(|| sweep.next_stage(), |after| Some(Sweep { after, ..sweep }));
    Ok(Candidates { rows, next })
}

/// Removes those of the rows that still may go.
pub(super) fn remove(connection: &Connection, cutoffs: &Cutoffs, stage: Stage, rows: &[i64]) -> rusqlite::Result<Removed> {
    let times = Times::of(cutoffs);
    let mut removed = Removed::default();
    for &row in rows {
        match stage {
            Stage::Deliveries => match remove_delivery(connection, &times, row)? {
                Some(was) if was == state_number(DeliveryState::Delivered) => removed.delivered += 1,
                Some(_) => removed.diverted += 1,
                None => {}
            },
            Stage::Messages => removed.messages += u64::from(remove_message(connection, &times, row)?),
            Stage::Traces => {
                let gone = connection.prepare_cached("DELETE FROM traces WHERE row = ?1")?.execute([row])?;
                removed.traces += gone as u64;
            }
            Stage::RetiredKeys => {
                let gone = connection.prepare_cached("DELETE FROM retired_keys WHERE until < ?1")?.execute([times.retired_keys])?;
                removed.retired_keys += gone as u64;
            }
        }
    }
    Ok(removed)
}

/// What a whole sweep would remove now.
pub(super) fn count(connection: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<Removed> {
    let times = Times::of(cutoffs);
    let of_state =
        |state: DeliveryState, before: i64| format!("(d.state = {} AND coalesce(d.settled_at < {before}, 0))", state_number(state));
    let delivered = of_state(DeliveryState::Delivered, times.delivered);
    let diverted = of_state(DeliveryState::Diverted, times.diverted);
    let message = format!(
        "(m.created_at < {} AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.row AND NOT ({delivered} OR {diverted})))",
        times.messages
    );
    let trace = format!(
        "t.at < {} AND NOT (t.operation = 'delete' AND EXISTS (SELECT 1 FROM messages m
         WHERE m.tenant = t.tenant AND m.model = t.model AND m.object = t.object AND NOT {message}))",
        times.traces
    );
    let count = |table: &str, condition: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    Ok(Removed {
        delivered: count("deliveries d", &delivered)?,
        diverted: count("deliveries d", &diverted)?,
        messages: count("messages m", &message)?,
        traces: count("traces t", &trace)?,
        retired_keys: count("retired_keys", &format!("until < {}", times.retired_keys))?,
    })
}

/// Cutoffs in milliseconds; before all time for what is kept for ever.
struct Times {
    delivered: i64,
    diverted: i64,
    messages: i64,
    traces: i64,
    retired_keys: i64,
}

impl Times {
    fn of(cutoffs: &Cutoffs) -> Self {
        let time = |cutoff: Option<jiff::Timestamp>| cutoff.map_or(i64::MIN, jiff::Timestamp::as_millisecond);
        Self {
            delivered: time(cutoffs.delivered),
            diverted: time(cutoffs.diverted),
            messages: time(cutoffs.messages),
            traces: time(cutoffs.traces),
            retired_keys: time(cutoffs.retired_keys),
        }
    }
}

fn deliveries(connection: &Connection, times: &Times, after: i64) -> rusqlite::Result<Vec<Seen>> {
    let sql = format!(
        "SELECT row, created_at, (state = {delivered} AND settled_at < ?2) OR (state = {diverted} AND settled_at < ?3)
         FROM deliveries WHERE row > ?1 ORDER BY row LIMIT {LOOKED_AT}",
        delivered = state_number(DeliveryState::Delivered),
        diverted = state_number(DeliveryState::Diverted),
    );
    connection.prepare_cached(&sql)?.query_map([after, times.delivered, times.diverted], seen)?.collect()
}

fn messages(connection: &Connection, times: &Times, after: i64) -> rusqlite::Result<Vec<Seen>> {
    let sql = format!(
        "SELECT row, created_at, created_at < ?2 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.row)
         FROM messages WHERE row > ?1 ORDER BY row LIMIT {LOOKED_AT}"
    );
    connection.prepare_cached(&sql)?.query_map([after, times.messages], seen)?.collect()
}

fn traces(connection: &Connection, times: &Times, after: i64) -> rusqlite::Result<Vec<Seen>> {
    let sql = format!(
        "SELECT row, at, at < ?2 AND NOT (operation = 'delete' AND EXISTS (SELECT 1 FROM messages m
         WHERE m.tenant = traces.tenant AND m.model = traces.model AND m.object = traces.object))
         FROM traces WHERE row > ?1 ORDER BY row LIMIT {LOOKED_AT}"
    );
    connection.prepare_cached(&sql)?.query_map([after, times.traces], seen)?.collect()
}

fn seen(row: &Row<'_>) -> rusqlite::Result<Seen> {
    // A settled delivery without the time of its settlement cannot be judged, and stays.
    Ok(Seen { row: row.get(0)?, made_at: row.get(1)?, may_go: row.get::<_, Option<bool>>(2)?.unwrap_or(false) })
}

/// The state it was in, if it is gone. It may have been sent again since it was looked at.
fn remove_delivery(connection: &Connection, times: &Times, row: i64) -> rusqlite::Result<Option<i64>> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE row = ?1 AND ((state = ?2 AND settled_at < ?3) OR (state = ?4 AND settled_at < ?5))
             RETURNING state",
        )?
        .query_row(
            params![row, state_number(DeliveryState::Delivered), times.delivered, state_number(DeliveryState::Diverted), times.diverted],
            |row| row.get(0),
        )
        .optional()?;
    if removed.is_some() {
        connection.prepare_cached("DELETE FROM attempts WHERE delivery = ?1")?.execute([row])?;
        connection.prepare_cached("DELETE FROM requests WHERE delivery = ?1")?.execute([row])?;
    }
    Ok(removed)
}

/// Whether it is gone; the tenant then knows that marks up to its sequence may have lost their message.
fn remove_message(connection: &Connection, times: &Times, row: i64) -> rusqlite::Result<bool> {
    let removed: Option<(i64, i64)> = connection
        .prepare_cached(
            "DELETE FROM messages WHERE row = ?1 AND created_at < ?2 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)
             RETURNING tenant, sequence",
        )?
        .query_row(params![row, times.messages], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((tenant, sequence)) = removed else { return Ok(false) };
    connection.prepare_cached("DELETE FROM payloads WHERE message = ?1")?.execute([row])?;
    connection.prepare_cached("UPDATE tenants SET pruned_through = max(pruned_through, ?2) WHERE row = ?1")?.execute([tenant, sequence])?;
    Ok(true)
}
