//! What tenants have said of their endpoints, encrypted anew when the key of the store is another one, or when nothing was encrypted before.

use rusqlite::{Connection, Row, params};

use crate::store::StoreError;
use crate::store::sealed;
use crate::store::sqlite::values::unreadable;
use crate::vault::Vault;

/// Endpoints that are encrypted anew in one transaction: a few milliseconds of the writer's time.
const TOGETHER: usize = 256;

/// Every endpoint's id with what is said of it, as it is stored.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    connection.prepare("SELECT id, definition FROM own_endpoints")?.query_map([], read)?.collect()
}

/// Encrypts some behind the row `after`; how many, and the last of them. `None` when all are encrypted with the key in force.
pub(super) fn reseal(connection: &Connection, vault: &Vault, after: i64) -> rusqlite::Result<Option<(usize, i64)>> {
    let current = sealed::beginning(vault.current());
    let sql = format!(
        "SELECT row, id, definition FROM own_endpoints WHERE row > ?1 AND substr(definition, 1, length(?2)) <> ?2 ORDER BY row LIMIT {TOGETHER}"
    );
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
    let found = connection.prepare_cached(&sql)?.query_map(params![after, current], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut update = connection.prepare_cached("UPDATE own_endpoints SET definition = ?2 WHERE row = ?1")?;
    for (row, id, stored) in &found {
        let anew = sealed::reseal(vault, id, stored).map_err(|error: StoreError| unreadable(0, error))?;
        update.execute(params![row, anew])?;
    }
    Ok(found.last().map(|(last, ..)| (found.len(), *last)))
}
