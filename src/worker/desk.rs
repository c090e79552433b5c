//! What the worker's loop, its requests and the store share: the lanes, and the way of fresh deliveries from the store's commit into the
//! loop. The lanes are held only for moments, never while anything is awaited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, mpsc};

use crate::generation::{Live, Target};
use crate::ids::{LaneId, Tenant};
use crate::store::{self, Claimed, Handover, Quota, Store, Way};
use crate::time::Clock;
use crate::worker::hand::Hand;
use crate::worker::lane::Reached;
use crate::worker::lanes::Lanes;
use crate::worker::lease_of;

/// What comes to the worker's loop over the desk.
#[derive(Debug)]
pub(super) enum Arrival {
    /// These have their place, and are to be sent.
    Fresh(Vec<Claimed>),
    /// These cannot be sent for a time, and go back to the store.
    Returned(Vec<Claimed>),
}

pub(super) struct Desk {
    lanes: Mutex<Lanes>,
    live: Live,
    clock: Arc<dyn Clock>,
    loop_of_worker: mpsc::UnboundedSender<Arrival>,
    /// What is being sent, or waits to be recorded.
    pub hand: Arc<Hand>,
    /// Rings when a place is free while something waits for one.
    pub room: Notify,
    /// Whether the worker is ending.
    closed: AtomicBool,
}

impl Desk {
    /// A desk with so many places, and what comes over it.
    pub(super) fn new(limit: usize, live: Live, clock: Arc<dyn Clock>) -> (Arc<Self>, mpsc::UnboundedReceiver<Arrival>) {
        // Bounded by the places and the lines: nothing comes that was not counted in.
        let (loop_of_worker, arrivals) = mpsc::unbounded_channel();
        let lanes = Mutex::new(Lanes::new(limit));
        let (hand, room, closed) = (Arc::default(), Notify::new(), AtomicBool::new(false));
        (Arc::new(Self { lanes, live, clock, loop_of_worker, hand, room, closed }), arrivals)
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on as much is this node's as the store says. Asked while nobody else changes it, so that the last answer stands.
    pub(super) fn keep_within_quota(&self, store: &Store) {
        let mut lanes = self.lanes();
        lanes.keep_within(store.quota());
    }

    /// A request has ended, or will never be made; its place goes to the next in line, if there is one, which is given back.
    fn pass_on(&self, lane: (LaneId, &Tenant), target: &Target, reached: Reached) -> Option<Claimed> {
        let now = self.clock.instant();
        let mut lanes = self.lanes();
        lanes.free(lane, reached, now);
        // What stands in line when the worker ends is due again when the store is next opened.
        let next = if self.closed.load(Ordering::Relaxed) { None } else { lanes.next(lane, &target.policy, now) };
        self.ring(&lanes);
        self.tell(lanes, Vec::new());
        next
    }

    /// Has the worker's loop send a delivery that has its place.
    fn send_on(&self, next: Claimed) {
        self.tell(self.lanes(), vec![next]);
    }

    /// Nothing more is to be sent than what is under way.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Sends to the worker's loop what is ready, and what has left its line. A worker that has stopped takes nothing more: the deliveries
    /// are due again when their lease ends or the store is next opened.
    fn tell(&self, mut lanes: MutexGuard<'_, Lanes>, ready: Vec<Claimed>) {
        let returned = lanes.dissolved();
        drop(lanes);
        if !ready.is_empty() {
            drop(self.loop_of_worker.send(Arrival::Fresh(ready)));
        }
        if !returned.is_empty() {
            drop(self.loop_of_worker.send(Arrival::Returned(returned)));
        }
    }

    /// A delivery had a place, and its endpoint is gone.
    pub(super) fn forsake(&self, lane: LaneId, tenant: &Tenant) {
        let mut lanes = self.lanes();
        lanes.free((lane, tenant), Reached::Unknown, self.clock.instant());
        lanes.dissolve(lane);
        self.ring(&lanes);
        self.tell(lanes, Vec::new());
    }

    fn ring(&self, lanes: &Lanes) {
        if lanes.is_waited_for() {
            self.room.notify_one();
        }
    }
}

impl Handover for Desk {
    fn reserve(&self, way: Way<'_>, due: Timestamp) -> Option<Timestamp> {
        let now = self.clock.now();
        if due > now || self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let generation = self.live.load();
        let target = generation.target(way.endpoint)?;
        let reserved = self.lanes().reserve(way, &target.policy, self.clock.instant(), generation.target_count());
        reserved.then(|| lease_of(&target, now))
    }

    fn release(&self, lane: LaneId, tenant: &Tenant) {
        let mut lanes = self.lanes();
        lanes.undo((lane, tenant), self.clock.instant());
        self.ring(&lanes);
    }

    fn hand_over(&self, deliveries: Vec<Claimed>) {
        let (generation, now) = (self.live.load(), self.clock.instant());
        let mut lanes = self.lanes();
        let enter = |delivery: Claimed| {
            if let Some(target) = generation.target(&delivery.endpoint) {
                return lanes.enter(delivery, &target.policy, now);
            }
            lanes.undo((delivery.lane, &delivery.tenant), now);
            None
        };
        let ready: Vec<Claimed> = deliveries.into_iter().filter_map(enter).collect();
        self.tell(lanes, ready);
    }

    fn in_hand(&self, lane: LaneId) -> FxHashMap<store::Slot, Timestamp> {
        self.hand.of(lane)
    }

    fn keep_within(&self, quota: Arc<Quota>) -> Vec<LaneId> {
        let is_unsettled = quota.is_unsettled();
        let mut lanes = self.lanes();
        lanes.keep_within(quota);
        if is_unsettled { lanes.late(self.clock.instant()) } else { Vec::new() }
    }

    fn suspended(&self, lane: LaneId) {
        let mut lanes = self.lanes();
        lanes.dissolve(lane);
        self.tell(lanes, Vec::new());
    }
}

/// A place among the requests under way; free again when it is dropped, however its task ends.
pub(super) struct Slot {
    lane: LaneId,
    tenant: Tenant,
    target: Arc<Target>,
    /// What the attempt has found out.
    pub reached: Reached,
    desk: Arc<Desk>,
    passed_on: bool,
}

impl Slot {
    /// For a place that has been taken.
    pub(super) fn new((lane, tenant): (LaneId, Tenant), target: Arc<Target>, desk: Arc<Desk>) -> Self {
        Self { lane, tenant, target, reached: Reached::Unknown, desk, passed_on: false }
    }

    /// Gives the place to the next in line; `None`: nobody is, and it is free.
    pub(super) fn pass_on(mut self) -> Option<Claimed> {
        self.leave()
    }

    fn leave(&mut self) -> Option<Claimed> {
        self.passed_on = true;
        self.desk.pass_on((self.lane, &self.tenant), &self.target, self.reached)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.passed_on
            && let Some(next) = self.leave()
        {
            self.desk.send_on(next);
        }
    }
}
