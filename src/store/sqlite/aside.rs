//! What is done to a database beside the node that may have it open, by a connection that only reads; and what needs it alone.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use crate::store::sqlite::failure::{failure, open_failure};
use crate::store::sqlite::{access, backup, doctor, keys, open, prune, sources};
use crate::store::{Cutoffs, Finding, Glance, Position, Removed, StoreError};
use crate::vault::Vault;

/// See [`store::examine`](crate::store::examine).
pub(in crate::store) async fn examine(url: &str, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    with_reader(url, move |connection, path| {
        let mut findings = doctor::examine(connection, now).map_err(|error| failure(path, &error))?;
        findings.extend(doctor::examine_files(path).map_err(|error| StoreError::Failed(error.to_string()))?);
        Ok(findings)
    })
    .await
}

/// See [`store::examine_secrets`](crate::store::examine_secrets).
pub(in crate::store) async fn examine_secrets(url: &str, vault: Vault) -> Result<Vec<Finding>, StoreError> {
    with_reader(url, move |connection, path| doctor::examine_secrets(connection, &vault).map_err(|error| failure(path, &error))).await
}

/// See [`store::position`](crate::store::position).
pub(in crate::store) async fn position(url: &str, source: &str) -> Result<Option<Position>, StoreError> {
    let source = source.to_owned();
    with_reader(url, move |connection, path| sources::position(connection, &source).map_err(|error| failure(path, &error))).await
}

/// See [`store::glance`](crate::store::glance). An older format may be there still, which the node will bring up to date.
pub(in crate::store) async fn glance(url: &str) -> Result<Glance, StoreError> {
    let path = open::path_of(url).map_err(|why| StoreError::Open { url: url.to_owned(), why })?;
    if !path.is_file() {
        return Ok(Glance { path: Some(path), knows_keys: false, is_sealed: false });
    }
    blocking(move || {
        let look = || {
            let connection = open::open_reader(&path)?;
            let knows_keys = connection.table_exists(None, "access_keys")? && access::knows_keys(&connection)?;
            let is_sealed = connection.column_exists(None, "keys", "sealed")? && keys::is_sealed(&connection)?;
            Ok((knows_keys, is_sealed))
        };
        let (knows_keys, is_sealed) = look().map_err(|error: rusqlite::Error| failure(&path, &error))?;
        Ok(Glance { path: Some(path), knows_keys, is_sealed })
    })
    .await
}

/// See [`store::backup`](crate::store::backup).
pub(in crate::store) async fn backup(url: &str, target: PathBuf, stop: impl FnMut() -> bool + Send + 'static) -> Result<u64, StoreError> {
    with_reader(url, move |connection, _| backup::backup(connection, &target, stop)).await
}

/// See [`store::prunable`](crate::store::prunable).
pub(in crate::store) async fn prunable(url: &str, cutoffs: Cutoffs) -> Result<Removed, StoreError> {
    with_reader(url, move |connection, path| prune::count(connection, &cutoffs).map_err(|error| failure(path, &error))).await
}

/// See [`store::repair`](crate::store::repair).
pub(in crate::store) async fn repair(url: &str, now: Timestamp) -> Result<u64, StoreError> {
    alone(url, move |connection, path| {
        let files = doctor::repair_files(path).map_err(|error| StoreError::Failed(error.to_string()))?;
        let rows = doctor::repair(connection, now).map_err(|error| failure(path, &error))?;
        Ok(rows + files)
    })
    .await
}

/// See [`store::vacuum`](crate::store::vacuum).
pub(in crate::store) async fn vacuum(url: &str) -> Result<u64, StoreError> {
    alone(url, |connection, path| {
        let length = || path.metadata().map_or(0, |metadata| metadata.len());
        let before = length();
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").map_err(|error| failure(path, &error))?;
        Ok(before.saturating_sub(length()))
    })
    .await
}

/// Runs `work` on a database that exists and that no other process has.
async fn alone<T, F>(url: &str, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection, &Path) -> Result<T, StoreError> + Send + 'static,
{
    open::existing(url)?;
    let open::Opened { mut connection, path, lock, .. } = open::open(url, None).await?;
    blocking(move || {
        let done = work(&mut connection, &path);
        drop(connection);
        drop(lock);
        done
    })
    .await
}

/// Runs `work` on a database that exists, is ours and has the format of this program.
async fn with_reader<T, F>(url: &str, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection, &Path) -> Result<T, StoreError> + Send + 'static,
{
    let path = open::existing(url)?;
    let url = url.to_owned();
    blocking(move || {
        let fail = |why: String| StoreError::Open { url: url.clone(), why };
        let mut connection = open::open_reader(&path).map_err(|error| fail(open_failure(&error)))?;
        open::check_format(&connection).map_err(fail)?;
        work(&mut connection, &path)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}
