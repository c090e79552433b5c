//! Where sources are.

use super::Postgres;
use super::failure::Trouble;
use super::hub::on;
use super::link::Link;
use super::values::get;
use crate::store::{Advance, Position, StoreError};

impl Postgres {
    pub(in crate::store) async fn position(&self, source: &str) -> Result<Option<Position>, StoreError> {
        on!(self.hub, |link| position(&link, source).await)
    }

    pub(in crate::store) async fn advance(&self, step: &Advance) -> Result<bool, StoreError> {
        on!(self.hub, |link| advance(&link, step).await)
    }
}

/// Where a source is.
pub(super) async fn position(link: &Link, source: &str) -> Result<Option<Position>, Trouble> {
    let row = link.first("SELECT lsn, changes FROM sources WHERE name = $1", &[&source]).await?;
    let position = |row| {
        let (lsn, changes): (i64, i64) = (get(&row, 0)?, get(&row, 1)?);
        Ok::<_, Trouble>(Position { lsn: lsn.cast_unsigned(), changes: changes.cast_unsigned() })
    };
    row.map(position).transpose()
}

/// Takes the step in the open transaction; `false` when the source is not where it begins.
pub(super) async fn advance(link: &Link, advance: &Advance) -> Result<bool, Trouble> {
    let (lsn, changes) = (advance.to.lsn.cast_signed(), advance.to.changes.cast_signed());
    let taken = match advance.from {
        None => {
            let sql = "INSERT INTO sources (name, lsn, changes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            link.execute(sql, &[&&*advance.source, &lsn, &changes]).await?
        }
        Some(from) => {
            let sql = "UPDATE sources SET lsn = $2, changes = $3 WHERE name = $1 AND lsn = $4 AND changes = $5";
            let (from_lsn, from_changes) = (from.lsn.cast_signed(), from.changes.cast_signed());
            link.execute(sql, &[&&*advance.source, &lsn, &changes, &from_lsn, &from_changes]).await?
        }
    };
    Ok(taken == 1)
}
