//! What is told → saves, transaction by transaction, each committed whole together with the place it has in the log. Transactions that have
//! arrived together are committed together. One that is larger than a commit should be is taken in parts, in order, each with its place:
//! after a restart it goes on behind the last of them. The slot is told no place that the store does not remember.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::error::SourceError;
use super::lsn::Lsn;
use super::pgoutput::{Message, Relation, read};
use super::prepare::TABLES_CHANGED;
use super::row::RowChange;
use super::stream::{Told, Waits};
use super::taker::{Taker, Waiting, What};
use crate::store::Position;

/// Changes that are committed together at most: more would hold up every other save.
const MOST_CHANGES: usize = 5_000;
/// Bytes of those, for the same reason and because they are in memory.
const MOST_BYTES: usize = 16 << 20;

/// How long a place behind which nothing has come for us need not be remembered: there can be many in a second, and each costs a commit.
const FORGETFUL: Duration = Duration::from_secs(5);

/// Takes in what one connection tells.
pub(super) struct Intake<'a> {
    pub taker: Taker<'a>,
    /// Is told how far.
    pub applied: watch::Sender<Lsn>,
    pub relations: BTreeMap<u32, Arc<Relation>>,
    /// Up to where the rows of tables that came later have been copied.
    pub copied: BTreeMap<u32, Lsn>,
    pub waiting: Vec<Waiting>,
    /// How many of these are of transactions that have ended.
    pub whole: usize,
    /// The end of the last of them.
    pub end: Lsn,
    /// When a place was remembered last behind which nothing has come for us.
    pub remembered: Instant,
    pub bytes: usize,
    pub open: Option<Open>,
}

/// The transaction that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    commit: Lsn,
    changes: u64,
    at_us: i64,
    xid: u32,
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
                Told::Logged(bytes, end, room) => {
                    drop(room);
                    self.taker.standing.log_ends(end);
                    self.bytes += bytes.len();
                    self.message(read(bytes)?)?;
                    // Other tables may be read from here on, although nothing is written to any.
                    if self.open.is_none() && self.whole == 0 && self.taker.is_planned().await? {
                        self.nothing_through(self.end, Waits::No).await?;
                    }
                }
                Told::Through(end, waits) => {
                    self.taker.standing.log_ends(end);
                    if self.whole > 0 {
                        self.commit(self.whole).await?;
                    }
                    // A model may have come meanwhile, and no row of its table yet.
                    if self.open.is_none() && self.taker.is_planned().await? {
                        self.nothing_through(end, waits).await?;
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
            Message::Begin { commit, at_us, xid } => {
                self.taker.standing.begins(at_us);
                self.open = Some(Open { commit, changes: 0, at_us, xid });
            }
            Message::Commit { end } => {
                if let Some(open) = self.open.take() {
                    // The last change of a transaction stands for all of it.
                    if let Some(last) = self.waiting.last_mut().filter(|last| last.to.lsn == open.commit.0) {
                        last.to = Position::at(end.0);
                    }
                    self.taker.standing.read(open.at_us);
                }
                (self.whole, self.end) = (self.waiting.len(), end);
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
            Message::Said { prefix } => {
                if &*prefix == TABLES_CHANGED {
                    self.taker.altered_by(self.open.map(|open| open.xid));
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
        // Its rows may be told from each other by something else, also when its columns are the same.
        if known.is_some() || !self.taker.has_planned(&relation) {
            self.taker.altered_by(self.open.map(|open| open.xid));
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
        if self.copied.get(&table).is_some_and(|copied| open.commit < *copied) {
            return Ok(());
        }
        let to = Position { lsn: open.commit.0, changes: open.changes };
        // It has been taken in before the connection was made.
        if self.taker.position.is_none_or(|position| position < to) {
            self.waiting.push(Waiting { what: what(relation), to });
        }
        Ok(())
    }

    /// Nothing of ours is behind what is taken in, up to there.
    async fn nothing_through(&mut self, through: Lsn, waits: Waits) -> Result<(), SourceError> {
        if self.taker.position.is_none_or(|position| position < Position::at(through.0)) {
            if waits == Waits::No && self.remembered.elapsed() < FORGETFUL {
                self.taker.standing.applied(through, None);
                return Ok(());
            }
            self.taker.step(Position::at(through.0)).await?;
            self.remembered = Instant::now();
        }
        self.acknowledge(through);
        Ok(())
    }

    /// What is acknowledged is remembered.
    fn acknowledge(&self, through: Lsn) {
        self.applied.send_if_modified(|applied| {
            let is_later = *applied < through;
            *applied = through.max(*applied);
            is_later
        });
        self.taker.standing.applied(*self.applied.borrow(), self.open.map(|open| open.at_us));
    }

    /// Takes in the first so many of what waits.
    async fn commit(&mut self, count: usize) -> Result<(), SourceError> {
        let mut batch: Vec<Waiting> = self.waiting.drain(..count).collect();
        let is_whole = self.whole == count;
        self.whole = self.whole.saturating_sub(count);
        self.bytes = 0;
        while !batch.is_empty() {
            if let Some(Waiting { what: What::Emptied(table), to }) = batch.first() {
                self.taker.empty(table, None, *to).await?;
                batch.remove(0);
                continue;
            }
            let rows = batch.iter().position(|waiting| matches!(waiting.what, What::Emptied(_))).unwrap_or(batch.len());
            let rest = batch.split_off(rows);
            self.taker.rows(&mut batch).await?;
            batch = rest;
        }
        if is_whole {
            self.acknowledge(self.end);
        }
        Ok(())
    }
}
