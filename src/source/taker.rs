//! Changes of rows → saves, taken in together with the place that they have at their source: as many as fit at once, in order. A row that
//! does not fit, or that the data model does not allow, is what everything behind it waits for, until schema or table are mended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::error::SourceError;
use super::fit::{Fit, fit};
use super::lookout::Lookout;
use super::pgoutput::Relation;
use super::plan::{Plan, TablePlan, model_of_gone};
use super::row::{InTable, RowChange, saves};
use super::standing::Standing;
use crate::access::TenantScope;
use crate::config::{self, OnRefused};
use crate::engine::{Change, Save};
use crate::generation::Generation;
use crate::ids::Sequence;
use crate::ingest::{Followed, Ingest, IngestError};
use crate::program::Program;
use crate::store::{Advance, IdPage, Position};

/// The wait before a refused row is tried once more: the schema may have been mended.
const PAUSE: Duration = Duration::from_secs(1);
/// Objects that are removed together when a table is emptied.
pub(super) const PAGE: usize = 1_000;

/// Takes changes in.
pub(super) struct Taker<'a> {
    pub ingest: &'a Ingest,
    pub config: &'a config::Source,
    /// The name under which its place is kept.
    pub source: Box<str>,
    /// How far everything is taken in.
    pub position: Option<Position>,
    pub standing: &'a Standing,
    /// Makes the plan for a program.
    pub planner: &'a super::Planner<'a>,
    pub takes: Takes,
    /// Of what was taken in, the first.
    pub first: Option<Sequence>,
    pub known: KnownTables,
}

/// What is known of the tables at present.
#[derive(Default)]
pub(super) struct KnownTables {
    /// The plan for a generation.
    plan: Option<(u64, Arc<Plan>)>,
    /// The transactions that may have altered tables since.
    altered_by: Vec<u32>,
    /// How tables fit by it, as they are described.
    fits: BTreeMap<u32, (Arc<Relation>, Option<Arc<Fitted>>)>,
    /// The publication, as the plan has it.
    lookout: Option<Lookout>,
}

impl KnownTables {
    /// What is known when the plan for a generation has been made.
    pub(super) fn of(generation: &Generation, plan: Arc<Plan>) -> Self {
        let lookout = Some(Lookout::of(plan.published.clone()));
        Self { plan: Some((generation.number, plan)), altered_by: Vec::new(), fits: BTreeMap::new(), lookout }
    }
}

/// A table that a model is for, and how it fits.
struct Fitted {
    table: Arc<TablePlan>,
    fit: Fit,
}

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// What has changed: every webhook is decided.
    Changes,
    /// What was there before: nothing is decided.
    Copies,
}

/// A change that is not taken in yet.
pub(super) struct Waiting {
    pub what: What,
    /// Its place.
    pub to: Position,
}

pub(super) enum What {
    Row(Arc<Relation>, RowChange),
    Emptied(Arc<Relation>),
    /// A row that the data model does not allow.
    LeftOut,
}

impl Taker<'_> {
    /// Takes in rows, in one transaction as long as all of their tables fit. What is taken in is removed from them.
    pub(super) async fn rows(&mut self, rows: &mut Vec<Waiting>) -> Result<(), SourceError> {
        while !rows.is_empty() {
            let taken = self.first_rows(rows).await?;
            rows.drain(..taken);
        }
        Ok(())
    }

    /// Takes a step with which nothing is told.
    pub(super) async fn step(&mut self, to: Position) -> Result<(), SourceError> {
        if !self.ingest.store.advance(&self.advance(to)).await? {
            return Err(SourceError::Overtaken);
        }
        self.position = Some(to);
        self.goes_on();
        Ok(())
    }

    fn advance(&self, to: Position) -> Advance {
        Advance { source: self.source.clone(), from: self.position, to }
    }

    fn goes_on(&self) {
        match self.takes {
            Takes::Changes => self.standing.streaming(),
            Takes::Copies => self.standing.copying(),
        }
    }

    /// Whether the table is what the plan has. One that it has otherwise, or not at all, was altered, or is new.
    pub(super) fn has_planned(&self, table: &Relation) -> bool {
        self.known.plan.as_ref().is_some_and(|(_, plan)| plan.has(table))
    }

    /// The tables may be others than they were, by this transaction.
    pub(super) fn altered_by(&mut self, transaction: Option<u32>) {
        self.known.plan = None;
        self.known.altered_by.extend(transaction);
    }

    /// Whether program, tables and publication fit, if one of them is another than before. Stands still for a moment when they do not.
    pub(super) async fn is_planned(&mut self) -> Result<bool, SourceError> {
        let generation = self.ingest.generation();
        match self.planned(&generation).await {
            Err(SourceError::Unfit(mistakes)) => {
                self.hold(&mistakes.join("; ")).await?;
                Ok(false)
            }
            Err(error) => Err(error),
            Ok(_) => {
                if let Some(lookout) = &mut self.known.lookout
                    && let Some(why) = lookout.look(self.planner, &generation.rules.program).await
                {
                    self.hold(&why).await?;
                    return Ok(false);
                }
                self.goes_on();
                Ok(true)
            }
        }
    }

    /// Takes in the first of the rows, up to one that cannot be taken in, and how many: none when it has waited until something may have been
    /// mended.
    async fn first_rows(&mut self, rows: &mut [Waiting]) -> Result<usize, SourceError> {
        let generation = self.ingest.generation();
        let plan = match self.planned(&generation).await {
            Err(SourceError::Unfit(mistakes)) => return self.hold(&mistakes.join("; ")).await,
            planned => planned?,
        };
        let (fits, unfit) = self.fitting(&plan, &generation, rows);
        let Read { saves, places, refused } = read_rows(&generation, rows, &fits, self.config.refused);
        let mut count = fits.len();
        let mut why = unfit.unwrap_or_default();
        for (place, reason) in refused {
            match self.config.refused {
                OnRefused::Skip => self.leave_out(rows, place, &reason),
                OnRefused::Stop => (count, why) = (place, reason),
            }
        }
        let Some(to) = count.checked_sub(1).and_then(|last| rows.get(last)).map(|last| last.to) else {
            return self.hold(&why).await;
        };
        match self.take(saves, &generation, to).await {
            Ok(()) => Ok(count),
            Err(IngestOr::Refused(index, why)) => match (self.config.refused, places.get(index).copied().unwrap_or_default()) {
                (OnRefused::Skip, place) => {
                    self.leave_out(rows, place, &why);
                    Ok(0)
                }
                (OnRefused::Stop, 0) => self.hold(&why).await,
                // What comes before it is taken in.
                (OnRefused::Stop, place) => Box::pin(self.first_rows(rows.split_at_mut(place).0)).await,
            },
            Err(IngestOr::Other(error)) => Err(error),
        }
    }

    /// Goes on without a row that the data model does not allow.
    fn leave_out(&self, rows: &mut [Waiting], place: usize, why: &str) {
        self.standing.skipped(why);
        if let Some(row) = rows.get_mut(place) {
            row.what = What::LeftOut;
        }
    }

    /// Stands still for a moment: the schema or the table may be mended meanwhile, so that both are looked at anew.
    async fn hold(&mut self, why: &str) -> Result<usize, SourceError> {
        self.standing.stopped(why);
        self.altered_by(None);
        tokio::time::sleep(PAUSE).await;
        Ok(0)
    }

    /// How the first rows fit, up to the first whose table does not, and why that does not.
    fn fitting(&mut self, plan: &Plan, generation: &Generation, rows: &[Waiting]) -> (Vec<Option<Arc<Fitted>>>, Option<String>) {
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
    fn fit(&mut self, plan: &Plan, generation: &Generation, table: &Arc<Relation>) -> Result<Option<Arc<Fitted>>, Vec<String>> {
        if let Some((_, fit)) = self.known.fits.get(&table.id).filter(|(known, _)| Arc::ptr_eq(known, table)) {
            return Ok(fit.clone());
        }
        let program = &generation.rules.program;
        let of = plan.table(table);
        if of.is_none() {
            self.of_gone(table, program)?;
        }
        let model = of.and_then(|of| Some((of, program.model_named(&of.model)?)));
        let fitted = |(of, model): (&Arc<TablePlan>, _)| {
            let fit = fit(of, &plan.types, program.model(model), table)?;
            Ok::<_, Vec<String>>(Arc::new(Fitted { table: Arc::clone(of), fit }))
        };
        let fit = model.map(fitted).transpose()?;
        self.known.fits.insert(table.id, (Arc::clone(table), fit.clone()));
        Ok(fit)
    }

    /// Rows of a table that is gone are nobody's, unless a model is for it.
    fn of_gone(&self, table: &Relation, program: &Program) -> Result<(), Vec<String>> {
        let Relation { schema, name, .. } = table;
        let Some(model) = model_of_gone(self.config, program, &(schema.clone(), name.clone())) else { return Ok(()) };
        Err(vec![format!(
            "the log has rows of the table `{schema}.{name}` of the model `{}`, and the database does not have it any more; make it anew to have \
             them taken in, or take the model out of the schema until they have been passed over",
            model.name
        )])
    }

    pub(super) async fn planned(&mut self, generation: &Arc<Generation>) -> Result<Arc<Plan>, SourceError> {
        if let Some((_, plan)) = self.known.plan.as_ref().filter(|(number, _)| *number == generation.number) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(self.planner.published_plan(&generation.rules.program, &self.known.altered_by).await?);
        if plan.lacks_tables && self.takes == Takes::Changes {
            return Err(SourceError::TablesCame);
        }
        self.known = KnownTables::of(generation, Arc::clone(&plan));
        Ok(plan)
    }

    async fn take(&mut self, saves: Vec<Save>, generation: &Arc<Generation>, to: Position) -> Result<(), IngestOr> {
        let (advance, scope, count) = (self.advance(to), self.scope(), saves.len());
        let followed = match self.takes {
            Takes::Changes => self.ingest.follow(&scope, saves, generation, advance).await,
            Takes::Copies => self.ingest.adopt(&scope, saves, generation, advance).await,
        };
        match followed {
            Ok(Followed::Taken(first)) => {
                self.position = Some(to);
                self.first = self.first.or(first);
                self.goes_on();
                match self.takes {
                    Takes::Changes => self.standing.taken(count),
                    Takes::Copies => {}
                }
                Ok(())
            }
            Ok(Followed::Overtaken) => Err(IngestOr::Other(SourceError::Overtaken)),
            Err(IngestError::Refused { index, refused }) => Err(IngestOr::Refused(index, refused.message)),
            Err(IngestError::Store(error)) => Err(IngestOr::Other(error.into())),
        }
    }

    /// Removes every object of a table's model, or those that have not been saved since a position, in pages; the last one takes the step. How
    /// many there were.
    pub(super) async fn empty(&mut self, table: &Relation, older_than: Option<Sequence>, to: Position) -> Result<usize, SourceError> {
        let (scope, mut count) = (self.scope(), 0);
        let page = IdPage { after: None, older_than, limit: PAGE };
        loop {
            let generation = self.ingest.generation();
            let plan = self.planned(&generation).await?;
            let program = &generation.rules.program;
            let model = plan.table(table).and_then(|plan| Some((plan.model.clone(), program.model_named(&plan.model)?)));
            let ids = match &model {
                Some((name, _)) => self.ingest.store.object_ids(&scope, name, page).await?,
                None => Vec::new(),
            };
            let is_last = ids.len() < PAGE;
            count += ids.len();
            let gone = |id| model.as_ref().map(|(_, model)| Save { model: *model, id, change: Change::RowGone(Vec::new()) });
            let saves = ids.into_iter().filter_map(gone).collect();
            // Before the last page it is still to be done: nothing of its transaction was taken in when there is no place yet.
            let to = if is_last { to } else { self.position.unwrap_or(Position { lsn: to.lsn, changes: 0 }) };
            match self.take(saves, &generation, to).await {
                Ok(()) if is_last => return Ok(count),
                Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The tenant whose objects the rows are.
    pub(super) fn scope(&self) -> TenantScope {
        TenantScope::of_node(self.config.tenant.clone())
    }
}

enum IngestOr {
    Refused(usize, String),
    Other(SourceError),
}

impl From<IngestOr> for SourceError {
    fn from(error: IngestOr) -> Self {
        match error {
            IngestOr::Refused(_, why) => Self::Refused(why),
            IngestOr::Other(error) => error,
        }
    }
}

/// What rows are.
struct Read {
    saves: Vec<Save>,
    /// For each save, the place of its row.
    places: Vec<usize>,
    /// The places of rows that the data model does not allow, and why.
    refused: Vec<(usize, String)>,
}

/// Reads as many rows as fit; no further than to the first that is refused, when nothing goes on behind it.
fn read_rows(generation: &Generation, rows: &[Waiting], fits: &[Option<Arc<Fitted>>], on_refused: OnRefused) -> Read {
    let mut read = Read { saves: Vec::with_capacity(fits.len()), places: Vec::with_capacity(fits.len()), refused: Vec::new() };
    for (place, (row, fitted)) in rows.iter().zip(fits).enumerate() {
        let (What::Row(table, change), Some(fitted)) = (&row.what, fitted) else { continue };
        match saves(&InTable { rules: &generation.rules, plan: &fitted.table, fit: &fitted.fit, table }, change) {
            Ok(saves) => {
                read.places.extend(std::iter::repeat_n(place, saves.len()));
                read.saves.extend(saves);
            }
            Err(why) => {
                read.refused.push((place, why));
                match on_refused {
                    OnRefused::Stop => break,
                    OnRefused::Skip => {}
                }
            }
        }
    }
    read
}
