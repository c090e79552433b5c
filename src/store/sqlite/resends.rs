//! Resends. A step looks at the next deliveries with a reader; then the writer makes those due that still may be, and notes in the same
//! transaction how far it has come.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use tokio::sync::Notify;

use super::Sqlite;
use crate::access::TenantScope;
use crate::delivery::Rate;
use crate::ids::{DeliveryId, MessageId, ResendId, Tenant};
use crate::store::filter::{made_at, place_of_cursor};
use crate::store::resend_pace::{self, LOOKED_AT, REMEMBERED_MS, at_once, longest_wait};
use crate::store::resends::RUNNING_RESENDS;
use crate::store::sqlite::choose::{Chosen, place_of_delivery};
use crate::store::sqlite::queue;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{delivery_id, from_json, limit, time, time_if_any, to_json, unreadable, uuid};
use crate::store::sqlite::writer::Flow;
use crate::store::{DeliveryFilter, NewResend, Page, ResendRow, ResendState, StoreError};

const RESEND: &str =
    "SELECT r.id, r.actor, r.filter, r.rate, r.matched, r.resent, r.last, r.state, r.created_at, r.ended_at FROM resends r";

/// A place in the order of making: a time, and a row.
type Place = (i64, i64);

/// A running resend and where it stands.
struct Running {
    row: i64,
    tenant: i64,
    filter: DeliveryFilter,
    rate: Rate,
    at: Place,
    through: i64,
    next_at: i64,
}

/// A delivery as a step sees it.
struct Seen {
    place: Place,
    id: DeliveryId,
    fits: bool,
}

/// What a step has found.
struct Found {
    /// The deliveries to make due.
    due: Vec<Seen>,
    /// Where the resend stands behind them.
    at: Place,
    /// Whether nothing more comes.
    is_over: bool,
}

impl Sqlite {
    pub(in crate::store) fn resend_bell(&self) -> Arc<Notify> {
        Arc::clone(&self.resend_bell)
    }

    pub(in crate::store) async fn count_deliveries(
        &self,
        tenant: &Tenant,
        filter: &DeliveryFilter,
        after: Option<DeliveryId>,
    ) -> Result<u64, StoreError> {
        let mut at = self.readers.read(move |connection| behind(connection, after)).await?;
        let mut count = 0;
        loop {
            let filter = filter.clone();
            let look = move |connection: &Connection, tenant| look(connection, tenant, &filter, at, i64::MAX);
            let seen = self.read_tenant(tenant, look).await?.unwrap_or_default();
            count += seen.iter().filter(|seen| seen.fits).count() as u64;
            match seen.last() {
                Some(last) if seen.len() == LOOKED_AT => at = last.place,
                Some(_) | None => return Ok(count),
            }
        }
    }

    pub(in crate::store) async fn begin_resend(&self, tenant: &TenantScope, resend: NewResend) -> Result<bool, StoreError> {
        let (tenant, actor) = (tenant.tenant().clone(), tenant.by().to_string());
        let run = move |session: &mut Session, runs: &mut bool| {
            *runs = begin(session, &tenant, &actor, &resend)?;
            Ok(Flow::Keep)
        };
        let runs = self.writer.write(false, run).await?;
        if runs {
            self.resend_bell.notify_one();
        }
        Ok(runs)
    }

    pub(in crate::store) async fn stop_resend(
        &self,
        tenant: &Tenant,
        id: ResendId,
        now: Timestamp,
    ) -> Result<Option<ResendRow>, StoreError> {
        let tenant = tenant.clone();
        let stop = move |session: &mut Session, stopped: &mut Option<ResendRow>| {
            let Some(tenant) = session.tenant(&tenant)? else { return Ok(Flow::Keep) };
            let sql = "UPDATE resends SET state = 2, ended_at = ?3 WHERE id = ?1 AND tenant = ?2 AND state = 0";
            session.connection.prepare_cached(sql)?.execute(params![id.0.as_bytes(), tenant.row, now.as_millisecond()])?;
            *stopped = one(&session.connection, tenant.row, id)?;
            Ok(Flow::Keep)
        };
        self.writer.write(None, stop).await
    }

    pub(in crate::store) async fn resend_of_id(&self, tenant: &Tenant, id: ResendId) -> Result<Option<ResendRow>, StoreError> {
        self.read_tenant(tenant, move |connection, tenant| one(connection, tenant, id)).await.map(Option::flatten)
    }

    pub(in crate::store) async fn resends(&self, tenant: &Tenant, page: &Page<ResendId>) -> Result<Vec<ResendRow>, StoreError> {
        let page = page.clone();
        self.read_tenant(tenant, move |connection, tenant| list(connection, tenant, &page)).await.map(Option::unwrap_or_default)
    }

    pub(in crate::store) async fn advance_resends(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let now = now.as_millisecond();
        let turn = move |connection: &Connection| {
            let Some(running) = first(connection)? else { return Ok(None) };
            // A clock that was set back must not make it wait for long.
            if running.next_at > now && running.next_at <= now.saturating_add(longest_wait(running.rate)) {
                return Ok(Some((running, None)));
            }
            let found = find(connection, &running)?;
            Ok(Some((running, Some(found))))
        };
        let Some((running, found)) = self.readers.read(turn).await? else { return Ok(None) };
        let Some(found) = found else { return Ok(Timestamp::from_millisecond(running.next_at).ok()) };
        let advance = move |session: &mut Session, next: &mut i64| {
            *next = now;
            advance(session, &running, &found, now, next)
        };
        let next = self.writer.write(now, advance).await?;
        Ok(Timestamp::from_millisecond(next).ok())
    }
}

/// Before everything that was ever made.
const BEGIN: Place = (i64::MIN, i64::MIN);
/// Behind everything that was ever made.
const END: Place = (i64::MAX, i64::MAX);

/// The place of a delivery; of one that is not there any more, before everything of its millisecond.
fn behind(connection: &Connection, after: Option<DeliveryId>) -> rusqlite::Result<Place> {
    let Some(after) = after else { return Ok(BEGIN) };
    Ok(place_of_delivery(connection, after)?.unwrap_or((made_at(after.0), i64::MIN)))
}

/// The next deliveries behind a place, oldest first.
fn look(connection: &Connection, tenant: i64, filter: &DeliveryFilter, after: Place, through: i64) -> rusqlite::Result<Vec<Seen>> {
    let Some(Chosen { from, at, mut within, fits }) = Chosen::of(connection, tenant, filter)? else { return Ok(Vec::new()) };
    within.after((at, "d.row"), after);
    within.and("d.row <= ?", [through.into()]);
    let sql = format!("SELECT {at}, d.row, m.id, {} {from} WHERE {} ORDER BY {at}, d.row LIMIT {}", fits.sql, within.sql, limit(LOOKED_AT));
    let seen = |row: &Row<'_>| {
        let place = (row.get(0)?, row.get(1)?);
        Ok(Seen { place, id: delivery_id(MessageId(uuid(row, 2)?), place.1), fits: row.get(3)? })
    };
    connection.prepare_cached(&sql)?.query_map(params_from_iter(fits.values.into_iter().chain(within.values)), seen)?.collect()
}

/// What the next step of a resend is to make due.
fn find(connection: &Connection, running: &Running) -> rusqlite::Result<Found> {
    let seen = look(connection, running.tenant, &running.filter, running.at, running.through)?;
    let (looked_at, last) = (seen.len(), seen.last().map(|seen| seen.place));
    let due: Vec<Seen> = seen.into_iter().filter(|seen| seen.fits).take(at_once(running.rate)).collect();
    let is_full = due.len() == at_once(running.rate);
    let at = match due.last() {
        Some(last) if is_full => Some(last.place),
        Some(_) | None => last,
    };
    Ok(Found { is_over: looked_at < LOOKED_AT && at == last, at: at.unwrap_or(running.at), due })
}

/// Makes due what was found, unless another step was faster. `next` becomes the time to come again.
fn advance(session: &mut Session, running: &Running, found: &Found, now: i64, next: &mut i64) -> rusqlite::Result<Flow> {
    let is_here = "SELECT 1 FROM resends WHERE row = ?1 AND state = 0 AND cursor_at = ?2 AND cursor_row = ?3";
    if !session.connection.prepare_cached(is_here)?.exists(params![running.row, running.at.0, running.at.1])? {
        return Ok(Flow::Keep);
    }
    let (mut resent, mut last) = (0_i64, None);
    for Seen { place, id, .. } in &found.due {
        if queue::resend(session, running.tenant, place.1, &running.filter.states, now)? {
            (resent, last) = (resent + 1, Some(*id));
        }
    }
    *next = resend_pace::next(running.rate, running.next_at, now, resent);
    let (state, ended_at) = if found.is_over { (ResendState::Done, Some(now)) } else { (ResendState::Running, None) };
    session
        .connection
        .prepare_cached(
            "UPDATE resends SET cursor_at = ?2, cursor_row = ?3, resent = resent + ?4, last = coalesce(?5, last), next_at = ?6, state = ?7,
                 ended_at = ?8 WHERE row = ?1",
        )?
        .execute(params![
            running.row,
            found.at.0,
            found.at.1,
            resent,
            last.map(|id| *id.0.as_bytes()),
            *next,
            state_number(state),
            ended_at
        ])?;
    if found.is_over {
        // Another may be running.
        *next = now;
    }
    Ok(if resent > 0 { Flow::Wake } else { Flow::Keep })
}

fn begin(session: &mut Session, tenant: &Tenant, actor: &str, resend: &NewResend) -> rusqlite::Result<bool> {
    let tenant = session.make_tenant(tenant)?;
    let connection = &session.connection;
    let NewResend { id, filter, after, rate, matched, at } = resend;
    let now = at.as_millisecond();
    let running = "SELECT count(*) FROM resends WHERE tenant = ?1 AND state = 0";
    if connection.prepare_cached(running)?.query_row([tenant], |row| row.get::<_, i64>(0))? >= limit(RUNNING_RESENDS) {
        return Ok(false);
    }
    let forget = "DELETE FROM resends WHERE tenant = ?1 AND ended_at < ?2";
    connection.prepare_cached(forget)?.execute([tenant, now.saturating_sub(REMEMBERED_MS)])?;
    let (filter, place) = (filter.clone().resendable(), behind(connection, *after)?);
    let through: i64 = connection.prepare_cached("SELECT coalesce(max(row), 0) FROM deliveries")?.query_row([], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO resends (id, tenant, actor, filter, rate, matched, cursor_at, cursor_row, through, next_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        )?
        .execute(params![
            id.0.as_bytes(),
            tenant,
            actor,
            to_json(&filter)?,
            rate.to_string(),
            i64::try_from(*matched).unwrap_or(i64::MAX),
            place.0,
            place.1,
            through,
            now
        ])?;
    Ok(true)
}

/// The running one whose turn it is.
fn first(connection: &Connection) -> rusqlite::Result<Option<Running>> {
    let sql = "SELECT row, tenant, filter, rate, cursor_at, cursor_row, through, next_at
               FROM resends INDEXED BY resends_running WHERE state = 0 ORDER BY next_at LIMIT 1";
    let running = |row: &Row<'_>| {
        Ok(Running {
            row: row.get(0)?,
            tenant: row.get(1)?,
            filter: from_json(row, 2)?,
            rate: rate(row, 3)?,
            at: (row.get(4)?, row.get(5)?),
            through: row.get(6)?,
            next_at: row.get(7)?,
        })
    };
    connection.prepare_cached(sql)?.query_row([], running).optional()
}

fn one(connection: &Connection, tenant: i64, id: ResendId) -> rusqlite::Result<Option<ResendRow>> {
    let sql = format!("{RESEND} WHERE r.id = ?1 AND r.tenant = ?2");
    connection.prepare_cached(&sql)?.query_row(params![id.0.as_bytes(), tenant], read).optional()
}

fn list(connection: &Connection, tenant: i64, page: &Page<ResendId>) -> rusqlite::Result<Vec<ResendRow>> {
    let (at, row) = match page.before {
        Some(before) => place_of_cursor(place_of(connection, tenant, before)?, before.0),
        None => END,
    };
    let newest = "(r.created_at, r.row) < (?2, ?3) ORDER BY r.created_at DESC, r.row DESC";
    let sql = format!("{RESEND} WHERE r.tenant = ?1 AND {newest} LIMIT {}", limit(page.limit));
    connection.prepare_cached(&sql)?.query_map([tenant, at, row], read)?.collect()
}

fn place_of(connection: &Connection, tenant: i64, id: ResendId) -> rusqlite::Result<Option<Place>> {
    let sql = "SELECT created_at, row FROM resends WHERE id = ?1 AND tenant = ?2";
    connection.prepare_cached(sql)?.query_row(params![id.0.as_bytes(), tenant], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ResendRow> {
    let state: i64 = row.get(7)?;
    Ok(ResendRow {
        id: ResendId(uuid(row, 0)?),
        actor: row.get(1)?,
        filter: from_json(row, 2)?,
        rate: rate(row, 3)?,
        matched: row.get::<_, i64>(4)?.unsigned_abs(),
        resent: row.get::<_, i64>(5)?.unsigned_abs(),
        last: row.get::<_, Option<[u8; 16]>>(6)?.map(|id| DeliveryId(uuid::Uuid::from_bytes(id))),
        state: ResendState::ALL
            .into_iter()
            .find(|known| state_number(*known) == state)
            .ok_or_else(|| unreadable(7, rusqlite::types::FromSqlError::OutOfRange(state)))?,
        created_at: time(row, 8)?,
        ended_at: time_if_any(row, 9)?,
    })
}

fn rate(row: &Row<'_>, column: usize) -> rusqlite::Result<Rate> {
    row.get_ref(column)?.as_str().map_err(|error| unreadable(column, error))?.parse().map_err(|error| unreadable(column, error))
}

/// Statements have the number of a running one in them.
const fn state_number(state: ResendState) -> i64 {
    match state {
        ResendState::Running => 0,
        ResendState::Done => 1,
        ResendState::Stopped => 2,
    }
}
