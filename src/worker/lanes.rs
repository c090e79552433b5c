//! How much each lane may send now: pure bookkeeping. Every endpoint of a tenant has a lane of its own; those that do not answer may
//! together use half of the places, a quarter of the places is kept for lanes that have nothing under way, and one tenant never has more
//! than seven eighths of them. So whatever some endpoints or tenants do, another one's first request finds room.

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::delivery::Policy;
use crate::generation::Target;
use crate::ids::{LaneId, Tenant};
use crate::store::{self, Share};
use crate::worker::lane::{Lane, Reached};

/// Lanes that are remembered beyond those with something under way, before those are sorted out of which nothing need be.
const REMEMBERED: usize = 4096;

/// The lanes that have requests under way, or of which something is to be remembered.
#[derive(Debug)]
pub(super) struct Lanes {
    limit: usize,
    total: usize,
    /// Of those, requests of lanes that do not answer.
    silent_total: usize,
    by_id: FxHashMap<LaneId, Lane>,
    /// Requests under way of each tenant that has any.
    tenants: FxHashMap<Tenant, usize>,
    /// Lanes that may have more due in the store than was claimed; fresh deliveries stand in line behind that.
    waiting: FxHashSet<LaneId>,
}

/// What to claim.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// From which lanes, and how much.
    pub claims: Vec<(store::Lane, Arc<Target>, Share)>,
    /// When the next of the others may send again, as far as only time is in their way.
    pub opens: Option<Instant>,
}

impl Lanes {
    pub(super) fn new(limit: usize) -> Self {
        let (by_id, tenants, waiting) = (FxHashMap::default(), FxHashMap::default(), FxHashSet::default());
        Self { limit: limit.max(1), total: 0, silent_total: 0, by_id, tenants, waiting }
    }

    /// Whether any request may start.
    pub(super) fn has_room(&self) -> bool {
        self.total < self.limit
    }

    /// Whether something in the store waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// All that is due in a lane has been claimed.
    pub(super) fn caught_up(&mut self, lane: LaneId) {
        self.waiting.remove(&lane);
    }

    /// Takes a place for a delivery that has just been made, if it need not stand in line. `endpoints` is how many there are: a lane gets
    /// a second place only while there is one left for each endpoint that has none, as far as that is possible at all.
    pub(super) fn reserve(&mut self, (id, tenant): (LaneId, &Tenant), policy: &Policy, now: Instant, endpoints: usize) -> bool {
        let lane = self.by_id.get(&id).copied().unwrap_or_default();
        let idle = endpoints.saturating_sub(self.by_id.len()).clamp(self.reserved(), self.limit * 3 / 4);
        let kept = if lane.in_flight == 0 { 0 } else { idle };
        let room = (self.limit.saturating_sub(self.total)).min(self.tenant_room(tenant));
        let free = !self.waiting.contains(&id)
            && kept < room
            && lane.room(policy, now) > 0
            && (!lane.is_silent() || self.silent_total < self.silent_limit());
        if free {
            self.take((id, tenant), policy, now);
        } else {
            self.waiting.insert(id);
        }
        free
    }

    /// How many deliveries to claim from each of the lanes that have some due.
    pub(super) fn plan(&mut self, due: Vec<(store::Lane, Arc<Target>)>, now: Instant) -> Plan {
        if self.by_id.len() > REMEMBERED + self.limit {
            self.by_id.retain(|_, lane| !lane.is_forgettable(now));
        }
        let mut plan = Plan::default();
        let mut open = Vec::with_capacity(due.len());
        for (lane, target) in due {
            self.waiting.insert(lane.id);
            let known = self.by_id.get(&lane.id).copied().unwrap_or_default();
            match known.room(&target.policy, now) {
                0 => plan.opens = [plan.opens, known.opens(&target.policy, now)].into_iter().flatten().min(),
                room => open.push((lane, target, known, room)),
            }
        }
        if open.is_empty() {
            return plan;
        }
        let mut room = self.limit.saturating_sub(self.total);
        let mut shared = (self.limit - self.reserved()).saturating_sub(self.total);
        let mut silent = self.silent_limit().saturating_sub(self.silent_total);
        let mut tenants: FxHashMap<Tenant, usize> = FxHashMap::default();
        let share = (shared / open.len()).max(1);
        for (lane, target, known, free) in open {
            let tenant = tenants.entry(lane.tenant.clone()).or_insert_with(|| self.tenant_room(&lane.tenant));
            let mut count = free.min(share).min(shared);
            if count == 0 && known.in_flight == 0 {
                count = 1;
            }
            count = count.min(room).min(*tenant);
            if known.is_silent() {
                count = count.min(silent);
                silent -= count;
            }
            if count > 0 {
                room -= count;
                shared = shared.saturating_sub(count);
                *tenant -= count;
                let share = self.by_id.entry(lane.id).or_default().share(count);
                plan.claims.push((lane, target, share));
            }
        }
        plan
    }

    /// Places that only a lane without any request under way may take.
    fn reserved(&self) -> usize {
        self.limit / 4
    }

    /// Places that lanes without an answer may take together.
    fn silent_limit(&self) -> usize {
        (self.limit / 2).max(1)
    }

    /// Places that a tenant may still take.
    fn tenant_room(&self, tenant: &Tenant) -> usize {
        (self.limit - self.limit / 8).saturating_sub(self.tenants.get(tenant).copied().unwrap_or_default())
    }

    /// A request of this lane starts.
    pub(super) fn take(&mut self, (id, tenant): (LaneId, &Tenant), policy: &Policy, now: Instant) {
        let lane = self.by_id.entry(id).or_default();
        lane.take(policy, now);
        self.total += 1;
        self.silent_total += usize::from(lane.is_silent());
        if let Some(count) = self.tenants.get_mut(tenant) {
            *count += 1;
        } else {
            self.tenants.insert(tenant.clone(), 1);
        }
    }

    /// A request has ended and been recorded.
    pub(super) fn free(&mut self, (id, tenant): (LaneId, &Tenant), reached: Reached, now: Instant) {
        if let Some(count) = self.tenants.get_mut(tenant) {
            *count -= 1;
            if *count == 0 {
                self.tenants.remove(tenant);
            }
        }
        let Some(lane) = self.by_id.get_mut(&id) else { return };
        if lane.is_silent() {
            self.silent_total = self.silent_total.saturating_sub(lane.in_flight);
        }
        lane.free(reached, now);
        self.total = self.total.saturating_sub(1);
        if lane.is_silent() {
            self.silent_total += lane.in_flight;
        }
        if lane.is_forgettable(now) {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Secret, Signer};
    use crate::ids::EndpointId;

    fn target(concurrency: u32) -> Arc<Target> {
        let signer = Signer::new(Secret::from_random([1; 32]), Vec::new());
        Arc::new(Target { name: "e".to_owned(), policy: Policy { concurrency, ..Policy::default() }, signer })
    }

    fn lane(tenant: &str, id: i64) -> store::Lane {
        store::Lane { id: LaneId(id), tenant: Tenant::new(tenant), endpoint: EndpointId::new("e") }
    }

    fn lanes_of(tenant: &str, ids: std::ops::Range<i64>) -> Vec<store::Lane> {
        ids.map(|id| lane(tenant, id)).collect()
    }

    /// The lanes, and the time of a test.
    struct Bench(Lanes, Instant);

    impl Bench {
        fn new(limit: usize) -> Self {
            Self(Lanes::new(limit), Instant::now())
        }

        /// Plans for these lanes, and takes what was planned.
        fn start(&mut self, due: &[store::Lane], target: &Arc<Target>) -> Vec<(i64, usize)> {
            let Self(lanes, now) = self;
            let plan = lanes.plan(due.iter().map(|lane| (lane.clone(), Arc::clone(target))).collect(), *now);
            for (lane, target, share) in &plan.claims {
                for _ in 0..share.total() {
                    lanes.take((lane.id, &lane.tenant), &target.policy, *now);
                }
            }
            plan.claims.into_iter().map(|(lane, _, share)| (lane.id.0, share.total())).collect()
        }

        fn reserve(&mut self, lane: &store::Lane, target: &Target, endpoints: usize) -> bool {
            self.0.reserve((lane.id, &lane.tenant), &target.policy, self.1, endpoints)
        }

        fn end(&mut self, lane: &store::Lane, reached: Reached) {
            self.0.free((lane.id, &lane.tenant), reached, self.1);
        }
    }

    #[test]
    fn a_lane_is_as_wide_as_its_concurrency() {
        let (mut bench, due) = (Bench::new(100), lanes_of("t", 0..1));
        assert_eq!(bench.start(&due, &target(3)), [(0, 3)]);
        assert!(bench.start(&due, &target(3)).is_empty());
        bench.end(&due[0], Reached::Answered(200));
        assert_eq!(bench.start(&due, &target(3)), [(0, 1)]);
    }

    #[test]
    fn room_is_shared_and_a_new_lane_always_finds_some() {
        let mut bench = Bench::new(16);
        let crowd = lanes_of("t", 0..3);
        let started = bench.start(&crowd, &target(100));
        assert!(started.iter().all(|(_, count)| *count == 4), "{started:?}");
        assert!(bench.start(&crowd, &target(100)).is_empty(), "the rest is kept for others");
        assert_eq!(bench.start(&lanes_of("t", 7..8), &target(100)), [(7, 1)]);
    }

    #[test]
    fn a_tenant_with_a_crowd_of_endpoints_leaves_room_for_others() {
        let mut bench = Bench::new(16);
        assert_eq!(bench.start(&lanes_of("crowd", 0..100), &target(100)).len(), 14);
        let quiet = lanes_of("quiet", 100..101);
        assert_eq!(bench.start(&quiet, &target(100)), [(100, 1)]);
        assert!(bench.reserve(&lane("new", 101), &target(1), 1));
        assert!(!bench.reserve(&lane("crowd", 102), &target(1), 1), "all are taken");
        bench.end(&quiet[0], Reached::Answered(200));
        assert!(!bench.reserve(&lane("crowd", 103), &target(1), 1), "the free one is for other tenants");
    }

    #[test]
    fn silent_lanes_together_use_at_most_half() {
        let mut bench = Bench::new(4);
        let lanes = lanes_of("t", 0..4);
        for lane in &lanes {
            bench.start(std::slice::from_ref(lane), &target(1));
            bench.end(lane, Reached::No);
        }
        assert_eq!(bench.start(&lanes, &target(1)).len(), 2);
        assert_eq!(bench.start(&lanes_of("t", 9..10), &target(1)).len(), 1);
        for _ in 0..2 {
            for lane in &lanes {
                bench.end(lane, Reached::Answered(200));
            }
        }
        assert_eq!(bench.0.silent_total, 0);
    }

    #[test]
    fn a_lane_that_rests_says_when_it_goes_on() {
        let (mut bench, due) = (Bench::new(16), lanes_of("t", 0..1));
        for _ in 0..5 {
            assert_eq!(bench.start(&due, &target(1)).len(), 1);
            bench.end(&due[0], Reached::No);
        }
        let now = bench.1;
        let plan = bench.0.plan(vec![(due[0].clone(), target(1))], now);
        assert!(plan.claims.is_empty() && plan.opens.is_some_and(|opens| opens > now), "{plan:?}");
        assert!(!bench.reserve(&due[0], &target(1), 1));
    }

    #[test]
    fn a_fresh_delivery_stands_in_line_behind_what_waits() {
        let (mut bench, due) = (Bench::new(100), lanes_of("t", 0..1));
        let (one, two) = (target(1), target(2));
        assert!(bench.reserve(&due[0], &one, 1));
        assert!(!bench.reserve(&due[0], &one, 1), "the lane is full");
        bench.end(&due[0], Reached::Answered(200));
        assert!(!bench.reserve(&due[0], &two, 1), "one waits in the store");
        assert_eq!(bench.start(&due, &two), [(0, 2)]);
        bench.end(&due[0], Reached::Answered(200));
        assert!(bench.0.is_waited_for() && !bench.reserve(&due[0], &two, 1));
        bench.0.caught_up(due[0].id);
        assert!(bench.reserve(&due[0], &two, 1));
    }

    #[test]
    fn a_crowd_of_fresh_deliveries_leaves_a_place_for_every_endpoint() {
        let mut bench = Bench::new(16);
        let lanes = lanes_of("t", 0..13);
        let wide = target(100);
        let (last, crowd) = lanes.split_last().unwrap();
        for lane in crowd {
            for _ in 0..16 {
                bench.reserve(lane, &wide, lanes.len());
            }
        }
        assert!(bench.reserve(last, &wide, lanes.len()));
    }
}
