//! How much each endpoint may send now: pure bookkeeping. Every endpoint has a lane of its own; one that hangs or fails to answer is
//! cut down to one request at a time until it answers, all such together may use half of the slots, and a quarter of the slots is kept
//! for lanes that have nothing under way. So whatever some endpoints do, another one's first request finds room.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::generation::Target;
use crate::ids::EndpointId;

/// The lanes of all endpoints that have requests under way or do not answer.
#[derive(Debug)]
pub(super) struct Lanes {
    limit: usize,
    total: usize,
    /// Of those, requests of lanes that do not answer.
    silent_total: usize,
    by_endpoint: FxHashMap<EndpointId, Lane>,
    /// Endpoints that may have more due in the store than was claimed; fresh deliveries stand in line behind that.
    waiting: FxHashSet<EndpointId>,
    /// Where the next round begins, so that no endpoint is always last.
    turn: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    in_flight: usize,
    silent: bool,
}

/// Whether an endpoint answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It did, whatever it said.
    Yes,
    /// It timed out or could not be connected to.
    No,
    /// The attempt says nothing about it.
    Unknown,
}

impl Lanes {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), total: 0, silent_total: 0, by_endpoint: FxHashMap::default(), waiting: FxHashSet::default(), turn: 0 }
    }

    /// Whether any request may start.
    pub(super) fn has_room(&self) -> bool {
        self.total < self.limit
    }

    /// Whether something in the store waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// All that is due of an endpoint has been claimed.
    pub(super) fn caught_up(&mut self, endpoint: &EndpointId) {
        self.waiting.remove(endpoint);
    }

    /// Takes a place for a delivery that has just been made, if it need not stand in line. `endpoints` is how many there are: a lane gets
    /// a second place only while there is one left for each endpoint that has none, as far as that is possible at all.
    pub(super) fn reserve(&mut self, endpoint: &EndpointId, target: &Target, endpoints: usize) -> bool {
        let lane = self.by_endpoint.get(endpoint).copied().unwrap_or_default();
        let idle = endpoints.saturating_sub(self.by_endpoint.len()).clamp(self.reserved(), self.limit * 3 / 4);
        let kept = if lane.in_flight == 0 { 0 } else { idle };
        let free = lane.in_flight < lane.width(target)
            && self.total + kept < self.limit
            && (!lane.silent || self.silent_total < self.silent_limit())
            && !self.waiting.contains(endpoint);
        if free {
            self.take(endpoint);
        } else if !self.waiting.contains(endpoint) {
            self.waiting.insert(endpoint.clone());
        }
        free
    }

    /// How many deliveries to claim for each of the endpoints that have some due.
    pub(super) fn plan<'a>(
        &mut self,
        due: impl Iterator<Item = (&'a EndpointId, &'a Arc<Target>)>,
    ) -> Vec<(EndpointId, Arc<Target>, usize)> {
        let due: Vec<_> = due.collect();
        self.waiting.extend(due.iter().map(|(endpoint, _)| (*endpoint).clone()));
        let mut open: Vec<_> = due
            .into_iter()
            .map(|(endpoint, target)| (endpoint, target, self.by_endpoint.get(endpoint).copied().unwrap_or_default()))
            .filter(|(_, target, lane)| lane.in_flight < lane.width(target))
            .collect();
        if open.is_empty() {
            return Vec::new();
        }
        let begin = self.turn % open.len();
        open.rotate_left(begin);
        self.turn = self.turn.wrapping_add(1);

        let mut room = self.limit.saturating_sub(self.total);
        let mut shared = (self.limit - self.reserved()).saturating_sub(self.total);
        let mut silent = self.silent_limit().saturating_sub(self.silent_total);
        let share = (shared / open.len()).max(1);
        let mut planned = Vec::new();
        for (endpoint, target, lane) in open {
            let mut count = (lane.width(target) - lane.in_flight).min(share).min(shared);
            if count == 0 && lane.in_flight == 0 {
                count = 1;
            }
            count = count.min(room);
            if lane.silent {
                count = count.min(silent);
                silent -= count;
            }
            if count > 0 {
                room -= count;
                shared = shared.saturating_sub(count);
                planned.push((endpoint.clone(), Arc::clone(target), count));
            }
        }
        planned
    }

    /// Slots that only a lane without any request under way may take.
    fn reserved(&self) -> usize {
        self.limit / 4
    }

    /// Slots that lanes without an answer may take together.
    fn silent_limit(&self) -> usize {
        (self.limit / 2).max(1)
    }

    /// A request of this endpoint starts.
    pub(super) fn take(&mut self, endpoint: &EndpointId) {
        let lane = self.by_endpoint.entry(endpoint.clone()).or_default();
        lane.in_flight += 1;
        self.total += 1;
        self.silent_total += usize::from(lane.silent);
    }

    /// A request has ended and been recorded.
    pub(super) fn free(&mut self, endpoint: &EndpointId, reached: Reached) {
        let Some(lane) = self.by_endpoint.get_mut(endpoint) else { return };
        if lane.silent {
            self.silent_total = self.silent_total.saturating_sub(lane.in_flight);
        }
        lane.in_flight = lane.in_flight.saturating_sub(1);
        self.total = self.total.saturating_sub(1);
        lane.silent = match reached {
            Reached::Yes => false,
            Reached::No => true,
            Reached::Unknown => lane.silent,
        };
        if lane.silent {
            self.silent_total += lane.in_flight;
        } else if lane.in_flight == 0 {
            self.by_endpoint.remove(endpoint);
        }
    }
}

impl Lane {
    /// Requests that it may have under way.
    fn width(self, target: &Target) -> usize {
        if self.silent { 1 } else { usize::try_from(target.policy.concurrency).unwrap_or(usize::MAX).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Policy, Secret, Signer};

    fn target(concurrency: u32) -> Arc<Target> {
        let signer = Signer::new(Secret::from_random([1; 32]), Vec::new());
        Arc::new(Target { name: "e".to_owned(), policy: Policy { concurrency, ..Policy::default() }, signer })
    }

    fn endpoints(names: &[&str]) -> Vec<EndpointId> {
        names.iter().map(|name| EndpointId::new(*name)).collect()
    }

    /// Plans for these endpoints, and takes what was planned.
    fn start(lanes: &mut Lanes, due: &[EndpointId], target: &Arc<Target>) -> Vec<(String, usize)> {
        let planned = lanes.plan(due.iter().map(|endpoint| (endpoint, target)));
        for (endpoint, _, count) in &planned {
            for _ in 0..*count {
                lanes.take(endpoint);
            }
        }
        planned.into_iter().map(|(endpoint, _, count)| (endpoint.to_string(), count)).collect()
    }

    fn end(lanes: &mut Lanes, endpoint: &EndpointId, reached: Reached) {
        lanes.free(endpoint, reached);
    }

    #[test]
    fn a_lane_is_as_wide_as_its_concurrency() {
        let (mut lanes, due) = (Lanes::new(100), endpoints(&["a"]));
        assert_eq!(start(&mut lanes, &due, &target(3)), [("a".to_owned(), 3)]);
        assert!(start(&mut lanes, &due, &target(3)).is_empty());
        end(&mut lanes, &due[0], Reached::Yes);
        assert_eq!(start(&mut lanes, &due, &target(3)), [("a".to_owned(), 1)]);
    }

    #[test]
    fn a_silent_lane_sends_one_at_a_time_until_it_answers() {
        let (mut lanes, due) = (Lanes::new(100), endpoints(&["a"]));
        start(&mut lanes, &due, &target(3));
        end(&mut lanes, &due[0], Reached::No);
        end(&mut lanes, &due[0], Reached::Unknown);
        assert!(start(&mut lanes, &due, &target(3)).is_empty(), "one is under way");
        end(&mut lanes, &due[0], Reached::No);
        assert_eq!(start(&mut lanes, &due, &target(3)), [("a".to_owned(), 1)]);
        end(&mut lanes, &due[0], Reached::Yes);
        assert_eq!(start(&mut lanes, &due, &target(3)), [("a".to_owned(), 3)]);
    }

    #[test]
    fn room_is_shared_and_a_new_lane_always_finds_some() {
        let mut lanes = Lanes::new(16);
        let crowd = endpoints(&["a", "b", "c"]);
        let started = start(&mut lanes, &crowd, &target(100));
        assert!(started.iter().all(|(_, count)| *count == 4), "{started:?}");
        assert!(start(&mut lanes, &crowd, &target(100)).is_empty(), "the rest is kept for others");
        assert_eq!(start(&mut lanes, &endpoints(&["d"]), &target(100)), [("d".to_owned(), 1)]);
    }

    #[test]
    fn silent_lanes_together_use_at_most_half() {
        let mut lanes = Lanes::new(4);
        let names = endpoints(&["a", "b", "c", "d"]);
        for endpoint in &names {
            start(&mut lanes, std::slice::from_ref(endpoint), &target(1));
            end(&mut lanes, endpoint, Reached::No);
        }
        assert_eq!(start(&mut lanes, &names, &target(1)).len(), 2);
        assert_eq!(start(&mut lanes, &endpoints(&["new"]), &target(1)).len(), 1);
        for _ in 0..2 {
            for endpoint in &names {
                end(&mut lanes, endpoint, Reached::Yes);
            }
        }
        assert_eq!(lanes.silent_total, 0);
    }

    #[test]
    fn a_fresh_delivery_stands_in_line_behind_what_waits() {
        let (mut lanes, due) = (Lanes::new(100), endpoints(&["a"]));
        let (one, two) = (target(1), target(2));
        assert!(lanes.reserve(&due[0], &one, 1));
        assert!(!lanes.reserve(&due[0], &one, 1), "the lane is full");
        end(&mut lanes, &due[0], Reached::Yes);
        assert!(!lanes.reserve(&due[0], &two, 1), "one waits in the store");
        assert_eq!(start(&mut lanes, &due, &two), [("a".to_owned(), 2)]);
        end(&mut lanes, &due[0], Reached::Yes);
        assert!(lanes.is_waited_for() && !lanes.reserve(&due[0], &two, 1));
        lanes.caught_up(&due[0]);
        assert!(lanes.reserve(&due[0], &two, 1));
    }

    #[test]
    fn a_crowd_of_fresh_deliveries_leaves_a_place_for_every_endpoint() {
        let mut lanes = Lanes::new(16);
        let names: Vec<EndpointId> = (0..13).map(|n| EndpointId::new(n.to_string())).collect();
        let wide = target(100);
        let (last, crowd) = names.split_last().unwrap();
        for endpoint in crowd {
            for _ in 0..16 {
                lanes.reserve(endpoint, &wide, names.len());
            }
        }
        assert!(lanes.reserve(last, &wide, names.len()));
    }
}
