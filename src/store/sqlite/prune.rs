//! Removing what retention no longer keeps, a bounded step at a time: a reader looks through some rows for what may go, then the writer
//! removes a part of it, asking again whether it still may. No index serves this, since every save and settlement would pay for it:
//! rows are in the order of their making, and a sweep looks at the oldest ones only.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::sqlite::session::Session;
use crate::store::sqlite::tables;
use crate::store::sqlite::values::{state, state_number};
use crate::store::{Cutoffs, DeliveryState, Removed, Stage, Sweep};

/// Rows that one step looks through.
const LOOKED_AT: usize = 1_000;
/// Rows that one transaction removes, beside what belongs to them: few milliseconds of the writer's time.
const REMOVED_AT_ONCE: usize = 100;

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
    let conditions = Conditions::of(cutoffs);
    let (youngest, sql) = match sweep.stage {
        Stage::Deliveries => {
            let youngest = DeliveryState::ALL.into_iter().filter_map(|state| cutoffs.of(state)).max();
            (youngest, scan("deliveries d", "d.created_at", &conditions.delivery))
        }
        Stage::Messages => (cutoffs.messages, scan("messages m", "m.created_at", &conditions.message(A_DELIVERY))),
        Stage::Traces => (cutoffs.traces, scan("traces t", "t.at", &conditions.trace(A_MESSAGE))),
        // There are few, and one statement removes them.
        Stage::RetiredKeys => return Ok(Candidates { rows: vec![0], next: sweep.next_stage() }),
        Stage::Audit => return old_entries(connection, cutoffs, sweep),
    };
    let Some(youngest) = youngest.map(Timestamp::as_millisecond) else {
        return Ok(Candidates { rows: Vec::new(), next: sweep.next_stage() });
    };
    let seen: Vec<Seen> = connection.prepare_cached(&sql)?.query_map([sweep.after], seen)?.collect::<rusqlite::Result<_>>()?;
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

/// Old entries of the audit log, which has an index by time.
fn old_entries(connection: &Connection, cutoffs: &Cutoffs, sweep: Sweep) -> rusqlite::Result<Candidates> {
    let Some(before) = cutoffs.audit else { return Ok(Candidates { rows: Vec::new(), next: sweep.next_stage() }) };
    let sql = format!("SELECT row FROM audit WHERE at < ?1 ORDER BY at LIMIT {REMOVED_AT_ONCE}");
    let rows: Vec<i64> =
        connection.prepare_cached(&sql)?.query_map([before.as_millisecond()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let next = if rows.len() == REMOVED_AT_ONCE { Some(sweep) } else { sweep.next_stage() };
    Ok(Candidates { rows, next })
}

/// Removes those of the rows that still may go.
pub(super) fn remove(session: &mut Session, cutoffs: &Cutoffs, stage: Stage, rows: &[i64]) -> rusqlite::Result<Removed> {
    let conditions = Conditions::of(cutoffs);
    let connection = &session.connection;
    let mut removed = Removed::default();
    let mut tables = BTreeSet::new();
    for &row in rows {
        match stage {
            Stage::Deliveries => {
                if let Some(state) = remove_delivery(connection, &conditions, row)? {
                    removed.count(state, 1);
                }
            }
            Stage::Messages => removed.messages += u64::from(remove_message(connection, &conditions, row)?),
            Stage::Traces => {
                removed.traces += u64::from(remove_trace(connection, row, &mut tables)?);
            }
            Stage::Audit => removed.audit += connection.prepare_cached("DELETE FROM audit WHERE row = ?1")?.execute([row])? as u64,
            Stage::RetiredKeys => {
                let sql = format!("DELETE FROM retired_keys WHERE {}", conditions.retired_key);
                removed.retired_keys += connection.execute(&sql, [])? as u64;
            }
        }
    }
    session.drop_tables(&tables.into_iter().collect::<Vec<_>>())?;
    Ok(removed)
}

/// What a whole sweep would remove now.
pub(super) fn count(connection: &Connection, cutoffs: &Cutoffs) -> rusqlite::Result<Removed> {
    let conditions = Conditions::of(cutoffs);
    // What goes first takes the reason away for which something else would stay.
    let message = conditions.message(&format!("{A_DELIVERY} AND NOT {}", conditions.delivery));
    let trace = conditions.trace(&format!("{A_MESSAGE} AND NOT {message}"));
    let count = |table: &str, condition: &str| {
        let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let mut removed = Removed {
        messages: count("messages m", &message)?,
        traces: count("traces t", &trace)?,
        retired_keys: count("retired_keys", &conditions.retired_key)?,
        audit: count("audit", &format!("at < {}", cutoffs.audit.map_or(i64::MIN, Timestamp::as_millisecond)))?,
        ..Removed::default()
    };
    for state in DeliveryState::ALL {
        removed.count(state, count("deliveries d", &format!("d.state = {} AND {}", state_number(state), conditions.delivery))?);
    }
    Ok(removed)
}

/// A delivery for which message `m` has to stay, in a sweep in which the deliveries come first.
const A_DELIVERY: &str = "d.row >= (m.row << 20) AND d.row < ((m.row + 1) << 20)";
/// A message about the object of trace `t`.
const A_MESSAGE: &str = "m.tenant = t.tenant AND m.model = t.model AND m.object = t.object";

/// What may go, in SQL.
struct Conditions {
    /// A row of `deliveries d`. One that is settled without the time of it cannot be judged, and stays.
    delivery: String,
    /// A row of `retired_keys`.
    retired_key: String,
    /// Messages made before. Milliseconds.
    messages: i64,
    /// Traces made before.
    traces: i64,
}

impl Conditions {
    fn of(cutoffs: &Cutoffs) -> Self {
        let settled = DeliveryState::ALL.into_iter().filter_map(|state| {
            let before = cutoffs.of(state)?.as_millisecond();
            Some(format!("(d.state = {} AND coalesce(d.created_at + d.settled_after < {before}, 0))", state_number(state)))
        });
        let settled: Vec<String> = settled.collect();
        // Nothing is older than what is kept for ever.
        let time = |cutoff: Option<Timestamp>| cutoff.map_or(i64::MIN, Timestamp::as_millisecond);
        Self {
            delivery: if settled.is_empty() { "0".to_owned() } else { format!("({})", settled.join(" OR ")) },
            retired_key: format!("until < {}", time(cutoffs.retired_keys)),
            messages: time(cutoffs.messages),
            traces: time(cutoffs.traces),
        }
    }

    /// A row of `messages m`, unless there is a row of `deliveries d` such as `kept_by`.
    fn message(&self, kept_by: &str) -> String {
        format!("(m.created_at < {} AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE {kept_by}))", self.messages)
    }

    /// A row of `traces t`, unless it is a deletion and there is a row of `messages m` such as `kept_by`.
    fn trace(&self, kept_by: &str) -> String {
        format!("(t.at < {} AND NOT (t.operation = 'delete' AND EXISTS (SELECT 1 FROM messages m WHERE {kept_by})))", self.traces)
    }
}

/// Selects rows after a given one as [`seen`] reads them.
fn scan(table: &str, made_at: &str, may_go: &str) -> String {
    format!("SELECT row, {made_at}, {may_go} FROM {table} WHERE row > ?1 ORDER BY row LIMIT {LOOKED_AT}")
}

fn seen(row: &Row<'_>) -> rusqlite::Result<Seen> {
    Ok(Seen { row: row.get(0)?, made_at: row.get(1)?, may_go: row.get(2)? })
}

/// The state it was in, if it is gone. It may have been sent again since it was looked at.
fn remove_delivery(connection: &Connection, conditions: &Conditions, row: i64) -> rusqlite::Result<Option<DeliveryState>> {
    let sql = format!("DELETE FROM deliveries AS d WHERE d.row = ?1 AND {} RETURNING state", conditions.delivery);
    let removed = connection.prepare_cached(&sql)?.query_row([row], |row| state(row, 0)).optional()?;
    if removed.is_some() {
        connection.prepare_cached("DELETE FROM attempts WHERE delivery = ?1")?.execute([row])?;
        connection.prepare_cached("DELETE FROM bodies WHERE delivery = ?1")?.execute([row])?;
    }
    Ok(removed)
}

/// Whether it is gone; its decision table, which has one trace less then, is added to `tables`.
fn remove_trace(connection: &Connection, row: i64, tables: &mut BTreeSet<i64>) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("DELETE FROM traces WHERE row = ?1 RETURNING decision_table")?;
    let mut gone = statement.query([row])?;
    let Some(trace) = gone.next()? else { return Ok(false) };
    let table: Option<i64> = trace.get(0)?;
    // To the end, so that the statement is done.
    while gone.next()?.is_some() {}
    if let Some(table) = table {
        tables::count(connection, table, -1)?;
        tables.insert(table);
    }
    Ok(true)
}

/// Whether it is gone; the tenant then knows that marks up to its sequence may have lost their message.
fn remove_message(connection: &Connection, conditions: &Conditions, row: i64) -> rusqlite::Result<bool> {
    let sql = format!("DELETE FROM messages AS m WHERE m.row = ?1 AND {} RETURNING tenant, sequence", conditions.message(A_DELIVERY));
    let removed: Option<(i64, i64)> = connection.prepare_cached(&sql)?.query_row([row], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((tenant, sequence)) = removed else { return Ok(false) };
    connection
        .prepare_cached("UPDATE tenants SET pruned_through = max(pruned_through, ?2) WHERE row = ?1")?
        .execute(params![tenant, sequence])?;
    Ok(true)
}
