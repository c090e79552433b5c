//! What is told → saves, transaction by transaction, each committed whole together with the place it has in the log. Transactions that have
//! arrived together are committed together. One that is larger than a commit should be is taken in parts, in order, each with its place:
//! after a restart it goes on behind the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::SourceError;
use super::lsn::Lsn;
use super::pgoutput::{Message, Relation, read};
use super::plan::{Plan, TablePlan};
use super::row::{RowChange, saves};
use super::standing::Standing;
use super::stream::Told;
use crate::access::TenantScope;
use crate::config::{self, OnRefused};
use crate::engine::Save;
use crate::generation::Generation;
use crate::ids::Tenant;
use crate::ingest::{Followed, Ingest, IngestError};
use crate::store::{Advance, Position};

/// Changes that are committed together at most: more would hold up every other save.
const MOST_CHANGES: usize = 5_000;
/// Bytes of those, for the same reason and because they are in memory.
const MOST_BYTES: usize = 16 << 20;
/// The wait before a refused row is tried once more: the schema may have been mended.
const PAUSE: Duration = Duration::from_secs(1);
/// Objects that are removed together when a table is emptied.
const PAGE: usize = 1_000;

/// Takes in what one connection tells.
pub(super) struct Intake<'a> {
    pub ingest: &'a Ingest,
    pub config: &'a config::Source,
    /// The name under which its place is kept.
    pub source: Box<str>,
    /// How far everything is taken in.
    pub position: Option<Position>,
    pub standing: &'a Standing,
    /// Is told how far.
    pub applied: watch::Sender<Lsn>,
    /// Makes the plan for a program.
    pub planner: super::Planner<'a>,
    pub relations: BTreeMap<u32, Arc<Relation>>,
    pub waiting: Vec<Waiting>,
    /// How many of these are of transactions that have ended.
    pub whole: usize,
    /// The end of the last of them.
    pub end: Lsn,
    pub bytes: usize,
    pub open: Option<Open>,
    pub plan: Option<(u64, Arc<Plan>)>,
}

/// The transaction that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    commit: Lsn,
    changes: u64,
    at_us: i64,
}

/// A change that is not taken in yet.
pub(super) struct Waiting {
    what: What,
    /// Its place.
    to: Position,
}

enum What {
    Row(Arc<Relation>, RowChange),
    Emptied(Arc<Relation>),
}

impl Intake<'_> {
    /// Goes on until nothing more is told.
    pub(super) async fn run(&mut self, told: &mut mpsc::Receiver<Told>) -> Result<(), SourceError> {
        loop {
            let next = match told.try_recv() {
                Ok(next) => next,
                Err(_) if self.whole > 0 => {
                    self.commit(self.whole).await?;
                    continue;
                }
                Err(_) => match told.recv().await {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
            match next {
                Told::Logged(bytes, end) => {
                    self.standing.log_ends(end);
                    self.bytes += bytes.len();
                    self.message(read(bytes)?)?;
                }
                Told::Through(end) => {
                    self.standing.log_ends(end);
                    if self.whole > 0 {
                        self.commit(self.whole).await?;
                    }
                    if self.open.is_none() {
                        self.acknowledge(end);
                    }
                }
            }
            if self.waiting.len() >= MOST_CHANGES || self.bytes >= MOST_BYTES {
                // A part of a large transaction when there is nothing else.
                let count = if self.whole > 0 { self.whole } else { self.waiting.len() };
                self.commit(count).await?;
            }
        }
    }

    fn message(&mut self, message: Message) -> Result<(), SourceError> {
        match message {
            Message::Begin { commit, at_us } => self.open = Some(Open { commit, changes: 0, at_us }),
            Message::Commit { end } => {
                if let Some(open) = self.open.take() {
                    // The last change of a transaction stands for all of it.
                    if let Some(last) = self.waiting.last_mut().filter(|last| last.to.lsn == open.commit.0) {
                        last.to = Position::behind(open.commit.0);
                    }
                    self.standing.read(open.at_us);
                }
                (self.whole, self.end) = (self.waiting.len(), end);
                if self.whole == 0 {
                    self.acknowledge(end);
                }
            }
            Message::Relation(relation) => drop(self.relations.insert(relation.id, Arc::new(relation))),
            Message::Insert { table, new } => self.change(table, |table| What::Row(table, RowChange::Now { new, old: None }))?,
            Message::Update { table, old, new } => self.change(table, |table| What::Row(table, RowChange::Now { new, old }))?,
            Message::Delete { table, old } => self.change(table, |table| What::Row(table, RowChange::Gone(old)))?,
            Message::Truncate { tables } => {
                for table in tables {
                    self.change(table, What::Emptied)?;
                }
            }
            Message::Other => {}
        }
        Ok(())
    }

    fn change(&mut self, table: u32, what: impl FnOnce(Arc<Relation>) -> What) -> Result<(), SourceError> {
        let unknown = || SourceError::Connection(format!("the server tells of table {table}, which it has not described"));
        let relation = Arc::clone(self.relations.get(&table).ok_or_else(unknown)?);
        let Some(open) = &mut self.open else {
            return Err(SourceError::Connection("the server tells of a change outside of a transaction".to_owned()));
        };
        open.changes += 1;
        let to = Position { lsn: open.commit.0, changes: open.changes };
        // It has been taken in before the connection was made.
        if self.position.is_none_or(|position| position < to) {
            self.waiting.push(Waiting { what: what(relation), to });
        }
        Ok(())
    }

    fn acknowledge(&self, through: Lsn) {
        self.applied.send_if_modified(|applied| {
            let is_later = *applied < through;
            *applied = through.max(*applied);
            is_later
        });
        self.standing.applied(*self.applied.borrow());
    }

    /// Takes in the first so many of what waits.
    async fn commit(&mut self, count: usize) -> Result<(), SourceError> {
        let mut batch: Vec<Waiting> = self.waiting.drain(..count).collect();
        let is_whole = self.whole == count;
        self.whole = self.whole.saturating_sub(count);
        self.bytes = 0;
        while !batch.is_empty() {
            if let Some(Waiting { what: What::Emptied(table), to }) = batch.first() {
                self.empty(table, *to).await?;
                batch.remove(0);
                continue;
            }
            let rows = batch.iter().position(|waiting| matches!(waiting.what, What::Emptied(_))).unwrap_or(batch.len());
            let rest = batch.split_off(rows);
            self.rows(batch).await?;
            batch = rest;
        }
        if is_whole {
            self.acknowledge(self.end);
        }
        Ok(())
    }

    /// Takes in rows, in one transaction.
    async fn rows(&mut self, rows: Vec<Waiting>) -> Result<(), SourceError> {
        let Some(to) = rows.last().map(|last| last.to) else { return Ok(()) };
        let mut skipped = vec![false; rows.len()];
        loop {
            let generation = self.ingest.generation();
            let (place, why) = match self.planned(&generation).await {
                Err(SourceError::Unfit(mistakes)) => (None, mistakes.join("; ")),
                Err(error) => return Err(error),
                Ok(plan) => match read_rows(&generation, &plan, &rows, &skipped) {
                    Err((place, why)) => (Some(place), why),
                    Ok((saves, places)) => match self.take(saves, &generation, to).await {
                        Ok(()) => return Ok(()),
                        Err(IngestOr::Refused(index, why)) => (places.get(index).copied(), why),
                        Err(IngestOr::Other(error)) => return Err(error),
                    },
                },
            };
            match (self.config.refused, place.and_then(|place| skipped.get_mut(place))) {
                (OnRefused::Skip, Some(skipped)) => {
                    tracing::error!(%why, "a row of the source was left out");
                    self.standing.skipped();
                    *skipped = true;
                }
                (OnRefused::Stop | OnRefused::Skip, _) => {
                    self.standing.stopped(&why);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn planned(&mut self, generation: &Arc<Generation>) -> Result<Arc<Plan>, SourceError> {
        if let Some((_, plan)) = self.plan.as_ref().filter(|(number, _)| *number == generation.number) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(self.planner.plan(&generation.rules.program).await?);
        self.plan = Some((generation.number, Arc::clone(&plan)));
        Ok(plan)
    }

    async fn take(&mut self, saves: Vec<Save>, generation: &Arc<Generation>, to: Position) -> Result<(), IngestOr> {
        let advance = Advance { source: self.source.clone(), from: self.position, to };
        let scope = TenantScope::of_node(self.tenant());
        match self.ingest.follow(&scope, saves, generation, advance).await {
            Ok(Followed::Taken) => {
                self.position = Some(to);
                self.standing.streaming();
                Ok(())
            }
            Ok(Followed::Overtaken) => Err(IngestOr::Other(SourceError::Overtaken)),
            Err(IngestError::Refused { index, refused }) => Err(IngestOr::Refused(index, refused.message)),
            Err(IngestError::Store(error)) => Err(IngestOr::Other(error.into())),
        }
    }

    /// Removes every object of a table's model, in pages; the last one takes the step.
    async fn empty(&mut self, table: &Relation, to: Position) -> Result<(), SourceError> {
        let scope = TenantScope::of_node(self.tenant());
        loop {
            let generation = self.ingest.generation();
            let plan = self.planned(&generation).await?;
            let program = &generation.rules.program;
            let model = table_plan(&plan, table).and_then(|plan| Some((plan.model.clone(), program.model_named(&plan.model)?)));
            let ids = match &model {
                Some((name, _)) => self.ingest.store.object_ids(&scope, name, None, PAGE).await?,
                None => Vec::new(),
            };
            let is_last = ids.len() < PAGE;
            let gone = |id| model.as_ref().map(|(_, model)| Save { model: *model, id, change: crate::engine::Change::RowGone(Vec::new()) });
            let saves = ids.into_iter().filter_map(gone).collect();
            // Before the last page it is still to be done: nothing of its transaction was taken in when there is no place yet.
            let to = if is_last { to } else { self.position.unwrap_or(Position { lsn: to.lsn, changes: 0 }) };
            match self.take(saves, &generation, to).await {
                Ok(()) if is_last => return Ok(()),
                Ok(()) => {}
                Err(IngestOr::Refused(_, why)) => return Err(SourceError::Refused(why)),
                Err(IngestOr::Other(error)) => return Err(error),
            }
        }
    }

    fn tenant(&self) -> Tenant {
        self.config.tenant.clone()
    }
}

enum IngestOr {
    Refused(usize, String),
    Other(SourceError),
}

fn table_plan<'p>(plan: &'p Plan, table: &Relation) -> Option<&'p TablePlan> {
    plan.tables.get(&(table.schema.clone(), table.name.clone()))
}

/// The saves of rows, and for each the place of its row.
fn read_rows(generation: &Generation, plan: &Plan, rows: &[Waiting], skipped: &[bool]) -> Result<(Vec<Save>, Vec<usize>), (usize, String)> {
    let (mut all, mut places) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (place, (row, skipped)) in rows.iter().zip(skipped).enumerate() {
        let What::Row(table, change) = &row.what else { continue };
        let Some(plan) = table_plan(plan, table).filter(|_| !skipped) else { continue };
        for save in saves(&generation.rules, plan, table, change).map_err(|why| (place, why))? {
            all.push(save);
            places.push(place);
        }
    }
    Ok((all, places))
}
