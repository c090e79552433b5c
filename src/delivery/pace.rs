//! How much of what it could take an endpoint gets: all, until it says that it is too much (429, 502, 504). Then half, and half of that,
//! down to a sixty-fourth; each success gives a little back. So a receiver under load is found its own speed, as in TCP.

use std::time::Duration;

use crate::delivery::Rate;

/// All of it.
const FULL: u32 = 1024;
/// The least: an endpoint that is always overloaded is still asked.
const LEAST: u32 = 16;
/// What a success gives back: from the least to the full in 126 of them.
const STEP: u32 = 8;
/// The rate that is cut down for an endpoint without a limit of its own; without one, a quick refusal would be asked for again at once.
const ASSUMED: Rate = Rate::per_second(100);

/// The share of its concurrency and rate that an endpoint gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// In 1/1024.
    share: u32,
    /// Answers still to come to requests that were under way when it was last cut down; they say nothing new.
    stale: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { share: FULL, stale: 0 }
    }
}

impl Pace {
    /// Whether an answer with this status says that it is too much.
    #[must_use]
    pub fn is_too_much(status: u16) -> bool {
        matches!(status, 429 | 502 | 504)
    }

    /// Whether nothing is held back.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.share == FULL
    }

    /// Takes an answer into account; `under_way` are the requests that still have none.
    pub fn answered(&mut self, status: u16, under_way: usize) {
        let stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        if !Self::is_too_much(status) {
            if (200..300).contains(&status) {
                self.share = (self.share + STEP).min(FULL);
            }
        } else if !stale {
            self.share = (self.share / 2).max(LEAST);
            self.stale = under_way;
        }
    }

    /// Takes an attempt without an answer into account.
    pub fn unanswered(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    /// Requests that may be under way, of those that are allowed at most.
    #[must_use]
    pub fn width(self, concurrency: usize) -> usize {
        (concurrency.saturating_mul(self.share as usize) / FULL as usize).max(1)
    }

    /// The time from one request to the next; `None`: any.
    #[must_use]
    pub fn interval(self, limit: Option<Rate>) -> Option<Duration> {
        if self.is_full() {
            return limit.map(Rate::interval);
        }
        let whole = limit.map_or(ASSUMED, |limit| limit.min(ASSUMED)).interval();
        Some(whole.saturating_mul(FULL) / self.share.max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn it_is_halved_once_for_all_that_was_under_way() {
        let mut pace = Pace::default();
        assert_eq!((pace.width(16), pace.interval(None)), (16, None));
        for left in (0..16).rev() {
            pace.answered(429, left);
        }
        assert_eq!(pace.width(16), 8, "sixteen answers to the same crowd are one");
        assert_eq!(pace.interval(None), Some(Duration::from_millis(20)));
        assert_eq!(pace.interval("10/s".parse().ok()), Some(Duration::from_millis(200)));
        pace.answered(504, 0);
        assert_eq!(pace.width(16), 4);
    }

    #[test]
    fn it_never_stops_and_comes_back_with_success() {
        let mut pace = Pace::default();
        for _ in 0..20 {
            pace.answered(502, 0);
        }
        assert_eq!((pace.width(16), pace.interval(None)), (1, Some(Duration::from_millis(640))));
        pace.answered(500, 0);
        pace.answered(404, 0);
        pace.unanswered();
        assert_eq!(pace.interval(None), Some(Duration::from_millis(640)), "other failures say nothing about the load");
        let successes = (1..=200).find(|_| {
            pace.answered(200, 0);
            pace.is_full()
        });
        assert_eq!((successes, pace), (Some(126), Pace::default()));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(answers in proptest::collection::vec((any::<u16>(), 0_usize..100), 0..300), concurrency in 1_usize..1_000) {
            let mut pace = Pace::default();
            for (status, under_way) in answers {
                let before = pace.share;
                pace.answered(if status % 2 == 0 { 429 } else { status }, under_way);
                assert!((LEAST..=FULL).contains(&pace.share), "{pace:?}");
                assert!(pace.share + 1 >= before / 2 && pace.share <= before + STEP, "one answer changes little: {before} to {pace:?}");
                assert!((1..=concurrency).contains(&pace.width(concurrency)));
            }
        }
    }
}
