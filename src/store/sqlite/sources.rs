//! Where sources are.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Sqlite;
use super::session::Session;
use super::writer::Flow;
use crate::store::{Advance, Position, StoreError};

impl Sqlite {
    pub(in crate::store) async fn position(&self, source: &str) -> Result<Option<Position>, StoreError> {
        let source = source.to_owned();
        self.readers.read(move |connection| position(connection, &source)).await
    }

    pub(in crate::store) async fn advance(&self, step: &Advance) -> Result<bool, StoreError> {
        let step = step.clone();
        let take = move |session: &mut Session, taken: &mut bool| {
            *taken = stands(&session.connection, &step)?;
            if *taken {
                advance(&session.connection, &step)?;
            }
            Ok(Flow::Keep)
        };
        self.writer.write(false, take).await
    }
}

/// Whether the source is where the step begins.
pub(super) fn stands(connection: &Connection, advance: &Advance) -> rusqlite::Result<bool> {
    Ok(position(connection, &advance.source)? == advance.from)
}

/// Takes the step.
pub(super) fn advance(connection: &Connection, advance: &Advance) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sources (name, lsn, changes) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET lsn = excluded.lsn, changes = excluded.changes",
        )?
        .execute(params![advance.source, advance.to.lsn.cast_signed(), advance.to.changes.cast_signed()])
        .map(drop)
}

pub(super) fn position(connection: &Connection, source: &str) -> rusqlite::Result<Option<Position>> {
    connection
        .prepare_cached("SELECT lsn, changes FROM sources WHERE name = ?1")?
        .query_row([source], |row| {
            Ok(Position { lsn: row.get::<_, i64>(0)?.cast_unsigned(), changes: row.get::<_, i64>(1)?.cast_unsigned() })
        })
        .optional()
}
