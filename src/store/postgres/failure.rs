//! `PostgreSQL`'s errors in the store's words, and which of them pass by themselves.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

use crate::store::StoreError;

/// What stopped a verb.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database, or the way to it.
    Database(Error),
    /// The database has not answered for so long.
    Silent(Duration),
    /// Something else, which no repetition helps.
    Store(StoreError),
    /// Whether a commit took place is not known, and never will be: doing the same again might do it twice.
    InDoubt(StoreError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Trouble {
    /// Whether the same may succeed a moment later: two transactions were in each other's way, or the server is gone, restarts, or has
    /// become a standby. Nothing has been done then, unless the connection was lost while a commit was under way.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Store(_) | Self::InDoubt(_) => false,
            Self::Silent(_) => true,
            Self::Database(error) => error.is_closed() || error.code().map_or_else(|| is_of_the_way(error), passes),
        }
    }

    /// Whether the server has said no to a statement, and so undoes its transaction. Any other trouble says nothing of a commit that was under way.
    pub(super) fn is_refusal(&self) -> bool {
        let told = match self {
            Self::Database(error) => error.as_db_error(),
            Self::Silent(_) | Self::Store(_) | Self::InDoubt(_) => None,
        };
        told.is_some_and(|told| told.parsed_severity() == Some(Severity::Error))
    }

    /// Whether the server has too many connections.
    pub(super) fn is_crowded(&self) -> bool {
        matches!(self, Self::Database(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS))
    }

    pub(super) fn into_store(self) -> StoreError {
        let is_passing = self.is_passing();
        match self {
            Self::Store(error) | Self::InDoubt(error) => error,
            Self::Silent(waited) => StoreError::Away(format!("the database did not answer within {} s", waited.as_secs())),
            Self::Database(error) if is_passing => StoreError::Away(sentence(&error)),
            Self::Database(error) => failure(&error),
        }
    }
}

/// Not an answer of the server.
fn is_of_the_way(error: &Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |error| error.source()).any(<dyn std::error::Error>::is::<std::io::Error>)
        || error.to_string().starts_with("error connecting")
}

fn passes(state: &SqlState) -> bool {
    // 08: connection; 57P: the server stops or starts; 40: rolled back by the server; 25006: a standby; 25P03: idle for too long within a
    // transaction; 25P02: another statement of the transaction failed first; 55P03: waited too long for a lock; 53300: too many connections; 57014: it took too long for the server.
    let code = state.code();
    code.starts_with("08")
        || code.starts_with("57P")
        || matches!(code, "40001" | "40P01" | "40003" | "25006" | "25P02" | "25P03" | "55P03" | "53300" | "57014" | "26000")
}

/// What a failed statement means to a caller.
pub(super) fn failure(error: &Error) -> StoreError {
    if error.code() == Some(&SqlState::DISK_FULL) {
        return StoreError::Full;
    }
    StoreError::Failed(sentence(error))
}

/// The error with its cause, as one sentence.
pub(super) fn sentence(error: &Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", told.message(), told.code().code());
    }
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
