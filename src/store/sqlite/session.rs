//! The writing connection with what the writer knows about its database: rows of tenants and endpoints, the last sequence of each
//! tenant, whether anything is blocked. Sequences are written once a commit. Whatever undoes a part of a transaction also forgets what
//! was learnt in it.
//!
//! Most jobs write once, all at the end, and nothing of them has to be undone: they run without a savepoint, which would copy every page
//! that they touch. A job that writes more than once asks for one ([`Session::protect`]). The rare job that fails in the middle of its
//! only write takes the transaction with it, and the jobs before it are run again; see the writer.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use crate::ids::{EndpointId, Tenant};
use crate::store::sqlite::{objects, queue};
use crate::store::{Claimed, Handover};

/// Tenants and endpoints that are remembered; beyond it all are looked up anew.
const REMEMBERED: usize = 16 * 1024;

/// The writer's connection.
pub(super) struct Session {
    /// For everything that is not remembered here.
    pub connection: Connection,
    tenants: FxHashMap<Tenant, TenantRow>,
    /// Tenants whose last sequence is not in the database yet.
    unwritten: Vec<Tenant>,
    endpoints: FxHashMap<EndpointId, i64>,
    /// Whether any delivery may be blocked; once true it stays so.
    pub may_be_blocked: bool,
    /// Whether the job in hand runs in a savepoint.
    protected: bool,
    /// Rows changed by the connection when the job in hand began.
    changes: u64,
    /// Who takes deliveries straight from the commit.
    pub taker: Option<Arc<dyn Handover>>,
    /// Deliveries of this transaction to hand over.
    fresh: Vec<Claimed>,
    /// How many of them are not of the job in hand.
    fresh_before: usize,
}

/// A tenant that has saved something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TenantRow {
    /// Its row.
    pub row: i64,
    /// The last sequence given to a save of it.
    pub last: i64,
}

/// How much had to be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The job alone.
    Job,
    /// The whole transaction, which is over.
    All,
}

impl Session {
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let may_be_blocked = connection.prepare("SELECT 1 FROM deliveries WHERE blocked = 1 LIMIT 1")?.exists([])?;
        Ok(Self {
            connection,
            tenants: FxHashMap::default(),
            unwritten: Vec::new(),
            endpoints: FxHashMap::default(),
            may_be_blocked,
            protected: false,
            changes: 0,
            taker: None,
            fresh: Vec::new(),
            fresh_before: 0,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.execute("BEGIN IMMEDIATE")
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        let committed = self.write_sequences().and_then(|()| self.execute("COMMIT"));
        if committed.is_err() {
            self.rollback();
            return committed;
        }
        if self.tenants.len().max(self.endpoints.len()) > REMEMBERED {
            self.forget();
        }
        if !self.fresh.is_empty()
            && let Some(taker) = &self.taker
        {
            taker.hand_over(std::mem::take(&mut self.fresh));
        }
        committed
    }

    /// Undoes the transaction, if there still is one.
    pub(super) fn rollback(&mut self) {
        self.forget();
        self.release(0);
        self.protected = false;
        if !self.connection.is_autocommit() {
            // Nothing more can be done about a rollback that fails: the next BEGIN says so.
            drop(self.execute("ROLLBACK"));
        }
    }

    /// A job begins.
    pub(super) fn job(&mut self) {
        self.changes = self.connection.total_changes();
        self.fresh_before = self.fresh.len();
    }

    /// Puts the rest of the job in hand into a savepoint.
    pub(super) fn protect(&mut self) -> rusqlite::Result<()> {
        if !self.protected {
            self.write_sequences()?;
            self.execute("SAVEPOINT job")?;
            self.protected = true;
        }
        Ok(())
    }

    /// The job in hand is done, and stays.
    pub(super) fn keep(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.protected) { self.execute("RELEASE job") } else { Ok(()) }
    }

    /// Undoes the job in hand.
    pub(super) fn undo(&mut self) -> rusqlite::Result<Undone> {
        if self.connection.is_autocommit() {
            // A full disk or a failed read may undo the whole transaction by itself.
            self.rollback();
            return Ok(Undone::All);
        }
        if self.protected {
            self.forget();
            self.release(self.fresh_before);
            self.execute("ROLLBACK TO job")?;
            self.keep()?;
            return Ok(Undone::Job);
        }
        if self.connection.total_changes() == self.changes {
            self.release(self.fresh_before);
            return Ok(Undone::Job);
        }
        self.rollback();
        Ok(Undone::All)
    }

    /// The tenant, when it has ever saved anything.
    pub(super) fn tenant(&mut self, tenant: &Tenant) -> rusqlite::Result<Option<TenantRow>> {
        if let Some(known) = self.tenants.get(tenant) {
            return Ok(Some(*known));
        }
        let found = objects::tenant(&self.connection, tenant)?;
        if let Some(found) = found {
            self.tenants.insert(tenant.clone(), found);
        }
        Ok(found)
    }

    /// The row of the tenant, made if need be.
    pub(super) fn make_tenant(&mut self, tenant: &Tenant) -> rusqlite::Result<i64> {
        if let Some(known) = self.tenant(tenant)? {
            return Ok(known.row);
        }
        self.connection.prepare_cached("INSERT INTO tenants (name) VALUES (?1)")?.execute([tenant.as_str()])?;
        let row = self.connection.last_insert_rowid();
        self.tenants.insert(tenant.clone(), TenantRow { row, last: 0 });
        Ok(row)
    }

    /// Notes the last sequence that a tenant, which has been made, has used; written with the commit.
    pub(super) fn count(&mut self, tenant: &Tenant, last: i64) {
        if let Some(known) = self.tenants.get_mut(tenant) {
            known.last = last;
            if !self.unwritten.contains(tenant) {
                self.unwritten.push(tenant.clone());
            }
        }
    }

    /// The row of an endpoint, made when it is first sent to.
    pub(super) fn endpoint(&mut self, endpoint: &EndpointId) -> rusqlite::Result<i64> {
        if let Some(known) = self.endpoints.get(endpoint) {
            return Ok(*known);
        }
        let row = if let Some(row) = queue::endpoint_row(&self.connection, endpoint)? {
            row
        } else {
            self.connection.prepare_cached("INSERT INTO endpoints (name) VALUES (?1)")?.execute([endpoint.as_str()])?;
            self.connection.last_insert_rowid()
        };
        self.endpoints.insert(endpoint.clone(), row);
        Ok(row)
    }

    /// The end of the lease, if a delivery to this endpoint can go out right after the commit; then [`Session::hand_over`] must follow.
    pub(super) fn reserve(&self, endpoint: &EndpointId, due: Timestamp) -> Option<Timestamp> {
        self.taker.as_ref()?.reserve(endpoint, due)
    }

    /// Notes a delivery to hand over with the commit.
    pub(super) fn hand_over(&mut self, delivery: Claimed) {
        self.fresh.push(delivery);
    }

    /// Lets go of the places of deliveries that are undone, all but the first `kept`.
    fn release(&mut self, kept: usize) {
        for undone in self.fresh.drain(kept.min(self.fresh.len())..) {
            if let Some(taker) = &self.taker {
                taker.release(&undone.endpoint);
            }
        }
    }

    fn write_sequences(&mut self) -> rusqlite::Result<()> {
        for tenant in self.unwritten.drain(..) {
            if let Some(known) = self.tenants.get(&tenant) {
                self.connection
                    .prepare_cached("UPDATE tenants SET sequence = ?2 WHERE row = ?1")?
                    .execute(params![known.row, known.last])?;
            }
        }
        Ok(())
    }

    /// Looks everything up anew: rows were changed otherwise than through here.
    pub(super) fn forget(&mut self) {
        self.tenants.clear();
        self.unwritten.clear();
        self.endpoints.clear();
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
