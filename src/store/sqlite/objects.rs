//! Objects, and the traces of their saves.

use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::engine::expand;
use crate::ids::{ProgramId, Sequence, Tenant};
use crate::program::DecisionTable;
use crate::store::sqlite::session::TenantRow;
use crate::store::sqlite::values::{limit, time};
use crate::store::{IdPage, ObjectRow, TraceRow};

/// The row of a tenant that has saved something.
pub(super) fn tenant_row(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT row FROM tenants WHERE name = ?1")?.query_row([tenant.as_str()], |row| row.get(0)).optional()
}

/// A tenant that has saved something: its row and its last sequence.
pub(super) fn tenant(connection: &Connection, tenant: &Tenant) -> rusqlite::Result<Option<TenantRow>> {
    connection
        .prepare_cached("SELECT row, sequence FROM tenants WHERE name = ?1")?
        .query_row([tenant.as_str()], |row| Ok(TenantRow { row: row.get(0)?, last: row.get(1)? }))
        .optional()
}

pub(super) fn object(connection: &Connection, tenant: i64, model: &str, id: &str) -> rusqlite::Result<Option<ObjectRow>> {
    connection
        .prepare_cached("SELECT id, sequence, updated_at, json FROM objects WHERE tenant = ?1 AND model = ?2 AND id = ?3")?
        .query_row(params![tenant, model, id], object_row)
        .optional()
}

/// See [`Store::object_ids`](crate::store::Store::object_ids).
pub(super) fn ids(connection: &Connection, tenant: i64, model: &str, page: IdPage<'_>) -> rusqlite::Result<Vec<Box<str>>> {
    let sql = "SELECT id FROM objects WHERE tenant = ?1 AND model = ?2 AND id > ?3 AND sequence < ?4 ORDER BY id LIMIT ?5";
    let (after, before) = page.bounds();
    connection.prepare_cached(sql)?.query_map(params![tenant, model, after, before, limit(page.limit)], |row| row.get(0))?.collect()
}

/// The objects of a model that point to `parent`. Without [`index_children`] it looks at every object of the model.
pub(super) fn children(
    connection: &Connection,
    tenant: i64,
    model: &str,
    property: &str,
    parent: &str,
    at_most: u32,
) -> rusqlite::Result<Vec<ObjectRow>> {
    let (true, true) = (is_name(model), is_name(property)) else { return Ok(Vec::new()) };
    connection.prepare_cached(&children_of(model, property))?.query_map(params![tenant, parent, at_most], object_row)?.collect()
}

/// The query of [`children`]: it repeats the index's condition and expression, or SQLite would not use it.
pub(super) fn children_of(model: &str, property: &str) -> String {
    format!(
        "SELECT id, sequence, updated_at, json FROM objects
         WHERE tenant = ?1 AND model = '{model}' AND json_extract(json, '$.{property}') = ?2 ORDER BY id LIMIT ?3"
    )
}

/// The statement that makes the index of [`children`]; `None` when a name is not one that a data model can have.
pub(super) fn index_children(model: &str, property: &str) -> Option<String> {
    if !is_name(model) || !is_name(property) {
        return None;
    }
    // Names of indexes know no case, names of models do.
    let mut name = "children".to_owned();
    for part in [model, property] {
        name.push('_');
        for byte in part.bytes() {
            write!(name, "{byte:02x}").ok()?;
        }
    }
    Some(format!("CREATE INDEX IF NOT EXISTS {name} ON objects (tenant, json_extract(json, '$.{property}'), id) WHERE model = '{model}'"))
}

pub(super) fn traces(connection: &Connection, tenant: i64, model: &str, object: &str, at_most: usize) -> rusqlite::Result<Vec<TraceRow>> {
    let sql = format!("{TRACE_COLUMNS} {TRACE_FROM} WHERE t.tenant = ?1 AND t.model = ?2 AND t.object = ?3 ORDER BY t.row DESC LIMIT ?4");
    let mut reader = TraceReader::default();
    connection.prepare_cached(&sql)?.query_map(params![tenant, model, object, limit(at_most)], |row| reader.read(row))?.collect()
}

/// What a [`TraceReader`] reads; more columns may follow where a query brings its own.
pub(super) const TRACE_COLUMNS: &str = "SELECT t.sequence, t.at, t.operation, t.decisions, t.decision_table, d.json, t.program";
/// Where that comes from.
pub(super) const TRACE_FROM: &str = "FROM traces t LEFT JOIN decision_tables d ON d.row = t.decision_table";

/// Reads traces one after the other.
#[derive(Default)]
pub(super) struct TraceReader {
    /// The table of the row before, which is mostly the same.
    last: Option<(i64, DecisionTable)>,
}

impl TraceReader {
    pub(super) fn read(&mut self, row: &Row<'_>) -> rusqlite::Result<TraceRow> {
        let table: Option<i64> = row.get(4)?;
        if let Some(table) = table.filter(|table| self.last.as_ref().is_none_or(|(last, _)| last != table)) {
            self.last = row.get_ref(5)?.as_str_or_null()?.and_then(|json| Some((table, serde_json::from_str(json).ok()?)));
        }
        let (operation, decisions): (Box<str>, Box<str>) = (row.get(2)?, row.get(3)?);
        let table = table.and(self.last.as_ref()).map(|(_, table)| table);
        // One that cannot be read any more is given back as it is.
        let long = table.and_then(|table| expand(table, &decisions, &operation).ok()).map_or(decisions, String::into_boxed_str);
        let program = row.get::<_, Option<i64>>(6)?.map(ProgramId);
        Ok(TraceRow { sequence: Sequence(row.get(0)?), at: time(row, 1)?, operation, decisions: long, program })
    }
}

fn object_row(row: &Row<'_>) -> rusqlite::Result<ObjectRow> {
    Ok(ObjectRow { id: row.get(0)?, sequence: Sequence(row.get(1)?), updated_at: row.get(2)?, json: row.get(3)? })
}

/// Whether a name may stand inside SQL text: what the schema language allows, and nothing else.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
