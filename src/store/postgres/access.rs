//! Keys of the API and the audit log.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::failure::Trouble;
use super::link::Link;
use super::values::{get, limit, text, text_if_any, time, time_if_any, unreadable};
use crate::access::{Key, KeyId, Kind};
use crate::ids::Tenant;
use crate::store::{AuditEntry, Page};

const KEY: &str = "SELECT id, kind, tenant, name, permissions, rate_limit, hash, made_by, created_at, expires_at, revoked_at, last_used_at
    FROM access_keys";
/// Links past their end that a new one clears away: more than one, so that they become fewer.
const CLEARED: i64 = 8;
/// How long after its end a link is remembered, in milliseconds: for a day it is answered that it has expired, and not that nobody knows it.
const REMEMBERED_MS: i64 = 86_400_000;

/// Whether any key was ever made.
pub(super) async fn knows_keys(link: &Link) -> Result<bool, Trouble> {
    Ok(link.first("SELECT 1 FROM access_keys LIMIT 1", &[]).await?.is_some())
}

pub(super) async fn key(link: &Link, id: KeyId) -> Result<Option<Key>, Trouble> {
    let row = link.first(&format!("{KEY} WHERE id = $1"), &[&id.0.cast_signed()]).await?;
    row.map(|row| read_key(&row)).transpose()
}

pub(super) async fn add(link: &Link, key: &Key) -> Result<bool, Trouble> {
    let cleared = "DELETE FROM access_keys WHERE id IN (SELECT id FROM access_keys WHERE kind = 1 AND expires_at < $1 LIMIT $2)";
    link.execute(cleared, &[&key.created_at.as_millisecond().saturating_sub(REMEMBERED_MS), &CLEARED]).await?;
    let sql = "INSERT INTO access_keys (id, kind, tenant, name, permissions, rate_limit, hash, made_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    let values: super::link::Values<'_> = &[
        &key.id.0.cast_signed(),
        &kind_number(key.kind),
        &key.tenant.as_ref().map(Tenant::as_str),
        &&*key.name,
        &key.permissions.to_string(),
        &key.rate_limit.map(|rate| rate.to_string()),
        &key.hash.as_slice(),
        &key.made_by.map(|id| id.0.cast_signed()),
        &key.created_at.as_millisecond(),
        &key.expires_at.map(Timestamp::as_millisecond),
    ];
    Ok(link.execute(sql, values).await? == 1)
}

pub(super) async fn keys(link: &Link, tenant: Option<&Tenant>, page: &Page<KeyId>) -> Result<Vec<Key>, Trouble> {
    let tenant = tenant.map(Tenant::as_str);
    let before = page.before.map(|id| id.0.cast_signed());
    // A cursor that is another tenant's key is followed by nothing.
    let sql = format!(
        "{KEY} WHERE ($1::text IS NULL OR tenant = $1) AND ($2::bigint IS NULL OR (created_at, id) <
             (SELECT created_at, id FROM access_keys WHERE id = $2 AND ($1::text IS NULL OR tenant = $1)))
         ORDER BY created_at DESC, id DESC LIMIT $3"
    );
    link.query(&sql, &[&tenant, &before, &limit(page.limit)]).await?.iter().map(read_key).collect()
}

pub(super) async fn revoke(link: &Link, tenant: Option<&Tenant>, id: KeyId, now: Timestamp) -> Result<Option<Key>, Trouble> {
    let sql = "UPDATE access_keys SET revoked_at = coalesce(revoked_at, $3) WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)";
    let revoked = link.execute(sql, &[&id.0.cast_signed(), &tenant.map(Tenant::as_str), &now.as_millisecond()]).await?;
    if revoked == 0 { Ok(None) } else { key(link, id).await }
}

pub(super) async fn note_use(link: &Link, used: &[(KeyId, Timestamp)]) -> Result<(), Trouble> {
    let (ids, times): (Vec<i64>, Vec<i64>) = used.iter().map(|(id, at)| (id.0.cast_signed(), at.as_millisecond())).unzip();
    let sql = "UPDATE access_keys k SET last_used_at = u.at FROM (SELECT id, max(at) AS at FROM (SELECT unnest($1::bigint[]) AS id,
            unnest($2::bigint[]) AS at) u
            GROUP BY id) u WHERE k.id = u.id AND coalesce(k.last_used_at, 0) < u.at";
    link.execute(sql, &[&ids, &times]).await.map(drop)
}

pub(super) async fn note_audit(link: &Link, entry: &AuditEntry) -> Result<(), Trouble> {
    let sql = "INSERT INTO audit (at, tenant, actor, permission, call, status) VALUES ($1, $2, $3, $4, $5, $6)";
    let AuditEntry { at, tenant, actor, permission, call, status } = entry;
    let (tenant, call) = (tenant.as_ref().map(Tenant::as_str), super::values::without_nul(call));
    link.execute(sql, &[&at.as_millisecond(), &tenant, actor, permission, &call, &i32::from(*status)]).await.map(drop)
}

pub(super) async fn audit(link: &Link, tenant: Option<&Tenant>, page: &Page<i64>) -> Result<Vec<(i64, AuditEntry)>, Trouble> {
    let sql = "SELECT row, at, tenant, actor, permission, call, status FROM audit
        WHERE row < $1 AND ($2::text IS NULL OR tenant = $2) ORDER BY row DESC LIMIT $3";
    let values: super::link::Values<'_> = &[&page.before.unwrap_or(i64::MAX), &tenant.map(Tenant::as_str), &limit(page.limit)];
    let read = |row: &Row| {
        let entry = AuditEntry {
            at: time(row, 1)?,
            tenant: text_if_any(row, 2)?.map(Tenant::new),
            actor: get(row, 3)?,
            permission: get(row, 4)?,
            call: get(row, 5)?,
            status: u16::try_from(get::<i32>(row, 6)?).unwrap_or_default(),
        };
        Ok((get(row, 0)?, entry))
    };
    link.query(sql, values).await?.iter().map(read).collect()
}

fn read_key(row: &Row) -> Result<Key, Trouble> {
    let id = |number: i64| KeyId(number.cast_unsigned());
    Ok(Key {
        id: id(get(row, 0)?),
        kind: if get::<i16>(row, 1)? == kind_number(Kind::Link) { Kind::Link } else { Kind::Key },
        tenant: text_if_any(row, 2)?.map(Tenant::new),
        name: text(row, 3)?.into(),
        permissions: get::<&str>(row, 4)?.parse().map_err(unreadable)?,
        rate_limit: get::<Option<&str>>(row, 5)?.map(str::parse).transpose().map_err(unreadable)?,
        hash: get::<Vec<u8>>(row, 6)?.try_into().map_err(|_| unreadable("a hash has another length"))?,
        made_by: get::<Option<i64>>(row, 7)?.map(id),
        created_at: time(row, 8)?,
        expires_at: time_if_any(row, 9)?,
        revoked_at: time_if_any(row, 10)?,
        last_used_at: time_if_any(row, 11)?,
    })
}

const fn kind_number(kind: Kind) -> i16 {
    match kind {
        Kind::Key => 0,
        Kind::Link => 1,
    }
}
