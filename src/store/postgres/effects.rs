//! Writes what saves have decided: deliveries find their lanes and their order, those that this node can send go out with the commit under
//! its lease, and the others are told to all nodes.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use super::endpoints::{Standing, given_up};
use super::failure::Trouble;
use super::hub::Hub;
use super::link::Link;
use super::rows::{Looks, State};
use super::scene::Scene;
use super::sent::Sent;
use super::tables::{self, Table};
use super::taken::Places;
use super::transaction::{Batch, Ledger};
use super::values::{BUCKET_LOCK, bucket, get};
use crate::ids::{LaneId, Sequence};
use crate::program::DecisionTable;
use crate::store::agenda::Note;
use crate::store::{Alert, Claimed, Effects, NewDelivery, NewMessage};

/// The fence of what is leased as it is made; a claim raises it.
pub(super) const FIRST_FENCE: i64 = 0;
/// The content type of the default body.
pub(super) const JSON: &str = "application/json";

/// What a transaction sends out once it is committed.
#[derive(Default)]
pub(super) struct Outgoing {
    pub notes: Vec<Note>,
    pub fresh: Vec<Claimed>,
    pub wakes: bool,
    /// The node that what can be is leased by and handed over to with the commit; without it everything waits to be claimed.
    pub lessee: Option<i64>,
    /// Objects in lanes of which something ordered is not settled.
    pub behind: FxHashSet<(LaneId, Box<str>, Box<str>)>,
    /// Those of which it has been asked.
    asked: FxHashSet<(LaneId, Box<str>, Box<str>)>,
    /// Decision tables that have been found or made.
    tables: Vec<Table>,
}

/// A place to go back to.
pub(super) struct Mark {
    notes: usize,
    fresh: usize,
    tables: usize,
    wakes: bool,
    behind: FxHashSet<(LaneId, Box<str>, Box<str>)>,
}

impl Outgoing {
    /// Of a transaction that is not one of saves: everything waits to be claimed.
    pub(super) fn to_claim() -> Self {
        Self { wakes: true, ..Self::default() }
    }

    /// Of a transaction in which this node's row is locked.
    pub(super) fn leased_by(node: i64) -> Self {
        Self { lessee: Some(node), ..Self::default() }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { notes: self.notes.len(), fresh: self.fresh.len(), tables: self.tables.len(), wakes: self.wakes, behind: self.behind.clone() }
    }

    /// Forgets what came after the mark; the deliveries among it.
    pub(super) fn undo(&mut self, mark: Mark) -> Vec<Claimed> {
        self.notes.truncate(mark.notes);
        self.tables.truncate(mark.tables);
        self.wakes = mark.wakes;
        self.behind = mark.behind;
        // The locks that were taken since are gone with it, and what was found then is forgotten: all is asked again.
        self.asked.clear();
        self.fresh.split_off(mark.fresh.min(self.fresh.len()))
    }

    /// The transaction is committed.
    pub(super) fn remember(&mut self, hub: &Hub) {
        hub.tables.remember(std::mem::take(&mut self.tables));
    }
}

/// Lets go of the places of deliveries that are not made after all.
pub(super) fn release(hub: &Hub, fresh: Vec<Claimed>) {
    if let Some(taker) = hub.taker() {
        for delivery in fresh {
            taker.release(delivery.lane, &delivery.tenant);
        }
    }
}

/// What saves write, as one statement a table.
#[derive(Default)]
pub(super) struct Writes<'a> {
    state: State<'a>,
    looks: Looks<'a>,
    sent: Sent<'a>,
    taken: Places<'a>,
    /// Deliveries that cannot be sent and of which somebody may be told.
    untold: Vec<Untold<'a>>,
}

struct Untold<'a> {
    place: usize,
    sequence: Sequence,
    at: Timestamp,
    message: &'a NewMessage,
    delivery: usize,
    lane: LaneId,
}

/// Gathers what these saves have decided, in their order.
pub(super) async fn gather<'a>(
    batch: &mut Batch<'_>,
    outgoing: &mut Outgoing,
    decided: &[(usize, Sequence, &'a Effects)],
) -> Result<Writes<'a>, Trouble> {
    let lanes = lanes(batch, decided).await?;
    order(batch, outgoing, decided, &lanes).await?;
    let mut writes = Writes::default();
    for (place, sequence, effects) in decided {
        let (place, sequence, at) = (*place, *sequence, effects.at);
        let table = match &effects.table {
            Some(table) => Some(table_row(batch, outgoing, place, table).await?),
            None => None,
        };
        let Some(ledger) = batch.ledgers.get_mut(place) else { continue };
        let tenant = ledger.row;
        writes.state.add(tenant, sequence.0, effects, &mut ledger.counter);
        writes.looks.add(tenant, sequence.0, (effects, table), &mut ledger.counter);
        if let Some(taken) = &effects.taken {
            writes.taken.push(sequence.0, tenant, taken);
        }
        let scene = Scene { hub: batch.hub, lanes: &lanes, sequence, at };
        for message in &effects.messages {
            let untold = scene.message(ledger, outgoing, &mut writes.sent, message)?;
            writes.untold.extend(untold.into_iter().map(|(delivery, lane)| Untold { place, sequence, at, message, delivery, lane }));
        }
    }
    Ok(writes)
}

impl Writes<'_> {
    /// Whether nothing more follows from them.
    pub(super) const fn are_all(&self) -> bool {
        self.untold.is_empty()
    }

    /// Writes them, all at once.
    pub(super) async fn write(&self, link: &Link) -> Result<(), Trouble> {
        let Self { state, looks, sent, taken, untold: _ } = self;
        // Boxed: it is large, and held through the whole transaction.
        Box::pin(futures_util::future::try_join4(state.write(link), looks.write(link), sent.write(link), taken.take(link))).await.map(drop)
    }

    /// Writes them, and what follows for who is told of what cannot be sent.
    pub(super) async fn write_and_tell(self, batch: &mut Batch<'_>, outgoing: &mut Outgoing) -> Result<(), Trouble> {
        self.write(batch.link).await?;
        for Untold { place, sequence, at, message, delivery, lane } in self.untold {
            let Some(ledger) = batch.ledgers.get(place).cloned() else { continue };
            let Some(Err(unsendable)) = message.deliveries.get(delivery).map(|delivery| &delivery.due) else { continue };
            let endpoint = Standing { row: ledger.row, lane, at, sequence: Some(sequence), alarm: unsendable.alarm.as_deref() };
            if let Some(alert) = given_up(batch.link, endpoint, Alert::Diverted, &unsendable.why).await? {
                alone(batch, outgoing, place, (sequence, at, &alert)).await?;
            }
        }
        Ok(())
    }
}

/// Writes one message more, such as an alert.
pub(super) async fn alone(
    batch: &mut Batch<'_>,
    outgoing: &mut Outgoing,
    place: usize,
    (sequence, at, message): (Sequence, Timestamp, &NewMessage),
) -> Result<(), Trouble> {
    let Some(ledger) = batch.ledgers.get(place).cloned() else { return Ok(()) };
    let mut lanes = Lanes::default();
    for delivery in &message.deliveries {
        let lane = known_lane(batch, &ledger, delivery).await?;
        lanes.insert((ledger.row, delivery.endpoint.as_str()), lane);
    }
    let objects = message.deliveries.iter().filter(|delivery| delivery.ordered);
    let keys: Vec<_> =
        objects.filter_map(|delivery| Some((place, *lanes.get(&(ledger.row, delivery.endpoint.as_str()))?, message))).collect();
    order_of(batch, outgoing, keys).await?;
    let mut sent = Sent::default();
    let Some(ledger) = batch.ledgers.get_mut(place) else { return Ok(()) };
    // An alert endpoint that cannot be reached is not told of in its turn.
    Scene { hub: batch.hub, lanes: &lanes, sequence, at }.message(ledger, outgoing, &mut sent, message)?;
    sent.write(batch.link).await
}

/// The lanes by tenant and endpoint.
pub(super) type Lanes<'a> = FxHashMap<(i64, &'a str), LaneId>;

async fn lanes<'a>(batch: &Batch<'_>, writes: &[(usize, Sequence, &'a Effects)]) -> Result<Lanes<'a>, Trouble> {
    let mut lanes = Lanes::default();
    for (place, _, effects) in writes {
        let Some(ledger) = batch.ledgers.get(*place) else { continue };
        for delivery in effects.messages.iter().flat_map(|message| &message.deliveries) {
            let key = (ledger.row, delivery.endpoint.as_str());
            if let Entry::Vacant(unknown) = lanes.entry(key) {
                unknown.insert(known_lane(batch, ledger, delivery).await?);
            }
        }
    }
    Ok(lanes)
}

async fn known_lane(batch: &Batch<'_>, ledger: &Ledger, delivery: &NewDelivery) -> Result<LaneId, Trouble> {
    match batch.hub.known_lane(ledger.row, &delivery.endpoint) {
        Some(lane) => Ok(lane),
        // Over another connection: it is there for everybody at once, and stays if nothing else does.
        None => batch.hub.lane(&*batch.hub.beside.link().await?, (ledger.row, &ledger.tenant), &delivery.endpoint).await,
    }
}

async fn order(
    batch: &Batch<'_>,
    outgoing: &mut Outgoing,
    writes: &[(usize, Sequence, &Effects)],
    lanes: &Lanes<'_>,
) -> Result<(), Trouble> {
    let mut keys = Vec::new();
    for (place, _, effects) in writes {
        let Some(ledger) = batch.ledgers.get(*place) else { continue };
        for message in &effects.messages {
            let ordered = message.deliveries.iter().filter(|delivery| delivery.ordered);
            keys.extend(ordered.filter_map(|delivery| Some((*place, *lanes.get(&(ledger.row, delivery.endpoint.as_str()))?, message))));
        }
    }
    order_of(batch, outgoing, keys).await
}

/// Finds out of which of these lanes and objects something is not settled. Until the end of the transaction nobody changes that: whoever
/// settles something ordered takes the same locks, and sees what is written here when it has its turn.
async fn order_of(batch: &Batch<'_>, outgoing: &mut Outgoing, keys: Vec<(usize, LaneId, &NewMessage)>) -> Result<(), Trouble> {
    let key = |lane: LaneId, message: &NewMessage| (lane, message.model.clone(), message.object.clone());
    let new: Vec<_> = keys.into_iter().filter(|(_, lane, message)| outgoing.asked.insert(key(*lane, message))).collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut buckets: Vec<i32> = new.iter().map(|(_, lane, message)| bucket(lane.0, &message.model, &message.object)).collect();
    buckets.sort_unstable();
    buckets.dedup();
    let (mut numbers, mut tenants, mut lanes, mut models, mut objects) = (vec![], vec![], vec![], vec![], vec![]);
    for (number, (place, lane, message)) in (0_i64..).zip(&new) {
        numbers.push(number);
        tenants.push(batch.ledgers.get(*place).map_or(0, |ledger| ledger.row));
        lanes.push(lane.0);
        models.push(&*message.model);
        objects.push(&*message.object);
    }
    let lock = "SELECT pg_advisory_xact_lock($1, b) FROM unnest($2::int[]) AS b";
    let sql = "SELECT k.n FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS tenant, unnest($3::bigint[]) AS lane,
            unnest($4::text[]) AS model, unnest($5::text[]) AS object) k
        WHERE EXISTS (SELECT FROM deliveries d WHERE d.tenant = k.tenant AND d.endpoint = k.lane AND d.model = k.model AND d.object = k.object
            AND d.state < 2 AND d.bucket IS NOT NULL)";
    let (_, rows) = futures_util::future::try_join(
        batch.link.query(lock, &[&BUCKET_LOCK, &buckets]),
        batch.link.query(sql, &[&numbers, &tenants, &lanes, &models, &objects]),
    )
    .await?;
    for row in &rows {
        let place = usize::try_from(get::<i64>(row, 0)?).ok();
        if let Some((_, lane, message)) = place.and_then(|place| new.get(place)) {
            outgoing.behind.insert(key(*lane, message));
        }
    }
    Ok(())
}

async fn table_row(batch: &mut Batch<'_>, outgoing: &mut Outgoing, place: usize, table: &Arc<DecisionTable>) -> Result<i64, Trouble> {
    let Some(ledger) = batch.ledgers.get_mut(place) else { return Ok(0) };
    if let Some(row) = batch.hub.tables.row((ledger.row, ledger.tables), table) {
        return Ok(row);
    }
    let made = outgoing.tables.iter().find(|made| made.is(ledger.row, table));
    if let Some(made) = made {
        return Ok(made.row);
    }
    let new = tables::find_or_make(batch.link, (ledger.row, ledger.tables), table, &mut ledger.counter).await?;
    let row = new.row;
    outgoing.tables.push(new);
    Ok(row)
}

impl Outgoing {
    /// The transaction is committed, and was not one of saves.
    pub(super) fn send_off(mut self, hub: &Hub) {
        self.remember(hub);
        let wakes = self.wakes || !self.notes.is_empty();
        hub.note(self.notes);
        if wakes {
            hub.ring();
        }
    }
}
