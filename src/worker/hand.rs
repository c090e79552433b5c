//! What the worker has in hand: deliveries whose attempt is under way, or has ended and waits to be recorded. Such a one must not be
//! claimed again when its lease ends, which it does when the store stands still for longer than the lease has room: it would be sent twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::ids::LaneId;
use crate::store::{Claimed, Slot};

/// The deliveries of each lane.
#[derive(Debug, Default)]
pub(super) struct Hand(Mutex<FxHashMap<LaneId, FxHashMap<Slot, Grip>>>);

/// How one is held.
#[derive(Debug)]
struct Grip {
    /// How often: the next attempt may begin a moment before it is noticed that the last one is recorded.
    times: usize,
    /// When the lease ends with which it was claimed last.
    lease_until: Timestamp,
}

/// One of them, until this is dropped.
pub(super) struct Held {
    lane: LaneId,
    slot: Slot,
    hand: Arc<Hand>,
}

impl Hand {
    /// An attempt begins.
    pub(super) fn take(self: &Arc<Self>, Claimed { lane, slot, lease_until, .. }: &Claimed) -> Held {
        let (lane, slot, lease_until) = (*lane, *slot, *lease_until);
        let mut lanes = self.lanes();
        let grip = lanes.entry(lane).or_default().entry(slot).or_insert(Grip { times: 0, lease_until });
        grip.times += 1;
        grip.lease_until = lease_until;
        drop(lanes);
        Held { lane, slot, hand: Arc::clone(self) }
    }

    /// Those of a lane, and when their leases end.
    pub(super) fn of(&self, lane: LaneId) -> FxHashMap<Slot, Timestamp> {
        let lanes = self.lanes();
        lanes.get(&lane).into_iter().flatten().map(|(slot, grip)| (*slot, grip.lease_until)).collect()
    }

    fn lanes(&self) -> MutexGuard<'_, FxHashMap<LaneId, FxHashMap<Slot, Grip>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut lanes = self.hand.lanes();
        let Some(slots) = lanes.get_mut(&self.lane) else { return };
        if let Some(grip) = slots.get_mut(&self.slot) {
            grip.times -= 1;
            if grip.times == 0 {
                slots.remove(&self.slot);
            }
        }
        if slots.is_empty() {
            lanes.remove(&self.lane);
        }
    }
}
