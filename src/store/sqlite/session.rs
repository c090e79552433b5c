//! The writing connection with what the writer knows about its database: rows of tenants and lanes, the last sequence of each tenant,
//! whether anything is blocked, when what is due. Sequences and counts are written once a commit. Whatever undoes a part of a transaction also forgets what
//! was learnt in it.
//!
//! Most jobs write once, all at the end, and nothing of them has to be undone: they run without a savepoint, which would copy every page
//! that they touch. A job that writes more than once asks for one ([`Session::protect`]). The rare job that fails in the middle of its
//! only write takes the transaction with it, and the jobs before it are run again; see the writer.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::ids::{EndpointId, LaneId, Tenant};
use crate::program::DecisionTable;
use crate::store::agenda::{Agenda, Note};
use crate::store::sqlite::tables::Tables;
use crate::store::sqlite::{endpoints, objects, queue, tables};
use crate::store::{Claimed, Handover, Lane, Way};

/// Tenants and endpoints that are remembered; beyond it all are looked up anew.
const REMEMBERED: usize = 16 * 1024;

/// The writer's connection.
pub(super) struct Session {
    /// For everything that is not remembered here.
    pub connection: Connection,
    tenants: FxHashMap<Tenant, TenantRow>,
    /// Tenants whose last sequence is not in the database yet.
    unwritten: Vec<Tenant>,
    lanes: FxHashMap<(i64, EndpointId), LaneId>,
    tables: Tables,
    /// Lanes in a state of their own, once that was asked for.
    marked: Option<Marked>,
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
    /// When what is due; shared with whoever asks.
    pub agenda: Arc<Mutex<Agenda>>,
    /// What this transaction changes in it.
    notes: Vec<Note>,
    /// How many of those are not of the job in hand.
    notes_before: usize,
}

/// Lanes of which something is remembered that is true of few.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// Nothing is sent.
    pub suspended: FxHashSet<LaneId>,
    /// Trouble was told, and it is not over.
    pub alerted: FxHashSet<LaneId>,
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
        let agenda = Arc::new(Mutex::new(queue::agenda(&connection)?));
        Ok(Self {
            connection,
            tenants: FxHashMap::default(),
            unwritten: Vec::new(),
            lanes: FxHashMap::default(),
            tables: Tables::default(),
            marked: None,
            may_be_blocked,
            protected: false,
            changes: 0,
            taker: None,
            fresh: Vec::new(),
            fresh_before: 0,
            agenda,
            notes: Vec::new(),
            notes_before: 0,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.execute("BEGIN IMMEDIATE")
    }

    /// Commits; the lanes that are suspended from now on, for [`Session::send_off`].
    pub(super) fn commit(&mut self) -> rusqlite::Result<Vec<LaneId>> {
        if let Err(error) = self.write_counts().and_then(|()| self.execute("COMMIT")) {
            self.rollback();
            return Err(error);
        }
        if self.tenants.len().max(self.lanes.len()) > REMEMBERED {
            self.forget();
        }
        let suspended = self.notes.iter().filter_map(Note::suspended).collect();
        if !self.notes.is_empty() {
            self.agenda.lock().unwrap_or_else(PoisonError::into_inner).apply(self.notes.drain(..));
        }
        Ok(suspended)
    }

    /// Hands over what is to be sent right after the commit.
    pub(super) fn send_off(&mut self, suspended: Vec<LaneId>) {
        if let Some(taker) = &self.taker {
            if !self.fresh.is_empty() {
                taker.hand_over(std::mem::take(&mut self.fresh));
            }
            // Last, so that nothing of this commit stays in line either.
            for lane in suspended {
                taker.suspended(lane);
            }
        }
    }

    /// Undoes the transaction, if there still is one.
    pub(super) fn rollback(&mut self) {
        self.forget();
        self.release(0);
        self.notes.clear();
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
        self.notes_before = self.notes.len();
    }

    /// Puts the rest of the job in hand into a savepoint.
    pub(super) fn protect(&mut self) -> rusqlite::Result<()> {
        if !self.protected {
            self.write_counts()?;
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
            self.notes.truncate(self.notes_before);
            self.execute("ROLLBACK TO job")?;
            self.keep()?;
            return Ok(Undone::Job);
        }
        if self.connection.total_changes() == self.changes {
            self.release(self.fresh_before);
            self.notes.truncate(self.notes_before);
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

    /// The lane of a tenant, which has this row, to an endpoint; made when it is first needed.
    pub(super) fn lane(&mut self, row: i64, tenant: &Tenant, endpoint: &EndpointId) -> rusqlite::Result<LaneId> {
        let key = (row, endpoint.clone());
        if let Some(known) = self.lanes.get(&key) {
            return Ok(*known);
        }
        let lane = if let Some(lane) = endpoints::lane(&self.connection, row, endpoint)? {
            lane
        } else {
            let id = endpoints::make(&self.connection, row, endpoint)?;
            self.note(Note::Made(Lane { id, tenant: tenant.clone(), endpoint: endpoint.clone() }));
            id
        };
        self.lanes.insert(key, lane);
        Ok(lane)
    }

    /// The row of a decision table, which one more trace has.
    pub(super) fn decision_table(&mut self, table: &Arc<DecisionTable>) -> rusqlite::Result<i64> {
        self.tables.row(&self.connection, table)
    }

    /// Removes those of the decision tables that no trace has any more.
    pub(super) fn drop_tables(&mut self, rows: &[i64]) -> rusqlite::Result<()> {
        self.write_counts()?;
        for &row in rows {
            if tables::remove_unused(&self.connection, row)? {
                self.tables.forget();
            }
        }
        Ok(())
    }

    /// The lanes in a state of their own.
    pub(super) fn marked(&mut self) -> rusqlite::Result<&mut Marked> {
        let marked = match self.marked.take() {
            Some(marked) => marked,
            None => endpoints::marked(&self.connection)?,
        };
        Ok(self.marked.insert(marked))
    }

    /// Notes when something is due, for the time after the commit.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// The end of the lease, if a delivery on this way can go out right after the commit; then [`Session::hand_over`] must follow.
    pub(super) fn reserve(&mut self, way: Way<'_>, due: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
        if self.taker.is_none() || self.marked()?.suspended.contains(&way.lane) {
            return Ok(None);
        }
        Ok(self.taker.as_ref().and_then(|taker| taker.reserve(way, due)))
    }

    /// Notes a delivery to hand over with the commit.
    pub(super) fn hand_over(&mut self, delivery: Claimed) {
        self.fresh.push(delivery);
    }

    /// Lets go of the places of deliveries that are undone, all but the first `kept`.
    fn release(&mut self, kept: usize) {
        for undone in self.fresh.drain(kept.min(self.fresh.len())..) {
            if let Some(taker) = &self.taker {
                taker.release(undone.lane, &undone.tenant);
            }
        }
    }

    /// Writes what is written once a commit.
    pub(super) fn write_counts(&mut self) -> rusqlite::Result<()> {
        for tenant in self.unwritten.drain(..) {
            if let Some(known) = self.tenants.get(&tenant) {
                self.connection
                    .prepare_cached("UPDATE tenants SET sequence = ?2 WHERE row = ?1")?
                    .execute(params![known.row, known.last])?;
            }
        }
        self.tables.write(&self.connection)
    }

    fn forget(&mut self) {
        self.tables.forget();
        self.tenants.clear();
        self.unwritten.clear();
        self.lanes.clear();
        self.marked = None;
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}
