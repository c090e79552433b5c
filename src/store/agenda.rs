//! When each lane has something due, kept in memory beside the database, so that nobody has to ask every lane. The time of a lane is never
//! later than that of its first delivery; it may be earlier, for a lease that has been settled meanwhile, and the next claim puts it right.
//! Only what has been committed is noted here. Where several nodes share a database, each has its own and tells the others what it notes.

use std::collections::BTreeSet;
use std::ops::Bound;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::ids::{EndpointId, LaneId, Tenant};
use crate::store::{Due, Lane};

/// When the lanes have something due.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    lanes: FxHashMap<LaneId, Entry>,
    /// The lanes that may have something due at some time and are not suspended, earliest first. Milliseconds.
    order: BTreeSet<(i64, LaneId)>,
    /// Notes so far.
    heard: u64,
}

#[derive(Debug)]
struct Entry {
    tenant: Tenant,
    endpoint: EndpointId,
    /// Its place in the order.
    from: Option<i64>,
    suspended: bool,
    /// Which note was the last about it.
    heard: u64,
}

/// What a transaction has changed.
#[derive(Clone, Debug)]
pub(super) enum Note {
    /// There is a new lane.
    Made(Lane),
    /// A delivery may be claimed from this time on.
    Due(LaneId, i64),
    /// The first delivery may be claimed from this time on; `None`: there is none.
    First(LaneId, Option<i64>),
    /// Nothing may be claimed any more.
    Suspended(LaneId),
    /// Deliveries may be claimed again, the first one from this time on.
    Released(LaneId, Option<i64>),
}

impl Note {
    /// The lane that is suspended by it.
    pub(super) fn suspended(&self) -> Option<LaneId> {
        match self {
            Self::Suspended(lane) => Some(*lane),
            Self::Made(_) | Self::Due(..) | Self::First(..) | Self::Released(..) => None,
        }
    }
}

impl Agenda {
    /// What the database says: each lane, from when on something may be claimed of it, and whether it is suspended.
    pub(super) fn of(lanes: impl IntoIterator<Item = (Lane, Option<i64>, bool)>) -> Self {
        let mut agenda = Self::default();
        agenda.reload(lanes, 0);
        agenda
    }

    /// Puts everything right by what the database said after so much had been [heard](Agenda::heard).
    pub(super) fn reload(&mut self, lanes: impl IntoIterator<Item = (Lane, Option<i64>, bool)>, heard: u64) {
        for (Lane { id, tenant, endpoint }, first, suspended) in lanes {
            let entry = self.lanes.entry(id).or_insert(Entry { tenant, endpoint, from: None, suspended, heard: 0 });
            if entry.heard > heard {
                self.learn(id, heard, first);
                continue;
            }
            if suspended {
                self.set(id, None);
            }
            self.suspend(id, suspended);
            self.set(id, first);
        }
    }

    /// How much was noted so far. To be asked before the database is, for [`Agenda::learn`].
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// The database said, after so much had been heard, when the first delivery of a lane may be claimed. What was noted of the lane
    /// since may not have been seen by the database then, and stands.
    pub(super) fn learn(&mut self, lane: LaneId, heard: u64, first: Option<i64>) {
        let Some(entry) = self.lanes.get(&lane) else { return };
        if entry.heard <= heard {
            self.set(lane, first);
        } else if let Some(at) = first.filter(|at| entry.from.is_none_or(|from| *at < from)) {
            self.set(lane, Some(at));
        }
    }

    /// From when on something may be claimed of a lane, as far as has been heard.
    pub(super) fn from(&self, lane: LaneId) -> Option<i64> {
        self.lanes.get(&lane).and_then(|entry| entry.from)
    }

    /// Whether it is known.
    pub(super) fn knows(&self, lane: LaneId) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// Whether nothing is sent in a lane.
    pub(super) fn is_suspended(&self, lane: LaneId) -> bool {
        self.lanes.get(&lane).is_some_and(|entry| entry.suspended)
    }

    /// Takes over what has been committed, in its order.
    pub(super) fn apply(&mut self, notes: impl Iterator<Item = Note>) {
        for note in notes {
            match note {
                Note::Made(Lane { id, tenant, endpoint }) => {
                    self.lanes.entry(id).or_insert(Entry { tenant, endpoint, from: None, suspended: false, heard: 0 });
                }
                Note::Due(lane, at) => {
                    self.hear(lane);
                    if self.lanes.get(&lane).is_some_and(|entry| entry.from.is_none_or(|from| at < from)) {
                        self.set(lane, Some(at));
                    }
                }
                Note::First(lane, at) => self.set(lane, at),
                Note::Suspended(lane) => {
                    self.hear(lane);
                    self.set(lane, None);
                    self.suspend(lane, true);
                }
                Note::Released(lane, at) => {
                    self.hear(lane);
                    self.suspend(lane, false);
                    self.set(lane, at);
                }
            }
        }
    }

    fn hear(&mut self, lane: LaneId) {
        self.heard += 1;
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.heard = self.heard;
        }
    }

    fn suspend(&mut self, lane: LaneId, suspended: bool) {
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.suspended = suspended;
        }
    }

    /// Gives a lane its place, unless it is suspended.
    fn set(&mut self, lane: LaneId, at: Option<i64>) {
        let Some(entry) = self.lanes.get_mut(&lane).filter(|entry| !entry.suspended) else { return };
        if let Some(from) = entry.from {
            self.order.remove(&(from, lane));
        }
        entry.from = at;
        if let Some(at) = at {
            self.order.insert((at, lane));
        }
    }

    /// See [`Store::due`](crate::store::Store::due).
    pub(super) fn due(&self, now: Timestamp, after: Option<(i64, LaneId)>, limit: usize) -> Due {
        let end = (now.as_millisecond().saturating_add(1), LaneId(i64::MIN));
        let begin = after.filter(|after| *after < end).map_or(Bound::Unbounded, Bound::Excluded);
        let mut lanes = Vec::new();
        let mut last = None;
        for &place @ (_, id) in self.order.range((begin, Bound::Excluded(end))).take(limit) {
            if let Some(entry) = self.lanes.get(&id) {
                lanes.push(Lane { id, tenant: entry.tenant.clone(), endpoint: entry.endpoint.clone() });
            }
            last = Some(place);
        }
        let more = last.is_some_and(|last| self.order.range((Bound::Excluded(last), Bound::Excluded(end))).next().is_some());
        let next = self.order.range(end..).next().and_then(|(at, _)| Timestamp::from_millisecond(*at).ok());
        Due { lanes, after: last.filter(|_| more), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn agenda(lanes: i64) -> Agenda {
        let mut agenda = Agenda::default();
        let lane = |id| Lane { id: LaneId(id), tenant: Tenant::new("t"), endpoint: EndpointId::new(format!("e{id}")) };
        agenda.apply((0..lanes).map(|id| Note::Made(lane(id))));
        agenda
    }

    fn due(agenda: &Agenda, now: i64) -> (Vec<i64>, Option<i64>) {
        let due = agenda.due(at(now), None, 100);
        (due.lanes.iter().map(|lane| lane.id.0).collect(), due.next.map(Timestamp::as_millisecond))
    }

    #[test]
    fn the_earliest_time_of_a_lane_counts() {
        let mut agenda = agenda(3);
        agenda.apply([Note::Due(LaneId(1), 50), Note::Due(LaneId(1), 70), Note::Due(LaneId(2), 60), Note::Due(LaneId(2), 40)].into_iter());
        assert_eq!(due(&agenda, 39), (vec![], Some(40)));
        assert_eq!(due(&agenda, 40), (vec![2], Some(50)));
        assert_eq!(due(&agenda, 50), (vec![2, 1], None));
        agenda.apply([Note::First(LaneId(2), Some(90)), Note::First(LaneId(1), None)].into_iter());
        assert_eq!(due(&agenda, 50), (vec![], Some(90)));
    }

    #[test]
    fn a_suspended_lane_is_not_due_until_it_is_released() {
        let mut agenda = agenda(1);
        agenda.apply(
            [Note::Due(LaneId(0), 5), Note::Suspended(LaneId(0)), Note::Due(LaneId(0), 3), Note::First(LaneId(0), Some(3))].into_iter(),
        );
        assert_eq!(due(&agenda, 100), (vec![], None));
        agenda.apply([Note::Released(LaneId(0), Some(3))].into_iter());
        assert_eq!(due(&agenda, 100), (vec![0], None));
    }

    #[test]
    fn what_was_noted_while_the_database_was_asked_stands() {
        let mut agenda = agenda(3);
        let heard = agenda.heard();
        agenda.apply([Note::Due(LaneId(1), 40), Note::Due(LaneId(2), 60)].into_iter());
        agenda.learn(LaneId(0), heard, Some(30));
        agenda.learn(LaneId(1), heard, None);
        agenda.learn(LaneId(2), heard, Some(50));
        assert_eq!(due(&agenda, 100), (vec![0, 1, 2], None));
        let heard = agenda.heard();
        agenda.learn(LaneId(1), heard, None);
        assert_eq!(due(&agenda, 45), (vec![0], Some(50)));
    }

    #[test]
    fn a_long_list_comes_in_parts_that_leave_nothing_out() {
        let mut agenda = agenda(10);
        agenda.apply((0..10).map(|id| Note::Due(LaneId(id), id / 4)));
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let due = agenda.due(at(1), after, 3);
            assert!(due.lanes.len() <= 3);
            assert_eq!(due.next, Some(at(2)));
            seen.extend(due.lanes.iter().map(|lane| lane.id.0));
            after = due.after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
