//! What the API shows: messages, deliveries and attempts, newest first, a page at a time.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use crate::delivery::Timing;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence};
use crate::store::filter::place_of_cursor;
use crate::store::sqlite::choose::{BY_MESSAGE, Chosen, Conditions, MODELS, place_of_delivery, place_of_message};
use crate::store::sqlite::values::{delivery_id, from_json, limit, state, time, time_if_any, uuid};
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, MessageFilter, MessageRow, Page};

const MESSAGE: &str = "SELECT m.id, m.event, m.model, m.object, m.operation, m.sequence, m.created_at";
const DELIVERY: &str = "SELECT d.row, m.id, e.name, m.event, m.model, m.object, m.sequence, d.state, d.due_at, d.attempts, d.last_status,
                               d.reason, d.method, d.url, d.headers, d.created_at, d.created_at + d.settled_after, d.content_type";
const DELIVERY_FROM: &str = "FROM deliveries d JOIN messages m ON m.row = d.row >> 20 JOIN endpoints e ON e.row = d.endpoint";

pub(super) fn messages(
    connection: &Connection,
    tenant: i64,
    filter: &MessageFilter,
    page: &Page<MessageId>,
) -> rusqlite::Result<Vec<MessageRow>> {
    let mut conditions = Conditions::default();
    let text = |text: &String| Value::Text(text.clone());
    conditions.and("m.tenant = ?", [Value::Integer(tenant)]);
    conditions.and_if("m.model = ?", filter.model.as_ref().map(text));
    conditions.and_if("m.object = ?", filter.object.as_ref().map(text));
    if filter.model.is_none() && filter.object.is_some() {
        conditions.and(&format!("m.model IN ({MODELS})"), [Value::Integer(tenant), Value::Integer(tenant)]);
    }
    conditions.and_if("m.event = ?", filter.event.as_ref().map(text));
    conditions.time("m.created_at", filter.span);
    if let Some(before) = page.before {
        let place = place_of_cursor(place_of_message(connection, before)?, before.0);
        conditions.before(("m.created_at", "m.row"), place);
    }
    let index = if filter.object.is_some() { "messages_object" } else { "messages_time" };
    let sql = format!(
        "{MESSAGE} FROM messages m INDEXED BY {index} WHERE {} ORDER BY m.created_at DESC, m.row DESC LIMIT {}",
        conditions.sql,
        limit(page.limit)
    );
    connection.prepare_cached(&sql)?.query_map(params_from_iter(conditions.values), message_row)?.collect()
}

pub(super) fn message(connection: &Connection, tenant: i64, id: MessageId) -> rusqlite::Result<Option<MessageRow>> {
    let sql = format!("{MESSAGE}, m.payload FROM messages m WHERE m.id = ?1 AND m.tenant = ?2");
    connection
        .prepare_cached(&sql)?
        .query_row(params![id.0.as_bytes(), tenant], |row| {
            Ok(MessageRow { payload: row.get::<_, Vec<u8>>(7)?.into(), ..message_row(row)? })
        })
        .optional()
}

pub(super) fn deliveries(
    connection: &Connection,
    tenant: i64,
    filter: &DeliveryFilter,
    page: &Page<DeliveryId>,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    let Some(Chosen { from, at, mut within, fits }) = Chosen::of(connection, tenant, filter)? else { return Ok(Vec::new()) };
    if let Some(before) = page.before {
        let place = place_of_cursor(place_of_delivery(connection, before)?, before.0);
        within.before((at, "d.row"), place);
    }
    let sql = format!("{DELIVERY} {from} WHERE {} AND {} ORDER BY {at} DESC, d.row DESC LIMIT {}", within.sql, fits.sql, limit(page.limit));
    let values = params_from_iter(within.values.into_iter().chain(fits.values));
    connection.prepare_cached(&sql)?.query_map(values, delivery_row)?.collect()
}

/// The deliveries that the saves of one moment caused, from the first to the last of them. Ids of messages begin with the milliseconds of their save, so that they are found without an index of
/// their own.
pub(super) fn caused(
    connection: &Connection,
    tenant: i64,
    (first_save, last_save): (Sequence, Sequence),
    at: Timestamp,
) -> rusqlite::Result<Vec<DeliveryRow>> {
    let first = |millisecond: i64| (u128::from(millisecond.unsigned_abs()) << 80).to_be_bytes();
    let (from, to) = (first(at.as_millisecond()), first(at.as_millisecond().saturating_add(1)));
    let sql =
        format!("{DELIVERY} {BY_MESSAGE} WHERE m.id >= ?1 AND m.id < ?2 AND m.tenant = ?3 AND m.sequence BETWEEN ?4 AND ?5 ORDER BY d.row");
    connection.prepare_cached(&sql)?.query_map(params![from, to, tenant, first_save.0, last_save.0], delivery_row)?.collect()
}

pub(super) fn delivery(connection: &Connection, tenant: i64, id: DeliveryId) -> rusqlite::Result<Option<DeliveryRow>> {
    let sql = format!(
        "{DELIVERY}, coalesce(b.body, m.payload) {DELIVERY_FROM} LEFT JOIN bodies b ON b.delivery = d.row
         WHERE m.id = ?1 AND d.row = (m.row << 20 | ?2) AND d.tenant = ?3"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(params![id.message().0.as_bytes(), id.ordinal(), tenant], |row| {
            Ok(DeliveryRow { body: row.get::<_, Vec<u8>>(18)?.into(), ..delivery_row(row)? })
        })
        .optional()
}

pub(super) fn attempts(connection: &Connection, tenant: i64, delivery: DeliveryId) -> rusqlite::Result<Option<Vec<AttemptRow>>> {
    let row: Option<i64> = connection
        .prepare_cached("SELECT row FROM deliveries WHERE row = (SELECT row << 20 | ?2 FROM messages WHERE id = ?1) AND tenant = ?3")?
        .query_row(params![delivery.message().0.as_bytes(), delivery.ordinal(), tenant], |row| row.get(0))
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let sql = "SELECT number, started_at, took_us, status, error, response_headers, response_body,
                   resolve_us, connect_us, tls_us, first_byte_us, reused, signature
               FROM attempts WHERE delivery = ?1 ORDER BY number";
    connection.prepare_cached(sql)?.query_map([row], attempt_row)?.collect::<rusqlite::Result<_>>().map(Some)
}

fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        id: MessageId(uuid(row, 0)?),
        event: row.get(1)?,
        model: row.get(2)?,
        object: row.get(3)?,
        operation: row.get(4)?,
        sequence: Sequence(row.get(5)?),
        created_at: time(row, 6)?,
        payload: bytes::Bytes::new(),
    })
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let (state, message) = (state(row, 7)?, MessageId(uuid(row, 1)?));
    Ok(DeliveryRow {
        id: delivery_id(message, row.get(0)?),
        message,
        endpoint: EndpointId::new(row.get::<_, String>(2)?),
        event: row.get(3)?,
        model: row.get(4)?,
        object: row.get(5)?,
        sequence: Sequence(row.get(6)?),
        state,
        due_at: if state == DeliveryState::Pending { Some(time(row, 8)?) } else { None },
        attempts: row.get(9)?,
        last_status: row.get(10)?,
        reason: row.get(11)?,
        method: row.get(12)?,
        url: from_json(row, 13)?,
        headers: from_json(row, 14)?,
        body: bytes::Bytes::new(),
        created_at: time(row, 15)?,
        settled_at: time_if_any(row, 16)?,
        content_type: row.get(17)?,
    })
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        number: row.get(0)?,
        started_at: time(row, 1)?,
        took: Duration::from_micros(row.get::<_, i64>(2)?.unsigned_abs()),
        status: row.get(3)?,
        error: row.get(4)?,
        response_headers: row.get(5)?,
        response_body: row.get::<_, Option<Vec<u8>>>(6)?.map(bytes::Bytes::from),
        timing: Timing {
            resolve: micros_if_any(row, 7)?,
            connect: micros_if_any(row, 8)?,
            tls: micros_if_any(row, 9)?,
            first_byte: micros_if_any(row, 10)?,
            reused: row.get(11)?,
        },
        signature: row.get(12)?,
    })
}

fn micros_if_any(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Duration>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|micros| Duration::from_micros(micros.unsigned_abs())))
}
