//! Objects and their traces; saves as they are looked back on, the programs that decided them, and the saves as they came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::conditions::Conditions;
use super::failure::Trouble;
use super::hub::{Hub, on};
use super::link::Link;
use super::list::caused;
use super::values::{get, limit, text, time};
use crate::engine::expand;
use crate::ids::{ProgramId, Sequence};
use crate::program::DecisionTable;
use crate::store::{DeliveryRow, IdPage, ProgramRow, Recording, SaveFilter, SaveRow, StoreError, TraceRow};

/// What a [`TraceReader`] reads; more columns may follow where a query brings its own.
const TRACE_COLUMNS: &str = "SELECT t.sequence, t.at, t.operation, t.decisions, t.decision_table, d.json, t.program";
/// Where that comes from.
const TRACE_FROM: &str = "FROM traces t LEFT JOIN decision_tables d ON d.tenant = t.tenant AND d.row = t.decision_table";

/// Reads traces one after the other.
#[derive(Default)]
struct TraceReader {
    /// The table of the row before, which is mostly the same.
    last: Option<(i64, DecisionTable)>,
}

impl TraceReader {
    fn read(&mut self, row: &Row) -> Result<TraceRow, Trouble> {
        let table: Option<i64> = get(row, 4)?;
        if let Some(table) = table.filter(|table| self.last.as_ref().is_none_or(|(last, _)| last != table)) {
            self.last = get::<Option<&str>>(row, 5)?.and_then(|json| Some((table, serde_json::from_str(json).ok()?)));
        }
        let (operation, decisions) = (text(row, 2)?, text(row, 3)?);
        let table = table.and(self.last.as_ref()).map(|(_, table)| table);
        // One that cannot be read any more is given back as it is.
        let long = table.and_then(|table| expand(table, &decisions, &operation).ok()).map_or(decisions, String::into_boxed_str);
        let program = get::<Option<i64>>(row, 6)?.map(ProgramId);
        Ok(TraceRow { sequence: Sequence(get(row, 0)?), at: time(row, 1)?, operation, decisions: long, program })
    }
}

pub(super) async fn traces(link: &Link, tenant: i64, (model, object): (&str, &str), at_most: usize) -> Result<Vec<TraceRow>, Trouble> {
    let sql = format!("{TRACE_COLUMNS} {TRACE_FROM} WHERE t.tenant = $1 AND t.model = $2 AND t.object = $3 ORDER BY t.row DESC LIMIT $4");
    let mut reader = TraceReader::default();
    link.query(&sql, &[&tenant, &model, &object, &limit(at_most)]).await?.iter().map(|row| reader.read(row)).collect()
}

/// See [`Store::object_ids`](crate::store::Store::object_ids).
pub(super) async fn ids(link: &Link, tenant: i64, model: &str, page: IdPage<'_>) -> Result<Vec<Box<str>>, Trouble> {
    let sql = "SELECT id FROM objects WHERE tenant = $1 AND model = $2 AND id > $3 AND sequence < $4 ORDER BY id LIMIT $5";
    let (after, before) = page.bounds();
    link.query(sql, &[&tenant, &model, &after, &before, &limit(page.limit)]).await?.iter().map(|row| text(row, 0)).collect()
}

/// See [`Store::saves`](crate::store::Store::saves).
pub(super) async fn saves(
    link: &Link,
    tenant: i64,
    filter: &SaveFilter,
    (before, most): (Option<i64>, usize),
) -> Result<Vec<SaveRow>, Trouble> {
    // What is written of other objects, which had waited, stands right behind the save itself and is told with it.
    let own =
        "t.tenant = $1 AND NOT EXISTS (SELECT FROM traces b WHERE b.tenant = t.tenant AND b.row = t.row - 1 AND b.sequence = t.sequence)";
    let mut conditions = Conditions::of(own, tenant);
    conditions.text("t.model = ?", filter.model.as_deref());
    conditions.text("t.object = ?", filter.object.as_deref());
    conditions.text("t.operation = ?", filter.operation.as_deref());
    for (condition, value) in [("t.sequence = ?", filter.sequence.map(|sequence| sequence.0)), ("t.row < ?", before)] {
        if let Some(value) = value {
            conditions.and(condition, value);
        }
    }
    let sql = format!(
        "{TRACE_COLUMNS}, t.row, t.model, t.object {TRACE_FROM} WHERE {} ORDER BY t.row DESC LIMIT {}",
        conditions.sql,
        limit(most)
    );
    let rows = link.query_once(&sql, &conditions.values()).await?;
    let mut reader = TraceReader::default();
    let save = |row: &Row| {
        let (position, model, object) = (get(row, 7)?, text(row, 8)?, text(row, 9)?);
        Ok(SaveRow { trace: reader.read(row)?, position, model, object, deliveries: Vec::new() })
    };
    let mut saves = rows.iter().map(save).collect::<Result<Vec<SaveRow>, Trouble>>()?;
    // Saves of one batch have one time: what they caused is looked for once.
    let mut times: BTreeMap<Timestamp, (Sequence, Sequence)> = BTreeMap::new();
    for TraceRow { sequence, at, .. } in saves.iter().map(|save| &save.trace) {
        let span = times.entry(*at).or_insert((*sequence, *sequence));
        *span = (span.0.min(*sequence), span.1.max(*sequence));
    }
    let mut deliveries: BTreeMap<Sequence, Vec<DeliveryRow>> = BTreeMap::new();
    for (at, span) in times {
        for delivery in caused(link, tenant, span, at).await? {
            deliveries.entry(delivery.sequence).or_default().push(delivery);
        }
    }
    for save in &mut saves {
        save.deliveries = deliveries.remove(&save.trace.sequence).unwrap_or_default();
    }
    Ok(saves)
}

/// See [`Store::recordings`](crate::store::Store::recordings).
pub(super) async fn recordings(link: &Link, tenant: i64, through: Sequence) -> Result<Vec<Recording>, Trouble> {
    let sql = "SELECT sequence, model, object, item FROM recordings WHERE tenant = $1 AND sequence <= $2 ORDER BY row";
    let recording =
        |row: &Row| Ok(Recording { sequence: Sequence(get(row, 0)?), model: text(row, 1)?, object: text(row, 2)?, item: text(row, 3)? });
    link.query(sql, &[&tenant, &through.0]).await?.iter().map(recording).collect()
}

/// See [`Store::note_program`](crate::store::Store::note_program).
pub(super) async fn note_program(hub: &Hub, digest: &[u8; 32], now: Timestamp) -> Result<ProgramRow, StoreError> {
    on!(hub, |link| {
        let digest = digest.as_slice();
        let note = "INSERT INTO programs (digest, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        link.execute(note, &[&digest, &now.as_millisecond()]).await?;
        let row = link.first("SELECT row, since FROM programs WHERE digest = $1", &[&digest]).await?;
        row.map(|row| program_row(&row)).transpose()?.ok_or_else(|| StoreError::Failed("the program was not noted".to_owned()).into())
    })
}

/// See [`Store::program`](crate::store::Store::program).
pub(super) async fn program(link: &Link, id: ProgramId) -> Result<Option<ProgramRow>, Trouble> {
    let row = link.first("SELECT row, since FROM programs WHERE row = $1", &[&id.0]).await?;
    row.map(|row| program_row(&row)).transpose()
}

fn program_row(row: &Row) -> Result<ProgramRow, Trouble> {
    Ok(ProgramRow { id: ProgramId(get(row, 0)?), since: time(row, 1)? })
}
