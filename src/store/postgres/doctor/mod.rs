//! The store check: the rules between the rows, in one snapshot, so that it can be made beside running nodes. The files and their disk are
//! the server's business.

mod checks;

use jiff::Timestamp;

use super::failure::Trouble;
use super::keys;
use super::link::Link;
use super::own_sealed;
use super::values::get;
use crate::store::{Finding, NAMED, Severity, sealed};
use crate::vault::Vault;
use checks::{CHECKS, Check};

/// Everything that breaks a rule.
pub(super) async fn examine(link: &Link, now: Timestamp) -> Result<Vec<Finding>, Trouble> {
    link.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = async {
        let mut findings = Vec::new();
        for check in CHECKS {
            findings.extend(find(link, check, now).await?);
        }
        Ok(findings)
    };
    let found = found.await;
    link.end(found).await
}

/// Makes the rules hold again where that is safe, in the open transaction. How often something was changed.
pub(super) async fn repair(link: &Link, now: Timestamp) -> Result<u64, Trouble> {
    let mut changed = 0;
    for sql in CHECKS.iter().flat_map(|check| check.repair) {
        changed += link.execute(&at(sql, now), &[]).await?;
    }
    Ok(changed)
}

/// A statement at a time.
fn at(sql: &str, now: Timestamp) -> String {
    sql.replace(":now", &now.as_millisecond().to_string())
}

async fn find(link: &Link, check: &Check, now: Timestamp) -> Result<Option<Finding>, Trouble> {
    let sql = format!("SELECT count(*), (array_agg(name))[1:{NAMED}] FROM ({}) AS found(name)", at(check.find, now));
    let rows = link.query_once(&sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let count: i64 = get(row, 0)?;
    let ids: Option<Vec<String>> = get(row, 1)?;
    Ok((count > 0).then(|| Finding {
        check: check.name,
        severity: check.severity,
        message: check.what.to_owned(),
        count: count.unsigned_abs(),
        ids: ids.unwrap_or_default(),
        help: check.help,
        repairable: !check.repair.is_empty(),
    }))
}

/// What cannot be read with these keys.
pub(super) async fn examine_secrets(link: &Link, vault: &Vault) -> Result<Vec<Finding>, Trouble> {
    let mut unreadable = Vec::new();
    for (row, sealed) in keys::all(link).await? {
        if let Err(why) = vault.open(row.place(), &sealed) {
            unreadable.push(format!("{}: {why}", row.name()));
        }
    }
    for (id, stored) in own_sealed::all(link).await? {
        // What an older version has written is open until a node starts.
        if sealed::key(&stored).is_some()
            && let Err(why) = sealed::unseal(vault, &id, &stored)
        {
            unreadable.push(format!("{id}: {why}"));
        }
    }
    let count = unreadable.len() as u64;
    let finding = (count > 0).then(|| Finding {
        check: "secret-unreadable",
        severity: Severity::Error,
        message: "secrets that cannot be read with the key that was given".to_owned(),
        count,
        ids: unreadable.into_iter().take(NAMED).collect(),
        help: "give the key that they were encrypted with, in front of or behind the present one; otherwise restore a backup",
        repairable: false,
    });
    Ok(finding.into_iter().collect())
}
