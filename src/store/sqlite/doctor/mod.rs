//! The store check: the file itself, the rules between its rows, the rights of its files and the room on its disk. It reads one snapshot
//! through a connection of its own, so that it can be made beside a running node.

mod checks;
mod files;
mod secrets;

use jiff::Timestamp;
use rusqlite::{Connection, Statement};

use crate::store::{Finding, NAMED, Severity};
use checks::{CHECKS, Check};
pub(super) use files::{examine_files, repair_files};
pub(super) use secrets::examine_secrets;

/// What is wrong with the database itself is reported in so many sentences.
const DAMAGES: usize = 20;

/// Everything that breaks a rule.
pub(super) fn examine(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Finding>> {
    // One snapshot for all the statements; the connection is closed after the check.
    connection.execute_batch("BEGIN")?;
    let mut findings: Vec<Finding> = damage(connection)?.into_iter().collect();
    for check in CHECKS {
        findings.extend(find(connection, check, now)?);
    }
    Ok(findings)
}

/// Makes the rules hold again where that is safe. How often something was changed.
pub(super) fn repair(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let transaction = connection.transaction()?;
    let mut changed = 0;
    for sql in CHECKS.iter().flat_map(|check| check.repair) {
        let mut statement = transaction.prepare(sql)?;
        bind_now(&mut statement, now)?;
        changed += statement.raw_execute()? as u64;
    }
    transaction.commit()?;
    Ok(changed)
}

/// What SQLite's own check says.
fn damage(connection: &Connection) -> rusqlite::Result<Option<Finding>> {
    let said: Vec<String> = connection
        .prepare(&format!("PRAGMA integrity_check({DAMAGES})"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if said.iter().all(|line| line == "ok") {
        return Ok(None);
    }
    Ok(Some(Finding {
        check: "damaged",
        severity: Severity::Error,
        message: "damages of the database file".to_owned(),
        count: said.len() as u64,
        ids: said.into_iter().take(NAMED).collect(),
        help: "restore a backup; what was saved since then has to be saved again",
        repairable: false,
    }))
}

fn find(connection: &Connection, check: &Check, now: Timestamp) -> rusqlite::Result<Option<Finding>> {
    let mut statement = connection.prepare(check.find)?;
    bind_now(&mut statement, now)?;
    let mut rows = statement.raw_query();
    let (mut count, mut ids) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        count += 1;
        if ids.len() < NAMED {
            ids.push(row.get(0)?);
        }
    }
    Ok((count > 0).then(|| Finding {
        check: check.name,
        severity: check.severity,
        message: check.what.to_owned(),
        count,
        ids,
        help: check.help,
        repairable: !check.repair.is_empty(),
    }))
}

/// Tells a statement the time, if it asks for it.
fn bind_now(statement: &mut Statement<'_>, now: Timestamp) -> rusqlite::Result<()> {
    match statement.parameter_index(":now")? {
        Some(index) => statement.raw_bind_parameter(index, now.as_millisecond()),
        None => Ok(()),
    }
}
