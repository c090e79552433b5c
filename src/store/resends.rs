//! Resends: deliveries of a tenant that are sent again by one order, the oldest first, at a rate. Each is a row that outlives the process;
//! a node goes on with it by [`Store::advance_resends`]. The rows, and the verbs about them.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Backend, DeliveryFilter, DeliveryState, Page, Store, StoreError};
use crate::access::TenantScope;
use crate::delivery::Rate;
use crate::ids::{DeliveryId, ResendId};

/// Resends of one tenant that may run at once: each has its own rate, and all of them share the store's writer with the saves.
pub const RUNNING_RESENDS: usize = 8;

/// What can be sent again. What is on its way is sent without being asked.
pub const RESENT_STATES: [DeliveryState; 3] = [DeliveryState::Delivered, DeliveryState::Diverted, DeliveryState::Failed];

/// How far a resend has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResendState {
    /// There may be more to send.
    Running,
    /// Everything was sent.
    Done,
    /// Somebody has stopped it before its end.
    Stopped,
}

impl ResendState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stopped];

    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// A resend to begin.
#[derive(Clone, Debug)]
pub struct NewResend {
    /// Its id.
    pub id: ResendId,
    /// Which deliveries; those that are on their way when it comes to them are left out, whatever the filter says.
    pub filter: DeliveryFilter,
    /// Behind which to begin, in the order of making; `None`: with the oldest. One that is not there any more: with the
    /// millisecond of its making.
    pub after: Option<DeliveryId>,
    /// How fast they are made due.
    pub rate: Rate,
    /// How many there are, as far as is known.
    pub matched: u64,
    /// When.
    pub at: Timestamp,
}

/// A resend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResendRow {
    /// Its id.
    pub id: ResendId,
    /// Who asked for it: a key's id, `operator` or `anybody`.
    pub actor: String,
    /// Which deliveries.
    pub filter: DeliveryFilter,
    /// How fast.
    pub rate: Rate,
    /// How many there were when it began.
    pub matched: u64,
    /// How many were made due again by it.
    pub resent: u64,
    /// The last of those.
    pub last: Option<DeliveryId>,
    /// How far it has come.
    pub state: ResendState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl DeliveryFilter {
    /// What of it can be sent again: only what is settled.
    #[must_use]
    pub fn resendable(mut self) -> Self {
        if self.states.is_empty() {
            self.states = RESENT_STATES.to_vec();
        }
        self.states.retain(|state| RESENT_STATES.contains(state));
        self
    }
}

impl Store {
    /// How many deliveries a filter lets through, of those made after another one, if that is named.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_deliveries(
        &self,
        tenant: &TenantScope,
        filter: &DeliveryFilter,
        after: Option<DeliveryId>,
    ) -> Result<u64, StoreError> {
        verb!(self, count_deliveries(tenant.tenant(), filter, after))
    }

    /// Begins a resend of the deliveries that there are now; younger ones are no part of it. `false` when [`RUNNING_RESENDS`] of the tenant
    /// are running: nothing is begun then. Rings [`Store::resend_bell`].
    ///
    /// # Errors
    /// When the store fails; nothing is begun then.
    pub async fn begin_resend(&self, tenant: &TenantScope, resend: NewResend) -> Result<bool, StoreError> {
        verb!(self, begin_resend(tenant, resend))
    }

    /// Ends a resend; what it has made due stays so. The resend as it is then, ended before or not; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stop_resend(&self, tenant: &TenantScope, id: ResendId, now: Timestamp) -> Result<Option<ResendRow>, StoreError> {
        verb!(self, stop_resend(tenant.tenant(), id, now))
    }

    /// A resend.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resend_of_id(&self, tenant: &TenantScope, id: ResendId) -> Result<Option<ResendRow>, StoreError> {
        verb!(self, resend_of_id(tenant.tenant(), id))
    }

    /// Resends, newest first. One that ended is forgotten some time after.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resends(&self, tenant: &TenantScope, page: &Page<ResendId>) -> Result<Vec<ResendRow>, StoreError> {
        verb!(self, resends(tenant.tenant(), page))
    }

    /// One bounded step of the running resend whose turn it is, of all tenants: looks at the next deliveries of its filter, oldest first,
    /// and makes as many due at `now` as its rate allows, as [`Store::resend`] does. What was made due and how far it has come are one
    /// transaction, so that each is sent once by a resend, also when the process dies or several nodes work on it. When to come again;
    /// `None`: no resend is running.
    ///
    /// # Errors
    /// When the store fails; nothing has been done by this step then.
    pub async fn advance_resends(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        verb!(self, advance_resends(now))
    }

    /// Rings when a resend is begun by this process.
    #[must_use]
    pub fn resend_bell(&self) -> Arc<Notify> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.resend_bell(),
            Backend::Postgres(backend) => backend.resend_bell(),
        }
    }
}
