//! One lane: what is under way in it, and what its endpoint has shown of itself. Pure.
//!
//! A lane is as wide as its endpoint's concurrency, as long as the endpoint answers. One request that is not answered cuts it down to one
//! at a time; after [`PATIENCE`] of them in a row the breaker opens, and only one request is let through each time it closes again, until
//! one is answered. An answer that says that it is too much slows the lane down, see [`Pace`].

use std::time::{Duration, Instant};

use crate::delivery::{Bucket, Pace, Policy};
use crate::store::{Part, Share, Whole};

/// Requests without an answer, one after the other, before the breaker opens.
const PATIENCE: u32 = 5;
/// How long the breaker stays open the first time; twice as long each further time.
const FIRST_REST: Duration = Duration::from_millis(100);
/// The longest that it stays open: a receiver that is back is found soon.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// How long nothing is sent to an endpoint that is to be suspended: until that is recorded, also on a slow disk.
const UNWANTED_REST: Duration = Duration::from_secs(2);
/// Deliveries of a lane that may wait in memory for a place.
const LONGEST_LINE: usize = 512;
/// How long the last one of them may wait, as far as can be foreseen; much less than a lease is longer than its request.
const PATIENT_LINE: Duration = Duration::from_secs(5);
/// One delivery in so many is the one that came due last, not the one that is longest due: what is fresh does not wait for a backlog.
const FRESH_TURN: usize = 4;

/// A lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lane {
    /// What its endpoint allows, as far as is known.
    whole: Whole,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests without an answer since the last one that had one.
    unanswered: u32,
    /// The breaker is open until then.
    rests_until: Option<Instant>,
    pace: Pace,
    bucket: Bucket,
    /// Deliveries claimed, to know whose turn it is.
    turn: usize,
    /// While requests are under way: when one began that was alone, or the last one ended.
    busy_since: Option<Instant>,
    /// About how much time passes from the end of one request to that of the next while the lane is busy.
    gap: Duration,
    /// About the bytes of the largest bodies of late; 0 when none has been seen.
    weight: usize,
}

/// What an attempt has shown of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It answered with this status.
    Answered(u16),
    /// It timed out or could not be connected to.
    No,
    /// It is to be suspended, which is not recorded yet.
    Unwanted,
    /// Nothing.
    Unknown,
}

impl Lane {
    /// What its endpoint allowed when a request was last started.
    pub(super) fn whole(&self) -> Whole {
        self.whole
    }

    /// Whether the endpoint does not answer.
    pub(super) fn is_silent(&self) -> bool {
        self.unanswered > 0
    }

    /// Requests that may start now.
    pub(super) fn room(&self, policy: &Policy, part: Part, now: Instant) -> usize {
        if part.mine == 0 || self.rests_until.is_some_and(|until| until > now) {
            return 0;
        }
        let width = if self.is_silent() { 1 } else { self.pace.width(part.mine) };
        let free = width.saturating_sub(self.in_flight);
        self.interval(policy, part).map_or(free, |interval| self.tokens(part, interval).available(interval, now, free))
    }

    /// A body of so many bytes is on its way.
    pub(super) fn weigh(&mut self, bytes: usize) {
        self.weight = bytes.max(1).max(self.weight - self.weight / 8);
    }

    /// Bodies that fit into so many bytes, going by the last ones; none when there were none.
    pub(super) fn fit(&self, bytes: usize) -> usize {
        bytes.checked_div(self.weight).unwrap_or(0)
    }

    /// Deliveries that may wait in memory for a place: as many as will have had their turn soon.
    pub(super) fn line(&self, policy: &Policy, part: Part) -> usize {
        if self.is_silent() || self.interval(policy, part).is_some() {
            return 0;
        }
        let soon = PATIENT_LINE.as_nanos().checked_div(self.gap.as_nanos());
        soon.and_then(|soon| usize::try_from(soon).ok()).unwrap_or(LONGEST_LINE).min(LONGEST_LINE)
    }

    /// When a request may start again, if only time is in its way.
    pub(super) fn opens(&self, policy: &Policy, part: Part, now: Instant) -> Option<Instant> {
        let rested = self.rests_until.filter(|until| *until > now);
        rested.or_else(|| {
            let interval = self.interval(policy, part)?;
            self.tokens(part, interval).next(interval, now)
        })
    }

    /// The time between two requests, where there is a limit: of this node's part of it.
    fn interval(&self, policy: &Policy, part: Part) -> Option<Duration> {
        let interval = self.pace.interval(policy.rate_limit)?;
        if part.all == part.mine {
            return Some(interval);
        }
        let count = |places: usize| u32::try_from(places).unwrap_or(u32::MAX).max(1);
        Some(interval.saturating_mul(count(part.all)) / count(part.mine))
    }

    /// The tokens for a limit: none are left from when its rate was another node's.
    fn tokens(&self, part: Part, interval: Duration) -> Bucket {
        part.since.map_or(self.bucket, |since| self.bucket.emptied(interval, since))
    }

    /// A request starts.
    pub(super) fn take(&mut self, policy: &Policy, part: Part, now: Instant) {
        if self.in_flight == 0 {
            self.busy_since = Some(now);
        }
        self.in_flight += 1;
        self.whole = whole(policy);
        if let Some(interval) = self.interval(policy, part) {
            self.bucket = self.tokens(part, interval);
            self.bucket.spend(interval, now);
        }
    }

    /// Whose turn it is when so many deliveries are claimed.
    pub(super) fn share(&mut self, count: usize) -> Share {
        let newest = (self.turn + count) / FRESH_TURN - self.turn / FRESH_TURN;
        self.turn = (self.turn + count) % FRESH_TURN;
        Share { oldest: count - newest, newest }
    }

    /// A request has ended.
    pub(super) fn free(&mut self, reached: Reached, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(since) = self.busy_since.replace(now).filter(|_| reached != Reached::Unknown) {
            self.gap = (self.gap * 7 + now.saturating_duration_since(since)) / 8;
        }
        match reached {
            Reached::Answered(status) => {
                self.pace.answered(status, self.in_flight);
                if self.is_silent() {
                    (self.unanswered, self.rests_until) = (0, None);
                }
            }
            Reached::Unwanted => (self.unanswered, self.rests_until) = (0, now.checked_add(UNWANTED_REST)),
            // Those that were under way when the breaker opened say nothing new.
            Reached::No if self.rests_until.is_some_and(|until| until > now) => self.pace.unanswered(),
            Reached::No => {
                self.pace.unanswered();
                self.unanswered = self.unanswered.saturating_add(1);
                self.rests_until = rest(self.unanswered).and_then(|rest| now.checked_add(rest));
            }
            Reached::Unknown => {}
        }
    }

    /// Whether nothing need be remembered of it.
    pub(super) fn is_forgettable(&self, now: Instant) -> bool {
        let rested = self.rests_until.is_none_or(|until| until + LONGEST_REST < now);
        self.in_flight == 0
            && self.pace.is_full()
            && self.bucket.is_full(now)
            && rested
            && (!self.is_silent() || self.rests_until.is_some())
    }
}

/// What an endpoint allows.
pub(super) fn whole(policy: &Policy) -> Whole {
    Whole { places: usize::try_from(policy.concurrency).unwrap_or(usize::MAX).max(1), timeout: policy.timeout }
}

/// How long the breaker stays open after so many requests without an answer.
fn rest(unanswered: u32) -> Option<Duration> {
    let times = unanswered.checked_sub(PATIENCE)?;
    let doubled = 1_u32.checked_shl(times.min(31)).unwrap_or(u32::MAX);
    Some(FIRST_REST.saturating_mul(doubled).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(concurrency: u32) -> Policy {
        Policy { concurrency, ..Policy::default() }
    }

    fn all(policy: &Policy) -> Part {
        let places = whole(policy).places;
        Part { all: places, mine: places, since: None }
    }

    fn started(count: usize, policy: &Policy, now: Instant) -> Lane {
        let mut lane = Lane::default();
        (0..count).for_each(|_| lane.take(policy, all(policy), now));
        lane
    }

    #[test]
    fn a_silent_lane_sends_one_at_a_time_until_it_answers() {
        let (policy, now) = (policy(3), Instant::now());
        let mut lane = started(3, &policy, now);
        lane.free(Reached::No, now);
        lane.free(Reached::Unknown, now);
        assert_eq!(lane.room(&policy, all(&policy), now), 0, "one is under way");
        lane.free(Reached::No, now);
        assert_eq!(lane.room(&policy, all(&policy), now), 1);
        lane.take(&policy, all(&policy), now);
        lane.free(Reached::Answered(500), now);
        assert_eq!(lane.room(&policy, all(&policy), now), 3);
    }

    #[test]
    fn the_breaker_opens_for_longer_and_longer_and_closes_with_an_answer() {
        let (policy, mut now) = (policy(16), Instant::now());
        let mut lane = started(16, &policy, now);
        (0..16).for_each(|_| lane.free(Reached::No, now));
        for rest in [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
            let opens = now + Duration::from_millis(rest);
            assert_eq!((lane.room(&policy, all(&policy), now), lane.opens(&policy, all(&policy), now)), (0, Some(opens)));
            now = opens;
            assert_eq!((lane.room(&policy, all(&policy), now), lane.opens(&policy, all(&policy), now)), (1, None));
            lane.take(&policy, all(&policy), now);
            assert_eq!(lane.room(&policy, all(&policy), now), 0, "one request finds out");
            lane.free(Reached::No, now);
        }
        lane.take(&policy, all(&policy), now);
        lane.free(Reached::Answered(503), now);
        assert_eq!(lane.room(&policy, all(&policy), now), 16);
    }

    #[test]
    fn an_unwanted_lane_rests_whatever_else_is_answered() {
        let (policy, now) = (policy(3), Instant::now());
        let mut lane = started(3, &policy, now);
        lane.free(Reached::Unwanted, now);
        lane.free(Reached::Answered(200), now);
        assert_eq!((lane.room(&policy, all(&policy), now), lane.opens(&policy, all(&policy), now)), (0, Some(now + UNWANTED_REST)));
        assert_eq!(lane.room(&policy, all(&policy), now + UNWANTED_REST), 2);
    }

    #[test]
    fn a_rate_limit_is_kept_and_says_when_it_goes_on() {
        let (policy, now) = (Policy { rate_limit: "20/s".parse().ok(), ..policy(16) }, Instant::now());
        let mut lane = Lane::default();
        assert_eq!(lane.room(&policy, all(&policy), now), 2);
        (0..2).for_each(|_| lane.take(&policy, all(&policy), now));
        let opens = now + Duration::from_millis(50);
        assert_eq!((lane.room(&policy, all(&policy), now), lane.opens(&policy, all(&policy), now)), (0, Some(opens)));
        assert_eq!(lane.room(&policy, all(&policy), opens), 1);
        (0..2).for_each(|_| lane.free(Reached::Answered(200), now));
        assert!(!lane.is_forgettable(now) && lane.is_forgettable(now + Duration::from_secs(1)));
    }

    #[test]
    fn too_much_slows_it_down_and_success_brings_it_back() {
        let (policy, now) = (policy(16), Instant::now());
        let mut lane = started(16, &policy, now);
        (0..16).for_each(|_| lane.free(Reached::Answered(429), now));
        let later = now + Duration::from_secs(1);
        assert_eq!(lane.room(&policy, all(&policy), later), 5, "half of a hundred a second, of which a tenth of a second");
        for _ in 0..64 {
            lane.take(&policy, all(&policy), now);
            lane.free(Reached::Answered(204), now);
        }
        assert_eq!(lane.room(&policy, all(&policy), later), 16);
    }

    #[test]
    fn every_fourth_claim_is_for_what_came_last() {
        let mut lane = Lane::default();
        let shares: Vec<_> =
            [1, 1, 1, 1, 3, 5, 16].into_iter().map(|count| lane.share(count)).map(|share| (share.oldest, share.newest)).collect();
        assert_eq!(shares, [(1, 0), (1, 0), (1, 0), (0, 1), (3, 0), (3, 2), (12, 4)]);
    }
}
