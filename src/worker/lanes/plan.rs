//! How much to claim from which lanes: as much as they may send, shared among them, and what may stand in line behind that.

use std::sync::Arc;
use std::time::Instant;

use super::{Lanes, REMEMBERED};
use crate::generation::Target;
use crate::store::{self, Share};

/// What to claim.
#[derive(Debug, Default)]
pub(in crate::worker) struct Plan {
    /// From which lanes, and how much.
    pub claims: Vec<(store::Lane, Arc<Target>, Share)>,
    /// When the next of the others may send again, as far as only time is in their way.
    pub opens: Option<Instant>,
}

impl Lanes {
    /// How many deliveries to claim from each of the lanes that have some due.
    pub(in crate::worker) fn plan(&mut self, due: Vec<(store::Lane, Arc<Target>)>, now: Instant) -> Plan {
        if self.by_id.len() > REMEMBERED + self.limit {
            self.by_id.retain(|_, lane| !lane.is_forgettable(now));
        }
        let mut plan = Plan::default();
        let mut open = Vec::with_capacity(due.len());
        for (lane, target) in due {
            let (known, part) = (self.lane(lane.id), self.part(lane.id, &target.policy, now));
            if part.mine == 0 {
                continue;
            }
            // Where nothing may stand in line, what is claimed has to find its place.
            if self.waited.contains(&lane.id) || known.line(&target.policy, part) == 0 {
                self.waiting.insert(lane.id);
            }
            match known.room(&target.policy, part, now) {
                0 => {
                    self.waiting.insert(lane.id);
                    plan.opens = [plan.opens, known.opens(&target.policy, part, now)].into_iter().flatten().min();
                }
                room => open.push((lane, target, known, room)),
            }
        }
        if open.is_empty() {
            return plan;
        }
        let mut shared = (self.limit - self.reserved()).saturating_sub(self.total);
        let mut silent = self.silent_limit().saturating_sub(self.silent_total);
        let share = (shared / open.len()).max(1);
        for (lane, target, known, free) in open {
            let mut count = free.min(share).min(shared);
            if count == 0 && known.in_flight == 0 {
                count = 1;
            }
            count = count.min(self.places()).min(self.tenant_room(&lane.tenant));
            if known.is_silent() {
                count = count.min(silent);
                silent -= count;
            }
            if count > 0 {
                let ahead = if count == free {
                    self.ahead(lane.id, known, known.line(&target.policy, self.part(lane.id, &target.policy, now)))
                } else {
                    0
                };
                self.claiming += count;
                *self.claiming_of.entry(lane.tenant.clone()).or_default() += count;
                shared = shared.saturating_sub(count);
                let share = self.entry(lane.id).share(count + ahead);
                plan.claims.push((lane, target, share));
            } else {
                self.waiting.insert(lane.id);
            }
        }
        plan
    }
}
