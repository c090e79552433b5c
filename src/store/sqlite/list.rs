//! What the API shows: messages, deliveries and attempts, newest first, a page at a time.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use uuid::Uuid;

use crate::delivery::Timing;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence};
use crate::store::sqlite::values::{delivery_id, from_json, limit, state, state_number, time, time_if_any, uuid};
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, MessageFilter, MessageRow, Page};

const MESSAGE: &str = "SELECT m.id, m.event, m.model, m.object, m.operation, m.sequence, m.created_at";
const DELIVERY: &str = "SELECT d.row, m.id, e.name, m.event, m.model, m.object, m.sequence, d.state, d.due_at, d.attempts, d.last_status,
                               d.reason, d.method, d.url, d.headers, d.created_at, d.settled_at, d.content_type";
const DELIVERY_FROM: &str = "FROM deliveries d JOIN messages m ON m.row = d.row >> 20 JOIN endpoints e ON e.row = d.endpoint";
/// Newest first by way of the tenant's messages, whose rows are in the same order as those of their deliveries.
const BY_MESSAGE: &str =
    "FROM messages m CROSS JOIN deliveries d ON d.row BETWEEN m.row << 20 AND (m.row + 1 << 20) - 1 JOIN endpoints e ON e.row = d.endpoint";
/// Newest first by way of the few in a state that has an index of its own.
const BY_STATE: &str = "FROM deliveries d CROSS JOIN messages m ON m.row = d.row >> 20 JOIN endpoints e ON e.row = d.endpoint";

pub(super) fn messages(
    connection: &Connection,
    tenant: i64,
    filter: &MessageFilter,
    page: &Page<MessageId>,
) -> rusqlite::Result<Vec<MessageRow>> {
    let mut conditions = Conditions::of("m.tenant = ?", tenant);
    conditions.text("m.event = ?", filter.event.as_deref());
    conditions.text("m.model = ?", filter.model.as_deref());
    conditions.text("m.object = ?", filter.object.as_deref());
    conditions.id("m.row < (SELECT row FROM messages WHERE id = ?)", page.before.map(|id| id.0));
    let sql = format!("{MESSAGE} FROM messages m WHERE {} ORDER BY m.row DESC LIMIT {}", conditions.sql, limit(page.limit));
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
    let (from, order, mut conditions) = match filter.state {
        Some(DeliveryState::Diverted | DeliveryState::Failed) => (BY_STATE, "d.row DESC", Conditions::of("d.tenant = ?", tenant)),
        Some(DeliveryState::Pending | DeliveryState::Sending | DeliveryState::Delivered) | None => {
            (BY_MESSAGE, "m.row DESC, d.row DESC", Conditions::of("m.tenant = ?", tenant))
        }
    };
    conditions.text("m.event = ?", filter.event.as_deref());
    conditions.text("e.name = ?", filter.endpoint.as_ref().map(EndpointId::as_str));
    if let Some(state) = filter.state {
        // Written out, so that the partial index of the state can be used.
        conditions.sql.push_str(" AND d.state = ");
        conditions.sql.push_str(&state_number(state).to_string());
    }
    conditions.text("m.model = ?", filter.model.as_deref());
    conditions.text("m.object = ?", filter.object.as_deref());
    conditions.id("m.id = ?", filter.message.map(|id| id.0));
    for &(first, last) in &filter.answered {
        // Numbers, so that nothing of the user's stands in the statement.
        let _infallible = write!(conditions.sql, " AND d.last_status BETWEEN {first} AND {last}");
    }
    for text in &filter.text {
        conditions.contains(text);
    }
    if let Some(before) = page.before {
        conditions.id("m.row <= (SELECT row FROM messages WHERE id = ?)", Some(before.message().0));
        conditions.sql.push_str(" AND d.row < (SELECT row << 20 | ? FROM messages WHERE id = ?)");
        conditions.values.push(before.ordinal().map_or(Value::Null, |ordinal| Value::Integer(ordinal.into())));
        conditions.values.push(Value::Blob(before.message().0.as_bytes().to_vec()));
    }
    let sql = format!("{DELIVERY} {from} WHERE {} ORDER BY {order} LIMIT {}", conditions.sql, limit(page.limit));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(conditions.values), delivery_row)?.collect()
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

/// The conditions of a list, as far as they were asked for.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(condition: &str, tenant: i64) -> Self {
        Self { sql: condition.to_owned(), values: vec![Value::Integer(tenant)] }
    }

    fn text(&mut self, condition: &str, value: Option<&str>) {
        self.and(condition, value.map(|text| Value::Text(text.to_owned())));
    }

    fn id(&mut self, condition: &str, value: Option<Uuid>) {
        self.and(condition, value.map(|id| Value::Blob(id.as_bytes().to_vec())));
    }

    /// The text in what is sent or in what was answered.
    fn contains(&mut self, text: &str) {
        self.sql.push_str(
            " AND (d.url LIKE ? ESCAPE '\\'
              OR CAST(coalesce((SELECT body FROM bodies WHERE delivery = d.row), m.payload) AS TEXT) LIKE ? ESCAPE '\\'
              OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = d.row AND CAST(a.response_body AS TEXT) LIKE ? ESCAPE '\\'))",
        );
        let mut pattern = String::from("%");
        for character in text.chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        self.values.extend(std::iter::repeat_n(Value::Text(pattern), 3));
    }

    fn and(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.values.push(value);
        }
    }
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
