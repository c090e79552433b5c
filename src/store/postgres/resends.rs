//! Resends. A step is one transaction: it takes the running resend whose turn it is and that no other node has in hand, looks at the next
//! deliveries, makes those due that still may be, and notes how far it has come.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::choose::{Chosen, Place, place_of_delivery};
use super::effects::Outgoing;
use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::queue::again;
use super::settle::lock_order;
use super::transaction::Batch;
use super::values::{delivery_id, from_json, get, limit, text, time, time_if_any, timestamp, to_json, unreadable};
use crate::access::TenantScope;
use crate::delivery::Rate;
use crate::ids::{DeliveryId, MessageId, ResendId};
use crate::store::filter::{made_at, place_of_cursor};
use crate::store::resend_pace::{self, LOOKED_AT, REMEMBERED_MS, at_once, longest_wait};
use crate::store::resends::RUNNING_RESENDS;
use crate::store::{DeliveryFilter, NewResend, Page, ResendRow, ResendState, StoreError};

/// When to look again while another node has the next resend in hand, in milliseconds.
const IN_OTHER_HANDS_MS: i64 = 50;
/// Before everything that was ever made.
const BEGIN: Place = (i64::MIN, i64::MIN);
/// Behind everything that was ever made.
const END: Place = (i64::MAX, i64::MAX);

const RESEND: &str =
    "SELECT r.id, r.actor, r.filter, r.rate, r.matched, r.resent, r.last, r.state, r.created_at, r.ended_at FROM resends r";

/// A running resend and where it stands.
struct Running {
    tenant: i64,
    row: i64,
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

/// See [`Store::count_deliveries`](crate::store::Store::count_deliveries).
pub(super) async fn count(link: &Link, tenant: i64, filter: &DeliveryFilter, after: Option<DeliveryId>) -> Result<u64, Trouble> {
    let place = behind(link, tenant, after).await?;
    let Some(Chosen { from, at, mut within, fits }) = Chosen::of(link, tenant, filter).await? else { return Ok(0) };
    within.beyond((at, "d.row"), ">", place);
    let sql = format!("SELECT count(*) {from} WHERE {} AND {fits}", within.sql);
    let rows = link.query_once(&sql, &within.values()).await?;
    rows.first().map_or(Ok(0), |row| super::values::count(row, 0))
}

/// See [`Store::begin_resend`](crate::store::Store::begin_resend).
pub(super) async fn begin(hub: &Hub, tenant: &TenantScope, resend: &NewResend) -> Result<bool, StoreError> {
    let row = on!(hub, |link| hub.make_tenant(&link, tenant.tenant()).await)?;
    within!(hub, |link| {
        let NewResend { id, filter, after, rate, matched, at } = resend;
        let now = at.as_millisecond();
        // Two that begin at the same moment are counted one after the other.
        let counter: i64 = match link.first("SELECT counter FROM tenants WHERE row = $1 FOR UPDATE", &[&row]).await? {
            Some(found) => get(&found, 0)?,
            None => return Ok(false),
        };
        let running = link.first("SELECT count(*) FROM resends WHERE tenant = $1 AND state = 0", &[&row]).await?;
        if running.map(|found| get::<i64>(&found, 0)).transpose()?.unwrap_or_default() >= limit(RUNNING_RESENDS) {
            return Ok(false);
        }
        let forget = "DELETE FROM resends WHERE tenant = $1 AND ended_at < $2";
        link.execute(forget, &[&row, &now.saturating_sub(REMEMBERED_MS)]).await?;
        let place = behind(&link, row, *after).await?;
        let begin = "INSERT INTO resends (tenant, id, actor, filter, rate, matched, cursor_at, cursor_row, through, next_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, ($9::bigint + 1) << 20, $10, $10)";
        let values: super::link::Values<'_> = &[
            &row,
            &id.0,
            &tenant.by().to_string(),
            &to_json(&filter.clone().resendable())?,
            &rate.to_string(),
            &i64::try_from(*matched).unwrap_or(i64::MAX),
            &place.0,
            &place.1,
            &counter,
            &now,
        ];
        link.execute(begin, values).await?;
        Ok(true)
    })
}

/// See [`Store::stop_resend`](crate::store::Store::stop_resend).
pub(super) async fn stop(link: &Link, tenant: i64, id: ResendId, now: Timestamp) -> Result<Option<ResendRow>, Trouble> {
    let sql = "UPDATE resends SET state = 2, ended_at = $3 WHERE id = $1 AND tenant = $2 AND state = 0";
    link.execute(sql, &[&id.0, &tenant, &now.as_millisecond()]).await?;
    one(link, tenant, id).await
}

pub(super) async fn one(link: &Link, tenant: i64, id: ResendId) -> Result<Option<ResendRow>, Trouble> {
    let row = link.first(&format!("{RESEND} WHERE r.id = $1 AND r.tenant = $2"), &[&id.0, &tenant]).await?;
    row.map(|row| read(&row)).transpose()
}

pub(super) async fn list(link: &Link, tenant: i64, page: &Page<ResendId>) -> Result<Vec<ResendRow>, Trouble> {
    let (at, row) = match page.before {
        Some(before) => place_of_cursor(place_of(link, tenant, before).await?, before.0),
        None => END,
    };
    let newest = "(r.created_at, r.row) < ($2, $3) ORDER BY r.created_at DESC, r.row DESC";
    let sql = format!("{RESEND} WHERE r.tenant = $1 AND {newest} LIMIT $4");
    link.query(&sql, &[&tenant, &at, &row, &limit(page.limit)]).await?.iter().map(read).collect()
}

async fn place_of(link: &Link, tenant: i64, id: ResendId) -> Result<Option<Place>, Trouble> {
    let row = link.first("SELECT created_at, row FROM resends WHERE tenant = $1 AND id = $2", &[&tenant, &id.0]).await?;
    row.map(|row| Ok((get(&row, 0)?, get(&row, 1)?))).transpose()
}

/// See [`Store::advance_resends`](crate::store::Store::advance_resends).
pub(super) async fn advance(hub: &Hub, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let now = now.as_millisecond();
    let (next, outgoing) = within!(hub, |link| {
        let Some(running) = first(&link).await? else {
            let any = link.first("SELECT 1 FROM resends WHERE state = 0 LIMIT 1", &[]).await?.is_some();
            return Ok((any.then(|| now.saturating_add(IN_OTHER_HANDS_MS)), None));
        };
        // A clock that was set back must not make it wait for long.
        if running.next_at > now && running.next_at <= now.saturating_add(longest_wait(running.rate)) {
            return Ok((Some(running.next_at), None));
        }
        let (next, outgoing) = step(hub, &link, &running, now).await?;
        Ok((Some(next), Some(outgoing)))
    })?;
    if let Some(outgoing) = outgoing {
        outgoing.send_off(hub);
    }
    next.map(|next| timestamp(next).map_err(Trouble::into_store)).transpose()
}

/// Makes due what the next step of a resend finds; the time to come again.
async fn step(hub: &Hub, link: &Link, running: &Running, now: i64) -> Result<(i64, Outgoing), Trouble> {
    let seen = look(link, running).await?;
    let (looked_at, end, at_once) = (seen.len(), seen.last().map(|seen| seen.place), at_once(running.rate));
    let due: Vec<Seen> = seen.into_iter().filter(|seen| seen.fits).take(at_once).collect();
    let at = due.last().filter(|_| due.len() == at_once).map(|seen| seen.place).or(end);
    let is_over = looked_at < LOOKED_AT && at == end;
    let mut outgoing = Outgoing::to_claim();
    // All at once and in their order, so that whoever takes several of these locks waits for the others, and not the others for it.
    let rows: Vec<i64> = due.iter().map(|seen| seen.place.1).collect();
    lock_order(link, (&vec![running.tenant; rows.len()], &rows)).await?;
    let (mut resent, mut last) = (0_i64, None);
    for Seen { id, place: (_, row), .. } in &due {
        if again(link, &mut outgoing, (running.tenant, *row), &running.filter.states, now).await? {
            (resent, last) = (resent + 1, Some(id.0));
        }
    }
    let next = resend_pace::next(running.rate, running.next_at, now, resent);
    let (state, ended_at) = if is_over { (ResendState::Done, Some(now)) } else { (ResendState::Running, None) };
    let note =
        "UPDATE resends SET cursor_at = $3, cursor_row = $4, resent = resent + $5, last = coalesce($6, last), next_at = $7, state = $8,
        ended_at = $9 WHERE tenant = $1 AND row = $2";
    let at = at.unwrap_or(running.at);
    let values: super::link::Values<'_> =
        &[&running.tenant, &running.row, &at.0, &at.1, &resent, &last, &next, &state_number(state), &ended_at];
    link.execute(note, values).await?;
    Batch::over(hub, link, &[]).await?.close(&outgoing).await?;
    // Another may be running.
    Ok((if is_over { now } else { next }, outgoing))
}

/// The place of a delivery; of one that is not there any more, before everything of its millisecond.
async fn behind(link: &Link, tenant: i64, after: Option<DeliveryId>) -> Result<Place, Trouble> {
    match after {
        Some(after) => Ok(place_of_delivery(link, tenant, after).await?.unwrap_or((made_at(after.0), i64::MIN))),
        None => Ok(BEGIN),
    }
}

/// The next deliveries behind where a resend stands, oldest first.
async fn look(link: &Link, running: &Running) -> Result<Vec<Seen>, Trouble> {
    let Some(Chosen { from, at, mut within, fits }) = Chosen::of(link, running.tenant, &running.filter).await? else {
        return Ok(Vec::new());
    };
    within.beyond((at, "d.row"), ">", running.at);
    within.and("d.row < ?", running.through);
    let sql = format!("SELECT {at}, d.row, m.id, {fits} {from} WHERE {} ORDER BY {at}, d.row LIMIT {}", within.sql, limit(LOOKED_AT));
    let seen = |row: &Row| {
        let place = (get(row, 0)?, get(row, 1)?);
        Ok(Seen { place, id: delivery_id(MessageId(get(row, 2)?), place.1), fits: get(row, 3)? })
    };
    link.query_once_in_order(&sql, &within.values()).await?.iter().map(seen).collect()
}

/// The running one whose turn it is, and that no other node has in hand.
async fn first(link: &Link) -> Result<Option<Running>, Trouble> {
    let sql = "SELECT tenant, row, filter, rate, cursor_at, cursor_row, through, next_at
        FROM resends WHERE state = 0 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED";
    let Some(row) = link.first(sql, &[]).await? else { return Ok(None) };
    Ok(Some(Running {
        tenant: get(&row, 0)?,
        row: get(&row, 1)?,
        filter: from_json(&row, 2)?,
        rate: rate(&row, 3)?,
        at: (get(&row, 4)?, get(&row, 5)?),
        through: get(&row, 6)?,
        next_at: get(&row, 7)?,
    }))
}

fn read(row: &Row) -> Result<ResendRow, Trouble> {
    let state: i16 = get(row, 7)?;
    Ok(ResendRow {
        id: ResendId(get(row, 0)?),
        actor: text(row, 1)?.into(),
        filter: from_json(row, 2)?,
        rate: rate(row, 3)?,
        matched: super::values::count(row, 4)?,
        resent: super::values::count(row, 5)?,
        last: get::<Option<uuid::Uuid>>(row, 6)?.map(DeliveryId),
        state: ResendState::ALL.into_iter().find(|known| state_number(*known) == state).ok_or_else(|| unreadable("no such state"))?,
        created_at: time(row, 8)?,
        ended_at: time_if_any(row, 9)?,
    })
}

fn rate(row: &Row, column: usize) -> Result<Rate, Trouble> {
    get::<&str>(row, column)?.parse().map_err(unreadable)
}

/// Statements have the number of a running one in them.
const fn state_number(state: ResendState) -> i16 {
    match state {
        ResendState::Running => 0,
        ResendState::Done => 1,
        ResendState::Stopped => 2,
    }
}
