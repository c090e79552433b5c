//! Steps a save job inside the transaction: answers its questions, writes its effects, counts its sequence.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::ids::{EndpointId, Sequence, Tenant};
use crate::store::sqlite::objects;
use crate::store::sqlite::values::{state_number, to_json};
use crate::store::sqlite::writer::Done;
use crate::store::{Answer, DeliveryState, Effects, JobStep, NewDelivery, NewMessage, ObjectChange, Query, SaveJob, WaitRow};

/// Runs a job to its end.
pub(super) fn run<J: SaveJob>(connection: &Connection, mut job: J) -> rusqlite::Result<Done<J>> {
    let (tenant, mut last) = tenant(connection, job.tenant())?;
    let seconds = job.at().as_second();
    let mut answers = Vec::new();
    let mut wakes = false;
    loop {
        let sequence = Sequence::after(last, seconds);
        match job.step(sequence, std::mem::take(&mut answers)) {
            JobStep::Read(queries) => {
                answers = queries.iter().map(|query| answer(connection, tenant, query)).collect::<rusqlite::Result<_>>()?;
            }
            JobStep::Write(effects) => {
                wakes |= write(connection, tenant, sequence, &effects)?;
                last = sequence.0;
            }
            JobStep::Done => {
                connection.prepare_cached("UPDATE tenants SET sequence = ?2 WHERE row = ?1")?.execute([tenant, last])?;
                return Ok(Done { value: job, keep: true, wakes });
            }
            JobStep::Abort => return Ok(Done { value: job, keep: false, wakes: false }),
        }
    }
}

/// The tenant's row, made if need be, and its last sequence.
fn tenant(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<(i64, i64)> {
    connection.prepare_cached("INSERT INTO tenants (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([tenant.as_str()])?;
    connection
        .prepare_cached("SELECT row, sequence FROM tenants WHERE name = ?1")?
        .query_row([tenant.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn answer(connection: &Connection, tenant: i64, query: &Query) -> rusqlite::Result<Answer> {
    Ok(match query {
        Query::Object { model, id } => Answer::Object(objects::object(connection, tenant, model, id)?),
        Query::Children { model, property, parent, limit } => {
            Answer::Children(objects::children(connection, tenant, model, property, parent, *limit)?)
        }
        Query::Ready { event, object } => Answer::Ready(
            connection
                .prepare_cached("SELECT 1 FROM marks WHERE tenant = ?1 AND event = ?2 AND object = ?3")?
                .exists(params![tenant, event, object])?,
        ),
        Query::Waiting { model, id } => Answer::Waiting(objects::waiting(connection, tenant, model, id)?),
    })
}

/// Writes what one save causes; whether something is due now.
fn write(connection: &Connection, tenant: i64, sequence: Sequence, effects: &Effects) -> rusqlite::Result<bool> {
    change(connection, tenant, sequence, effects)?;
    connection
        .prepare_cached(
            "INSERT INTO traces (tenant, model, object, sequence, at, operation, decisions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            tenant,
            effects.model,
            effects.object,
            sequence.0,
            effects.at.as_millisecond(),
            effects.operation,
            effects.trace
        ])?;
    for (event, object) in &effects.marks {
        connection
            .prepare_cached("INSERT INTO marks (tenant, event, object) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![tenant, event, object])?;
    }
    for (event, object) in &effects.ended_waits {
        connection
            .prepare_cached("DELETE FROM waits WHERE tenant = ?1 AND event = ?2 AND object = ?3")?
            .execute(params![tenant, event, object])?;
    }
    for wait in &effects.waits {
        insert_wait(connection, tenant, wait)?;
    }
    let mut due = false;
    for message in &effects.messages {
        due |= insert_message(connection, tenant, sequence, effects.at, message)?;
    }
    Ok(due)
}

fn change(connection: &Connection, tenant: i64, sequence: Sequence, effects: &Effects) -> rusqlite::Result<()> {
    let (model, object) = (&effects.model, &effects.object);
    match &effects.change {
        ObjectChange::Put { updated_at, json } => connection
            .prepare_cached(
                "INSERT INTO objects (tenant, model, id, sequence, updated_at, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (tenant, model, id) DO UPDATE
                 SET sequence = excluded.sequence, updated_at = excluded.updated_at, json = excluded.json",
            )?
            .execute(params![tenant, model, object, sequence.0, updated_at, json])?,
        ObjectChange::Delete => connection
            .prepare_cached("DELETE FROM objects WHERE tenant = ?1 AND model = ?2 AND id = ?3")?
            .execute(params![tenant, model, object])?,
    };
    Ok(())
}

fn insert_wait(connection: &Connection, tenant: i64, wait: &WaitRow) -> rusqlite::Result<()> {
    let previous = wait.previous.as_ref();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO waits (tenant, event, model, object, operation, for_model, for_id,
                                           previous_id, previous_sequence, previous_updated_at, previous_json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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

fn insert_message(connection: &Connection, tenant: i64, sequence: Sequence, at: Timestamp, message: &NewMessage) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "INSERT INTO messages (id, tenant, event, model, object, operation, sequence, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            bytes(&message.id.0),
            tenant,
            message.event,
            message.model,
            message.object,
            message.operation,
            sequence.0,
            at.as_millisecond()
        ])?;
    let row = connection.last_insert_rowid();
    connection.prepare_cached("INSERT INTO payloads (message, body) VALUES (?1, ?2)")?.execute(params![row, message.payload.as_ref()])?;
    let mut due = false;
    for delivery in &message.deliveries {
        due |= insert_delivery(connection, tenant, row, at, message, delivery)?;
    }
    Ok(due)
}

fn insert_delivery(
    connection: &Connection,
    tenant: i64,
    message_row: i64,
    at: Timestamp,
    message: &NewMessage,
    delivery: &NewDelivery,
) -> rusqlite::Result<bool> {
    let endpoint = endpoint_row(connection, &delivery.endpoint)?;
    let (state, due_at, reason) = match &delivery.due {
        Ok(due) => (DeliveryState::Pending, *due, None),
        Err(reason) => (DeliveryState::Diverted, at, Some(reason)),
    };
    connection
        .prepare_cached(
            "INSERT INTO deliveries (id, tenant, message, endpoint, model, object, ordered, blocked, state, due_at, reason,
                                     created_at, settled_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                     ?7 AND EXISTS (SELECT 1 FROM deliveries WHERE endpoint = ?4 AND tenant = ?2 AND model = ?5 AND object = ?6 AND state < 2),
                     ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            bytes(&delivery.id.0),
            tenant,
            message_row,
            endpoint,
            message.model,
            message.object,
            delivery.ordered,
            state_number(state),
            due_at.as_millisecond(),
            reason,
            at.as_millisecond(),
            reason.map(|_| at.as_millisecond()),
        ])?;
    let row = connection.last_insert_rowid();
    let (content_type, body) = delivery.body.as_ref().map(|(kind, body)| (kind, body.as_ref())).unzip();
    connection
        .prepare_cached("INSERT INTO requests (delivery, method, url, headers, content_type, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![row, delivery.method, to_json(&delivery.url)?, to_json(&delivery.headers)?, content_type, body])?;
    Ok(reason.is_none())
}

/// The row of an endpoint, made when it is first sent to.
fn endpoint_row(connection: &Connection, endpoint: &EndpointId) -> rusqlite::Result<i64> {
    let known = super::queue::endpoint_row(connection, endpoint)?;
    if let Some(row) = known {
        return Ok(row);
    }
    connection.prepare_cached("INSERT INTO endpoints (name) VALUES (?1)")?.execute([endpoint.as_str()])?;
    Ok(connection.last_insert_rowid())
}

fn bytes(id: &Uuid) -> &[u8] {
    id.as_bytes()
}
