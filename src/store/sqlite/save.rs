//! Steps a save job inside the transaction: answers its questions, writes its effects, counts its sequence. A write is held back until
//! the next step: what follows the only write of a job is its end, so that nothing of it ever has to be undone.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::ids::{DeliveryId, LaneId, MAX_DELIVERIES, Sequence, Tenant};
use crate::store::agenda::Note;
use crate::store::sqlite::endpoints::{Standing, given_up};
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{delivery_row, state_number, to_json};
use crate::store::sqlite::writer::Flow;
use crate::store::sqlite::{objects, queue, saves, sources, taken, waits};
use crate::store::{
    Alert, Answer, Claimed, DeliveryState, Effects, JobStep, NewDelivery, NewMessage, ObjectChange, OtherTrace, Query, Recording, SaveJob,
    Slot, Unsendable, Way,
};

/// The fence of a first claim.
const FIRST_FENCE: i64 = 1;
/// The only node.
const THE_NODE: i64 = 0;
/// A tenant without a row owns nothing.
const NO_TENANT: i64 = 0;

/// A job and what it has decided to write, in order.
pub(super) struct Saving<J> {
    /// The job.
    pub job: J,
    writes: Vec<(Sequence, Box<Effects>)>,
    /// Whether the job has come to its end; it then only writes again.
    ended: bool,
}

impl<J: SaveJob> Saving<J> {
    pub(super) fn new(job: J) -> Self {
        Self { job, writes: Vec::new(), ended: false }
    }

    /// It has been committed.
    pub(super) fn committed(&mut self) {
        self.job.committed();
    }

    /// Runs the job to its end, or does again what it did.
    pub(super) fn run(&mut self, session: &mut Session) -> rusqlite::Result<Flow> {
        let mut wakes = false;
        let mut written = 0;
        let advance = self.job.advance();
        if let Some(advance) = &advance
            && !sources::stands(&session.connection, advance)?
        {
            self.job.overtaken();
            return Ok(Flow::Undo);
        }
        if !self.ended {
            let known = session.tenant(self.job.tenant())?;
            let mut last = known.map_or(0, |known| known.last);
            let mut answers = Vec::new();
            loop {
                let sequence = Sequence::after(last, self.job.at().as_second());
                match self.job.step(sequence, std::mem::take(&mut answers)) {
                    JobStep::Read(queries) => {
                        wakes |= self.write(session, &mut written, Undoable::Yes)?;
                        let tenant = session.tenant(self.job.tenant())?.map_or(NO_TENANT, |known| known.row);
                        let answer = |query| answer(&session.connection, tenant, query);
                        answers = queries.iter().map(answer).collect::<rusqlite::Result<_>>()?;
                    }
                    JobStep::Write(effects) => {
                        wakes |= self.write(session, &mut written, Undoable::Yes)?;
                        self.writes.push((sequence, effects));
                        last = sequence.0;
                    }
                    JobStep::Done => break,
                    JobStep::Abort => return Ok(Flow::Undo),
                }
            }
            self.ended = true;
        }
        wakes |= self.write(session, &mut written, Undoable::No)?;
        if let Some((last, _)) = self.writes.last() {
            session.count(self.job.tenant(), last.0);
        }
        if let Some(advance) = &advance {
            sources::advance(&session.connection, advance)?;
        }
        Ok(if wakes { Flow::Wake } else { Flow::Keep })
    }

    /// Writes what is held back; whether something is due now.
    fn write(&self, session: &mut Session, written: &mut usize, undoable: Undoable) -> rusqlite::Result<bool> {
        let held = self.writes.get(*written..).unwrap_or_default();
        if held.is_empty() {
            return Ok(false);
        }
        match undoable {
            Undoable::Yes => session.protect()?,
            Undoable::No => {}
        }
        let tenant = self.job.tenant();
        let row = session.make_tenant(tenant)?;
        let mut wakes = false;
        for (sequence, effects) in held {
            wakes |= write(session, &Place { tenant, row, sequence: *sequence, at: effects.at }, effects)?;
        }
        *written = self.writes.len();
        Ok(wakes)
    }
}

/// Where a save or an alert stands.
pub(super) struct Place<'a> {
    pub tenant: &'a Tenant,
    /// The tenant's row.
    pub row: i64,
    pub sequence: Sequence,
    pub at: Timestamp,
}

/// Whether a job may still give up after a write.
#[derive(Clone, Copy)]
enum Undoable {
    Yes,
    No,
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
        Query::Waiting { model, id } => Answer::Waiting(waits::waiting(connection, tenant, model, id)?),
        Query::WaitsOf { model, object } => Answer::WaitsOf(waits::of(connection, tenant, model, object)?),
        Query::WaitCount { event, object, for_model, for_id } => waits::count(connection, tenant, (event, object), (for_model, for_id))?,
        Query::Taken(taken) => Answer::Taken(taken::is_taken(connection, tenant, taken)?),
    })
}

/// Writes what one save causes; whether something is due now.
fn write(session: &mut Session, place: &Place<'_>, effects: &Effects) -> rusqlite::Result<bool> {
    let (tenant, sequence) = (place.row, place.sequence);
    change(&session.connection, tenant, sequence, effects)?;
    let table = effects.table.as_ref().map(|table| session.decision_table(table)).transpose()?;
    let connection = &session.connection;
    if let Some(item) = &effects.record.item {
        let (model, object, item) = (effects.model.clone(), effects.object.clone(), item.as_str().into());
        saves::record(connection, tenant, &Recording { sequence, model, object, item })?;
    }
    insert_trace(connection, place, effects, (&effects.model, &effects.object, &effects.trace, table))?;
    for OtherTrace { model, object, trace } in &effects.other_traces {
        insert_trace(connection, place, effects, (model, object, trace, None))?;
    }
    for (event, object) in &effects.marks {
        connection
            .prepare_cached("INSERT INTO marks (tenant, event, object, sequence) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
            .execute(params![tenant, event, object, sequence.0])?;
    }
    for (event, object) in &effects.ended_waits {
        waits::end(connection, tenant, event, object)?;
    }
    for wait in &effects.waits {
        waits::begin(connection, tenant, wait)?;
    }
    if let Some(taken) = &effects.taken {
        taken::take(connection, tenant, taken)?;
    }
    let mut due = false;
    for message in &effects.messages {
        due |= insert_message(session, place, message)?;
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
        ObjectChange::Keep => 0,
    };
    Ok(())
}

fn insert_trace(
    connection: &Connection,
    place: &Place<'_>,
    effects: &Effects,
    (model, object, trace, table): (&str, &str, &str, Option<i64>),
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO traces (tenant, model, object, sequence, at, operation, decisions, decision_table, program)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            place.row,
            model,
            object,
            place.sequence.0,
            effects.at.as_millisecond(),
            effects.operation,
            trace,
            table,
            effects.record.program.map(|program| program.0)
        ])
        .map(drop)
}

/// Writes a message with its deliveries; whether one of them has to be looked for in the store.
pub(super) fn insert_message(session: &mut Session, place: &Place<'_>, message: &NewMessage) -> rusqlite::Result<bool> {
    if message.deliveries.len() > MAX_DELIVERIES {
        let why = format!("a message would go to {} endpoints, and at most {MAX_DELIVERIES} are possible", message.deliveries.len());
        return Err(rusqlite::Error::ToSqlConversionFailure(why.into()));
    }
    let connection = &session.connection;
    connection
        .prepare_cached(
            "INSERT INTO messages (id, tenant, event, model, object, operation, sequence, created_at, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            bytes(&message.id.0),
            place.row,
            message.event,
            message.model,
            message.object,
            message.operation,
            place.sequence.0,
            place.at.as_millisecond(),
            message.payload.as_ref()
        ])?;
    let row = connection.last_insert_rowid();
    let mut wakes = false;
    for (ordinal, delivery) in (0..).zip(&message.deliveries) {
        let slot = Slot(delivery_row(row, ordinal));
        let initial = initial(session, place, message, (ordinal, slot, delivery))?;
        wakes |= initial.state == DeliveryState::Pending;
        insert_delivery(session, place, slot, message, delivery, &initial)?;
        if let Err(Unsendable { why, alarm }) = &delivery.due {
            let Place { tenant, row, at, sequence } = *place;
            let endpoint = Standing { tenant, row, lane: initial.lane, at, sequence: Some(sequence), alarm: alarm.as_deref() };
            wakes |= given_up(session, endpoint, Alert::Diverted, why)?;
        } else if !initial.blocked {
            session.note(Note::Due(initial.lane, initial.due_at.as_millisecond()));
        }
    }
    Ok(wakes)
}

/// How a delivery begins.
struct Initial<'a> {
    lane: LaneId,
    blocked: bool,
    state: DeliveryState,
    due_at: Timestamp,
    fence: i64,
    reason: Option<&'a str>,
}

/// Sent right after the commit if it can be, pending if not, and diverted if it cannot be sent at all.
fn initial<'a>(
    session: &mut Session,
    place: &Place<'_>,
    message: &NewMessage,
    (ordinal, slot, delivery): (u32, Slot, &'a NewDelivery),
) -> rusqlite::Result<Initial<'a>> {
    let lane = session.lane(place.row, place.tenant, &delivery.endpoint)?;
    let blocked = delivery.ordered && is_behind(&session.connection, lane, place.row, message)?;
    session.may_be_blocked |= blocked;
    let begin = |state, due_at| Initial { lane, blocked, state, due_at, fence: 0, reason: None };
    let due = match &delivery.due {
        Ok(due) => *due,
        Err(unsendable) => return Ok(Initial { reason: Some(&unsendable.why), ..begin(DeliveryState::Diverted, place.at) }),
    };
    let bytes = delivery.body.as_ref().map_or(message.payload.len(), |(_, body)| body.len());
    let way = Way { lane, tenant: place.tenant, endpoint: &delivery.endpoint, bytes };
    let lease_until = if blocked { None } else { session.reserve(way, due)? };
    Ok(match lease_until {
        None => begin(DeliveryState::Pending, due),
        Some(lease_until) => {
            session.hand_over(claimed(place, message, (ordinal, slot, delivery), (lane, lease_until)));
            Initial { fence: FIRST_FENCE, ..begin(DeliveryState::Sending, lease_until) }
        }
    })
}

/// The delivery as its first claim would bring it.
fn claimed(
    place: &Place<'_>,
    message: &NewMessage,
    (ordinal, slot, delivery): (u32, Slot, &NewDelivery),
    (lane, lease_until): (LaneId, Timestamp),
) -> Claimed {
    let (content_type, body) = match &delivery.body {
        Some((content_type, body)) => (content_type.clone(), body.clone()),
        None => (queue::JSON.into(), message.payload.clone()),
    };
    Claimed {
        lane,
        tenant: place.tenant.clone(),
        id: DeliveryId::of(message.id, ordinal),
        slot,
        message: message.id,
        event: message.event.clone(),
        sequence: place.sequence,
        endpoint: delivery.endpoint.clone(),
        attempts: 0,
        spent: 0,
        fence: FIRST_FENCE,
        lease_until,
        node: THE_NODE,
        ordered: delivery.ordered,
        method: delivery.method.clone(),
        url: delivery.url.clone(),
        headers: Arc::clone(&delivery.headers),
        body,
        content_type,
    }
}

fn insert_delivery(
    session: &Session,
    place: &Place<'_>,
    Slot(row): Slot,
    message: &NewMessage,
    delivery: &NewDelivery,
    initial: &Initial<'_>,
) -> rusqlite::Result<()> {
    let connection = &session.connection;
    connection
        .prepare_cached(
            "INSERT INTO deliveries (row, tenant, endpoint, model, object, ordered, blocked, state, due_at, fence, reason,
                                     created_at, settled_after, method, url, headers, content_type)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            row,
            place.row,
            initial.lane.0,
            delivery.ordered.then_some(&message.model),
            delivery.ordered.then_some(&message.object),
            delivery.ordered,
            initial.blocked,
            state_number(initial.state),
            initial.due_at.as_millisecond(),
            initial.fence,
            initial.reason,
            place.at.as_millisecond(),
            // Settled as it is made.
            initial.reason.map(|_| 0),
            delivery.method,
            to_json(&delivery.url)?,
            to_json(&delivery.headers)?,
            delivery.body.as_ref().map(|(content_type, _)| content_type),
        ])?;
    if let Some((_, body)) = &delivery.body {
        connection.prepare_cached("INSERT INTO bodies (delivery, body) VALUES (?1, ?2)")?.execute(params![row, body.as_ref()])?;
    }
    Ok(())
}

/// Whether an earlier ordered delivery about the same object to the same endpoint is not settled.
fn is_behind(connection: &Connection, lane: LaneId, tenant: i64, message: &NewMessage) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM deliveries WHERE endpoint = ?1 AND tenant = ?2 AND model = ?3 AND object = ?4 AND state < 2
             AND ordered = 1",
        )?
        .exists(params![lane.0, tenant, message.model, message.object])
}

fn bytes(id: &Uuid) -> &[u8] {
    id.as_bytes()
}
