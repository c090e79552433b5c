//! Saves as they are looked back on: what was decided, by which program, what was sent because of it, and the saves as they came.

use jiff::Timestamp;

use super::{DeliveryRow, Store, StoreError, TraceRow};
use crate::access::TenantScope;
use crate::ids::{ProgramId, Sequence};

/// A save and what it caused.
#[derive(Clone, Debug)]
pub struct SaveRow {
    /// Where it stands in the list of saves: newer ones are greater.
    pub position: i64,
    /// The object's model.
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// What was decided.
    pub trace: TraceRow,
    /// What is sent because of it, in the order of making.
    pub deliveries: Vec<DeliveryRow>,
}

/// Which saves.
#[derive(Clone, Debug, Default)]
pub struct SaveFilter {
    /// Model.
    pub model: Option<String>,
    /// Object id.
    pub object: Option<String>,
    /// `create`, `update`, `delete`.
    pub operation: Option<String>,
    /// Position.
    pub sequence: Option<Sequence>,
}

/// A program that was in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramRow {
    /// Which; they count from 1.
    pub id: ProgramId,
    /// When it first was in force.
    pub since: Timestamp,
}

/// A save as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its position.
    pub sequence: Sequence,
    /// The object's model.
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// JSON on one line, as `POST …/saves` takes it.
    pub item: Box<str>,
}

/// What is written of a save for whoever looks back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The program that decided.
    pub program: Option<ProgramId>,
    /// The save as it came; `None` where that is not kept.
    pub item: Option<String>,
}

impl Store {
    /// Saves, newest first, at most `limit`, before a position.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn saves(
        &self,
        tenant: &TenantScope,
        filter: &SaveFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SaveRow>, StoreError> {
        verb!(self, saves(tenant.tenant(), filter, before, limit))
    }

    /// The saves that were kept as they came, up to a position, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recordings(&self, tenant: &TenantScope, through: Sequence) -> Result<Vec<Recording>, StoreError> {
        verb!(self, recordings(tenant.tenant(), through))
    }

    /// The program of these sources (their SHA-256), noted at `now` if it is new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_program(&self, digest: [u8; 32], now: Timestamp) -> Result<ProgramRow, StoreError> {
        verb!(self, note_program(digest, now))
    }

    /// A program that was noted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn program(&self, id: ProgramId) -> Result<Option<ProgramRow>, StoreError> {
        verb!(self, program(id))
    }
}
