//! A `PostgreSQL` database that is read as it changes: its log in, saves out, each of its transactions in one of ours. Nothing is made in that
//! database but a publication and a slot, and no trigger. Absent: what a save leads to.
//!
//! 2026-11-27: the stream is read with the messages of `postgres-protocol` over a socket of our own, since `tokio-postgres` has no replication
//! mode and a further client would bring another way to sign in and to use TLS. What the output plugin writes is read here, too: that
//! every committed row version arrives once is what this is for.
//! Protocol version 1, in which a transaction arrives when it has been committed: the server keeps what is under way, not this node.

mod birth;
mod catalog;
mod continuity;
mod copy;
mod error;
mod examine;
mod fit;
mod followed;
pub mod import;
mod intake;
mod lookout;
mod lsn;
pub mod pgoutput;
mod plan;
mod prepare;
mod row;
mod silence;
mod slot;
mod standing;
mod stream;
mod taker;
mod turn;
mod value;
mod wire;

pub use birth::Ready;
pub use error::SourceError;
pub use examine::examine;
pub use followed::{Followed, followed};
pub use lsn::Lsn;
pub use slot::{SlotLog, SlotState};
pub use standing::{CopyProgress, SourceLag, SourceState, Standing};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use tokio::sync::{mpsc, watch};
use tokio_postgres::Client;

use crate::config;
use crate::ingest::Ingest;
use crate::program::Program;
use crate::store::Position;
use catalog::Published;
use copy::FirstCopy;
use intake::Intake;
use plan::{Plan, plan};
use prepare::Way;
use silence::answered;
use taker::{KnownTables, Taker, Takes};
use wire::Wire;

/// The wait before the first reconnection; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest wait before a reconnection.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often a node that waits for another one asks whether it may read.
const TURN: Duration = Duration::from_secs(1);

/// Reads the source for ever, and tells how it stands.
pub async fn run(source: config::Source, folder: std::path::PathBuf, ingest: Ingest, standing: Arc<Standing>) {
    let mut pause = FIRST_PAUSE;
    // The place of somebody else's slot goes on and on, and is told once.
    let mut is_told = false;
    loop {
        let began = Instant::now();
        let Err(error) = Box::pin(once(&source, &folder, &ingest, &standing)).await else { return };
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        let was_told = std::mem::replace(&mut is_told, matches!(error, SourceError::Discontinued(_)));
        if error.is_active_elsewhere() {
            standing.waiting();
            tokio::time::sleep(TURN).await;
            continue;
        }
        if !(is_told && was_told || matches!(error, SourceError::Overtaken | SourceError::TablesCame)) {
            standing.stopped(&error.to_string());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Reads it over one connection.
async fn once(source: &config::Source, folder: &Path, ingest: &Ingest, standing: &Standing) -> Result<(), SourceError> {
    let way = reach(source, folder)?;
    let planner = Planner { way: &way, source };
    let client = way.connect().await?;
    if answered(slot::is_read(&client, &source.slot)).await? {
        answered(continuity::of_reader(&client, source, &ingest.store)).await?;
        return Err(SourceError::Elsewhere);
    }
    FirstCopy::new(&planner, ingest, standing).make_if_wanted(&client).await?;
    prepare::are_there(&client, source).await?;
    let generation = ingest.generation();
    let plan = planner.published_plan(&generation.rules.program, &[]).await?;
    // A row that was written before may fit all the same, and only a row decides.
    for why in plan.misfits(&generation.rules.program) {
        tracing::warn!(%why, "the source will stand still at the next row");
    }
    let mut wire = answered(Wire::connect(&way.config, &way.tls)).await?;
    answered(wire.start(&source.slot, &source.publication)).await?;
    // Only now nobody else goes on.
    let place = continuity::place(&client, source, &ingest.store).await?;
    drop(client);
    let (out, mut told) = mpsc::channel(stream::ROOM);
    let (applied, acknowledged) = watch::channel(Lsn::default());
    let known = KnownTables::of(&generation, Arc::new(plan));
    let planner = &planner;
    if place.birth.lacks_tables() {
        return Err(SourceError::TablesCame);
    }
    let mut copied = BTreeMap::new();
    for added in &place.birth.added {
        let at = ingest.store.position(&added.name(&place.name)).await?;
        copied.extend(at.map(|at| (added.oid, Lsn(at.lsn))));
    }
    let (name, position) = (place.name, place.position);
    let mut taker = Taker { ingest, config: source, source: name, position, standing, planner, takes: Takes::Changes, first: None, known };
    if position.is_none() {
        // From here on it is known whose it is.
        taker.step(Position::at(place.confirmed.0)).await?;
    }
    standing.streaming();
    let mut intake = Intake {
        taker,
        applied,
        relations: BTreeMap::new(),
        copied,
        waiting: Vec::new(),
        whole: 0,
        end: Lsn::default(),
        remembered: Instant::now(),
        bytes: 0,
        open: None,
    };
    tokio::select! {
        error = stream::run(wire, out, acknowledged) => Err(error),
        ended = intake.run(&mut told) => ended,
    }
}

/// Makes plans.
pub(crate) struct Planner<'a> {
    way: &'a Way,
    source: &'a config::Source,
}

impl Planner<'_> {
    /// How rows become objects of this program, by the tables as they are now.
    async fn plan(&self, client: &Client, program: &Program) -> Result<Plan, SourceError> {
        plan(self.source, program, catalog::read(client).await?).map_err(SourceError::Unfit)
    }

    /// The same, when what is read and what is published are the same tables, with what these transactions have made of them.
    async fn published_plan(&self, program: &Program, after: &[u32]) -> Result<Plan, SourceError> {
        answered(self.look_and_plan(program, after)).await
    }

    async fn look_and_plan(&self, program: &Program, after: &[u32]) -> Result<Plan, SourceError> {
        let client = self.way.connect().await?;
        catalog::can_be_seen(&client, after).await?;
        // Types and tables of one moment.
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let mut plan = self.plan(&client, program).await?;
        let publication = &self.source.publication;
        let Some(birth) = birth::birth(&client, publication).await? else {
            return Err(SourceError::Unfit(vec![prepare::unpublished(publication)]));
        };
        plan.lacks_tables = birth.lacks_tables();
        plan.published = catalog::published(&client, publication).await?;
        let mut mistakes = plan.unpublished(&plan.published, publication);
        mistakes.extend(plan.untold(program, &plan.published, publication));
        if mistakes.is_empty() { Ok(plan) } else { Err(SourceError::Unfit(mistakes)) }
    }

    /// What the publication has at present.
    async fn published(&self) -> Result<Published, SourceError> {
        catalog::published(&self.way.connect().await?, &self.source.publication).await
    }
}

fn reach(source: &config::Source, folder: &Path) -> Result<Way, SourceError> {
    let url =
        source.url.reveal(folder).map_err(|error| SourceError::Unfit(vec![format!("the URL of the source cannot be had: {error}")]))?;
    Way::to(url.expose_secret())
}

/// Makes publication and slot, or notes that the tables' rows are to be copied before; what was done, a line each.
///
/// # Errors
/// When the tables do not fit the schema, or the database does not allow it.
pub async fn init(source: &config::Source, folder: &Path, program: &Program, copy: Option<Ready>) -> Result<Vec<String>, SourceError> {
    let way = reach(source, folder)?;
    let client = way.connect().await?;
    let planned = Planner { way: &way, source }.plan(&client, program).await;
    // Everything that is in the way is said at once.
    let (plan, mut mistakes) = match planned {
        Ok(plan) => {
            let misfits = plan.misfits(program);
            (plan, misfits)
        }
        Err(SourceError::Unfit(mistakes)) => (Plan::default(), mistakes),
        Err(error) => return Err(error),
    };
    mistakes.extend(prepare::in_the_way(&client, source, &plan).await?);
    if copy.is_some() {
        match copy::may_be_read(&client, &plan).await {
            Err(SourceError::Unfit(more)) => mistakes.extend(more),
            read => read?,
        }
    }
    if !mistakes.is_empty() {
        return Err(SourceError::Unfit(mistakes));
    }
    prepare::init(&client, source, &plan, copy).await
}

/// Removes both; what was done, a line each.
///
/// # Errors
/// When the database does not allow it, or the slot is being read.
pub async fn remove(source: &config::Source, folder: &Path) -> Result<Vec<String>, SourceError> {
    prepare::remove(&reach(source, folder)?.connect().await?, source).await
}

/// What a copy is at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// None is to be made, or it has been.
    None,
    /// No node makes it yet.
    Waits(Copies),
    /// A node makes it, and is so far.
    UnderWay(Copies, String),
}

/// Which copy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// The first one, of all tables: there is no slot before.
    First,
    /// That of tables that came later.
    Later,
}

impl Copies {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => copy::FIRST,
            Self::Later => copy::LATER,
        }
    }
}

/// What there is in the database at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Whether there is the publication.
    pub is_published: bool,
    /// The slot, if there is one.
    pub slot: Option<SlotState>,
    /// Whether the log cannot be read on, since there was no publication when it was written, and why.
    pub stuck: Option<String>,
    /// The copy.
    pub copy: CopyState,
}

/// What there is at present.
///
/// # Errors
/// When the database does not answer.
pub async fn state(source: &config::Source, folder: &Path) -> Result<Prepared, SourceError> {
    let client = reach(source, folder)?.connect().await?;
    let birth = birth::birth(&client, &source.publication).await?;
    let is_published = birth.is_some();
    let slot = slot::slot_state(&client, &source.slot).await?;
    let is_unread = slot.as_ref().is_some_and(|slot| !slot.active && !slot.is_lost());
    let is_younger = birth.as_ref().is_some_and(|birth| birth.begins().is_none() && birth.copy.is_none());
    let is_stuck = is_unread && is_younger && slot::is_stuck(&client, &source.slot, &source.publication).await?;
    let stuck = is_stuck.then(|| prepare::stuck(&source.publication));
    let copies = birth.and_then(|birth| match birth.copy {
        Some(copy) if !copy.is_made => Some(Copies::First),
        Some(_) | None => birth.lacks_tables().then_some(Copies::Later),
    });
    let copy = match copies {
        Some(copies) => match turn::how_far(&client, &source.slot).await? {
            Some(how_far) => CopyState::UnderWay(copies, how_far),
            None => CopyState::Waits(copies),
        },
        None => CopyState::None,
    };
    Ok(Prepared { is_published, slot, stuck, copy })
}
