//! How much each lane may send now: pure bookkeeping. Every endpoint of a tenant has a lane of its own; those that do not answer may
//! together use half of the places, a quarter of the places is kept for lanes that have nothing under way, and one tenant never has more
//! than seven eighths of them. So whatever some endpoints or tenants do, another one's first request finds room.

mod plan;

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::delivery::Policy;
use crate::ids::{LaneId, Tenant};
use crate::store::{Claimed, Part, Quota, Way};
use crate::worker::lane::{Lane, Reached, whole};
use crate::worker::line::{HEAVIEST, LARGEST_BODY, LONGEST, Line};

/// Lanes that are remembered beyond those with something under way, before those are sorted out of which nothing need be.
const REMEMBERED: usize = 4096;

/// The lanes that have requests under way, or of which something is to be remembered.
#[derive(Debug)]
pub(super) struct Lanes {
    limit: usize,
    /// How much is this node's.
    quota: Arc<Quota>,
    total: usize,
    /// Of those, requests of lanes that do not answer.
    silent_total: usize,
    /// Places that are kept for what is being claimed, so that nothing fresh takes them meanwhile.
    claiming: usize,
    /// Of those, the places of each tenant that has any: they count as a part of its share.
    claiming_of: FxHashMap<Tenant, usize>,
    by_id: FxHashMap<LaneId, Lane>,
    /// Requests under way of each tenant that has any.
    tenants: FxHashMap<Tenant, usize>,
    /// The lines of lanes that have one.
    lines: FxHashMap<LaneId, Line>,
    /// Deliveries in all of them.
    in_line: usize,
    /// Bytes of the bodies of those that are committed.
    line_bytes: usize,
    /// Deliveries that have left their line without being sent.
    dissolved: Vec<Claimed>,
    /// Lanes that may have more due in the store than was claimed; fresh deliveries stand in line behind that.
    waiting: FxHashSet<LaneId>,
    /// Those that were so when the round began. What is due in others, such as a retry, or what another node has left, is claimed beside what is
    /// fresh: else that would have to be claimed next, by any node, whose own would then have to be, and so on.
    waited: FxHashSet<LaneId>,
}

impl Lanes {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            quota: Arc::default(),
            total: 0,
            silent_total: 0,
            claiming: 0,
            claiming_of: FxHashMap::default(),
            by_id: FxHashMap::default(),
            tenants: FxHashMap::default(),
            lines: FxHashMap::default(),
            in_line: 0,
            line_bytes: 0,
            dissolved: Vec::new(),
            waiting: FxHashSet::default(),
            waited: FxHashSet::default(),
        }
    }

    /// From now on this much is the node's.
    pub(super) fn keep_within(&mut self, quota: Arc<Quota>) {
        self.quota = quota;
    }

    /// Lanes in which more is under way than the node's part.
    pub(super) fn late(&self, now: Instant) -> Vec<LaneId> {
        let is_late = |(id, lane): &(&LaneId, &Lane)| lane.in_flight > self.quota.part(**id, lane.whole(), now).mine;
        self.by_id.iter().filter(is_late).map(|(id, _)| *id).collect()
    }

    /// What this node may make of a lane.
    fn part(&self, id: LaneId, policy: &Policy, now: Instant) -> Part {
        self.quota.part(id, whole(policy), now)
    }

    fn lane(&self, id: LaneId) -> Lane {
        self.by_id.get(&id).copied().unwrap_or_default()
    }

    fn entry(&mut self, id: LaneId) -> &mut Lane {
        self.by_id.entry(id).or_default()
    }

    /// Whether any request may start.
    pub(super) fn has_room(&self) -> bool {
        self.total < self.limit
    }

    /// Whether something in the store waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Places that nothing has and nothing is kept for.
    fn places(&self) -> usize {
        self.limit.saturating_sub(self.total + self.claiming)
    }

    /// All that was planned has been claimed, or could not be. What has left its line, or never had a place, is answered.
    pub(super) fn end_claims(&mut self) -> Vec<Claimed> {
        self.claiming = 0;
        self.claiming_of.clear();
        self.dissolved()
    }

    /// Everything that is due will be planned for now, so that what waited and is not due any more, such as in a suspended lane, is not
    /// waited for.
    pub(super) fn begin_round(&mut self) {
        self.waited = std::mem::take(&mut self.waiting);
    }

    /// There may be more due in a lane than has been claimed.
    pub(super) fn has_more(&mut self, lane: LaneId) {
        self.waiting.insert(lane);
    }

    /// All that is due in a lane has been claimed.
    pub(super) fn caught_up(&mut self, lane: LaneId) {
        self.waiting.remove(&lane);
    }

    /// Whether a delivery that is being committed can be sent from here, from a place that is free or after standing in line. `endpoints` is
    /// how many there are: a lane gets a second place only while there is one left for each endpoint that has none, as far as that is
    /// possible at all.
    pub(super) fn reserve(&mut self, way: Way<'_>, policy: &Policy, now: Instant, endpoints: usize) -> bool {
        let Way { lane: id, tenant, bytes, .. } = way;
        let (lane, part) = (self.lane(id), self.part(id, policy, now));
        if part.mine == 0 {
            return false;
        }
        let idle = endpoints.saturating_sub(self.by_id.len()).clamp(self.reserved(), self.limit * 3 / 4);
        let kept = if lane.in_flight == 0 { 0 } else { idle };
        let room = self.places().min(self.tenant_room(tenant));
        let is_next = !self.waiting.contains(&id);
        let free = is_next
            && kept < room
            && self.lines.get(&id).is_none_or(|line| line.standing() == 0)
            && lane.room(policy, part, now) > 0
            && (!lane.is_silent() || self.silent_total < self.silent_limit());
        if free {
            self.take((id, tenant), policy, now);
            self.entry(id).weigh(bytes);
            self.lines.entry(id).or_default().grant();
        } else if is_next && lane.in_flight > 0 && bytes <= LARGEST_BODY && self.line_room(id, lane.line(policy, part)) > 0 {
            self.lines.entry(id).or_default().promise();
            self.in_line += 1;
        } else {
            self.waiting.insert(id);
            return false;
        }
        true
    }

    /// A delivery for which [`Lanes::reserve`] said so is not made after all.
    pub(super) fn undo(&mut self, lane: (LaneId, &Tenant), now: Instant) {
        let had_place = self.lines.get_mut(&lane.0).is_none_or(Line::undo);
        if had_place {
            self.free(lane, Reached::Unknown, now);
        } else {
            self.in_line = self.in_line.saturating_sub(1);
        }
    }

    /// A delivery for which [`Lanes::reserve`] said so has been committed; it is given back if it is to be sent now.
    pub(super) fn enter(&mut self, delivery: Claimed, policy: &Policy, now: Instant) -> Option<Claimed> {
        let id = delivery.lane;
        let (tenant, bytes) = (delivery.tenant.clone(), delivery.body.len());
        let entered = self.lines.entry(id).or_default().enter(delivery);
        if entered.is_none() {
            self.line_bytes += bytes;
        }
        let idle = self.by_id.get(&id).is_none_or(|lane| lane.in_flight == 0);
        if entered.is_none() && idle {
            // Nobody will call the line when a request ends.
            return self.next((id, &tenant), policy, now);
        }
        self.forget_line(id);
        entered
    }

    fn forget_line(&mut self, id: LaneId) {
        if self.lines.get(&id).is_some_and(Line::is_forgettable) {
            self.lines.remove(&id);
        }
    }

    /// A delivery has been claimed; it is given back if it is to be sent now. What may be sent can have become less while it was claimed: then it
    /// stands in line, or goes back to the store when nobody will call the line, see [`Lanes::dissolved`].
    pub(super) fn claimed(&mut self, delivery: Claimed, policy: &Policy, now: Instant) -> Option<Claimed> {
        let (id, part) = (delivery.lane, self.part(delivery.lane, policy, now));
        // The places that are kept for what is being claimed are there for it.
        let has_room = self.has_room() && self.under_way(&delivery.tenant) < self.share();
        let lane = self.entry(id);
        lane.weigh(delivery.body.len());
        if has_room && lane.room(policy, part, now) > 0 {
            self.claiming = self.claiming.saturating_sub(1);
            if let Some(count) = self.claiming_of.get_mut(&delivery.tenant) {
                *count = count.saturating_sub(1);
            }
            self.take((id, &delivery.tenant), policy, now);
            return Some(delivery);
        }
        if lane.in_flight > 0 {
            self.in_line += 1;
            self.line_bytes += delivery.body.len();
            self.lines.entry(id).or_default().push(delivery);
        } else {
            self.dissolved.push(delivery);
        }
        None
    }

    /// The next in line, if it has a place now: after a request of its lane has ended. When others wait for the last shared places, a lane
    /// that has its share of them leaves them to the others.
    pub(super) fn next(&mut self, (id, tenant): (LaneId, &Tenant), policy: &Policy, now: Instant) -> Option<Claimed> {
        if self.lines.get(&id).is_none_or(|line| line.standing() == 0) {
            self.forget_line(id);
            return None;
        }
        let lane = self.lane(id);
        let shared = self.limit - self.reserved();
        let others_wait = self.waiting.len() > usize::from(self.waiting.contains(&id));
        let crowded = others_wait && self.total + 1 >= shared;
        let has_its_share = lane.in_flight > 0 && lane.in_flight >= shared / self.by_id.len().max(1);
        if crowded && has_its_share {
            return None;
        }
        let room = self.places().min(self.tenant_room(tenant)).min(lane.room(policy, self.part(id, policy, now), now));
        if room == 0 {
            if lane.in_flight == 0 {
                self.dissolve(id);
            }
            return None;
        }
        let next = self.lines.get_mut(&id).and_then(Line::advance);
        self.line_bytes = self.line_bytes.saturating_sub(next.as_ref().map_or(0, |next| next.body.len()));
        self.in_line = self.in_line.saturating_sub(1);
        self.forget_line(id);
        self.take((id, tenant), policy, now);
        next
    }

    /// Nothing of this lane can be sent for a time: what stands in line goes back to the store, see [`Lanes::dissolved`].
    pub(super) fn dissolve(&mut self, id: LaneId) {
        if let Some(line) = self.lines.get_mut(&id) {
            let before = self.dissolved.len();
            self.dissolved.extend(line.dissolve());
            let gone = self.dissolved.get(before..).unwrap_or_default();
            self.in_line = self.in_line.saturating_sub(gone.len());
            self.line_bytes = self.line_bytes.saturating_sub(gone.iter().map(|delivery| delivery.body.len()).sum());
            self.forget_line(id);
        }
    }

    /// What has left a line without being sent since this was last asked.
    pub(super) fn dissolved(&mut self) -> Vec<Claimed> {
        std::mem::take(&mut self.dissolved)
    }

    /// Deliveries that may be claimed beyond the places that are free, to stand in line.
    fn ahead(&self, id: LaneId, lane: Lane, longest: usize) -> usize {
        self.line_room(id, longest).min(lane.fit(HEAVIEST.saturating_sub(self.line_bytes)))
    }

    /// Deliveries that may still join the line of a lane that may be so long.
    fn line_room(&self, id: LaneId, line: usize) -> usize {
        let length = self.lines.get(&id).map_or(0, Line::standing);
        line.saturating_sub(length).min(LONGEST.saturating_sub(self.in_line))
    }

    /// Places that only a lane without any request under way may take.
    fn reserved(&self) -> usize {
        self.limit / 4
    }

    /// Places that lanes without an answer may take together.
    fn silent_limit(&self) -> usize {
        (self.limit / 2).max(1)
    }

    /// Places that one tenant may have.
    fn share(&self) -> usize {
        self.limit - self.limit / 8
    }

    /// Requests of a tenant.
    fn under_way(&self, tenant: &Tenant) -> usize {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }

    /// Places that a tenant may still take, and that nothing of it is being claimed for.
    fn tenant_room(&self, tenant: &Tenant) -> usize {
        let claiming = self.claiming_of.get(tenant).copied().unwrap_or_default();
        self.share().saturating_sub(self.under_way(tenant) + claiming)
    }

    /// A request of this lane starts.
    pub(super) fn take(&mut self, (id, tenant): (LaneId, &Tenant), policy: &Policy, now: Instant) {
        let part = self.part(id, policy, now);
        let lane = self.entry(id);
        lane.take(policy, part, now);
        let is_silent = lane.is_silent();
        self.total += 1;
        self.silent_total += usize::from(is_silent);
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
mod tests;
