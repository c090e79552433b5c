//! What is done to a store whether a node runs on it or not, and what needs it alone.

use std::path::PathBuf;

use jiff::Timestamp;

use super::postgres::is_postgres;
use super::{Cutoffs, Finding, Position, Removed, StoreError, postgres, sqlite};
use crate::vault::Vault;

/// Checks the store at `url` as it is at this moment, whether a node runs on it or not. Nothing is changed.
///
/// # Errors
/// When there is no store, it is not ours or of another version, or cannot be read.
pub async fn examine(url: &str, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    if is_postgres(url) {
        return postgres::aside::examine(url, now).await;
    }
    sqlite::aside::examine(url, now).await
}

/// Checks that every secret in the store at `url` can be read with these keys.
///
/// # Errors
/// As for [`examine`].
pub async fn examine_secrets(url: &str, vault: Vault) -> Result<Vec<Finding>, StoreError> {
    if is_postgres(url) {
        return postgres::aside::examine_secrets(url, &vault).await;
    }
    sqlite::aside::examine_secrets(url, vault).await
}

/// The time by the clock of the store at `url`; `None` where the machine's is the only one.
///
/// # Errors
/// When there is no store, or it cannot be asked.
pub async fn time(url: &str) -> Result<Option<Timestamp>, StoreError> {
    if is_postgres(url) {
        return postgres::aside::time(url).await.map(Some);
    }
    Ok(None)
}

/// Where a source is in the store at `url`, whether a node runs on it or not; `None` when nothing of it has been taken in.
///
/// # Errors
/// As for [`examine`].
pub async fn position(url: &str, source: &str) -> Result<Option<Position>, StoreError> {
    if is_postgres(url) {
        return postgres::aside::position(url, source).await;
    }
    sqlite::aside::position(url, source).await
}

/// What has to be known of a store before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Its database file; `None` for a database of a server.
    pub path: Option<PathBuf>,
    /// Whether any key of the API was ever made.
    pub knows_keys: bool,
    /// Whether any secret in it is encrypted.
    pub is_sealed: bool,
}

/// A look at the store at `url`, whether there is one or not, whatever its format, and whether a node runs on it or not.
///
/// # Errors
/// When the URL is of an unknown kind, or the file cannot be read.
pub async fn glance(url: &str) -> Result<Glance, StoreError> {
    if is_postgres(url) {
        return postgres::aside::glance(url).await;
    }
    sqlite::aside::glance(url).await
}

/// Puts right what [`examine`] calls repairable; how many rows and files were changed. Needs the store alone.
///
/// # Errors
/// When there is no store, another process holds it, or it cannot be written; nothing is changed then but the rights of files.
pub async fn repair(url: &str, now: Timestamp) -> Result<u64, StoreError> {
    if is_postgres(url) {
        return postgres::aside::repair(url, now).await;
    }
    sqlite::aside::repair(url, now).await
}

/// Copies the store at `url` into the new file `target`, whether a node runs on it or not; the copy holds every save acknowledged
/// before the call, and is as long as the answer says, in bytes. A copy that fails, or that `stop` ends by answering `true`, leaves
/// nothing.
///
/// # Errors
/// When there is no store, or the file exists or cannot be written, or `stop` said so.
pub async fn backup(url: &str, target: PathBuf, stop: impl FnMut() -> bool + Send + 'static) -> Result<u64, StoreError> {
    if is_postgres(url) {
        return Err(postgres::aside::backup(url));
    }
    sqlite::aside::backup(url, target, stop).await
}

/// What [`Store::prune`](crate::store::Store::prune) would remove of the store at `url`, whether a node runs on it or not.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub async fn prunable(url: &str, cutoffs: &Cutoffs) -> Result<Removed, StoreError> {
    if is_postgres(url) {
        return postgres::aside::prunable(url, cutoffs).await;
    }
    sqlite::aside::prunable(url, *cutoffs).await
}

/// Whether the store at `url` is a database of a server, and not a file.
#[must_use]
pub fn is_on_server(url: &str) -> bool {
    is_postgres(url)
}

/// Gives the room of what was removed from the file at `url` back to the file system; how many bytes that was. Needs the store alone, and as much
/// free disk as the store takes.
///
/// # Errors
/// When there is no store, it is not a file, another process holds it, or the disk is full.
pub async fn vacuum(url: &str) -> Result<u64, StoreError> {
    sqlite::aside::vacuum(url).await
}
