//! Recording finished attempts, each only while its claim still stands: one statement for all of them, with what belongs to it. Those that
//! change an order, or of which somebody may be told, are recorded in a transaction with what follows.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::effects::Outgoing;
use super::endpoints::{News, Standing, happens};
use super::failure::Trouble;
use super::hub::{CHANNEL, Hub, on, within};
use super::link::{Link, Values};
use super::transaction::Batch;
use super::values::{BUCKET_LOCK, get, state_number, without_nul};
use crate::ids::{LaneId, Tenant};
use crate::store::agenda::Note;
use crate::store::{Alert, DeliveryState, NewAttempt, Settled, StoreError};

/// See [`Store::settle`](crate::store::Store::settle).
pub(super) async fn settle(hub: &Hub, attempts: &[NewAttempt]) -> Result<Vec<bool>, StoreError> {
    let mut recorded = vec![false; attempts.len()];
    let (careful, plain): (Vec<_>, Vec<_>) =
        (0..).zip(attempts).partition(|(_, attempt)| attempt.ordered || attempt.suspend || attempt.alarm.is_some());
    if !plain.is_empty() {
        let mut is_again = false;
        let done = on!(hub, |link| {
            let columns = Columns::of(hub, &link, &plain).await?;
            let was_tried = std::mem::replace(&mut is_again, true);
            let mut done = columns.settle(&link).await?;
            if was_tried {
                done.extend(columns.settled_before(&link, &done).await?);
            }
            let notes: Vec<Note> = done.iter().filter_map(|done| retried(done, attempts)).collect();
            if let Some(tale) = hub.tale(&notes) {
                link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &tale]).await?;
            }
            Ok((done, notes))
        });
        finish(hub, &mut recorded, done?);
    }
    if !careful.is_empty() {
        let (done, outgoing) = within!(hub, |link| careful_settle(hub, &link, attempts, &careful).await)?;
        outgoing.send_off(hub);
        finish(hub, &mut recorded, (done, Vec::new()));
    }
    Ok(recorded)
}

fn finish(hub: &Hub, recorded: &mut [bool], (done, notes): (Vec<Recorded>, Vec<Note>)) {
    for done in done {
        if let Some(recorded) = recorded.get_mut(done.place) {
            *recorded = true;
        }
    }
    if !notes.is_empty() {
        hub.note(notes);
        hub.ring();
    }
}

/// A delivery whose attempt is recorded.
struct Recorded {
    place: usize,
    tenant: i64,
    row: i64,
    lane: LaneId,
    ordered: bool,
    blocked: bool,
}

impl Recorded {
    fn read(row: &tokio_postgres::Row) -> Result<Self, Trouble> {
        Ok(Self {
            place: usize::try_from(get::<i64>(row, 0)?).unwrap_or(usize::MAX),
            tenant: get(row, 1)?,
            row: get(row, 2)?,
            lane: LaneId(get(row, 3)?),
            ordered: get(row, 4)?,
            blocked: get(row, 5)?,
        })
    }
}

fn retried(done: &Recorded, attempts: &[NewAttempt]) -> Option<Note> {
    match &attempts.get(done.place)?.then {
        Settled::Pending { at, .. } if !done.blocked => Some(Note::Due(done.lane, at.as_millisecond())),
        Settled::Pending { .. } | Settled::Delivered | Settled::Diverted(_) | Settled::Failed(_) => None,
    }
}

/// Takes the locks for the order of these deliveries: nobody else changes it until the end of the transaction.
pub(super) async fn lock_order(link: &Link, (tenants, rows): (&[i64], &[i64])) -> Result<(), Trouble> {
    let sql = "SELECT pg_advisory_xact_lock($1, b) FROM (
            SELECT DISTINCT d.bucket AS b FROM (SELECT unnest($2::bigint[]) AS tenant, unnest($3::bigint[]) AS row) a
            JOIN deliveries d ON d.tenant = a.tenant AND d.row = a.row WHERE d.bucket IS NOT NULL ORDER BY 1) s";
    link.query(sql, &[&BUCKET_LOCK, &tenants, &rows]).await.map(drop)
}

async fn careful_settle(
    hub: &Hub,
    link: &Link,
    attempts: &[NewAttempt],
    careful: &[(usize, &NewAttempt)],
) -> Result<(Vec<Recorded>, Outgoing), Trouble> {
    let mut told: Vec<(i64, Tenant)> = Vec::new();
    for (_, attempt) in careful.iter().filter(|(_, attempt)| attempt.alarm.is_some()) {
        if let Some(row) = hub.tenant(link, &attempt.tenant).await? {
            told.push((row, attempt.tenant.clone()));
        }
    }
    told.sort_unstable_by_key(|(row, _)| *row);
    told.dedup_by_key(|(row, _)| *row);
    // Tenants first, as whoever saves does.
    let mut batch = Batch::over(hub, link, &told).await?;
    let columns = Columns::of(hub, link, careful).await?;
    lock_order(link, (&columns.tenants, &columns.rows)).await?;
    let done = columns.settle(link).await?;
    let mut outgoing = Outgoing::to_claim();
    for recorded in &done {
        if let Some(attempt) = attempts.get(recorded.place) {
            follow(&mut batch, &mut outgoing, recorded, attempt).await?;
        }
        outgoing.notes.extend(retried(recorded, attempts));
    }
    let ordered = done.iter().filter(|recorded| recorded.ordered);
    let (tenants, rows): (Vec<i64>, Vec<i64>) = ordered.map(|recorded| (recorded.tenant, recorded.row)).unzip();
    unblock(link, &mut outgoing, (&tenants, &rows)).await?;
    batch.close(&outgoing).await?;
    Ok((done, outgoing))
}

/// What follows for the endpoint.
async fn follow(batch: &mut Batch<'_>, outgoing: &mut Outgoing, recorded: &Recorded, attempt: &NewAttempt) -> Result<(), Trouble> {
    let (at, alarm) = (ended_at(attempt), attempt.alarm.as_deref());
    let endpoint = Standing { row: recorded.tenant, lane: recorded.lane, at, sequence: None, alarm };
    let (news, why) = match &attempt.then {
        Settled::Pending { .. } => return Ok(()),
        Settled::Delivered if alarm.is_none() => return Ok(()),
        Settled::Delivered => return happens(batch, outgoing, endpoint, News::Taken).await.map(drop),
        Settled::Diverted(why) => (News::GivenUp(Alert::Diverted, why), why),
        Settled::Failed(why) => (News::GivenUp(Alert::Failed, why), why),
    };
    happens(batch, outgoing, endpoint, news).await?;
    if attempt.suspend {
        happens(batch, outgoing, endpoint, News::Suspended(why)).await?;
    }
    Ok(())
}

/// Lets the first ordered delivery go of each lane and object that these rows are about, when it was behind another one.
pub(super) async fn unblock(link: &Link, outgoing: &mut Outgoing, (tenants, rows): (&[i64], &[i64])) -> Result<(), Trouble> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE deliveries d SET blocked = false
        FROM (SELECT DISTINCT s.tenant, s.endpoint, s.model, s.object FROM (SELECT unnest($1::bigint[]) AS tenant,
            unnest($2::bigint[]) AS row) r
            JOIN deliveries s ON s.tenant = r.tenant AND s.row = r.row) k
        CROSS JOIN LATERAL (SELECT h.row FROM deliveries h WHERE h.tenant = k.tenant AND h.endpoint = k.endpoint AND h.model = k.model
            AND h.object = k.object AND h.state < 2 AND h.bucket IS NOT NULL ORDER BY h.row LIMIT 1) head
        WHERE d.tenant = k.tenant AND d.row = head.row AND d.blocked RETURNING d.endpoint, d.due_at";
    for row in &link.query(sql, &[&tenants, &rows]).await? {
        outgoing.notes.push(Note::Due(LaneId(get(row, 0)?), get(row, 1)?));
    }
    Ok(())
}

/// Attempts in columns.
#[derive(Default)]
struct Columns<'a> {
    places: Vec<i64>,
    tenants: Vec<i64>,
    rows: Vec<i64>,
    fences: Vec<i64>,
    states: Vec<i16>,
    due: Vec<i64>,
    numbers: Vec<i64>,
    spent: Vec<i64>,
    statuses: Vec<Option<i32>>,
    reasons: Vec<Option<std::borrow::Cow<'a, str>>>,
    settled: Vec<Option<i64>>,
    started: Vec<i64>,
    took: Vec<i64>,
    errors: Vec<Option<std::borrow::Cow<'a, str>>>,
    headers: Vec<Option<&'a str>>,
    bodies: Vec<Option<&'a [u8]>>,
    resolve: Vec<Option<i64>>,
    connect: Vec<Option<i64>>,
    tls: Vec<Option<i64>>,
    first_byte: Vec<Option<i64>>,
    reused: Vec<bool>,
    signatures: Vec<Option<&'a str>>,
}

/// What is recorded of an attempt comes back with its delivery, so that neither is searched for again.
const SETTLE: &str = "WITH u AS (UPDATE deliveries d SET state = a.state, due_at = a.due_at, node = NULL, attempts = a.number, spent = d.spent + a.spent,
            last_status = a.status, reason = a.reason, settled_at = a.settled_at,
            blocked = a.state = 0 AND d.bucket IS NOT NULL AND EXISTS (SELECT FROM deliveries e WHERE e.tenant = d.tenant
                AND e.endpoint = d.endpoint AND e.model = d.model AND e.object = d.object AND e.state < 2 AND e.bucket IS NOT NULL AND e.row < d.row)
        FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS tenant, unnest($3::bigint[]) AS row,
            unnest($4::bigint[]) AS fence, unnest($5::smallint[]) AS state, unnest($6::bigint[]) AS due_at,
            unnest($7::bigint[]) AS number, unnest($8::bigint[]) AS spent, unnest($9::int[]) AS status,
            unnest($10::text[]) AS reason, unnest($11::bigint[]) AS settled_at, unnest($12::bigint[]) AS started_at,
            unnest($13::bigint[]) AS took, unnest($14::text[]) AS error, unnest($15::text[]) AS headers,
            unnest($16::bytea[]) AS body, unnest($17::bigint[]) AS resolve, unnest($18::bigint[]) AS connect,
            unnest($19::bigint[]) AS tls, unnest($20::bigint[]) AS first_byte, unnest($21::bool[]) AS reused,
            unnest($22::text[]) AS signature) a
        WHERE d.tenant = a.tenant AND d.row = a.row AND d.fence = a.fence AND d.state = 1
        RETURNING a.n, d.tenant, d.row, d.endpoint, d.bucket IS NOT NULL AS ordered, d.blocked, a.number, a.started_at, a.took, a.status, a.error,
            a.headers, a.body, a.resolve, a.connect, a.tls, a.first_byte, a.reused, a.signature),
    i AS (INSERT INTO attempts (tenant, delivery, number, started_at, took_us, status, error, response_headers, response_body,
            resolve_us, connect_us, tls_us, first_byte_us, reused, signature)
        SELECT tenant, row, number, started_at, took, status, error, headers, body, resolve, connect, tls, first_byte, reused, signature FROM u)
    SELECT n, tenant, row, endpoint, ordered, blocked FROM u ORDER BY n";

/// An attempt of a delivery that nobody has claimed since is known by its number, when it began and how long it took.
const SETTLED_BEFORE: &str = "SELECT a.n, d.tenant, d.row, d.endpoint, d.bucket IS NOT NULL, d.blocked
    FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS tenant, unnest($3::bigint[]) AS row, unnest($4::bigint[]) AS number,
        unnest($5::bigint[]) AS started_at, unnest($6::bigint[]) AS took, unnest($7::bigint[]) AS fence) a
    JOIN attempts t ON t.tenant = a.tenant AND t.delivery = a.row AND t.number = a.number AND t.started_at = a.started_at AND t.took_us = a.took
    JOIN deliveries d ON d.tenant = a.tenant AND d.row = a.row AND d.fence = a.fence";

impl<'a> Columns<'a> {
    async fn of(hub: &Hub, link: &Link, attempts: &[(usize, &'a NewAttempt)]) -> Result<Self, Trouble> {
        let mut columns = Self::default();
        for (place, attempt) in attempts {
            // A tenant that is not known has no delivery that could be settled.
            let tenant = hub.tenant(link, &attempt.tenant).await?.unwrap_or_default();
            columns.add(*place, tenant, attempt);
        }
        Ok(columns)
    }

    fn add(&mut self, place: usize, tenant: i64, attempt: &'a NewAttempt) {
        let recorded = &attempt.attempt;
        let (state, due, counts, reason) = match &attempt.then {
            Settled::Pending { at, counts } => (DeliveryState::Pending, at.as_millisecond(), *counts, recorded.error.as_deref()),
            Settled::Delivered => (DeliveryState::Delivered, 0, true, None),
            Settled::Diverted(why) => (DeliveryState::Diverted, 0, true, Some(why.as_str())),
            Settled::Failed(why) => (DeliveryState::Failed, 0, true, Some(why.as_str())),
        };
        let timing = &recorded.timing;
        self.places.push(i64::try_from(place).unwrap_or(i64::MAX));
        self.tenants.push(tenant);
        self.rows.push(attempt.slot.0);
        self.fences.push(attempt.fence);
        self.states.push(state_number(state));
        self.due.push(due);
        self.numbers.push(recorded.number.into());
        self.spent.push(counts.into());
        self.statuses.push(recorded.status.map(Into::into));
        self.reasons.push(reason.map(without_nul));
        self.settled.push((state != DeliveryState::Pending).then(|| ended_at(attempt).as_millisecond()));
        self.started.push(recorded.started_at.as_millisecond());
        self.took.push(micros(recorded.took));
        self.errors.push(recorded.error.as_deref().map(without_nul));
        self.headers.push(recorded.response_headers.as_deref());
        self.bodies.push(recorded.response_body.as_deref());
        self.resolve.push(timing.resolve.map(micros));
        self.connect.push(timing.connect.map(micros));
        self.tls.push(timing.tls.map(micros));
        self.first_byte.push(timing.first_byte.map(micros));
        self.reused.push(timing.reused);
        self.signatures.push(recorded.signature.as_deref());
    }

    async fn settle(&self, link: &Link) -> Result<Vec<Recorded>, Trouble> {
        let values: [&(dyn ToSql + Sync); 22] = [
            &self.places,
            &self.tenants,
            &self.rows,
            &self.fences,
            &self.states,
            &self.due,
            &self.numbers,
            &self.spent,
            &self.statuses,
            &self.reasons,
            &self.settled,
            &self.started,
            &self.took,
            &self.errors,
            &self.headers,
            &self.bodies,
            &self.resolve,
            &self.connect,
            &self.tls,
            &self.first_byte,
            &self.reused,
            &self.signatures,
        ];
        link.query(SETTLE, &values).await?.iter().map(Recorded::read).collect()
    }

    /// Those that an earlier try has recorded whose answer was lost on its way, besides the ones that were recorded now.
    async fn settled_before(&self, link: &Link, now: &[Recorded]) -> Result<Vec<Recorded>, Trouble> {
        if now.len() == self.places.len() {
            return Ok(Vec::new());
        }
        let values: Values<'_> = &[&self.places, &self.tenants, &self.rows, &self.numbers, &self.started, &self.took, &self.fences];
        let recorded = link.query(SETTLED_BEFORE, values).await?.iter().map(Recorded::read).collect::<Result<Vec<_>, _>>()?;
        Ok(recorded.into_iter().filter(|before| now.iter().all(|now| now.place != before.place)).collect())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn ended_at(attempt: &NewAttempt) -> Timestamp {
    attempt.attempt.started_at.saturating_add(attempt.attempt.took).unwrap_or(attempt.attempt.started_at)
}
