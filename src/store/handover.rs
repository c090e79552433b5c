//! Who takes deliveries straight from the commit that makes them, so that a fresh one is never looked for in the store.

use jiff::Timestamp;

use crate::ids::EndpointId;
use crate::store::Claimed;

/// Sends deliveries. Called on the store's own thread: nothing here may wait.
pub trait Handover: Send + Sync {
    /// Whether a delivery to this endpoint, due at `due`, can be sent right after its commit; then a place is kept for it, and the end of
    /// its lease is answered. Otherwise it waits in the store like any other.
    fn reserve(&self, endpoint: &EndpointId, due: Timestamp) -> Option<Timestamp>;

    /// A delivery that a place was kept for is not made after all.
    fn release(&self, endpoint: &EndpointId);

    /// The commit is done: these are leased, and to be sent.
    fn hand_over(&self, deliveries: Vec<Claimed>);
}
