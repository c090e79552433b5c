//! The decision tables that traces have in common: which row each has, and how many traces have it, which is written once a commit.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use rustc_hash::FxHashMap;

use crate::program::DecisionTable;

/// The tables of the programs in force, as far as they have been used. While one is remembered its address is that of no other.
#[derive(Debug, Default)]
pub(super) struct Tables {
    known: FxHashMap<usize, Known>,
    /// Those whose number of traces is not in the database yet.
    unwritten: Vec<usize>,
}

#[derive(Debug)]
struct Known {
    table: Arc<DecisionTable>,
    row: i64,
    /// Traces that are not counted in the database yet.
    more: i64,
}

impl Tables {
    /// The row of a table, made if need be, for one more trace.
    pub(super) fn row(&mut self, connection: &Connection, table: &Arc<DecisionTable>) -> rusqlite::Result<i64> {
        let address = Arc::as_ptr(table) as usize;
        if !self.known.contains_key(&address) {
            // Those of programs that are not in force any more.
            let unwritten = &self.unwritten;
            self.known.retain(|address, known| Arc::strong_count(&known.table) > 1 || unwritten.contains(address));
            let row = find_or_make(connection, table)?;
            self.known.insert(address, Known { table: Arc::clone(table), row, more: 0 });
        }
        let Some(known) = self.known.get_mut(&address) else { return Err(rusqlite::Error::QueryReturnedNoRows) };
        if known.more == 0 {
            self.unwritten.push(address);
        }
        known.more += 1;
        Ok(known.row)
    }

    /// Writes how many traces have each.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for address in self.unwritten.drain(..) {
            if let Some(known) = self.known.get_mut(&address) {
                let more = std::mem::take(&mut known.more);
                count(connection, known.row, more)?;
            }
        }
        Ok(())
    }

    /// Forgets everything: rows may not be there any more.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.unwritten.clear();
    }
}

/// Changes the number of traces that have a table.
pub(super) fn count(connection: &Connection, row: i64, more: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE decision_tables SET traces = traces + ?2 WHERE row = ?1")?.execute([row, more]).map(drop)
}

/// Removes a table that no trace has; whether it did. All traces must have been counted.
pub(super) fn remove_unused(connection: &Connection, row: i64) -> rusqlite::Result<bool> {
    let removed = connection.prepare_cached("DELETE FROM decision_tables WHERE row = ?1 AND traces <= 0")?.execute([row])?;
    Ok(removed > 0)
}

fn find_or_make(connection: &Connection, table: &DecisionTable) -> rusqlite::Result<i64> {
    let json = serde_json::to_string(table).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    let hash = hasher.finish().cast_signed();
    let found = connection
        .prepare_cached("SELECT row FROM decision_tables WHERE hash = ?1 AND json = ?2")?
        .query_row(params![hash, json], |row| row.get(0))
        .optional()?;
    if let Some(row) = found {
        return Ok(row);
    }
    connection.prepare_cached("INSERT INTO decision_tables (hash, json) VALUES (?1, ?2)")?.execute(params![hash, json])?;
    Ok(connection.last_insert_rowid())
}
