//! What was sent to an endpoint lately, for its charts.

use std::time::Duration;

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::access::TenantScope;
use crate::ids::EndpointId;

/// Which attempts.
#[derive(Clone, Copy, Debug)]
pub struct Lately {
    /// Since when.
    pub since: Timestamp,
    /// The last deliveries that are looked at, so that the answer takes no longer for a busy endpoint.
    pub most: usize,
}

/// An attempt as a chart has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// When it began.
    pub at: Timestamp,
    /// Whether the answer was 2xx.
    pub succeeded: bool,
    /// How long it took.
    pub took: Duration,
}

/// The attempts, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriedLately {
    /// Those that began since then, of the deliveries that were looked at.
    pub attempts: Vec<Tried>,
    /// Whether there were more deliveries than were looked at.
    pub is_cut: bool,
}

impl Store {
    /// The attempts to deliver to an endpoint since then, of its last deliveries.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tried_lately(&self, tenant: &TenantScope, endpoint: &EndpointId, lately: Lately) -> Result<TriedLately, StoreError> {
        verb!(self, tried_lately(tenant.tenant(), endpoint, lately))
    }
}
