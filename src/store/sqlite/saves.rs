//! Saves as they are looked back on, the programs that decided them, and the saves as they came.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::Sqlite;
use crate::ids::{ProgramId, Sequence, Tenant};
use crate::store::sqlite::list::caused;
use crate::store::sqlite::objects::{TRACE_COLUMNS, TRACE_FROM, TraceReader};
use crate::store::sqlite::session::Session;
use crate::store::sqlite::values::{limit, time};
use crate::store::sqlite::writer::Flow;
use crate::store::{DeliveryRow, ProgramRow, Recording, SaveFilter, SaveRow, StoreError, TraceRow};

/// Saves that are kept as they came: an afternoon's work, and some MiB.
const RECORDED: i64 = 10_000;

impl Sqlite {
    pub(in crate::store) async fn saves(
        &self,
        tenant: &Tenant,
        filter: &SaveFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SaveRow>, StoreError> {
        let filter = filter.clone();
        let read = move |connection: &Connection, tenant| saves(connection, tenant, &filter, before, limit);
        self.read_tenant(tenant, read).await.map(Option::unwrap_or_default)
    }

    pub(in crate::store) async fn recordings(&self, tenant: &Tenant, through: Sequence) -> Result<Vec<Recording>, StoreError> {
        self.read_tenant(tenant, move |connection, tenant| recordings(connection, tenant, through)).await.map(Option::unwrap_or_default)
    }

    pub(in crate::store) async fn note_program(&self, digest: [u8; 32], now: Timestamp) -> Result<ProgramRow, StoreError> {
        let note = move |session: &mut Session, noted: &mut ProgramRow| {
            *noted = note(&session.connection, &digest, now)?;
            Ok(Flow::Keep)
        };
        self.writer.write(ProgramRow { id: ProgramId(0), since: now }, note).await
    }

    pub(in crate::store) async fn program(&self, id: ProgramId) -> Result<Option<ProgramRow>, StoreError> {
        let read = move |connection: &Connection| {
            connection.prepare_cached("SELECT row, since FROM programs WHERE row = ?1")?.query_row([id.0], program_row).optional()
        };
        self.readers.read(read).await
    }
}

fn saves(connection: &Connection, tenant: i64, filter: &SaveFilter, before: Option<i64>, most: usize) -> rusqlite::Result<Vec<SaveRow>> {
    // By the index of objects where one is named; otherwise newest first without sorting, which the `+` asks for.
    let of_tenant = if filter.model.is_some() && filter.object.is_some() { "t.tenant = ?" } else { "+t.tenant = ?" };
    // What is written of other objects, which had waited, stands right behind the save itself and is told with it.
    let mut sql = format!(
        "{TRACE_COLUMNS}, t.row, t.model, t.object {TRACE_FROM}
         WHERE {of_tenant} AND NOT EXISTS (SELECT 1 FROM traces b WHERE b.row = t.row - 1 AND b.tenant = t.tenant AND b.sequence = t.sequence)"
    );
    let mut values = vec![Value::Integer(tenant)];
    let texts = [("model", &filter.model), ("object", &filter.object), ("operation", &filter.operation)];
    for (column, value) in texts {
        if let Some(value) = value {
            let _infallible = write!(sql, " AND t.{column} = ?");
            values.push(Value::Text(value.clone()));
        }
    }
    for (condition, value) in [(" AND t.sequence = ?", filter.sequence.map(|sequence| sequence.0)), (" AND t.row < ?", before)] {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(Value::Integer(value));
        }
    }
    let _infallible = write!(sql, " ORDER BY t.row DESC LIMIT {}", limit(most));
    let mut reader = TraceReader::default();
    let save = |row: &Row<'_>| {
        Ok(SaveRow { trace: reader.read(row)?, position: row.get(7)?, model: row.get(8)?, object: row.get(9)?, deliveries: Vec::new() })
    };
    let mut saves: Vec<SaveRow> =
        connection.prepare_cached(&sql)?.query_map(params_from_iter(values), save)?.collect::<rusqlite::Result<_>>()?;
    // Saves of one batch have one time: what they caused is looked for once.
    let mut times: BTreeMap<Timestamp, (Sequence, Sequence)> = BTreeMap::new();
    for TraceRow { sequence, at, .. } in saves.iter().map(|save| &save.trace) {
        let span = times.entry(*at).or_insert((*sequence, *sequence));
        *span = (span.0.min(*sequence), span.1.max(*sequence));
    }
    let mut deliveries: BTreeMap<Sequence, Vec<DeliveryRow>> = BTreeMap::new();
    for (at, span) in times {
        for delivery in caused(connection, tenant, span, at)? {
            deliveries.entry(delivery.sequence).or_default().push(delivery);
        }
    }
    for save in &mut saves {
        save.deliveries = deliveries.remove(&save.trace.sequence).unwrap_or_default();
    }
    Ok(saves)
}

fn recordings(connection: &Connection, tenant: i64, through: Sequence) -> rusqlite::Result<Vec<Recording>> {
    let recording =
        |row: &Row<'_>| Ok(Recording { sequence: Sequence(row.get(0)?), model: row.get(1)?, object: row.get(2)?, item: row.get(3)? });
    connection
        .prepare_cached("SELECT sequence, model, object, item FROM recordings WHERE tenant = ?1 AND sequence <= ?2 ORDER BY row")?
        .query_map(params![tenant, through.0], recording)?
        .collect()
}

/// Keeps a save as it came, and lets go of the oldest.
pub(super) fn record(connection: &Connection, tenant: i64, recording: &Recording) -> rusqlite::Result<()> {
    let Recording { sequence, model, object, item } = recording;
    connection
        .prepare_cached("INSERT INTO recordings (tenant, sequence, model, object, item) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![tenant, sequence.0, model, object, item])?;
    let oldest = connection.last_insert_rowid() - RECORDED;
    connection.prepare_cached("DELETE FROM recordings WHERE row <= ?1")?.execute([oldest]).map(drop)
}

fn note(connection: &Connection, digest: &[u8; 32], now: Timestamp) -> rusqlite::Result<ProgramRow> {
    connection
        .prepare_cached("INSERT INTO programs (digest, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![digest, now.as_millisecond()])?;
    connection.prepare_cached("SELECT row, since FROM programs WHERE digest = ?1")?.query_row([digest], program_row)
}

fn program_row(row: &Row<'_>) -> rusqlite::Result<ProgramRow> {
    Ok(ProgramRow { id: ProgramId(row.get(0)?), since: time(row, 1)? })
}
