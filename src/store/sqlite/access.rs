//! Keys of the API and the audit log.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use crate::access::{Key, KeyId, Kind};
use crate::ids::Tenant;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{limit, time, time_if_any, unreadable};
use crate::store::sqlite::writer::Flow;
use crate::store::{AuditEntry, Page, StoreError};

const KEY: &str = "SELECT id, kind, tenant, name, permissions, rate_limit, hash, made_by, created_at, expires_at, revoked_at, last_used_at
    FROM access_keys";
/// Links past their end that a new one clears away: more than one, so that they become fewer.
const CLEARED: i64 = 8;
/// How long after its end a link is remembered, in milliseconds: for a day it is answered that it has expired, and not that nobody knows it.
const REMEMBERED_MS: i64 = 86_400_000;

impl Sqlite {
    pub(in crate::store) async fn knows_keys(&self) -> Result<bool, StoreError> {
        self.readers.read(knows_keys).await
    }

    pub(in crate::store) async fn access_key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.readers.read(move |connection| key(connection, id)).await
    }

    pub(in crate::store) async fn add_access_key(&self, key: Key) -> Result<bool, StoreError> {
        let add = move |session: &mut Session, added: &mut bool| {
            *added = add(&session.connection, &key)?;
            Ok(Flow::Keep)
        };
        self.writer.write(false, add).await
    }

    pub(in crate::store) async fn access_keys(&self, tenant: Option<&Tenant>, page: &Page<KeyId>) -> Result<Vec<Key>, StoreError> {
        let (tenant, page) = (tenant.cloned(), page.clone());
        self.readers.read(move |connection| keys(connection, tenant.as_ref(), &page)).await
    }

    pub(in crate::store) async fn revoke_access_key(
        &self,
        tenant: Option<&Tenant>,
        id: KeyId,
        now: Timestamp,
    ) -> Result<Option<Key>, StoreError> {
        let tenant = tenant.cloned();
        let revoke = move |session: &mut Session, revoked: &mut Option<Key>| {
            *revoked = revoke(&session.connection, tenant.as_ref(), id, now)?;
            Ok(Flow::Keep)
        };
        self.writer.write(None, revoke).await
    }

    pub(in crate::store) async fn note_key_use(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        let note = move |session: &mut Session, (): &mut ()| {
            let sql = "UPDATE access_keys SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at, 0) < ?2";
            let mut statement = session.connection.prepare_cached(sql)?;
            for (id, at) in &used {
                statement.execute([id.0.cast_signed(), at.as_millisecond()])?;
            }
            Ok(Flow::Keep)
        };
        self.writer.write((), note).await
    }

    pub(in crate::store) async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let note = move |session: &mut Session, (): &mut ()| {
            let sql = "INSERT INTO audit (at, tenant, actor, permission, call, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let AuditEntry { at, tenant, actor, permission, call, status } = &entry;
            let tenant = tenant.as_ref().map(Tenant::as_str);
            session.connection.prepare_cached(sql)?.execute(params![at.as_millisecond(), tenant, actor, permission, call, status])?;
            Ok(Flow::Keep)
        };
        self.writer.write((), note).await
    }

    pub(in crate::store) async fn audit(&self, tenant: Option<&Tenant>, page: &Page<i64>) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        let (tenant, page) = (tenant.cloned(), page.clone());
        self.readers.read(move |connection| audit(connection, tenant.as_ref(), &page)).await
    }
}

/// Whether any key was ever made.
pub(super) fn knows_keys(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare("SELECT 1 FROM access_keys LIMIT 1")?.exists([])
}

fn key(connection: &Connection, id: KeyId) -> rusqlite::Result<Option<Key>> {
    connection.prepare_cached(&format!("{KEY} WHERE id = ?1"))?.query_row([id.0.cast_signed()], read_key).optional()
}

fn add(connection: &Connection, key: &Key) -> rusqlite::Result<bool> {
    let cleared = "DELETE FROM access_keys WHERE id IN (SELECT id FROM access_keys WHERE kind = 1 AND expires_at < ?1 LIMIT ?2)";
    connection.prepare_cached(cleared)?.execute([key.created_at.as_millisecond().saturating_sub(REMEMBERED_MS), CLEARED])?;
    let sql = "INSERT OR IGNORE INTO access_keys (id, kind, tenant, name, permissions, rate_limit, hash, made_by, created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let added = connection.prepare_cached(sql)?.execute(params![
        key.id.0.cast_signed(),
        kind_number(key.kind),
        key.tenant.as_ref().map(Tenant::as_str),
        key.name,
        key.permissions.to_string(),
        key.rate_limit.map(|rate| rate.to_string()),
        key.hash,
        key.made_by.map(|id| id.0.cast_signed()),
        key.created_at.as_millisecond(),
        key.expires_at.map(Timestamp::as_millisecond),
    ])?;
    Ok(added == 1)
}

fn keys(connection: &Connection, tenant: Option<&Tenant>, page: &Page<KeyId>) -> rusqlite::Result<Vec<Key>> {
    // Written out, so that the index of the tenant can be used.
    let own = if tenant.is_some() { "tenant = ?1" } else { "?1 IS NULL" };
    let after = match page.before {
        // A cursor that is another tenant's key is followed by nothing.
        Some(_) => format!("(created_at, id) < (SELECT created_at, id FROM access_keys WHERE id = ?2 AND {own})"),
        None => "?2 IS NULL".to_owned(),
    };
    let sql = format!("{KEY} WHERE {own} AND {after} ORDER BY created_at DESC, id DESC LIMIT {}", limit(page.limit));
    let values = params![tenant.map(Tenant::as_str), page.before.map(|id| id.0.cast_signed())];
    connection.prepare_cached(&sql)?.query_map(values, read_key)?.collect()
}

fn revoke(connection: &Connection, tenant: Option<&Tenant>, id: KeyId, now: Timestamp) -> rusqlite::Result<Option<Key>> {
    let sql = "UPDATE access_keys SET revoked_at = coalesce(revoked_at, ?3) WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)";
    let revoked = connection.prepare_cached(sql)?.execute(params![id.0.cast_signed(), tenant.map(Tenant::as_str), now.as_millisecond()])?;
    if revoked == 0 { Ok(None) } else { key(connection, id) }
}

fn audit(connection: &Connection, tenant: Option<&Tenant>, page: &Page<i64>) -> rusqlite::Result<Vec<(i64, AuditEntry)>> {
    let sql = format!(
        "SELECT row, at, tenant, actor, permission, call, status FROM audit WHERE row < ?1 {} ORDER BY row DESC LIMIT {}",
        if tenant.is_some() { "AND tenant = ?2" } else { "" },
        limit(page.limit)
    );
    let mut values = vec![Value::Integer(page.before.unwrap_or(i64::MAX))];
    values.extend(tenant.map(|tenant| Value::Text(tenant.as_str().to_owned())));
    let read = |row: &Row<'_>| {
        let entry = AuditEntry {
            at: time(row, 1)?,
            tenant: row.get::<_, Option<String>>(2)?.map(Tenant::new),
            actor: row.get(3)?,
            permission: row.get(4)?,
            call: row.get(5)?,
            status: row.get(6)?,
        };
        Ok((row.get(0)?, entry))
    };
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), read)?.collect()
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let id = |number: i64| KeyId(number.cast_unsigned());
    Ok(Key {
        id: id(row.get(0)?),
        kind: if row.get::<_, i64>(1)? == kind_number(Kind::Link) { Kind::Link } else { Kind::Key },
        tenant: row.get::<_, Option<String>>(2)?.map(Tenant::new),
        name: row.get(3)?,
        permissions: row.get_ref(4)?.as_str()?.parse().map_err(|error| unreadable(4, error))?,
        rate_limit: row.get::<_, Option<String>>(5)?.map(|rate| rate.parse()).transpose().map_err(|error| unreadable(5, error))?,
        hash: row.get(6)?,
        made_by: row.get::<_, Option<i64>>(7)?.map(id),
        created_at: time(row, 8)?,
        expires_at: time_if_any(row, 9)?,
        revoked_at: time_if_any(row, 10)?,
        last_used_at: time_if_any(row, 11)?,
    })
}

const fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Key => 0,
        Kind::Link => 1,
    }
}
