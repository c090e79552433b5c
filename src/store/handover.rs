//! Who takes deliveries straight from the commit that makes them, so that a fresh one is never looked for in the store.

use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::ids::{EndpointId, LaneId, Tenant};
use crate::store::{Claimed, Quota, Slot};

/// The lane of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The lane.
    pub lane: LaneId,
    /// Whose it is.
    pub tenant: &'a Tenant,
    /// Where it leads.
    pub endpoint: &'a EndpointId,
    /// Bytes of its body.
    pub bytes: usize,
}

/// Sends deliveries. Called on the store's own thread: nothing here may wait.
pub trait Handover: Send + Sync {
    /// Whether a delivery on this way, due at `due`, can be sent right after its commit, or soon after it; then it is
    /// counted in, and the end of its lease is answered. Otherwise it waits in the store like any other.
    fn reserve(&self, way: Way<'_>, due: Timestamp) -> Option<Timestamp>;

    /// A delivery that was counted in is not made after all.
    fn release(&self, lane: LaneId, tenant: &Tenant);

    /// The commit is done: these are leased, and to be sent.
    fn hand_over(&self, deliveries: Vec<Claimed>);

    /// The commit is done: an endpoint is suspended, and what is not under way yet stays here. It is due when the endpoint is released and its
    /// lease has ended.
    fn suspended(&self, lane: LaneId);

    /// Deliveries of a lane whose attempt is under way, or has ended and is not recorded yet, and when the lease ends with which each was claimed.
    /// Such a one is not claimed again here, and its lease goes on, however long the disk, the lock of another program or the way to the database
    /// has kept the record waiting.
    fn in_hand(&self, _lane: LaneId) -> FxHashMap<Slot, Timestamp> {
        FxHashMap::default()
    }

    /// From now on this much is the node's. Lanes are answered in which more is under way.
    fn keep_within(&self, quota: Arc<Quota>) -> Vec<LaneId>;
}
