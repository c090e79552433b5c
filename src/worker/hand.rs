//! What the worker has in hand: deliveries whose attempt is under way, or has ended and waits to be recorded. Such a one must not be
//! claimed again when its lease ends, which it does when the store stands still for longer than the lease has room: it would be sent twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::store::Slot;

/// The deliveries, and how often each is held: the next attempt may begin a moment before it is noticed that the last one is recorded.
#[derive(Debug, Default)]
pub(super) struct Hand(Mutex<FxHashMap<Slot, usize>>);

/// One of them, until this is dropped.
pub(super) struct Held {
    slot: Slot,
    hand: Arc<Hand>,
}

impl Hand {
    /// An attempt begins.
    pub(super) fn take(self: &Arc<Self>, slot: Slot) -> Held {
        *self.slots().entry(slot).or_default() += 1;
        Held { slot, hand: Arc::clone(self) }
    }

    /// Whether this one is among them.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.slots().contains_key(&slot)
    }

    fn slots(&self) -> MutexGuard<'_, FxHashMap<Slot, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut slots = self.hand.slots();
        if let Some(count) = slots.get_mut(&self.slot) {
            *count -= 1;
            if *count == 0 {
                slots.remove(&self.slot);
            }
        }
    }
}
