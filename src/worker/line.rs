//! The line of a lane: deliveries that are leased and wait in memory for a place, so that a lane which is full for a moment has its next
//! ones at hand and nobody has to ask the store for them. Pure. Short, because a lease does not last for ever: what does not fit waits in the
//! store.

use std::collections::VecDeque;

use crate::store::Claimed;

/// Deliveries in the lines of all lanes, about half a KiB each besides their bodies.
pub(super) const LONGEST: usize = 16 * 1024;
/// Bytes of their bodies, about: what has been claimed is known only then.
pub(super) const HEAVIEST: usize = 16 * 1024 * 1024;
/// Bytes of a body that may stand in line straight from its commit: a few large ones must not take the room of all others.
pub(super) const LARGEST_BODY: usize = 8 * 1024;
/// Deliveries that are claimed for the lines of all lanes. Fewer than may stand there: a claim has the store write, and a delivery that comes
/// straight from its commit does not.
pub(super) const CLAIMED: usize = 2048;
/// Of those for one lane, at a time: other writes wait meanwhile.
pub(super) const CLAIMED_AT_ONCE: usize = 512;

/// A line.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Places that were taken for deliveries which are still being committed.
    granted: usize,
    /// Deliveries still being committed that were promised to stand in line: the bytes of each.
    promised: VecDeque<usize>,
    waiting: VecDeque<Claimed>,
}

/// What becomes of a delivery that has been committed.
#[derive(Debug)]
pub(super) enum Entered {
    /// It has its place.
    Place(Claimed),
    /// It stands in line, for which so many bytes were kept.
    Line(usize),
}

/// Who has the place that is free.
#[derive(Debug)]
pub(super) enum Next {
    /// This one.
    Delivery(Claimed),
    /// One that is still being committed, for which so many bytes were kept.
    Promised(usize),
    /// Nobody stands in line.
    Nobody,
}

impl Line {
    /// Deliveries that stand in line, or will.
    pub(super) fn standing(&self) -> usize {
        self.promised.len() + self.waiting.len()
    }

    /// Whether nothing need be remembered of it.
    pub(super) fn is_forgettable(&self) -> bool {
        self.granted == 0 && self.standing() == 0
    }

    /// A delivery that is being committed has its place.
    pub(super) fn grant(&mut self) {
        self.granted += 1;
    }

    /// A delivery of so many bytes that is being committed will stand in line.
    pub(super) fn promise(&mut self, bytes: usize) {
        self.promised.push_back(bytes);
    }

    /// The last delivery that was being committed is not made; the bytes that were kept for it, unless it had a place.
    pub(super) fn undo(&mut self) -> Option<usize> {
        let kept = self.promised.pop_back();
        if kept.is_none() {
            self.granted = self.granted.saturating_sub(1);
        }
        kept
    }

    /// A delivery has been committed.
    pub(super) fn enter(&mut self, delivery: Claimed) -> Entered {
        if self.granted > 0 {
            self.granted -= 1;
            return Entered::Place(delivery);
        }
        self.waiting.push_back(delivery);
        Entered::Line(self.promised.pop_front().unwrap_or_default())
    }

    /// A delivery has been claimed, and there is no place for it.
    pub(super) fn push(&mut self, delivery: Claimed) {
        self.waiting.push_back(delivery);
    }

    /// There is a place for the next one.
    pub(super) fn advance(&mut self) -> Next {
        if let Some(delivery) = self.waiting.pop_front() {
            return Next::Delivery(delivery);
        }
        let Some(bytes) = self.promised.pop_front() else { return Next::Nobody };
        self.granted += 1;
        Next::Promised(bytes)
    }

    /// Those that wait go.
    pub(super) fn dissolve(&mut self) -> impl Iterator<Item = Claimed> {
        self.waiting.drain(..)
    }
}
