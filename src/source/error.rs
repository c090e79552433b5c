//! Why a source cannot go on, and whether it may by itself.

use crate::ingest::IngestError;
use crate::store::StoreError;

/// Why a source does not go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The way to the database.
    #[error("{0}")]
    Connection(String),
    /// The database refuses something.
    #[error("{message} (SQLSTATE {code})")]
    Server {
        /// Its SQLSTATE.
        code: String,
        /// What it says.
        message: String,
    },
    /// The database is not as the project needs it.
    #[error("{}", .0.join("; "))]
    Unfit(Vec<String>),
    /// A row that the data model does not allow.
    #[error("{0}")]
    Refused(String),
    /// Another node reads the slot, or makes the first copy.
    #[error("another node reads the source")]
    Elsewhere,
    /// Tables have come whose rows are to be copied before anything is read.
    #[error("tables have come whose rows are copied first")]
    TablesCame,
    /// The store does not go on where the slot is.
    #[error("{0}")]
    Discontinued(String),
    /// Another reader of the same store has gone on.
    #[error("another node has read on")]
    Overtaken,
    /// Our own store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SourceError {
    /// Whether somebody else reads the slot.
    #[must_use]
    pub fn is_active_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere) || matches!(self, Self::Server { code, .. } if code == "55006")
    }
}

impl From<IngestError> for SourceError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Refused { refused, .. } => Self::Refused(refused.message),
            IngestError::Store(error) => Self::Store(error),
        }
    }
}

impl From<std::io::Error> for SourceError {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

impl From<super::pgoutput::Malformed> for SourceError {
    fn from(error: super::pgoutput::Malformed) -> Self {
        Self::Connection(error.to_string())
    }
}

impl From<tokio_postgres::Error> for SourceError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(told) = error.as_db_error() {
            return Self::Server { code: told.code().code().to_owned(), message: told.message().to_owned() };
        }
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        Self::Connection(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
    }
}
