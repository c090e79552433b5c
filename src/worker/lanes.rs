//! How much each endpoint may send now: pure bookkeeping. Every endpoint has a lane of its own; one that hangs or fails to answer is
//! cut down to one request at a time until it answers, all such together may use half of the slots, and a quarter of the slots is kept
//! for lanes that have nothing under way. So whatever some endpoints do, another one's first request finds room.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

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

/// A slot that is free again.
#[derive(Debug)]
pub(super) struct Freed {
    endpoint: EndpointId,
    reached: Reached,
}

/// A place among the requests under way; free again when it is dropped, however its task ends.
#[derive(Debug)]
pub(super) struct Slot {
    endpoint: EndpointId,
    /// What the attempt has found out.
    pub reached: Reached,
    free: mpsc::UnboundedSender<Freed>,
}

impl Slot {
    pub(super) fn new(endpoint: EndpointId, free: mpsc::UnboundedSender<Freed>) -> Self {
        Self { endpoint, reached: Reached::Unknown, free }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Nobody counts any more when the worker has stopped.
        drop(self.free.send(Freed { endpoint: self.endpoint.clone(), reached: self.reached }));
    }
}

impl Lanes {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), total: 0, silent_total: 0, by_endpoint: FxHashMap::default(), turn: 0 }
    }

    /// Whether any request may start.
    pub(super) fn has_room(&self) -> bool {
        self.total < self.limit
    }

    /// How many deliveries to claim for each of the endpoints that have some due.
    pub(super) fn plan<'a>(
        &mut self,
        due: impl Iterator<Item = (&'a EndpointId, &'a Arc<Target>)>,
    ) -> Vec<(EndpointId, Arc<Target>, usize)> {
        let mut open: Vec<_> = due
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
        let mut shared = (self.limit - self.reserve()).saturating_sub(self.total);
        let mut silent = (self.limit / 2).max(1).saturating_sub(self.silent_total);
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
    fn reserve(&self) -> usize {
        self.limit / 4
    }

    /// A request of this endpoint starts.
    pub(super) fn take(&mut self, endpoint: &EndpointId) {
        let lane = self.by_endpoint.entry(endpoint.clone()).or_default();
        lane.in_flight += 1;
        self.total += 1;
        self.silent_total += usize::from(lane.silent);
    }

    /// A request has ended and been recorded.
    pub(super) fn free(&mut self, freed: &Freed) {
        let Some(lane) = self.by_endpoint.get_mut(&freed.endpoint) else { return };
        if lane.silent {
            self.silent_total = self.silent_total.saturating_sub(lane.in_flight);
        }
        lane.in_flight = lane.in_flight.saturating_sub(1);
        self.total = self.total.saturating_sub(1);
        lane.silent = match freed.reached {
            Reached::Yes => false,
            Reached::No => true,
            Reached::Unknown => lane.silent,
        };
        if lane.silent {
            self.silent_total += lane.in_flight;
        } else if lane.in_flight == 0 {
            self.by_endpoint.remove(&freed.endpoint);
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
        lanes.free(&Freed { endpoint: endpoint.clone(), reached });
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
    fn a_slot_is_free_again_however_its_task_ends() {
        let (free, mut freed) = mpsc::unbounded_channel();
        let slot = Slot::new(EndpointId::new("a"), free);
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _slot = slot;
            panic!("a task of a test panics");
        })));
        assert_eq!(freed.try_recv().unwrap().endpoint.as_str(), "a");
    }
}
