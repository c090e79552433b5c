//! Everything durable, behind about twenty verbs: objects, ready marks, waits, messages, deliveries, attempts, traces, keys. Rows are
//! in names and bytes; the store knows no rules and no clock. Only this folder holds SQL and uses the database crates.

/// Hands a verb to the backend.
macro_rules! verb {
    ($store:expr, $($call:tt)+) => {
        match &$store.0 {
            $crate::store::Backend::Sqlite(backend) => backend.$($call)+.await,
            $crate::store::Backend::Postgres(backend) => backend.$($call)+.await,
        }
    };
}

mod access;
mod agenda;
mod alarm;
mod basket;
mod beside;
mod error;
mod filter;
mod finding;
mod handover;
mod job;
mod keys;
mod lately;
mod nodes;
mod own;
mod postgres;
mod programs;
mod prune;
mod quota;
mod receipt;
mod resend_pace;
mod resends;
mod rows;
mod saves;
mod sealed;
mod sources;
mod sqlite;
mod taken;

pub use access::{AuditEntry, Whose};
pub use alarm::{Alarm, Alert};
pub use basket::Basket;
pub use beside::{Glance, backup, examine, examine_secrets, glance, is_on_server, position, prunable, repair, time, vacuum};
pub use error::StoreError;
pub use filter::{DeliveryFilter, IdPage, MOST_WORDS, MessageFilter, Page, Span};
pub use finding::{Finding, NAMED, Severity};
pub use handover::{Handover, Way};
pub use job::{Answer, Effects, JobStep, NewDelivery, NewMessage, ObjectChange, OtherTrace, Query, SaveJob, Taken, Unsendable, WaitRow};
pub use lately::{Lately, Tried, TriedLately};
pub use nodes::Crew;
pub use own::{Over, OwnEndpoint, OwnEndpointRow, OwnFilter, OwnPage, Placed};
pub(crate) use postgres::{Tls, reach};
pub use programs::{Occasion, Offered, Standing as ProgramStanding};
use prune::Stage;
pub use prune::{Cutoffs, Removed, Sweep};
pub use quota::{Gone, Part, Quota, Whole};
pub use receipt::{KeptAnswer, Receipt};
pub use resends::{NewResend, RESENT_STATES, RUNNING_RESENDS, ResendRow, ResendState};
pub use rows::{
    AttemptRow, Claimed, DeliveryRow, DeliveryState, Due, EndpointState, KeptKey, Lane, MessageRow, NewAttempt, ObjectRow, RetiredKey,
    Settled, Share, Slot, Suspension, TraceRow,
};
pub use saves::{ProgramRow, Record, Recording, SaveFilter, SaveRow};
pub use sources::{Advance, Position};

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::access::TenantScope;
use crate::ids::{DeliveryId, EndpointId, LaneId, MessageId, Tenant};
use crate::telemetry::Standing;
use crate::vault::Vault;

/// An open store. Cheap to clone; the files are closed by [`Store::close`], or when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Store(Backend);

/// The database behind it.
#[derive(Clone, Debug)]
enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens (and makes, and migrates) the store at `url`: `sqlite:PATH`, or `postgres://…`, which other nodes may have open. Deliveries that
    /// were under way when the last process ended are due at once. Without the keys of its secrets: verbs that need one fail with [`StoreError::Locked`].
    ///
    /// # Errors
    /// When it cannot be opened, is locked, is not writable, is newer than this program, or the URL is of an unknown kind.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::opened(url, None).await
    }

    async fn opened(url: &str, vault: Option<Vault>) -> Result<Self, StoreError> {
        if postgres::is_postgres(url) {
            return postgres::Postgres::open(url, vault).await.map(|backend| Self(Backend::Postgres(backend)));
        }
        sqlite::Sqlite::open(url, vault).await.map(|backend| Self(Backend::Sqlite(backend)))
    }

    /// Opens a store as [`Store::open`] does, with the keys that its secrets are encrypted with. Whatever is not encrypted with the key in
    /// force is encrypted anew.
    ///
    /// # Errors
    /// As for [`Store::open`], or when a key is missing that something is encrypted with; nothing has changed then.
    pub async fn open_with(url: &str, vault: Vault) -> Result<Self, StoreError> {
        Self::opened(url, Some(vault)).await
    }

    /// Opens a store as [`Store::open`] does, but makes none.
    ///
    /// # Errors
    /// When there is none, or as for [`Store::open`].
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        if postgres::is_postgres(url) {
            return postgres::Postgres::open_existing(url).await.map(|backend| Self(Backend::Postgres(backend)));
        }
        sqlite::Sqlite::open_existing(url).await.map(|backend| Self(Backend::Sqlite(backend)))
    }

    /// A number that changes after each commit which may have made a delivery due. Mark it seen, then look at [`Store::due`], then
    /// wait for a change: nothing that is committed in between is missed.
    #[must_use]
    pub fn wake(&self) -> watch::Receiver<u64> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.wake(),
            Backend::Postgres(backend) => backend.wake(),
        }
    }

    /// From the next commit on, deliveries are offered to `taker` when they are made; `None` ends it. A commit under way may still hand
    /// over to the one before.
    pub fn hand_over_to(&self, taker: Option<Arc<dyn Handover>>) {
        match &self.0 {
            Backend::Sqlite(backend) => backend.hand_over_to(taker),
            Backend::Postgres(backend) => backend.hand_over_to(taker),
        }
    }

    /// Runs a save job in a transaction, which it may share with others, and gives it back after the commit. A job that aborts
    /// leaves nothing behind.
    ///
    /// # Errors
    /// When nothing could be committed; nothing of the job is stored then.
    pub async fn save<J: SaveJob + 'static>(&self, job: J) -> Result<J, StoreError> {
        verb!(self, save(job))
    }

    /// An object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn object(&self, tenant: &TenantScope, model: &str, id: &str) -> Result<Option<ObjectRow>, StoreError> {
        verb!(self, object(tenant, model, id))
    }

    /// Takes deliveries of one lane that are due, until `lease_until`, and raises their fence: at most as many as `share` says. One whose lease has ended counts as due again. Nothing is taken while the endpoint is
    /// suspended.
    ///
    /// # Errors
    /// When the store fails; nothing is taken then.
    pub async fn claim(&self, lane: &Lane, now: Timestamp, lease_until: Timestamp, share: Share) -> Result<Vec<Claimed>, StoreError> {
        verb!(self, claim(lane, now, lease_until, share))
    }

    /// At most `limit` of the lanes that have something due at `now`, behind `after`, and when the next one has. A lane may be named of
    /// which nothing is due any more, until the next claim of it; none that has something due is left out, unless its endpoint is
    /// suspended.
    ///
    /// # Errors
    /// When the store fails.
    #[expect(clippy::unused_async, reason = "a backend may have to ask its database")]
    pub async fn due(&self, now: Timestamp, after: Option<(i64, LaneId)>, limit: usize) -> Result<Due, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => Ok(backend.due(now, after, limit)),
            Backend::Postgres(backend) => Ok(backend.due(now, after, limit)),
        }
    }

    /// Suspends an endpoint of a tenant: deliveries are still made for it, and nothing is sent. `false` when it already was. Who is to be
    /// told is told in the same transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspend(&self, tenant: &TenantScope, endpoint: &EndpointId, suspension: Suspension) -> Result<bool, StoreError> {
        verb!(self, suspend(tenant, endpoint, suspension))
    }

    /// Lets what has collected at a suspended endpoint be sent. `false` when it was not suspended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unsuspend(&self, tenant: &TenantScope, endpoint: &EndpointId) -> Result<bool, StoreError> {
        verb!(self, unsuspend(tenant, endpoint))
    }

    /// What is known of the endpoints that something was ever made for, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn endpoint_states(&self, tenant: &TenantScope) -> Result<Vec<EndpointState>, StoreError> {
        verb!(self, endpoint_states(tenant))
    }

    /// Records finished attempts. One whose fence has been raised since is dropped: `false` in its place.
    ///
    /// # Errors
    /// When the store fails; nothing is recorded then, and the same list can be handed in again.
    pub async fn settle(&self, attempts: Vec<NewAttempt>) -> Result<Vec<bool>, StoreError> {
        verb!(self, settle(Basket::of(attempts), std::future::ready(())))
    }

    /// Records the finished attempts in a basket, and what joins them until then, with the next commit that is made for something else, or
    /// with one of their own once `hurry` is ready. One whose fence has been raised since is dropped: `false` in its place.
    ///
    /// # Errors
    /// When the store fails; nothing is recorded then.
    pub async fn settle_along(&self, basket: Arc<Basket>, hurry: impl Future<Output = ()>) -> Result<Vec<bool>, StoreError> {
        verb!(self, settle(basket, hurry))
    }

    /// Lets go of claims: what is given back is due at `now`, as if it had not been claimed. One whose fence has been raised since is left
    /// alone.
    ///
    /// # Errors
    /// When the store fails; the claims stand until their lease ends then.
    pub async fn give_back(&self, deliveries: Vec<Claimed>, now: Timestamp) -> Result<(), StoreError> {
        verb!(self, give_back(deliveries, now))
    }

    /// Makes a delivery due now with one more attempt. `false` when it does not exist or is under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resend(&self, tenant: &TenantScope, delivery: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        verb!(self, resend(tenant, delivery, now))
    }

    /// Moves every due time and lease after `after` (in milliseconds since 1970) by so many milliseconds, because the clock was set.
    ///
    /// # Errors
    /// When the store fails; nothing has moved then.
    pub async fn shift_due(&self, after: i64, by_ms: i64) -> Result<(), StoreError> {
        verb!(self, shift_due(after, by_ms))
    }

    /// Messages, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages(
        &self,
        tenant: &TenantScope,
        filter: &MessageFilter,
        page: &Page<MessageId>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        verb!(self, messages(tenant, filter, page))
    }

    /// One message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(&self, tenant: &TenantScope, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        verb!(self, message(tenant, id))
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliveries(
        &self,
        tenant: &TenantScope,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        verb!(self, deliveries(tenant, filter, page))
    }

    /// One delivery.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery(&self, tenant: &TenantScope, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        verb!(self, delivery(tenant, id))
    }

    /// The attempts of a delivery, in order; `None` when there is no such delivery.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn attempts(&self, tenant: &TenantScope, delivery: DeliveryId) -> Result<Option<Vec<AttemptRow>>, StoreError> {
        verb!(self, attempts(tenant, delivery))
    }

    /// Firings that wait, of all tenants, behind the row `after`: the row of each, whose it is, and what it waits for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waits(&self, after: i64, limit: usize) -> Result<Vec<(i64, Tenant, WaitRow)>, StoreError> {
        verb!(self, waits(after, limit))
    }

    /// The traces of the last saves of an object, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn traces(&self, tenant: &TenantScope, model: &str, object: &str, limit: usize) -> Result<Vec<TraceRow>, StoreError> {
        verb!(self, traces(tenant, model, object, limit))
    }

    /// Notes that a request with this `Idempotency-Key` is under way, unless it, or another with the same key, came less than a day before
    /// `now`. `request` is its SHA-256. A request that is under way when the process dies is forgotten.
    ///
    /// # Errors
    /// When the store fails; nothing is noted then.
    pub async fn open_receipt(&self, tenant: &TenantScope, key: &str, request: [u8; 32], now: Timestamp) -> Result<Receipt, StoreError> {
        verb!(self, open_receipt(tenant, key, request, now))
    }

    /// Keeps the answer to a request under way, or forgets the request, so that it can come again.
    ///
    /// # Errors
    /// When the store fails; the request is under way still.
    pub async fn close_receipt(&self, tenant: &TenantScope, key: &str, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        verb!(self, close_receipt(tenant, key, answer))
    }

    /// One bounded step of removing what ended before the cutoffs; what it removed, and where the next step begins, if there is one.
    /// Begin with [`Sweep::START`].
    ///
    /// # Errors
    /// When the store fails; nothing is removed by this step then.
    pub async fn prune(&self, cutoffs: &Cutoffs, sweep: Sweep) -> Result<(Removed, Option<Sweep>), StoreError> {
        verb!(self, prune(cutoffs, sweep))
    }

    /// Prepares the store to answer [`Query::Children`] of this model and belongs-to from an index. `property` is the stored name,
    /// `room_id`. Does nothing when it has been done before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn index_children(&self, model: &str, property: &str) -> Result<(), StoreError> {
        verb!(self, index_children(model, property))
    }

    /// The ids of objects of a model, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn object_ids(&self, tenant: &TenantScope, model: &str, page: IdPage<'_>) -> Result<Vec<Box<str>>, StoreError> {
        verb!(self, object_ids(tenant.tenant(), model, page))
    }

    /// What has to be delivered: how much of it the longest lanes have, `most` of them, since when it is due, and how much all others have.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn backlog(&self, now: Timestamp, most: usize) -> Result<Standing, StoreError> {
        verb!(self, backlog(now, most))
    }

    /// Whether the store can be written to: something small is.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        verb!(self, probe(now))
    }

    /// Commits what is queued and closes the files. Every later verb, also of other clones, fails with [`StoreError::Closed`].
    pub async fn close(&self) {
        verb!(self, close());
    }
}
