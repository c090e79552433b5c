//! The decision tables that the traces of a tenant have in common: which row each has.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::failure::Trouble;
use super::link::Link;
use super::values::{get, to_json};
use crate::program::DecisionTable;

/// Tables that are remembered; beyond it all are looked up anew.
const REMEMBERED: usize = 16 * 1024;

/// The tables of the programs in force, as far as they have been used. While one is remembered its address is that of no other.
#[derive(Default)]
pub(super) struct Tables(Mutex<FxHashMap<(i64, usize), Table>>);

/// A table that has a row.
pub(super) struct Table {
    tenant: i64,
    /// How often tables of the tenant had been removed by then.
    version: i64,
    asks: Arc<DecisionTable>,
    pub row: i64,
}

impl Table {
    /// Whether it is this one.
    pub(super) fn is(&self, tenant: i64, table: &Arc<DecisionTable>) -> bool {
        self.tenant == tenant && Arc::ptr_eq(&self.asks, table)
    }
}

impl Tables {
    /// The row of a table of a tenant, if it is known and nothing was removed since.
    pub(super) fn row(&self, (tenant, version): (i64, i64), table: &Arc<DecisionTable>) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(tenant, Arc::as_ptr(table) as usize)).filter(|known| known.version == version).map(|known| known.row)
    }

    /// These are committed.
    pub(super) fn remember(&self, tables: Vec<Table>) {
        if tables.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of programs that are not in force any more.
        known.retain(|_, known| Arc::strong_count(&known.asks) > 1);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        for table in tables {
            known.insert((table.tenant, Arc::as_ptr(&table.asks) as usize), table);
        }
    }
}

/// The row of a table, under the lock of its tenant.
pub(super) async fn find_or_make(
    link: &Link,
    (tenant, version): (i64, i64),
    table: &Arc<DecisionTable>,
    counter: &mut i64,
) -> Result<Table, Trouble> {
    let json = to_json(&**table)?;
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    let hash = hasher.finish().cast_signed();
    let found = "SELECT row FROM decision_tables WHERE tenant = $1 AND hash = $2 AND json = $3";
    let row = if let Some(row) = link.first(found, &[&tenant, &hash, &json]).await? {
        get(&row, 0)?
    } else {
        *counter += 1;
        let make = "INSERT INTO decision_tables (tenant, row, hash, json) VALUES ($1, $2, $3, $4)";
        link.execute(make, &[&tenant, &*counter, &hash, &json]).await?;
        *counter
    };
    Ok(Table { tenant, version, asks: Arc::clone(table), row })
}
