use super::*;
use crate::delivery::{Secret, Signer};
use crate::generation::Target;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence};
use crate::store::{self, Slot};
use crate::template::RenderedText;

fn target(concurrency: u32) -> Arc<Target> {
    let signer = Signer::new(Secret::from_random([1; 32]), Vec::new());
    Arc::new(Target { name: "e".to_owned(), policy: Arc::new(Policy { concurrency, ..Policy::default() }), signer, secrets: None })
}

fn lane(tenant: &str, id: i64) -> store::Lane {
    store::Lane { id: LaneId(id), tenant: Tenant::new(tenant), endpoint: EndpointId::new("e") }
}

fn lanes_of(tenant: &str, ids: std::ops::Range<i64>) -> Vec<store::Lane> {
    ids.map(|id| lane(tenant, id)).collect()
}

fn way(lane: &store::Lane, bytes: usize) -> Way<'_> {
    Way { lane: lane.id, tenant: &lane.tenant, endpoint: &lane.endpoint, bytes }
}

/// A delivery that is told from others by its number.
fn claimed(lane: &store::Lane, number: u32) -> Claimed {
    let message = MessageId::new(uuid::Uuid::nil());
    Claimed {
        lane: lane.id,
        tenant: lane.tenant.clone(),
        id: DeliveryId::of(message, number),
        slot: Slot(number.into()),
        message,
        event: "saved".into(),
        sequence: Sequence(1),
        endpoint: lane.endpoint.clone(),
        attempts: number,
        spent: 0,
        fence: 1,
        lease_until: jiff::Timestamp::MAX,
        node: 0,
        ordered: false,
        method: "POST".into(),
        url: RenderedText::default(),
        headers: Arc::from([]),
        body: bytes::Bytes::new(),
        content_type: "application/json".into(),
    }
}

/// The lanes, and the time of a test.
struct Bench(Lanes, Instant);

impl Bench {
    fn new(limit: usize) -> Self {
        Self(Lanes::new(limit), Instant::now())
    }

    /// Plans for these lanes, of which more is due than may be claimed, and takes the places that were planned; what would stand in line stays in
    /// the store.
    fn start(&mut self, due: &[store::Lane], target: &Arc<Target>) -> Vec<(i64, usize)> {
        let Self(lanes, now) = self;
        let plan = lanes.plan(due.iter().map(|lane| (lane.clone(), Arc::clone(target))).collect(), *now);
        let mut started = Vec::new();
        for (lane, target, share) in plan.claims {
            let room = lanes.lane(lane.id).room(&target.policy, lanes.part(lane.id, &target.policy, *now), *now);
            let count = share.total().min(room);
            (0..count).for_each(|_| lanes.take((lane.id, &lane.tenant), &target.policy, *now));
            lanes.has_more(lane.id);
            started.push((lane.id.0, count));
        }
        lanes.end_claims();
        started
    }

    /// Commits a small delivery if it is counted in; whether it is to be sent now.
    fn commit(&mut self, lane: &store::Lane, target: &Target, number: u32) -> Option<bool> {
        let Self(lanes, now) = self;
        let counted_in = lanes.reserve(way(lane, 1), &target.policy, *now, 1);
        counted_in.then(|| lanes.enter(claimed(lane, number), &target.policy, *now).is_some())
    }

    /// Ends a request; the number of the delivery that takes its place.
    fn end_and_next(&mut self, lane: &store::Lane, target: &Target) -> Option<u32> {
        self.end(lane, Reached::Answered(200));
        self.0.next((lane.id, &lane.tenant), &target.policy, self.1).map(|delivery| delivery.attempts)
    }

    /// Asks for a place for a delivery that is too large to stand in line.
    fn reserve(&mut self, lane: &store::Lane, target: &Target, endpoints: usize) -> bool {
        self.0.reserve(way(lane, LARGEST_BODY + 1), &target.policy, self.1, endpoints)
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
fn a_lane_is_late_while_more_is_under_way_than_its_part() {
    let (mut bench, due) = (Bench::new(100), lanes_of("t", 0..2));
    assert_eq!(bench.start(&due, &target(4)), [(0, 4), (1, 4)]);
    assert!(bench.0.late(bench.1).is_empty(), "all places are its own");
    let counts = vec![crate::store::Crew { size: 2, rank: 0 }];
    bench.0.keep_within(Arc::new(Quota { counts, ..Quota::default() }));
    (0..2).for_each(|_| bench.end(&due[0], Reached::Answered(200)));
    assert_eq!(bench.0.late(bench.1), [LaneId(1)]);
    (0..2).for_each(|_| bench.end(&due[1], Reached::Answered(200)));
    assert!(bench.0.late(bench.1).is_empty());
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
fn what_is_fresh_takes_no_place_that_is_being_claimed_for() {
    let (mut bench, due, target) = (Bench::new(2), lanes_of("t", 0..1), target(1));
    let plan = bench.0.plan(vec![(due[0].clone(), Arc::clone(&target))], bench.1);
    assert_eq!(plan.claims.len(), 1);
    assert_eq!(bench.commit(&lane("t", 1), &target, 1), Some(true));
    assert_eq!(bench.commit(&lane("u", 2), &target, 2), None, "the last place is kept");
    assert!(bench.0.claimed(claimed(&due[0], 3), &target.policy, bench.1).is_some());
    assert!(bench.0.claimed(claimed(&lane("u", 3), 4), &target.policy, bench.1).is_none(), "more than was planned");
    let without_place: Vec<_> = bench.0.end_claims().iter().map(|delivery| delivery.attempts).collect();
    assert_eq!(without_place, [4]);
}

#[test]
fn what_is_claimed_while_the_node_loses_its_part_goes_back() {
    let (mut bench, due, target) = (Bench::new(8), lanes_of("t", 0..1), target(1));
    let plan = bench.0.plan(vec![(due[0].clone(), Arc::clone(&target))], bench.1);
    assert_eq!(plan.claims.len(), 1);
    bench.0.keep_within(Arc::new(Quota { counts: vec![crate::store::Crew { size: 2, rank: 1 }], ..Quota::default() }));
    assert_eq!(bench.0.part(LaneId(0), &target.policy, bench.1).mine, 0);
    assert!(bench.0.late(bench.1).is_empty(), "so the other one takes the place");
    assert!(bench.0.claimed(claimed(&due[0], 1), &target.policy, bench.1).is_none());
    assert_eq!(bench.0.end_claims().len(), 1);
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
fn what_is_not_due_any_more_is_not_waited_for() {
    let (mut bench, due) = (Bench::new(1), lanes_of("t", 0..2));
    assert!(bench.reserve(&due[0], &target(1), 1));
    assert!(!bench.reserve(&due[1], &target(1), 1) && bench.0.is_waited_for());
    bench.0.begin_round();
    assert!(!bench.0.is_waited_for(), "such as in a lane that was suspended");
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

#[test]
fn what_finds_no_place_stands_in_line_in_its_order() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(2));
    let now: Vec<_> = (0..5).map(|number| bench.commit(&lane, &target, number)).collect();
    assert_eq!(now, [Some(true), Some(true), Some(false), Some(false), Some(false)]);
    assert_eq!(bench.0.in_line, 3);
    let next: Vec<_> = (0..5).map(|_| bench.end_and_next(&lane, &target)).collect();
    assert_eq!(next, [Some(2), Some(3), Some(4), None, None]);
    assert_eq!((bench.0.in_line, bench.0.total, bench.0.lines.len()), (0, 0, 0));
}

#[test]
fn a_place_that_is_free_before_the_commit_is_kept_for_who_is_being_committed() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(1));
    assert_eq!(bench.commit(&lane, &target, 0), Some(true));
    assert!(bench.0.reserve(way(&lane, 1), &target.policy, bench.1, 1));
    assert_eq!(bench.end_and_next(&lane, &target), None, "it is not committed yet");
    assert_eq!(bench.commit(&lane, &target, 2), Some(true), "whoever comes first has the place");
    assert_eq!(bench.0.enter(claimed(&lane, 1), &target.policy, bench.1).map(|delivery| delivery.attempts), None);
    assert_eq!(bench.end_and_next(&lane, &target), Some(1));
}

#[test]
fn what_is_not_made_after_all_leaves_no_trace() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(1));
    for _ in 0..3 {
        assert!(bench.0.reserve(way(&lane, 1), &target.policy, bench.1, 1));
    }
    for _ in 0..3 {
        bench.0.undo((lane.id, &lane.tenant), bench.1);
    }
    bench.0.forget_line(lane.id);
    assert_eq!((bench.0.in_line, bench.0.total, bench.0.lines.len()), (0, 0, 0));
}

#[test]
fn a_line_is_bounded_and_what_is_behind_it_waits_in_the_store() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(1));
    let counted_in = (0..1000).filter(|number| bench.commit(&lane, &target, *number).is_some()).count();
    assert_eq!(counted_in, 513);
    assert!(bench.0.is_waited_for());
    assert_eq!(bench.end_and_next(&lane, &target), Some(1));
    assert_eq!(bench.commit(&lane, &target, 1000), None, "others wait before it");
}

#[test]
fn the_line_of_an_endpoint_that_rests_is_dissolved() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(8));
    for number in 0..20 {
        bench.commit(&lane, &target, number);
    }
    for _ in 0..8 {
        bench.end(&lane, Reached::No);
        assert!(bench.0.next((lane.id, &lane.tenant), &target.policy, bench.1).is_none());
    }
    assert_eq!((bench.0.in_line, bench.0.total), (0, 0));
}

#[test]
fn a_long_line_does_not_keep_the_places_that_others_wait_for() {
    let (mut bench, target) = (Bench::new(16), target(100));
    let (busy, other) = (lane("busy", 0), lane("other", 1));
    for number in 0..60 {
        bench.commit(&busy, &target, number);
    }
    assert_eq!(bench.0.total, 10);
    assert_eq!(bench.start(std::slice::from_ref(&other), &target), [(1, 2)]);
    let next: Vec<_> = (0..4).map(|_| bench.end_and_next(&busy, &target)).collect();
    assert_eq!(next, [None, Some(10), Some(11), Some(12)], "the first place is left to the other lane, then there is room again");
    assert_eq!(bench.start(std::slice::from_ref(&other), &target), [(1, 1)]);
}

#[test]
fn what_is_claimed_ahead_is_bounded_by_its_bytes() {
    let (mut bench, lane, target) = (Bench::new(100), lane("t", 0), target(2));
    let planned = |bench: &mut Bench| {
        let plan = bench.0.plan(vec![(lane.clone(), Arc::clone(&target))], bench.1);
        plan.claims.first().map_or(0, |(_, _, share)| share.total())
    };
    assert_eq!(planned(&mut bench), 2, "nothing is known of the bodies yet");
    let large = || Claimed { body: vec![0; HEAVIEST / 4].into(), ..claimed(&lane, 1) };
    assert!(bench.0.claimed(large(), &target.policy, bench.1).is_some());
    assert_eq!(planned(&mut bench), 1 + 4);
    assert!(bench.0.claimed(large(), &target.policy, bench.1).is_some());
    for _ in 0..3 {
        assert!(bench.0.claimed(large(), &target.policy, bench.1).is_none());
    }
    assert_eq!((bench.0.line_bytes, bench.0.in_line), (HEAVIEST / 4 * 3, 3));
    while bench.end_and_next(&lane, &target).is_some() {}
    assert_eq!((bench.0.line_bytes, bench.0.in_line), (0, 0));
    assert_eq!(planned(&mut bench), 1 + 4);
}

#[test]
fn what_is_being_claimed_counts_as_a_part_of_its_tenants_share() {
    let (mut bench, target) = (Bench::new(8), target(3));
    let crowd = lanes_of("crowd", 0..5);
    let due: Vec<_> = crowd[..2].iter().map(|lane| (lane.clone(), Arc::clone(&target))).collect();
    let plan = bench.0.plan(due, bench.1);
    assert_eq!(plan.claims.iter().map(|(_, _, share)| share.total()).collect::<Vec<_>>(), [3, 3]);
    assert!(bench.reserve(&crowd[2], &target, 1), "the seventh place");
    assert!(!bench.reserve(&crowd[3], &target, 1), "the eighth is for other tenants");
    for (lane, ..) in plan.claims {
        for number in 0..3 {
            assert!(bench.0.claimed(claimed(&lane, number), &target.policy, bench.1).is_some(), "its place was kept");
        }
    }
    bench.end(&crowd[0], Reached::Answered(200));
    assert!(bench.reserve(&crowd[4], &target, 1), "what has ended is free");
    assert!(bench.0.claimed(claimed(&crowd[0], 3), &target.policy, bench.1).is_none(), "more was claimed than has a place");
    assert!(bench.0.end_claims().is_empty(), "it stands in line");
    assert!(bench.reserve(&lane("quiet", 9), &target, 1));
}
