//! Key material by name, and what was in force under the name before, all of it sealed.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use tokio_postgres::Row;

use super::failure::Trouble;
use super::hub::{Hub, on, within};
use super::link::Link;
use super::open::shown;
use super::own_sealed;
use super::values::{get, time};
use crate::store::keys::Where;
use crate::store::{KeptKey, RetiredKey, StoreError, sealed};
use crate::vault::{Place, UnsealError, Vault, key_of};

/// Keys that are looked for, or made and stored, in one statement.
const TOGETHER: usize = 4096;
/// Secrets that are encrypted anew in one transaction.
const SEALED_TOGETHER: i64 = 256;

/// The vault, as it is at any moment; without one the store was opened without keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Safe(Arc<RwLock<Option<Arc<Vault>>>>);

impl Safe {
    pub(super) fn new(vault: Option<Vault>) -> Self {
        Self(Arc::new(RwLock::new(vault.map(Arc::new))))
    }

    pub(super) fn get(&self) -> Result<Arc<Vault>, StoreError> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Locked)
    }

    /// Which keys there are, the one in force first; `None` without a vault.
    pub(super) fn ids(&self) -> Option<Vec<Vec<u8>>> {
        self.get().ok().map(|vault| ids(&vault))
    }

    fn set(&self, vault: Vault) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(vault));
    }
}

pub(super) fn secret(name: &str, why: UnsealError) -> StoreError {
    StoreError::Secret { name: name.to_owned(), why: why.to_string() }
}

/// See [`Store::key`](crate::store::Store::key).
pub(super) async fn one(hub: &Hub, name: &str, make: impl FnOnce() -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, StoreError> {
    let known = on!(hub, |link| {
        let row = link.first("SELECT material FROM keys WHERE name = $1", &[&name]).await?;
        row.map(|row| get::<Vec<u8>>(&row, 0)).transpose()
    })?;
    if let Some(sealed) = known {
        return hub.vault.get()?.open(Place::Key(name), &sealed).map_err(|why| secret(name, why));
    }
    // Making an RSA key takes long.
    let material = tokio::task::spawn_blocking(make).await.map_err(|error| StoreError::Failed(error.to_string()))?;
    let kept = keep(hub, vec![(name.to_owned(), material)]).await?;
    kept.into_iter().next().ok_or_else(|| StoreError::Failed("the key was not kept".to_owned()))
}

/// See [`Store::keys`](crate::store::Store::keys).
pub(super) async fn many(hub: &Hub, names: Vec<String>, mut make: impl FnMut() -> Vec<u8>) -> Result<Vec<KeptKey>, StoreError> {
    let mut kept: Vec<Option<KeptKey>> = Vec::with_capacity(names.len());
    for names in names.chunks(TOGETHER) {
        let vault = hub.vault.get()?;
        let (found, retired) = on!(hub, |link| {
            let found = "SELECT n, material FROM unnest($1::text[]) WITH ORDINALITY AS k(name, n) JOIN keys USING (name)";
            let retired = "SELECT n, until, material FROM unnest($1::text[]) WITH ORDINALITY AS k(name, n) JOIN retired_keys USING (name)
                ORDER BY n, until DESC";
            Ok((link.query(found, &[&names]).await?, link.query(retired, &[&names]).await?))
        })?;
        let begin = kept.len();
        kept.extend(names.iter().map(|_| None));
        let place = |row: &Row| Ok::<_, Trouble>(begin + usize::try_from(get::<i64>(row, 0)? - 1).unwrap_or(usize::MAX));
        for row in &found {
            let place = place(row).map_err(Trouble::into_store)?;
            let name = names.get(place - begin).map_or("", String::as_str);
            let sealed: &[u8] = get(row, 1).map_err(Trouble::into_store)?;
            let material = vault.open(Place::Key(name), sealed).map_err(|why| secret(name, why))?;
            if let Some(slot) = kept.get_mut(place) {
                *slot = Some(KeptKey { material, retired: Vec::new() });
            }
        }
        for row in &retired {
            let place = place(row).map_err(Trouble::into_store)?;
            let name = names.get(place - begin).map_or("", String::as_str);
            let retired = opened(&vault, name, row, 1).map_err(Trouble::into_store)?;
            if let Some(Some(key)) = kept.get_mut(place) {
                key.retired.push(retired);
            }
        }
    }
    let missing: Vec<usize> = (0..).zip(&kept).filter_map(|(place, key)| key.is_none().then_some(place)).collect();
    for places in missing.chunks(TOGETHER) {
        let new = places.iter().filter_map(|place| Some((names.get(*place)?.clone(), make()))).collect();
        for (place, material) in places.iter().zip(keep(hub, new).await?) {
            if let Some(slot) = kept.get_mut(*place) {
                *slot = Some(KeptKey { material, retired: Vec::new() });
            }
        }
    }
    Ok(kept.into_iter().flatten().collect())
}

/// Stores what is new under each name; what is there then.
async fn keep(hub: &Hub, new: Vec<(String, Vec<u8>)>) -> Result<Vec<Vec<u8>>, StoreError> {
    let vault = hub.vault.get()?;
    let sealed: Vec<Vec<u8>> = new.iter().map(|(name, material)| vault.seal(Place::Key(name), material)).collect();
    let names: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
    let rows = on!(hub, |link| {
        let keep = "INSERT INTO keys (name, material) SELECT unnest($1::text[]), unnest($2::bytea[]) ON CONFLICT DO NOTHING";
        link.execute(keep, &[&names, &sealed]).await?;
        let kept = "SELECT material FROM unnest($1::text[]) WITH ORDINALITY AS k(name, n) JOIN keys USING (name) ORDER BY n";
        let rows = link.query(kept, &[&names]).await?;
        rows.iter().map(|row| get::<Vec<u8>>(row, 0)).collect::<Result<Vec<_>, _>>()
    })?;
    names.iter().zip(rows).map(|(name, sealed)| vault.open(Place::Key(name), &sealed).map_err(|why| secret(name, why))).collect()
}

/// See [`Store::rotate_key`](crate::store::Store::rotate_key).
pub(super) async fn rotate(hub: &Hub, name: &str, material: &[u8], until: i64) -> Result<(), StoreError> {
    let vault = hub.vault.get()?;
    let sealed = vault.seal(Place::Key(name), material);
    within!(hub, |link| {
        if let Some(row) = link.first("SELECT material FROM keys WHERE name = $1 FOR UPDATE", &[&name]).await? {
            let old = vault.open(Place::Key(name), get(&row, 0)?).map_err(|why| secret(name, why))?;
            let retired = vault.seal(Place::Retired(name, until), &old);
            link.execute("INSERT INTO retired_keys (name, until, material) VALUES ($1, $2, $3)", &[&name, &until, &retired]).await?;
        }
        let put = "INSERT INTO keys (name, material) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET material = excluded.material";
        link.execute(put, &[&name, &sealed]).await?;
        hub.tell_of_change(&link).await
    })
}

/// See [`Store::retired_keys`](crate::store::Store::retired_keys).
pub(super) async fn retired(hub: &Hub, name: &str, now: Timestamp) -> Result<Vec<RetiredKey>, StoreError> {
    let vault = hub.vault.get()?;
    on!(hub, |link| {
        let sql = "SELECT until, material FROM retired_keys WHERE name = $1 AND until > $2 ORDER BY until DESC";
        link.query(sql, &[&name, &now.as_millisecond()]).await?.iter().map(|row| opened(&vault, name, row, 0)).collect()
    })
}

fn opened(vault: &Vault, name: &str, row: &Row, from: usize) -> Result<RetiredKey, Trouble> {
    let until = time(row, from)?;
    let sealed = get(row, from + 1)?;
    let material = vault.open(Place::Retired(name, until.as_millisecond()), sealed).map_err(|why| secret(name, why))?;
    Ok(RetiredKey { material, until })
}

/// See [`Store::rekey`](crate::store::Store::rekey).
pub(super) async fn rekey(hub: &Hub, vault: Vault) -> Result<u64, StoreError> {
    hub.vault.get()?;
    on!(hub, |link| others_can_read(hub, &link, &vault).await)?;
    // Before the first is encrypted anew, so that whatever is written from now on is, too.
    hub.vault.set(vault);
    let vault = hub.vault.get()?;
    let ids = ids(&vault);
    on!(hub, |link| link.execute("UPDATE nodes SET key_ids = $2 WHERE row = $1", &[&hub.node(), &ids]).await)?;
    reseal_all(hub, &vault).await
}

/// Seals everything with the key in force; how much of it was not.
async fn reseal_all(hub: &Hub, vault: &Vault) -> Result<u64, StoreError> {
    let (mut all, mut after) = (0, 0);
    loop {
        match within!(hub, |link| reseal(&link, vault).await)? {
            0 => break,
            done => all += done,
        }
    }
    while let Some((done, last)) = within!(hub, |link| own_sealed::reseal(&link, vault, after).await)? {
        (all, after) = (all + done, last);
    }
    Ok(all)
}

/// The keys of a vault as a node's row has them, the one in force first.
fn ids(vault: &Vault) -> Vec<Vec<u8>> {
    vault.ids().map(|id| id.0.to_vec()).collect()
}

/// Refuses a vault whose key in force another node at work does not have, or that does not have the one in force there: one of the two
/// could not read what the other writes.
async fn others_can_read(hub: &Hub, link: &Link, vault: &Vault) -> Result<(), Trouble> {
    let sql = "SELECT count(*) FILTER (WHERE NOT $2 = ANY (key_ids)), count(*) FILTER (WHERE NOT key_ids[1] = ANY ($3))
        FROM nodes WHERE row <> $1 AND key_ids IS NOT NULL";
    let current = vault.current();
    let Some(row) = link.first(sql, &[&hub.node(), &current.0.as_slice(), &ids(vault)]).await? else { return Ok(()) };
    let (without_ours, with_unknown): (i64, i64) = (get(&row, 0)?, get(&row, 1)?);
    let what = match (without_ours, with_unknown) {
        (0, 0) => return Ok(()),
        (0, nodes) => format!("{nodes} of the nodes at work encrypt with a key that is not given here"),
        (nodes, _) => format!("{nodes} of the nodes at work do not have the key {current}, with which this one would encrypt"),
    };
    let help = "give all nodes both keys first, `old,new`, and then, one after the other, `new,old`";
    Err(StoreError::Failed(format!("{what}; {help}")).into())
}

const BOTH: &str = "(SELECT name, NULL::bigint AS until, material FROM keys UNION ALL SELECT name, until, material FROM retired_keys) b";

/// Every row with what is sealed in it.
pub(super) async fn all(link: &Link) -> Result<Vec<(Where, Vec<u8>)>, Trouble> {
    link.query_once(&format!("SELECT name, until, material FROM {BOTH}"), &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(Where, Vec<u8>), Trouble> {
    let name = get(row, 0)?;
    let place = match get::<Option<i64>>(row, 1)? {
        Some(until) => Where::Retired(name, until),
        None => Where::Key(name),
    };
    Ok((place, get(row, 2)?))
}

/// Whether anything is sealed.
pub(super) async fn is_sealed(link: &Link) -> Result<bool, Trouble> {
    Ok(!link.query_once(&format!("SELECT 1 FROM {BOTH} LIMIT 1"), &[]).await?.is_empty())
}

/// Seals some rows that are sealed with another key than the one in force; how many. Two nodes may do it at the same moment.
async fn reseal(link: &Link, vault: &Vault) -> Result<u64, Trouble> {
    link.run("LOCK TABLE keys, retired_keys IN SHARE ROW EXCLUSIVE MODE").await?;
    let sql = format!("SELECT name, until, material FROM {BOTH} WHERE substr(material, 2, 8) <> $1 LIMIT $2");
    let rows = link.query(&sql, &[&vault.current().0.as_slice(), &SEALED_TOGETHER]).await?;
    for row in &rows {
        let (place, material) = read(row)?;
        let open = vault.open(place.place(), &material).map_err(|why| secret(place.name(), why))?;
        let sealed = vault.seal(place.place(), &open);
        match &place {
            Where::Key(name) => link.execute("UPDATE keys SET material = $2 WHERE name = $1", &[name, &sealed]).await?,
            Where::Retired(name, until) => {
                let sql = "UPDATE retired_keys SET material = $4 WHERE name = $1 AND until = $2 AND material = $3";
                link.execute(sql, &[name, until, &material, &sealed]).await?
            }
        };
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

/// When the store is opened: that the vault has every key that something is sealed with; then everything is sealed with the one in force.
pub(super) async fn bring_up(hub: &Hub) -> Result<(), StoreError> {
    let Ok(vault) = hub.vault.get() else { return Ok(()) };
    let (rows, said) = on!(hub, |link| Ok((all(&link).await?, own_sealed::all(&link).await?)))?;
    let said = said.iter().filter_map(|(_, stored)| sealed::key(stored)?.ok());
    let missing = rows.iter().filter_map(|(_, sealed)| key_of(sealed)).chain(said).find(|id| !vault.has(*id));
    if let Some(missing) = missing {
        return Err(StoreError::WrongKey { url: shown(&hub.url), missing, given: vault.current() });
    }
    on!(hub, |link| others_can_read(hub, &link, &vault).await)?;
    let done = reseal_all(hub, &vault).await?;
    if done > 0 {
        tracing::info!(secrets = done, key = %vault.current(), "the secrets in the store were encrypted with the present key");
    }
    Ok(())
}
