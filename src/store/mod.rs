//! Everything durable, behind about twenty verbs: objects, ready marks, waits, messages, deliveries, attempts, traces, keys. Rows are
//! in names and bytes; the store knows no rules. Only this folder holds SQL and uses the database crates.

mod job;
mod rows;

pub use job::{Answer, Effects, JobStep, NewDelivery, NewMessage, ObjectChange, Query, SaveJob, WaitRow};
pub use rows::{
    AttemptRow, Claimed, DeliveryFilter, DeliveryRow, DeliveryState, MessageFilter, MessageRow, NewAttempt, ObjectRow, Page, Settled,
    TraceRow,
};

use jiff::Timestamp;

use crate::ids::{DeliveryId, EndpointId, MessageId, Tenant};

/// The world's failure, as far as the store is concerned.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened, or is not ours.
    #[error("cannot open the store `{url}`: {why}")]
    Open {
        /// As configured.
        url: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another process holds the database.
    #[error("the store is locked by another process")]
    Busy,
    /// No room left on the disk.
    #[error("the disk is full")]
    Full,
    /// Anything else.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// An open store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens (and makes, and migrates) the store at `url`: `sqlite:PATH`.
    ///
    /// # Errors
    /// When it cannot be opened, is locked, is not writable, is newer than this program, or the URL is of an unknown kind.
    pub async fn open(_url: &str) -> Result<Self, StoreError> {
        Ok(Self {})
    }

    /// Runs a save job in a transaction, which it may share with others, and gives it back after the commit. A job that aborts
    /// leaves nothing behind.
    ///
    /// # Errors
    /// When nothing could be committed; nothing of the job is stored then.
    pub async fn save<J: SaveJob + 'static>(&self, job: J) -> Result<J, StoreError> {
        Ok(job)
    }

    /// An object.
    pub async fn object(&self, _tenant: &Tenant, _model: &str, _id: &str) -> Result<Option<ObjectRow>, StoreError> {
        Ok(None)
    }

    /// Takes up to `limit` deliveries of one endpoint that are due, until `lease_until`, and raises their fence.
    pub async fn claim(
        &self,
        _endpoint: &EndpointId,
        _now: Timestamp,
        _lease_until: Timestamp,
        _limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        Ok(Vec::new())
    }

    /// The endpoints that have something due at `now`, and when the next thing of any endpoint is due after it.
    pub async fn due(&self, _now: Timestamp) -> Result<(Vec<EndpointId>, Option<Timestamp>), StoreError> {
        Ok((Vec::new(), None))
    }

    /// Records finished attempts. One whose fence has been raised since is dropped: `false` in its place.
    pub async fn settle(&self, attempts: Vec<NewAttempt>) -> Result<Vec<bool>, StoreError> {
        Ok(vec![true; attempts.len()])
    }

    /// Makes a delivery due now with one more attempt. `false` when it does not exist or is under way.
    pub async fn resend(&self, _tenant: &Tenant, _delivery: DeliveryId, _now: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Messages, newest first.
    pub async fn messages(
        &self,
        _tenant: &Tenant,
        _filter: &MessageFilter,
        _page: &Page<MessageId>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        Ok(Vec::new())
    }

    /// One message.
    pub async fn message(&self, _tenant: &Tenant, _id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        Ok(None)
    }

    /// Deliveries, newest first.
    pub async fn deliveries(
        &self,
        _tenant: &Tenant,
        _filter: &DeliveryFilter,
        _page: &Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        Ok(Vec::new())
    }

    /// One delivery.
    pub async fn delivery(&self, _tenant: &Tenant, _id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        Ok(None)
    }

    /// The attempts of a delivery, in order; `None` when there is no such delivery.
    pub async fn attempts(&self, _tenant: &Tenant, _delivery: DeliveryId) -> Result<Option<Vec<AttemptRow>>, StoreError> {
        Ok(None)
    }

    /// The traces of the last saves of an object, newest first.
    pub async fn traces(&self, _tenant: &Tenant, _model: &str, _object: &str, _limit: usize) -> Result<Vec<TraceRow>, StoreError> {
        Ok(Vec::new())
    }

    /// The key material under `name`; `make` is called and its result stored when there is none yet.
    pub async fn key(&self, _name: &str, make: impl FnOnce() -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, StoreError> {
        Ok(make())
    }

    /// Prepares the store to answer [`Query::Children`] of this model and belongs-to from an index.
    pub async fn index_children(&self, _model: &str, _property: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Commits what is queued and closes the files.
    pub async fn close(&self) {}
}
