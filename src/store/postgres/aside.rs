//! What is done to a database beside the nodes that work on it. Copies and free room are the server's own business: what is to be used for
//! them is said.

use jiff::Timestamp;

use super::failure::Trouble;
use super::link::Link;
use super::open::{Absent, check_format, first, format, prepare, shown, way};
use super::values::{get, timestamp};
use super::{access, doctor, doubt, keys, prune, sources};
use crate::store::{Cutoffs, Finding, Glance, Position, Removed, StoreError};
use crate::vault::Vault;

/// See [`store::examine`](crate::store::examine).
pub(in crate::store) async fn examine(url: &str, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    let link = current(url).await?;
    doctor::examine(&link, now).await.map_err(Trouble::into_store)
}

/// See [`store::examine_secrets`](crate::store::examine_secrets).
pub(in crate::store) async fn examine_secrets(url: &str, vault: &Vault) -> Result<Vec<Finding>, StoreError> {
    let link = current(url).await?;
    doctor::examine_secrets(&link, vault).await.map_err(Trouble::into_store)
}

/// See [`store::time`](crate::store::time).
pub(in crate::store) async fn time(url: &str) -> Result<Timestamp, StoreError> {
    let link = current(url).await?;
    let row = link.first("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", &[]).await.map_err(Trouble::into_store)?;
    row.map_or(Ok(0), |row| get(&row, 0)).and_then(timestamp).map_err(Trouble::into_store)
}

/// See [`store::position`](crate::store::position).
pub(in crate::store) async fn position(url: &str, source: &str) -> Result<Option<Position>, StoreError> {
    let link = current(url).await?;
    sources::position(&link, source).await.map_err(Trouble::into_store)
}

/// See [`store::glance`](crate::store::glance).
pub(in crate::store) async fn glance(url: &str) -> Result<Glance, StoreError> {
    let link = connect(url).await?;
    let look = async {
        if format(&link).await?.is_none() {
            return Ok((false, false));
        }
        Ok((access::knows_keys(&link).await?, keys::is_sealed(&link).await?))
    };
    let (knows_keys, is_sealed) = look.await.map_err(Trouble::into_store)?;
    Ok(Glance { path: None, knows_keys, is_sealed })
}

/// See [`store::repair`](crate::store::repair).
pub(in crate::store) async fn repair(url: &str, now: Timestamp) -> Result<u64, StoreError> {
    let link = current(url).await?;
    let transaction = link.begin().await.map_err(Trouble::into_store)?;
    let done = doctor::repair(&link, now).await;
    doubt::end(&way(url)?, &link, &transaction, done).await.map_err(Trouble::into_store)
}

/// See [`store::prunable`](crate::store::prunable).
pub(in crate::store) async fn prunable(url: &str, cutoffs: &Cutoffs) -> Result<Removed, StoreError> {
    let link = current(url).await?;
    prune::prunable(&link, cutoffs).await.map_err(Trouble::into_store)
}

/// See [`store::backup`](crate::store::backup).
pub(in crate::store) fn backup(url: &str) -> StoreError {
    let why = "a store on PostgreSQL is copied with `pg_dump --schema=webhookc`, or by the server's own backups";
    StoreError::Open { url: shown(url), why: why.to_owned() }
}

async fn connect(url: &str) -> Result<Link, StoreError> {
    let way = way(url)?;
    let connected = async {
        let mut link = first(&way).await?;
        link.make_ready().await?;
        link.timeline = doubt::timeline(&link).await?;
        link.ask_widely().await?;
        Ok(link)
    };
    connected.await.map_err(|trouble| StoreError::Open { url: shown(url), why: super::reason(trouble) })
}

/// A connection to a store of this program's format.
async fn current(url: &str) -> Result<Link, StoreError> {
    let link = connect(url).await?;
    check_format(url, &link).await?;
    Ok(link)
}

/// Opens what must be there already.
pub(super) async fn existing(url: &str) -> Result<(), StoreError> {
    prepare(url, &way(url)?, Absent::Refused).await
}
