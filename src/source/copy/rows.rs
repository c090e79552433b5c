//! The rows of a table as its snapshot has them → batches, which are taken in while the next one is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::snapshot::rows_of;
use crate::source::error::SourceError;
use crate::source::pgoutput::{Cell, Relation, Tuple};
use crate::source::plan::TablePlan;
use crate::source::row::RowChange;
use crate::source::standing::CopyProgress;
use crate::source::taker::{Taker, Waiting, What};
use crate::source::turn;
use crate::source::wire::Wire;
use crate::store::Position;

/// Rows that are taken in together at most: more would hold up every other save.
const MOST_ROWS: usize = 2_000;
/// Bytes of those, of which twice as many are in memory: the next ones are read meanwhile.
const MOST_BYTES: usize = 4 << 20;
/// How often the log says how far the copy is.
const SAYING: Duration = Duration::from_secs(10);

/// Takes in rows.
pub(super) struct Rows<'a> {
    pub taker: Taker<'a>,
    /// How many there were so far.
    pub count: u64,
    /// The session that has the turn.
    client: &'a Client,
    /// How many the database thinks that there are.
    about: Option<u64>,
    said: Instant,
}

impl<'a> Rows<'a> {
    pub(super) fn new(taker: Taker<'a>, client: &'a Client, about: Option<u64>) -> Self {
        Self { taker, count: 0, client, about, said: Instant::now() }
    }

    /// Takes in all of a table.
    pub(super) async fn table(&mut self, wire: &mut Wire, table: &TablePlan, relation: &Arc<Relation>) -> Result<(), SourceError> {
        let before = self.count;
        wire.ask(&rows_of(table)).await?;
        let mut batch = next(wire).await?;
        while !batch.is_empty() {
            let read = batch.len() as u64;
            let mut waiting = self.waiting(batch, relation);
            let (standing, taker) = (self.taker.standing, &mut self.taker);
            let commit = async {
                patiently!(standing, taker.rows(&mut waiting));
                Ok(())
            };
            (batch, ()) = tokio::try_join!(next(wire), commit)?;
            self.count += read;
            self.tell(&table.name, read).await?;
        }
        tracing::info!(table = table.name, rows = self.count - before, "copied");
        Ok(())
    }

    fn waiting(&self, batch: Vec<Tuple>, relation: &Arc<Relation>) -> Vec<Waiting> {
        let lsn = self.taker.position.map_or(0, |position| position.lsn);
        let row = |(changes, new)| {
            let what = What::Row(Arc::clone(relation), RowChange::Now { new, old: None });
            Waiting { what, to: Position { lsn, changes } }
        };
        (self.count + 1..).zip(batch).map(row).collect()
    }

    /// Says how far it is: whoever asks hears it at once, the log now and then.
    async fn tell(&mut self, table: &str, more: u64) -> Result<(), SourceError> {
        let (rows, about) = (self.count, self.about);
        let progress = CopyProgress { table: table.to_owned(), rows, about };
        turn::tell(self.client, &progress.to_string()).await?;
        self.taker.standing.copied(progress, more);
        if self.said.elapsed() >= SAYING {
            self.said = Instant::now();
            tracing::info!(table, rows, about, "copying");
        }
        Ok(())
    }
}

/// The next rows of an answer; none at its end.
async fn next(wire: &mut Wire) -> Result<Vec<Tuple>, SourceError> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while rows.len() < MOST_ROWS && bytes < MOST_BYTES {
        let Some(row) = wire.row().await? else { break };
        bytes += row.iter().map(length).sum::<usize>();
        rows.push(row);
    }
    Ok(rows)
}

fn length(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Null | Cell::Unchanged => 0,
    }
}
