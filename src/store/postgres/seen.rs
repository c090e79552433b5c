//! What the database last said of this node and the others, how long that can be relied on, and what is the node's own by it.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::hub::Hub;
use crate::ids::LaneId;
use crate::store::{Crew, Quota};

/// How long a node that the database has not heard of may go on sending: less than the time after which the others take over.
pub(super) const TRUSTED: Duration = Duration::from_secs(6);

/// When the database last heard of the node, and what it said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// When it was asked; `None`: the way to it is cut.
    pub at: Option<Instant>,
    /// The database's clock then, in milliseconds since 1970.
    pub clock: i64,
    pub crew: Crew,
}

impl Hub {
    pub(super) fn saw(&self, seen: Seen) {
        self.seen.send_replace(seen);
    }

    /// The way to the database is cut.
    pub(super) fn lost_sight(&self) {
        self.seen.send_modify(|seen| seen.at = None);
    }

    /// What the database last said of the nodes. One that it has not heard of for long takes no part.
    pub(super) fn crew(&self) -> Crew {
        if self.is_seen() { self.seen.borrow().crew } else { Crew::NOBODY }
    }

    /// How much is this node's of what endpoints allow. One that the database has not heard of for long takes no part.
    pub(super) fn quota(&self) -> Arc<Quota> {
        if self.is_seen() {
            return Arc::clone(&self.quota.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Arc::new(Quota::nothing())
    }

    /// From now on this much is; lanes in which more is under way.
    pub(super) fn keep_within(&self, quota: Quota) -> Vec<LaneId> {
        let (is_other, quota) = {
            let mut current = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
            let is_other = **current != quota;
            *current = Arc::new(quota);
            (is_other, Arc::clone(&current))
        };
        let news = is_other || quota.ages();
        let late = self.taker().map(|taker| taker.keep_within(quota)).unwrap_or_default();
        if news {
            self.ring();
        }
        late
    }

    /// Whether the database has heard of this node of late.
    pub(super) fn is_seen(&self) -> bool {
        self.seen.borrow().at.is_some_and(|at| at.elapsed() < TRUSTED)
    }

    /// The time by the database's clock.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let seen = *self.seen.borrow();
        let passed = i64::try_from(seen.at?.elapsed().as_millis()).ok()?;
        Timestamp::from_millisecond(seen.clock.checked_add(passed)?).ok()
    }

    /// Whether what was claimed as this node is the node's still, as far as can be known; waits for an answer of the database when it has
    /// been long since the last one.
    pub(super) async fn holds(&self, node: i64) -> bool {
        let mut seen = self.seen.subscribe();
        loop {
            let at = seen.borrow_and_update().at;
            if self.node() != node {
                return false;
            }
            if at.is_some_and(|at| at.elapsed() < TRUSTED) {
                return true;
            }
            if *self.stop.borrow() || seen.changed().await.is_err() {
                return false;
            }
        }
    }
}

/// How much more or less than this node's the database's clock may go on between two readings.
const LEAP_MS: u64 = 2_000;

/// What the database's clock showed, in milliseconds since 1970, at a moment between two of this node's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub from: Instant,
    pub to: Instant,
    pub clock: i64,
}

impl Reading {
    /// Whether the clock was set since an earlier one. An answer that was long on its way does not look so.
    pub(super) fn was_set_since(&self, earlier: &Self) -> bool {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let least = ms(self.from.saturating_duration_since(earlier.to));
        let most = ms(self.to.saturating_duration_since(earlier.from));
        let went = self.clock.saturating_sub(earlier.clock);
        went.saturating_sub(went.clamp(least, most)).unsigned_abs() > LEAP_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_goes() {
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let earlier = Reading { from: began, to: began, clock: 0 };
        let was_set = |clock| Reading { from: after(1_000), to: after(1_000), clock }.was_set_since(&earlier);
        assert_eq!([0, 2_900, 3_100, -1_100, 3_600_000].map(was_set), [false, false, true, true, true]);
        // The answer took four seconds, at whose begin or end the clock was read.
        let slow = |clock| Reading { from: after(1_000), to: after(5_000), clock }.was_set_since(&earlier);
        assert_eq!([1_000, 5_000, 7_100, -1_100].map(slow), [false, false, true, true]);
    }
}
