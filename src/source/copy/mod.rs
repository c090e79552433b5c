//! The first copy: every row that the tables have at one moment, taken in without deciding a webhook, before the log is read from that very
//! moment on. So there is nothing between copy and log, and nothing is in both.
//!
//! 2026-11-27: the slot is made with the snapshot that all tables are then read in, over one connection. A copy that is broken off begins anew
//! with another slot: to go on would mean rows of another moment, of which the log tells once more what led to them, and webhooks would fire
//! for what an object has become already. What the tables do not have any more by then is removed. It is done when the store has a place
//! for what begins at this slot.
//!
//! Tables that come later are copied from a moment of their own, to which the slot has not come yet as a rule: what the log tells of them up to there
//! is passed over, since the copy has it, and nothing of it was to fire.
//!
//! Each step into the store also takes one in the name of the copy. A node that was cut off while another one began anew can store nothing.

/// Does work again as long as the store fails: what has been copied is too much to begin anew for that.
macro_rules! patiently {
    ($standing:expr, $work:expr) => {
        loop {
            if let Some(done) = $crate::source::copy::settled($standing, $work.await).await? {
                break done;
            }
        }
    };
}

mod rows;
mod snapshot;

pub(super) use snapshot::may_be_read;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::birth::{Added, Birth, Copy, Ready, birth};
use super::continuity;
use super::error::SourceError;
use super::lsn::Lsn;
use super::pgoutput::Relation;
use super::plan::Plan;
use super::silence::answered;
use super::slot::slot_state;
use super::standing::Standing;
use super::taker::{KnownTables, PAGE, Taker, Takes};
use super::wire::Wire;
use super::{Planner, prepare, turn};
use crate::ingest::{Backfill, Ingest, Mode};
use crate::program::WebhookType;
use crate::store::{IdPage, Position, StoreError};
use rows::Rows;
use snapshot::Lasts;

/// The wait before the store, which has failed, is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the first copy is called.
pub(super) const FIRST: &str = "the first copy";
/// What that of tables is called that came later.
pub(super) const LATER: &str = "the copy of new tables";

/// What makes a copy.
pub(super) struct FirstCopy<'a> {
    planner: &'a Planner<'a>,
    ingest: &'a Ingest,
    standing: &'a Standing,
    /// Whether the slot has been made that the log is read with.
    is_made: AtomicBool,
}

impl<'a> FirstCopy<'a> {
    pub(super) fn new(planner: &'a Planner<'a>, ingest: &'a Ingest, standing: &'a Standing) -> Self {
        Self { planner, ingest, standing, is_made: AtomicBool::new(false) }
    }

    /// Makes it when it is wanted, or that of tables that came later. The session keeps the turn until it ends.
    pub(super) async fn make_if_wanted(&self, client: &Client) -> Result<(), SourceError> {
        let source = self.planner.source;
        if self.wanted(client).await?.is_none() {
            return Ok(());
        }
        if !turn::take(client, &source.slot).await? {
            return Err(SourceError::Elsewhere);
        }
        // Another node may have made it until now.
        let Some(birth) = self.wanted(client).await? else { return Ok(()) };
        let made = tokio::select! {
            made = self.make_all(client, birth) => made,
            lost = turn::lost(client, &source.slot, &self.is_made) => Err(lost),
        };
        self.standing.copy_ends();
        made?.write(client, &source.publication).await
    }

    /// How the source begins when a copy is still to be made, or to be called made. One that was made for another store is that one's.
    async fn wanted(&self, client: &Client) -> Result<Option<Birth>, SourceError> {
        let birth = birth(client, &self.planner.source.publication).await?;
        Ok(birth.filter(|birth| birth.lacks_tables() || birth.copy.is_some_and(|copy| !copy.is_made)))
    }

    /// Makes what is wanted: how the source begins then.
    async fn make_all(&self, client: &Client, birth: Birth) -> Result<Birth, SourceError> {
        let Some(copy) = birth.copy.filter(|copy| !copy.is_made) else { return self.make_added(client, birth).await };
        let at = if self.has(client, &birth.at).await? { birth.at } else { self.make_first(client, copy).await? };
        Ok(Birth { at, copy: Some(Copy { is_made: true, ..copy }), added: Vec::new() })
    }

    /// Makes the copy of tables that came later.
    async fn make_added(&self, client: &Client, mut birth: Birth) -> Result<Birth, SourceError> {
        prepare::are_there(client, self.planner.source).await?;
        self.is_made.store(true, Ordering::Relaxed);
        let place = continuity::place(client, self.planner.source, &self.ingest.store).await?;
        let mut lacking = Vec::new();
        for added in birth.added.iter().filter(|added| !added.copy.is_made) {
            let name = added.name(&place.name);
            if self.ingest.store.position(&name).await?.is_none() {
                lacking.push((added.clone(), name));
            }
        }
        let program = &self.ingest.generation().rules.program;
        let plan = self.planner.published_plan(program, &[]).await?;
        lacking.retain(|(added, _)| plan.tables.values().any(|table| table.shape.oid == added.oid));
        if !lacking.is_empty() {
            self.make(client, &What::Tables(lacking)).await?;
        }
        for added in &mut birth.added {
            added.copy.is_made = true;
        }
        Ok(birth)
    }

    /// Makes the first copy; where the log goes on.
    async fn make_first(&self, client: &Client, copy: Copy) -> Result<Box<str>, SourceError> {
        let slot = &self.planner.source.slot;
        if slot_state(client, slot).await?.is_some() {
            // Of a copy that was broken off.
            client.execute("SELECT pg_drop_replication_slot($1)", &[slot]).await?;
        }
        self.make(client, &What::All(copy)).await
    }

    /// Whether the store has what begins there.
    async fn has(&self, client: &Client, at: &str) -> Result<bool, SourceError> {
        let name = prepare::name(client, &self.planner.source.slot, at).await?;
        Ok(!at.is_empty() && self.ingest.store.position(&name).await?.is_some())
    }

    /// Copies rows, as they are at a place in the log; which.
    async fn make(&self, client: &Client, what: &What) -> Result<Box<str>, SourceError> {
        let Planner { way, source } = self.planner;
        let generation = self.ingest.generation();
        let plan = what.of(self.planner.published_plan(&generation.rules.program, &[]).await?);
        snapshot::may_be_read(client, &plan).await?;
        let files = snapshot::files(client, &plan).await?;
        let name = what.name();
        tracing::info!(slot = source.slot, "{name} begins as soon as the transactions that are under way in the database have ended");
        let mut wire = answered(Wire::connect(&way.config, &way.tls)).await?;
        let at = snapshot::take(&mut wire, &source.slot, what.lasts(), &plan).await?;
        self.is_made.store(true, Ordering::Relaxed);
        // Only what has got another file since is not in the snapshot any more, and nobody can do that now.
        let plan = what.of(self.planner.published_plan(&generation.rules.program, &[]).await?);
        if snapshot::files(client, &plan).await? != files {
            return Err(SourceError::Connection(format!("a table was rewritten as {name} began, which begins anew")));
        }
        match what {
            What::All(copy) => {
                Birth { at: at.clone(), copy: Some(*copy), added: Vec::new() }.write(client, &source.publication).await?;
            }
            What::Tables(_) => {}
        }
        let began = Instant::now();
        let about = snapshot::about(client, &plan).await?;
        tracing::info!(%at, tables = plan.tables.len(), about, "{name} has begun");
        let mut rows = Rows::new(self.begin(client, &at).await?, client, about);
        let relations: Vec<Arc<Relation>> = plan.tables.values().map(|table| Arc::new(table.at_present())).collect();
        for (table, relation) in plan.tables.values().zip(&relations) {
            rows.table(&mut wire, table, relation).await?;
        }
        drop(wire);
        let Rows { mut taker, count, .. } = rows;
        let (removed, used_up) = self.end(&mut taker, &relations, what).await?;
        let sources = match what {
            What::All(_) => vec![prepare::name(client, &source.slot, &at).await?],
            What::Tables(tables) => tables.iter().map(|(_, name)| name.clone()).collect(),
        };
        let begins = place(&at)?;
        for source in sources {
            (taker.source, taker.position) = (source, None);
            patiently!(self.standing, taker.step(begins));
        }
        let seconds = began.elapsed().as_secs();
        tracing::info!(rows = count, removed, used_up, seconds, "{name} is made; the log is read from where it began");
        Ok(at)
    }

    /// Takes the place in the store from which every step of this copy is counted.
    async fn begin(&self, client: &Client, at: &str) -> Result<Taker<'_>, SourceError> {
        let config = self.planner.source;
        let source = prepare::name(client, &config.slot, "copy").await?;
        let mut taker = Taker {
            ingest: self.ingest,
            config,
            position: self.ingest.store.position(&source).await?,
            source,
            standing: self.standing,
            planner: self.planner,
            takes: Takes::Copies,
            first: None,
            known: KnownTables::default(),
        };
        taker.step(place(at)?).await?;
        Ok(taker)
    }

    /// What follows the rows: how many objects were removed, and how many `ready` webhooks used up.
    async fn end(&self, taker: &mut Taker<'_>, relations: &[Arc<Relation>], what: &What) -> Result<(usize, usize), SourceError> {
        let (mut removed, mut used_up) = (0, 0);
        for relation in relations {
            let Some(to) = taker.position else { continue };
            let older_than = taker.first;
            removed += patiently!(self.standing, taker.empty(relation, older_than, to));
        }
        for relation in relations {
            match what.ready(relation.id) {
                Ready::UsedUp => used_up += self.use_up(taker, relation).await?,
                Ready::Left => {}
            }
        }
        // What has waited since before for an object that has come with the copy.
        patiently!(self.standing, self.ingest.reexamine());
        Ok((removed, used_up))
    }

    /// Uses up the `ready` webhooks of a table's model for the objects that meet their conditions; for how many.
    async fn use_up(&self, taker: &mut Taker<'_>, relation: &Relation) -> Result<usize, SourceError> {
        let generation = self.ingest.generation();
        let program = &generation.rules.program;
        let plan = taker.planned(&generation).await?;
        let Some(model) = plan.table(relation).and_then(|table| program.model_named(&table.model)) else { return Ok(0) };
        let webhooks = program.model(model).webhooks.iter().map(|id| program.webhook(*id));
        let mut used_up = 0;
        for webhook in webhooks.filter(|webhook| webhook.kind == WebhookType::Ready) {
            used_up += self.use_up_one(taker, &program.model(model).name, &webhook.name).await?;
        }
        Ok(used_up)
    }

    async fn use_up_one(&self, taker: &Taker<'_>, model: &str, webhook: &str) -> Result<usize, SourceError> {
        let scope = taker.scope();
        let (mut after, mut used_up) = (None::<Box<str>>, 0);
        tracing::info!(webhook, "it is used up for the rows that meet its conditions");
        loop {
            // It may not be there any more, or be another one.
            let generation = self.ingest.generation();
            let Some(id) = generation.rules.program.webhook_named(webhook) else { return Ok(used_up) };
            let page = IdPage { after: after.as_deref(), older_than: None, limit: PAGE };
            let objects = patiently!(self.standing, self.ingest.store.object_ids(&scope, model, page));
            let Some(last) = objects.last().cloned() else { return Ok(used_up) };
            let asked = Backfill { webhook: id, objects, mode: Mode::UseUp };
            let became = patiently!(self.standing, self.ingest.backfill(&scope, &generation, asked.clone()));
            used_up += became.used_up;
            after = Some(last);
        }
    }
}

/// What is copied.
enum What {
    /// All tables, before anything is read.
    All(Copy),
    /// Those that came later, and the name under which the place of each is kept.
    Tables(Vec<(Added, Box<str>)>),
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            Self::All(_) => FIRST,
            Self::Tables(_) => LATER,
        }
    }

    fn lasts(&self) -> Lasts {
        match self {
            Self::All(_) => Lasts::ForEver,
            Self::Tables(_) => Lasts::Session,
        }
    }

    /// The tables of a plan that are copied.
    fn of(&self, mut plan: Plan) -> Plan {
        match self {
            Self::All(_) => {}
            Self::Tables(tables) => plan.tables.retain(|_, table| tables.iter().any(|(added, _)| added.oid == table.shape.oid)),
        }
        plan
    }

    fn ready(&self, oid: u32) -> Ready {
        match self {
            Self::All(copy) => copy.ready,
            Self::Tables(tables) => tables.iter().find(|(added, _)| added.oid == oid).map_or(Ready::UsedUp, |(added, _)| added.copy.ready),
        }
    }
}

fn place(at: &str) -> Result<Position, SourceError> {
    let lsn: Lsn = at.parse().map_err(|_| SourceError::Connection(format!("the server calls a place in its log `{at}`")))?;
    Ok(Position::at(lsn.0))
}

/// What came of work; `None`: the store has failed, and it is to be done again after a while.
async fn settled<T, E>(standing: &Standing, done: Result<T, E>) -> Result<Option<T>, SourceError>
where
    SourceError: From<E>,
{
    match done.map_err(SourceError::from) {
        Err(SourceError::Store(error)) if error != StoreError::Closed => {
            standing.stopped(&error.to_string());
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(done) => {
            standing.copying();
            Ok(Some(done))
        }
    }
}
