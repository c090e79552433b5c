//! What is told → saves, transaction by transaction, each committed whole together with the place it has in the log. Transactions that have
//! arrived together are committed together. One that is larger than a commit should be is taken in parts, in order, each with its place:
//! after a restart it goes on behind the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::SourceError;
use super::fit::{Fit, fit};
use super::lsn::Lsn;
use super::pgoutput::{Message, Relation, read};
use super::plan::Plan;
use super::row::{InTable, RowChange, saves};
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
    /// How tables fit by that plan, as they are described at present.
    pub fits: BTreeMap<u32, (Arc<Relation>, Option<Arc<Fit>>)>,
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
    /// A row that the data model does not allow.
    LeftOut,
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
            Message::Begin { commit, at_us } => {
                self.standing.begins(at_us);
                self.open = Some(Open { commit, changes: 0, at_us });
            }
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
            Message::Relation(relation) => self.described(relation),
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

    /// A table is described: for the first time, or after it was altered.
    fn described(&mut self, relation: Relation) {
        let known = self.relations.get(&relation.id);
        if known.is_some_and(|known| **known == relation) {
            return;
        }
        if known.is_some() {
            // It may have a type that is new, or another name.
            self.plan = None;
        }
        self.relations.insert(relation.id, Arc::new(relation));
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
        self.standing.applied(*self.applied.borrow(), self.open.map(|open| open.at_us));
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

    /// Takes in rows, in one transaction as long as all of their tables fit.
    async fn rows(&mut self, mut rows: Vec<Waiting>) -> Result<(), SourceError> {
        while !rows.is_empty() {
            let taken = self.first_rows(&mut rows).await?;
            rows.drain(..taken);
        }
        Ok(())
    }

    /// Takes in the first of the rows, and how many: none when it has waited until something may have been mended.
    async fn first_rows(&mut self, rows: &mut [Waiting]) -> Result<usize, SourceError> {
        let generation = self.ingest.generation();
        let plan = match self.planned(&generation).await {
            Err(SourceError::Unfit(mistakes)) => return self.hold(&mistakes.join("; ")).await,
            planned => planned?,
        };
        let (fits, unfit) = self.fitting(&plan, &generation, rows);
        let Some(to) = fits.len().checked_sub(1).and_then(|last| rows.get(last)).map(|last| last.to) else {
            return self.hold(&unfit.unwrap_or_default()).await;
        };
        let (place, why) = match read_rows(&generation, &plan, rows, &fits) {
            Err(refused) => refused,
            Ok((saves, places)) => match self.take(saves, &generation, to).await {
                Ok(()) => return Ok(fits.len()),
                Err(IngestOr::Refused(index, why)) => (places.get(index).copied().unwrap_or_default(), why),
                Err(IngestOr::Other(error)) => return Err(error),
            },
        };
        match (self.config.refused, rows.get_mut(place)) {
            (OnRefused::Skip, Some(row)) => {
                tracing::error!(%why, "a row of the source was left out");
                self.standing.skipped();
                row.what = What::LeftOut;
                Ok(0)
            }
            (OnRefused::Stop | OnRefused::Skip, _) => self.hold(&why).await,
        }
    }

    /// Stands still for a moment: the schema or the table may be mended meanwhile, so that both are looked at anew.
    async fn hold(&mut self, why: &str) -> Result<usize, SourceError> {
        self.standing.stopped(why);
        self.plan = None;
        tokio::time::sleep(PAUSE).await;
        Ok(0)
    }

    /// How the first rows fit, up to the first whose table does not, and why that does not.
    fn fitting(&mut self, plan: &Plan, generation: &Generation, rows: &[Waiting]) -> (Vec<Option<Arc<Fit>>>, Option<String>) {
        let mut fits = Vec::with_capacity(rows.len());
        for row in rows {
            let What::Row(table, _) = &row.what else {
                fits.push(None);
                continue;
            };
            match self.fit(plan, generation, table) {
                Ok(fit) => fits.push(fit),
                Err(mistakes) => return (fits, Some(mistakes.join("; "))),
            }
        }
        (fits, None)
    }

    /// How a table fits that a row is of; `None`: no model is for it.
    fn fit(&mut self, plan: &Plan, generation: &Generation, table: &Arc<Relation>) -> Result<Option<Arc<Fit>>, Vec<String>> {
        if let Some((_, fit)) = self.fits.get(&table.id).filter(|(known, _)| Arc::ptr_eq(known, table)) {
            return Ok(fit.clone());
        }
        let program = &generation.rules.program;
        let model = plan.table(table).and_then(|of| Some((of, program.model_named(&of.model)?)));
        let fit = model.map(|(of, model)| fit(of, &plan.types, program.model(model), table).map(Arc::new)).transpose()?;
        self.fits.insert(table.id, (Arc::clone(table), fit.clone()));
        Ok(fit)
    }

    async fn planned(&mut self, generation: &Arc<Generation>) -> Result<Arc<Plan>, SourceError> {
        if let Some((_, plan)) = self.plan.as_ref().filter(|(number, _)| *number == generation.number) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(self.planner.published_plan(&generation.rules.program).await?);
        self.plan = Some((generation.number, Arc::clone(&plan)));
        self.fits.clear();
        Ok(plan)
    }

    async fn take(&mut self, saves: Vec<Save>, generation: &Arc<Generation>, to: Position) -> Result<(), IngestOr> {
        let advance = Advance { source: self.source.clone(), from: self.position, to };
        let (scope, count) = (TenantScope::of_node(self.tenant()), saves.len());
        match self.ingest.follow(&scope, saves, generation, advance).await {
            Ok(Followed::Taken) => {
                self.position = Some(to);
                self.standing.streaming();
                self.standing.taken(count);
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
            let model = plan.table(table).and_then(|plan| Some((plan.model.clone(), program.model_named(&plan.model)?)));
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

/// The saves of as many rows as fit, and for each the place of its row.
fn read_rows(
    generation: &Generation,
    plan: &Plan,
    rows: &[Waiting],
    fits: &[Option<Arc<Fit>>],
) -> Result<(Vec<Save>, Vec<usize>), (usize, String)> {
    let (mut all, mut places) = (Vec::with_capacity(fits.len()), Vec::with_capacity(fits.len()));
    for (place, (row, fit)) in rows.iter().zip(fits).enumerate() {
        let (What::Row(table, change), Some(fit)) = (&row.what, fit) else { continue };
        let Some(plan) = plan.table(table) else { continue };
        for save in saves(&InTable { rules: &generation.rules, plan, fit, table }, change).map_err(|why| (place, why))? {
            all.push(save);
            places.push(place);
        }
    }
    Ok((all, places))
}
