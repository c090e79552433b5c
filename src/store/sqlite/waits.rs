//! Firings that wait for a related object to arrive.

use rusqlite::{Connection, Row, params};

use crate::ids::{Sequence, Tenant};
use crate::store::sqlite::values::limit;
use crate::store::{Answer, ObjectRow, WaitRow};

/// Waits for one object that are counted; the engine's limit is below.
const COUNTED: u32 = 4096;

/// The firings that wait for an object.
pub(super) const WAITING: &str = "SELECT event, model, object, operation, for_model, for_id,
    previous_id, previous_sequence, previous_updated_at, previous_json
    FROM waits WHERE tenant = ?1 AND for_model = ?2 AND for_id = ?3 ORDER BY row";

/// The events of the firings about an object that wait for another one.
pub(super) const OF_OBJECT: &str = "SELECT event FROM waits WHERE tenant = ?1 AND model = ?2 AND object = ?3 ORDER BY row";

/// How many firings wait for an object, as far as that is counted.
pub(super) const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM waits WHERE tenant = ?1 AND for_model = ?2 AND for_id = ?3 LIMIT ?4)";

/// The firings that wait for an object, in the order in which they began to.
pub(super) fn waiting(connection: &Connection, tenant: i64, model: &str, id: &str) -> rusqlite::Result<Vec<WaitRow>> {
    connection.prepare_cached(WAITING)?.query_map(params![tenant, model, id], wait_row)?.collect()
}

/// The events of the firings about an object that wait for another one.
pub(super) fn of(connection: &Connection, tenant: i64, model: &str, object: &str) -> rusqlite::Result<Vec<Box<str>>> {
    connection.prepare_cached(OF_OBJECT)?.query_map(params![tenant, model, object], |row| row.get(0))?.collect()
}

/// The answer to [`Query::WaitCount`](crate::store::Query::WaitCount): that of `event` for `object` is to wait for an object.
pub(super) fn count(
    connection: &Connection,
    tenant: i64,
    (event, object): (&str, &str),
    (for_model, for_id): (&str, &str),
) -> rusqlite::Result<Answer> {
    let already = connection
        .prepare_cached("SELECT 1 FROM waits WHERE tenant = ?1 AND event = ?2 AND object = ?3 AND for_model = ?4 AND for_id = ?5")?
        .exists(params![tenant, event, object, for_model, for_id])?;
    let for_object = connection.prepare_cached(COUNT)?.query_row(params![tenant, for_model, for_id, COUNTED], |row| row.get(0))?;
    let of_tenant: Option<u32> =
        connection.prepare_cached("SELECT sum(waits) FROM tenants WHERE row = ?1")?.query_row([tenant], |row| row.get(0))?;
    Ok(Answer::WaitCount { already, for_object, of_tenant: of_tenant.unwrap_or_default() })
}

/// Notes that a firing waits; it replaces one of the same event and object.
pub(super) fn begin(connection: &Connection, tenant: i64, wait: &WaitRow) -> rusqlite::Result<()> {
    let previous = wait.previous.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO waits (tenant, event, model, object, operation, for_model, for_id,
                                previous_id, previous_sequence, previous_updated_at, previous_json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (tenant, event, object) DO UPDATE
             SET model = excluded.model, operation = excluded.operation, for_model = excluded.for_model, for_id = excluded.for_id,
                 previous_id = excluded.previous_id, previous_sequence = excluded.previous_sequence,
                 previous_updated_at = excluded.previous_updated_at, previous_json = excluded.previous_json",
        )?
        .execute(params![
            tenant,
            wait.event,
            wait.model,
            wait.object,
            wait.operation,
            wait.for_model,
            wait.for_id,
            previous.map(|object| &object.id),
            previous.map(|object| object.sequence.0),
            previous.map(|object| &object.updated_at),
            previous.map(|object| &object.json),
        ])
        .map(drop)
}

/// Notes that a firing does not wait any more.
pub(super) fn end(connection: &Connection, tenant: i64, event: &str, object: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM waits WHERE tenant = ?1 AND event = ?2 AND object = ?3")?
        .execute(params![tenant, event, object])
        .map(drop)
}

/// See [`Store::waits`](crate::store::Store::waits).
pub(super) fn all(connection: &Connection, after: i64, at_most: usize) -> rusqlite::Result<Vec<(i64, Tenant, WaitRow)>> {
    let sql = "SELECT w.event, w.model, w.object, w.operation, w.for_model, w.for_id,
                   w.previous_id, w.previous_sequence, w.previous_updated_at, w.previous_json, w.row, t.name
               FROM waits w JOIN tenants t ON t.row = w.tenant WHERE w.row > ?1 ORDER BY w.row LIMIT ?2";
    let read = |row: &Row<'_>| Ok((row.get(10)?, Tenant::new(row.get::<_, String>(11)?), wait_row(row)?));
    connection.prepare_cached(sql)?.query_map(params![after, limit(at_most)], read)?.collect()
}

fn wait_row(row: &Row<'_>) -> rusqlite::Result<WaitRow> {
    let previous = match row.get::<_, Option<Box<str>>>(6)? {
        Some(id) => Some(ObjectRow { id, sequence: Sequence(row.get(7)?), updated_at: row.get(8)?, json: row.get(9)? }),
        None => None,
    };
    Ok(WaitRow {
        event: row.get(0)?,
        model: row.get(1)?,
        object: row.get(2)?,
        operation: row.get(3)?,
        for_model: row.get(4)?,
        for_id: row.get(5)?,
        previous,
    })
}
