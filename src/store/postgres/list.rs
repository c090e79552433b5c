//! What the API shows: messages, deliveries and attempts, newest first, a page at a time.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::choose::{Chosen, FROM, MODELS, place_of_delivery, place_of_message};
use super::conditions::Conditions;
use super::failure::Trouble;
use super::link::Link;
use super::values::{count, delivery_id, from_json, get, limit, ordinal, state, status_if_any, text, text_if_any, time, time_if_any};
use crate::delivery::Timing;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence};
use crate::store::filter::place_of_cursor;
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, MessageFilter, MessageRow, Page};

const MESSAGE: &str = "SELECT m.id, m.event, m.model, m.object, m.operation, m.sequence, m.created_at";
const DELIVERY: &str = "SELECT d.row, m.id, e.name, m.event, m.model, m.object, m.sequence, d.state, d.due_at, d.attempts, d.last_status,
    d.reason, d.method, d.url, d.headers, d.created_at, d.settled_at, d.content_type";
pub(super) async fn messages(link: &Link, tenant: i64, filter: &MessageFilter, page: &Page<MessageId>) -> Result<Vec<MessageRow>, Trouble> {
    let mut conditions = Conditions::of("m.tenant = $1", tenant);
    conditions.text("m.event = ?", filter.event.as_deref());
    conditions.text("m.model = ?", filter.model.as_deref());
    conditions.text("m.object = ?", filter.object.as_deref());
    if filter.object.is_some() && filter.model.is_none() {
        let _infallible = write!(conditions.sql, " AND m.model IN ({MODELS})");
    }
    conditions.span("m.created_at", filter.span);
    if let Some(before) = page.before {
        let place = place_of_cursor(place_of_message(link, tenant, before).await?, before.0);
        conditions.beyond(("m.created_at", "m.row"), "<", place);
    }
    let sql =
        format!("{MESSAGE} FROM messages m WHERE {} ORDER BY m.created_at DESC, m.row DESC LIMIT {}", conditions.sql, limit(page.limit));
    link.query_once(&sql, &conditions.values()).await?.iter().map(message_row).collect()
}

pub(super) async fn message(link: &Link, tenant: i64, id: MessageId) -> Result<Option<MessageRow>, Trouble> {
    let sql = format!("{MESSAGE}, m.payload FROM messages m WHERE m.tenant = $1 AND m.id = $2");
    let Some(row) = link.first(&sql, &[&tenant, &id.0]).await? else { return Ok(None) };
    Ok(Some(MessageRow { payload: get::<Vec<u8>>(&row, 7)?.into(), ..message_row(&row)? }))
}

pub(super) async fn deliveries(
    link: &Link,
    tenant: i64,
    filter: &DeliveryFilter,
    page: &Page<DeliveryId>,
) -> Result<Vec<DeliveryRow>, Trouble> {
    let Some(Chosen { from, at, mut within, fits }) = Chosen::of(link, tenant, filter).await? else { return Ok(Vec::new()) };
    if let Some(before) = page.before {
        let place = place_of_cursor(place_of_delivery(link, tenant, before).await?, before.0);
        within.beyond((at, "d.row"), "<", place);
    }
    let sql = format!("{DELIVERY} {from} WHERE {} AND {fits} ORDER BY {at} DESC, d.row DESC LIMIT {}", within.sql, limit(page.limit));
    link.query_once_in_order(&sql, &within.values()).await?.iter().map(delivery_row).collect()
}

/// The deliveries that the saves of one moment caused, from the first to the last of them. Ids of messages begin with the milliseconds of
/// their save, so that they are found without an index of their own.
pub(super) async fn caused(
    link: &Link,
    tenant: i64,
    (first_save, last_save): (Sequence, Sequence),
    at: Timestamp,
) -> Result<Vec<DeliveryRow>, Trouble> {
    let first = |millisecond: i64| uuid::Uuid::from_u128(u128::from(millisecond.unsigned_abs()) << 80);
    let (from, to) = (first(at.as_millisecond()), first(at.as_millisecond().saturating_add(1)));
    let sql = format!(
        "{DELIVERY} FROM messages m JOIN deliveries d ON d.tenant = m.tenant AND d.row >= m.row << 20 AND d.row < (m.row + 1) << 20
         JOIN endpoints e ON e.tenant = d.tenant AND e.row = d.endpoint
         WHERE m.tenant = $1 AND m.id >= $2 AND m.id < $3 AND m.sequence BETWEEN $4 AND $5 ORDER BY d.row"
    );
    link.query(&sql, &[&tenant, &from, &to, &first_save.0, &last_save.0]).await?.iter().map(delivery_row).collect()
}

pub(super) async fn delivery(link: &Link, tenant: i64, id: DeliveryId) -> Result<Option<DeliveryRow>, Trouble> {
    let sql = format!(
        "{DELIVERY}, coalesce((SELECT body FROM bodies b WHERE b.tenant = d.tenant AND b.delivery = d.row), m.payload) {FROM}
         WHERE m.tenant = $1 AND m.id = $2 AND d.tenant = $1 AND d.row = (m.row << 20 | $3::bigint)"
    );
    let Some(row) = link.first(&sql, &[&tenant, &id.message().0, &ordinal(id)]).await? else { return Ok(None) };
    Ok(Some(DeliveryRow { body: get::<Vec<u8>>(&row, 18)?.into(), ..delivery_row(&row)? }))
}

pub(super) async fn attempts(link: &Link, tenant: i64, delivery: DeliveryId) -> Result<Option<Vec<AttemptRow>>, Trouble> {
    let sql = "SELECT d.row FROM messages m JOIN deliveries d ON d.tenant = m.tenant AND d.row = (m.row << 20 | $3::bigint)
        WHERE m.tenant = $1 AND m.id = $2";
    let Some(row) = link.first(sql, &[&tenant, &delivery.message().0, &ordinal(delivery)]).await? else { return Ok(None) };
    let row: i64 = get(&row, 0)?;
    let sql = "SELECT number, started_at, took_us, status, error, response_headers, response_body,
            resolve_us, connect_us, tls_us, first_byte_us, reused, signature
        FROM attempts WHERE tenant = $1 AND delivery = $2 ORDER BY number";
    link.query(sql, &[&tenant, &row]).await?.iter().map(attempt_row).collect::<Result<_, _>>().map(Some)
}

fn message_row(row: &Row) -> Result<MessageRow, Trouble> {
    Ok(MessageRow {
        id: MessageId(get(row, 0)?),
        event: text(row, 1)?,
        model: text(row, 2)?,
        object: text(row, 3)?,
        operation: text(row, 4)?,
        sequence: Sequence(get(row, 5)?),
        created_at: time(row, 6)?,
        payload: bytes::Bytes::new(),
    })
}

fn delivery_row(row: &Row) -> Result<DeliveryRow, Trouble> {
    let (state, message) = (state(row, 7)?, MessageId(get(row, 1)?));
    Ok(DeliveryRow {
        id: delivery_id(message, get(row, 0)?),
        message,
        endpoint: EndpointId::new(text(row, 2)?),
        event: text(row, 3)?,
        model: text(row, 4)?,
        object: text(row, 5)?,
        sequence: Sequence(get(row, 6)?),
        state,
        due_at: if state == DeliveryState::Pending { Some(time(row, 8)?) } else { None },
        attempts: count(row, 9)?,
        last_status: status_if_any(row, 10)?,
        reason: text_if_any(row, 11)?,
        method: text(row, 12)?,
        url: from_json(row, 13)?,
        headers: from_json(row, 14)?,
        body: bytes::Bytes::new(),
        created_at: time(row, 15)?,
        settled_at: time_if_any(row, 16)?,
        content_type: text_if_any(row, 17)?,
    })
}

fn attempt_row(row: &Row) -> Result<AttemptRow, Trouble> {
    Ok(AttemptRow {
        number: count(row, 0)?,
        started_at: time(row, 1)?,
        took: Duration::from_micros(count(row, 2)?),
        status: status_if_any(row, 3)?,
        error: text_if_any(row, 4)?,
        response_headers: text_if_any(row, 5)?,
        response_body: get::<Option<Vec<u8>>>(row, 6)?.map(bytes::Bytes::from),
        timing: Timing {
            resolve: micros_if_any(row, 7)?,
            connect: micros_if_any(row, 8)?,
            tls: micros_if_any(row, 9)?,
            first_byte: micros_if_any(row, 10)?,
            reused: get(row, 11)?,
        },
        signature: text_if_any(row, 12)?,
    })
}

fn micros_if_any(row: &Row, column: usize) -> Result<Option<Duration>, Trouble> {
    Ok(get::<Option<i64>>(row, column)?.map(|micros| Duration::from_micros(micros.unsigned_abs())))
}
