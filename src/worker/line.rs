//! The line of a lane: deliveries that are leased and wait in memory for a place, so that a lane which is full for a moment has its next
//! ones at hand and nobody has to ask the store for them. Pure. Short, because a lease does not last for ever: what does not fit waits in the
//! store.

use std::collections::VecDeque;

use crate::store::Claimed;

/// Deliveries in the lines of all lanes.
pub(super) const LONGEST: usize = 2048;
/// Bytes of their bodies, about: what has been claimed is known only then.
pub(super) const HEAVIEST: usize = 16 * 1024 * 1024;
/// Bytes of a body that may stand in line straight from its commit: with as many as may, 16 MiB.
pub(super) const LARGEST_BODY: usize = HEAVIEST / LONGEST;

/// A line.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Places that were taken for deliveries which are still being committed.
    granted: usize,
    /// Deliveries still being committed that were promised to stand in line.
    promised: usize,
    waiting: VecDeque<Claimed>,
}

impl Line {
    /// Deliveries that stand in line, or will.
    pub(super) fn standing(&self) -> usize {
        self.promised + self.waiting.len()
    }

    /// Whether nothing need be remembered of it.
    pub(super) fn is_forgettable(&self) -> bool {
        self.granted == 0 && self.standing() == 0
    }

    /// A delivery that is being committed has its place.
    pub(super) fn grant(&mut self) {
        self.granted += 1;
    }

    /// A delivery that is being committed will stand in line.
    pub(super) fn promise(&mut self) {
        self.promised += 1;
    }

    /// A delivery that was being committed is not made; whether it had a place.
    pub(super) fn undo(&mut self) -> bool {
        if self.promised > 0 {
            self.promised -= 1;
            return false;
        }
        self.granted = self.granted.saturating_sub(1);
        true
    }

    /// A delivery has been committed; it is given back when it has its place.
    pub(super) fn enter(&mut self, delivery: Claimed) -> Option<Claimed> {
        if self.granted > 0 {
            self.granted -= 1;
            return Some(delivery);
        }
        self.promised = self.promised.saturating_sub(1);
        self.waiting.push_back(delivery);
        None
    }

    /// A delivery has been claimed, and there is no place for it.
    pub(super) fn push(&mut self, delivery: Claimed) {
        self.waiting.push_back(delivery);
    }

    /// There is a place for the next one. It is given, unless it is still being committed.
    pub(super) fn advance(&mut self) -> Option<Claimed> {
        let next = self.waiting.pop_front();
        if next.is_none() && self.promised > 0 {
            self.promised -= 1;
            self.granted += 1;
        }
        next
    }

    /// Those that wait go.
    pub(super) fn dissolve(&mut self) -> impl Iterator<Item = Claimed> {
        self.waiting.drain(..)
    }
}
