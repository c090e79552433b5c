//! How far a source has been taken in: a place in the log of somebody's database, written in the transaction of the saves that it led to. So
//! nothing is taken in twice, and nothing is left out.

use crate::store::{Store, StoreError};

/// A place in a log of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Where the commit of the transaction is in the log, in bytes.
    pub lsn: u64,
    /// How many changes of that transaction have been taken in.
    pub changes: u64,
}

impl Position {
    /// Where everything before is taken in, and nothing behind.
    #[must_use]
    pub fn at(lsn: u64) -> Self {
        Self { lsn, changes: 0 }
    }
}

/// A step of a source, which is taken only from where it is thought to be: a reader that was paused while another one went on can do
/// nothing any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Which source.
    pub source: Box<str>,
    /// Where it must be; `None`: at its beginning.
    pub from: Option<Position>,
    /// Where it is afterwards.
    pub to: Position,
}

impl Store {
    /// Where a source is; `None` when nothing of it has been taken in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn position(&self, source: &str) -> Result<Option<Position>, StoreError> {
        verb!(self, position(source))
    }

    /// Takes a step in which nothing is saved; `false` when the source is not where it begins, and nothing is done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn advance(&self, advance: &Advance) -> Result<bool, StoreError> {
        verb!(self, advance(advance))
    }
}
