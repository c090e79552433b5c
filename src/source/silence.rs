//! How long the database may say nothing while it is waited for: what `PostgreSQL` itself waits for (`wal_receiver_timeout`). A server can be
//! silent while it reads through a large transaction, and a network that carries nothing says nothing either.

use std::time::Duration;

use super::error::SourceError;

/// A silence of that length is the end of a connection.
pub(super) const SILENCE: Duration = Duration::from_mins(1);

/// What that is called.
pub(super) fn silent() -> SourceError {
    SourceError::Connection(format!("the server has said nothing for {} s", SILENCE.as_secs()))
}

/// What the database answers, if it does.
pub(super) async fn answered<T, E>(answer: impl Future<Output = Result<T, E>>) -> Result<T, SourceError>
where
    SourceError: From<E>,
{
    Ok(tokio::time::timeout(SILENCE, answer).await.map_err(|_| silent())??)
}
