//! Key material by name, and what was in force under the name before, all of it sealed. A row that is not sealed is from an older version,
//! and is sealed before anything else happens.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::keys::Where;
use crate::store::sealed;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::failure::{Unopened, open_failure};
use crate::store::sqlite::own_sealed;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{time, unreadable};
use crate::store::sqlite::writer::Flow;
use crate::store::{KeptKey, RetiredKey, StoreError};
use crate::vault::{Place, UnsealError, Vault, VaultKeyId, key_of};

/// Keys that are made and stored in one transaction, so that no save waits long behind them.
const KEYS_TOGETHER: usize = 4096;
/// Keys read or made at once that fill so many pages that they are given back.
const MANY_KEYS: usize = 256;
/// Secrets that are encrypted anew in one transaction: a few milliseconds of the writer's time.
const SEALED_TOGETHER: usize = 256;

/// The vault, as it is at any moment; without one the store was opened without keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Safe(Arc<RwLock<Option<Arc<Vault>>>>);

impl Safe {
    pub(super) fn new(vault: Option<Vault>) -> Self {
        Self(Arc::new(RwLock::new(vault.map(Arc::new))))
    }

    pub(super) fn get(&self) -> Option<Arc<Vault>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The vault, for a job of the writer.
    pub(super) fn at_work(&self) -> rusqlite::Result<Arc<Vault>> {
        self.get().ok_or_else(|| unreadable(0, StoreError::Locked))
    }

    /// The vault, to open what was read before: it has every key by then.
    fn open(&self, name: &str, raw: &Raw) -> Result<Vec<u8>, StoreError> {
        let vault = self.get().ok_or(StoreError::Locked)?;
        raw.open(&vault, Place::Key(name)).map_err(|why| secret(name, why))
    }

    fn open_retired(&self, name: &str, retired: Vec<(Raw, Timestamp)>) -> Result<Vec<RetiredKey>, StoreError> {
        let vault = self.get().ok_or(StoreError::Locked)?;
        let open = |(raw, until): (Raw, Timestamp)| {
            let material = raw.open(&vault, Place::Retired(name, until.as_millisecond())).map_err(|why| secret(name, why))?;
            Ok(RetiredKey { material, until })
        };
        retired.into_iter().map(open).collect()
    }
}

fn secret(name: &str, why: UnsealError) -> StoreError {
    StoreError::Secret { name: name.to_owned(), why: why.to_string() }
}

/// Material as it stands in a row.
pub(super) struct Raw {
    material: Vec<u8>,
    sealed: bool,
}

impl Raw {
    fn read(row: &Row<'_>, material: usize, sealed: usize) -> rusqlite::Result<Self> {
        Ok(Self { material: row.get(material)?, sealed: row.get(sealed)? })
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// What was sealed. What is not sealed while the store is open was written there by somebody else.
    pub(super) fn open(&self, vault: &Vault, place: Place<'_>) -> Result<Vec<u8>, UnsealError> {
        if self.sealed { vault.open(place, &self.material) } else { Err(UnsealError::Changed) }
    }
}

impl Sqlite {
    pub(in crate::store) async fn key(&self, name: &str, make: impl FnOnce() -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, StoreError> {
        let wanted = name.to_owned();
        if let Some(known) = self.readers.read(move |connection| key(connection, &wanted)).await? {
            return self.vault.open(name, &known);
        }
        // Making an RSA key takes long: not on the writer's time.
        let material = tokio::task::spawn_blocking(make).await.map_err(|error| StoreError::Failed(error.to_string()))?;
        let kept = self.keep(vec![(name.to_owned(), material)]).await?;
        kept.into_iter().next().ok_or_else(|| StoreError::Failed("the key was not kept".to_owned()))
    }

    pub(in crate::store) async fn keys(&self, names: Vec<String>, mut make: impl FnMut() -> Vec<u8>) -> Result<Vec<KeptKey>, StoreError> {
        let found = self.readers.read(move |connection| found(connection, names)).await?;
        let mut kept = Vec::with_capacity(found.len());
        for (name, row) in found {
            let key = match row {
                Some((raw, retired)) => {
                    Some(KeptKey { material: self.vault.open(&name, &raw)?, retired: self.vault.open_retired(&name, retired)? })
                }
                None => None,
            };
            kept.push((name, key));
        }
        let missing: Vec<usize> = (0..).zip(&kept).filter_map(|(place, (_, key))| key.is_none().then_some(place)).collect();
        for places in missing.chunks(KEYS_TOGETHER) {
            let new = places.iter().filter_map(|place| Some((kept.get(*place)?.0.clone(), make()))).collect();
            for (place, material) in places.iter().zip(self.keep(new).await?) {
                if let Some((_, key)) = kept.get_mut(*place) {
                    *key = Some(KeptKey { material, retired: Vec::new() });
                }
            }
        }
        if missing.len() >= MANY_KEYS {
            let forget = |session: &mut Session, (): &mut ()| forget_pages(&session.connection).map(|()| Flow::Undo);
            self.writer.write((), forget).await?;
        }
        Ok(kept.into_iter().filter_map(|(_, key)| key).collect())
    }

    /// Stores what is new under each name; what is there then.
    async fn keep(&self, new: Vec<(String, Vec<u8>)>) -> Result<Vec<Vec<u8>>, StoreError> {
        if self.vault.get().is_none() {
            return Err(StoreError::Locked);
        }
        let (safe, names) = (self.vault.clone(), new.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
        let keep = move |session: &mut Session, kept: &mut Vec<Raw>| {
            let vault = safe.at_work()?;
            let each = new.iter().map(|(name, material)| keep(&session.connection, &vault, name, material));
            *kept = each.collect::<rusqlite::Result<_>>()?;
            Ok(Flow::Keep)
        };
        let kept = self.writer.write(Vec::new(), keep).await?;
        names.iter().zip(&kept).map(|(name, raw)| self.vault.open(name, raw)).collect()
    }

    pub(in crate::store) async fn rotate_key(&self, name: &str, material: Vec<u8>, until: Timestamp) -> Result<(), StoreError> {
        if self.vault.get().is_none() {
            return Err(StoreError::Locked);
        }
        let (safe, name) = (self.vault.clone(), name.to_owned());
        let rotate = move |session: &mut Session, (): &mut ()| {
            rotate(&session.connection, &*safe.at_work()?, (&name, &material), until.as_millisecond()).map(|()| Flow::Keep)
        };
        self.writer.write((), rotate).await
    }

    pub(in crate::store) async fn retired_keys(&self, name: &str, now: Timestamp) -> Result<Vec<RetiredKey>, StoreError> {
        let wanted = name.to_owned();
        let retired = self.readers.read(move |connection| retired(connection, &wanted, now)).await?;
        self.vault.open_retired(name, retired)
    }

    pub(in crate::store) async fn rekey(&self, vault: Vault) -> Result<u64, StoreError> {
        if self.vault.get().is_none() {
            return Err(StoreError::Locked);
        }
        // Before the first is encrypted anew, so that whatever is written from now on is, too.
        *self.vault.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
        let mut all = 0;
        loop {
            let safe = self.vault.clone();
            let step = move |session: &mut Session, done: &mut usize| {
                *done = reseal(&session.connection, &*safe.at_work()?)?;
                Ok(Flow::Keep)
            };
            let done = self.writer.write(0, step).await?;
            if done == 0 {
                break;
            }
            all += done as u64;
        }
        let mut after = 0;
        loop {
            let safe = self.vault.clone();
            let step = move |session: &mut Session, done: &mut Option<(usize, i64)>| {
                *done = own_sealed::reseal(&session.connection, &*safe.at_work()?, after)?;
                Ok(Flow::Keep)
            };
            let Some((done, last)) = self.writer.write(None, step).await? else { return Ok(all) };
            (all, after) = (all + done as u64, last);
        }
    }
}

fn key(connection: &Connection, name: &str) -> rusqlite::Result<Option<Raw>> {
    let sql = "SELECT material, sealed FROM keys WHERE name = ?1";
    connection.prepare_cached(sql)?.query_row([name], |row| Raw::read(row, 0, 1)).optional()
}

/// A key with those before it.
type Found = (Raw, Vec<(Raw, Timestamp)>);

/// Each name with its key, if there is one.
fn found(connection: &Connection, names: Vec<String>) -> rusqlite::Result<Vec<(String, Option<Found>)>> {
    let kept = |name: String| {
        let kept = match key(connection, &name)? {
            Some(raw) => Some((raw, retired(connection, &name, Timestamp::UNIX_EPOCH)?)),
            None => None,
        };
        Ok((name, kept))
    };
    let many = names.len() >= MANY_KEYS;
    let found = names.into_iter().map(kept).collect();
    if many {
        forget_pages(connection)?;
    }
    found
}

/// Keys are read once, when a program comes into force: the pages that they stand in are not worth remembering.
fn forget_pages(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA shrink_memory")
}

/// Stores the material unless there is some already; what is there then.
fn keep(connection: &Connection, vault: &Vault, name: &str, material: &[u8]) -> rusqlite::Result<Raw> {
    connection
        .prepare_cached("INSERT INTO keys (name, material, sealed) VALUES (?1, ?2, 1) ON CONFLICT DO NOTHING")?
        .execute(params![name, vault.seal(Place::Key(name), material)])?;
    let sql = "SELECT material, sealed FROM keys WHERE name = ?1";
    connection.prepare_cached(sql)?.query_row([name], |row| Raw::read(row, 0, 1))
}

/// Puts new material in force; what was, if anything, is retired until `until`.
fn rotate(connection: &Connection, vault: &Vault, (name, material): (&str, &[u8]), until: i64) -> rusqlite::Result<()> {
    if let Some(old) = key(connection, name)? {
        let old = old.open(vault, Place::Key(name)).map_err(|why| unreadable(0, secret(name, why)))?;
        connection.prepare_cached("INSERT INTO retired_keys (name, until, material, sealed) VALUES (?1, ?2, ?3, 1)")?.execute(params![
            name,
            until,
            vault.seal(Place::Retired(name, until), &old)
        ])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO keys (name, material, sealed) VALUES (?1, ?2, 1)
            ON CONFLICT (name) DO UPDATE SET material = excluded.material, sealed = 1",
        )?
        .execute(params![name, vault.seal(Place::Key(name), material)])
        .map(drop)
}

/// What was in force before, the newest first, as far as its grace time is not over.
fn retired(connection: &Connection, name: &str, now: Timestamp) -> rusqlite::Result<Vec<(Raw, Timestamp)>> {
    connection
        .prepare_cached("SELECT material, sealed, until FROM retired_keys WHERE name = ?1 AND until > ?2 ORDER BY until DESC")?
        .query_map(params![name, now.as_millisecond()], |row| Ok((Raw::read(row, 0, 1)?, time(row, 2)?)))?
        .collect()
}

const BOTH: &str =
    "(SELECT name, NULL AS until, material, sealed FROM keys UNION ALL SELECT name, until, material, sealed FROM retired_keys)";

/// Whether anything is sealed.
pub(super) fn is_sealed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare(&format!("SELECT 1 FROM {BOTH} WHERE sealed = 1 LIMIT 1"))?.exists([])
}

/// Every row.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(Where, Raw)>> {
    rows(connection, "1", &[])
}

fn rows(connection: &Connection, condition: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<(Where, Raw)>> {
    let read = |row: &Row<'_>| {
        let name = row.get(0)?;
        let place = match row.get(1)? {
            Some(until) => Where::Retired(name, until),
            None => Where::Key(name),
        };
        Ok((place, Raw::read(row, 2, 3)?))
    };
    connection.prepare(&format!("SELECT name, until, material, sealed FROM {BOTH} WHERE {condition}"))?.query_map(values, read)?.collect()
}

/// Seals some rows that are sealed with another key than the one in force, or not at all; how many.
fn reseal(connection: &Connection, vault: &Vault) -> rusqlite::Result<usize> {
    let condition = format!("sealed = 0 OR substr(material, 2, 8) <> ?1 LIMIT {SEALED_TOGETHER}");
    let found = rows(connection, &condition, &[&vault.current().0.as_slice()])?;
    for (row, raw) in &found {
        let material = if raw.sealed {
            raw.open(vault, row.place()).map_err(|why| unreadable(0, secret(row.name(), why)))?
        } else {
            raw.material.clone()
        };
        let sealed = vault.seal(row.place(), &material);
        match row {
            Where::Key(name) => {
                connection.prepare_cached("UPDATE keys SET material = ?2, sealed = 1 WHERE name = ?1")?.execute(params![name, sealed])?
            }
            Where::Retired(name, until) => connection
                .prepare_cached("UPDATE retired_keys SET material = ?4, sealed = 1 WHERE name = ?1 AND until = ?2 AND material = ?3")?
                .execute(params![name, until, raw.material, sealed])?,
        };
    }
    Ok(found.len())
}

/// Before anything else: that the vault has every key that something is sealed with; then everything is sealed with the one in force.
pub(super) fn bring_up(connection: &mut Connection, vault: &Vault) -> Result<(), Unopened> {
    let sql = |error: rusqlite::Error| open_failure(&error);
    let (mut sealed, mut open) = (0, 0);
    let mut missing: Option<VaultKeyId> = None;
    for (_, raw) in all(connection).map_err(sql)? {
        match (raw.sealed, key_of(&raw.material)) {
            (false, _) => open += 1,
            (true, id) => {
                sealed += 1;
                missing = missing.or_else(|| id.filter(|id| !vault.has(*id)));
            }
        }
    }
    let mut said_openly = false;
    for (_, stored) in own_sealed::all(connection).map_err(sql)? {
        match sealed::key(&stored) {
            None => said_openly = true,
            Some(id) => missing = missing.or_else(|| id.ok().filter(|id| !vault.has(*id))),
        }
    }
    if let Some(missing) = missing {
        return Err(Unopened::WrongKey { missing, given: vault.current() });
    }
    if sealed > 0 && open > 0 {
        let why = format!("{open} of its secrets are not encrypted, and {sealed} are: somebody else has written to it; restore a backup");
        return Err(why.into());
    }
    if open > 0 || said_openly {
        // What is overwritten must not stay in the file.
        connection.pragma_update(None, "secure_delete", true).map_err(sql)?;
    }
    let transaction = connection.transaction().map_err(sql)?;
    let mut done = 0;
    loop {
        match reseal(&transaction, vault).map_err(|error| format!("its secrets could not be encrypted anew: {error}"))? {
            0 => break,
            more => done += more,
        }
    }
    let anew = |error: rusqlite::Error| format!("what is said of its endpoints could not be encrypted anew: {error}");
    let mut after = 0;
    while let Some((more, last)) = own_sealed::reseal(&transaction, vault, after).map_err(anew)? {
        (done, after) = (done + more, last);
    }
    transaction.commit().map_err(sql)?;
    if open > 0 || said_openly {
        connection.pragma_update(None, "secure_delete", false).map_err(sql)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sql)?;
    }
    if done > 0 {
        tracing::info!(secrets = done, key = %vault.current(), "the secrets in the store were encrypted with the present key");
    }
    Ok(())
}
