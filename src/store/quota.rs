//! How much of an endpoint's concurrency and rate is this node's: from who the nodes are, and from what may still be under way at nodes that
//! are gone. Pure. The parts that all nodes take for theirs are together never more than the whole, also while nodes come and go and have not
//! heard of it at the same moment.

use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::Crew;
use crate::ids::LaneId;

/// What an endpoint allows, by its policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Requests under way at once.
    pub places: usize,
    /// The longest that one of them may take.
    pub timeout: Duration,
}

/// What this node may make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The places of all nodes.
    pub all: usize,
    /// Those that this one may use.
    pub mine: usize,
    /// Since when: what the rate allowed before was for others.
    pub since: Option<Instant>,
}

/// The places of this node in every lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// The least of its places by each of these counts: several while the nodes have not agreed on one. None: it has all places.
    pub counts: Vec<Crew>,
    /// The counts before the last agreement, which hold on for the lanes in `late`.
    pub before: Vec<Crew>,
    /// Lanes in which a node has more under way than its places by the last agreement.
    pub late: FxHashSet<LaneId>,
    /// Nodes that are gone and may still have requests under way.
    pub gone: Vec<Gone>,
    /// When this node became one of several.
    pub joined: Option<Instant>,
    /// When the nodes last agreed on who they are, and how many they were at most before or after.
    pub agreed: Option<(Instant, usize)>,
}

/// A node that is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Gone {
    /// When it can have started its last request.
    pub quiet: Instant,
    /// Its place among the nodes, if it said one.
    pub crew: Option<Crew>,
    /// Lanes in which it might have more under way than by that place.
    pub late: FxHashSet<LaneId>,
    /// What it held in each lane.
    pub held: FxHashMap<LaneId, usize>,
}

impl Gone {
    /// Requests of this node that may be under way in a lane.
    fn under_way(&self, lane: LaneId, whole: Whole, now: Instant) -> usize {
        let Some(held) = self.held.get(&lane) else { return 0 };
        if self.quiet.checked_add(whole.timeout).is_some_and(|end| end <= now) {
            return 0;
        }
        match self.crew {
            Some(crew) if !self.late.contains(&lane) => (*held).min(crew.part(lane, whole.places)),
            Some(_) | None => *held,
        }
    }
}

impl Quota {
    /// Nothing is this node's at present.
    #[must_use]
    pub fn nothing() -> Self {
        Self { counts: vec![Crew::NOBODY], ..Self::default() }
    }

    /// Whether time alone changes it.
    #[must_use]
    pub fn ages(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Whether the nodes have not agreed yet, or some lane is not as it was agreed.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.counts.len() > 1 || !self.late.is_empty()
    }

    /// What this node may make of a lane.
    #[must_use]
    pub fn part(&self, lane: LaneId, whole: Whole, now: Instant) -> Part {
        let elsewhere: usize = self.gone.iter().map(|gone| gone.under_way(lane, whole, now)).sum();
        let free = whole.places.saturating_sub(elsewhere);
        let before = if self.late.contains(&lane) { &*self.before } else { &[] };
        let mine = self.counts.iter().chain(before).map(|crew| crew.part(lane, free)).min().unwrap_or(free);
        // With fewer places than nodes a lane goes from one to another, and each time anew what its rate allows is nobody's.
        let changed = self.agreed.filter(|(_, most)| whole.places < *most).map(|(at, _)| at);
        Part { all: whole.places, mine, since: changed.max(self.joined) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Whole = Whole { places: 4, timeout: Duration::from_secs(10) };

    fn mine(quota: &Quota, whole: Whole, now: Instant) -> usize {
        quota.part(LaneId(0), whole, now).mine
    }

    #[test]
    fn one_node_has_everything_and_one_that_takes_no_part_nothing() {
        let now = Instant::now();
        assert_eq!(Quota::default().part(LaneId(7), WHOLE, now), Part { all: 4, mine: 4, since: None });
        assert_eq!(mine(&Quota::nothing(), WHOLE, now), 0);
    }

    #[test]
    fn the_least_of_all_counts_is_its_own() {
        let now = Instant::now();
        let counts = vec![Crew { size: 2, rank: 0 }, Crew { size: 3, rank: 2 }];
        assert_eq!(mine(&Quota { counts, ..Quota::default() }, WHOLE, now), 1);
        let late = Quota { before: vec![Crew::NOBODY], late: [LaneId(0)].into_iter().collect(), ..Quota::default() };
        assert_eq!((mine(&late, WHOLE, now), late.part(LaneId(1), WHOLE, now).mine), (0, 4));
    }

    #[test]
    fn what_a_node_that_is_gone_may_have_under_way_is_nobodys_until_its_deadline() {
        let now = Instant::now();
        let held = [(LaneId(0), 100)].into_iter().collect();
        let mut gone = Gone { quiet: now, crew: Some(Crew { size: 2, rank: 1 }), late: FxHashSet::default(), held };
        let quota = |gone: &Gone| Quota { gone: vec![gone.clone()], ..Quota::default() };
        assert_eq!(mine(&quota(&gone), WHOLE, now), 2, "what stood in line at it is not under way");
        assert_eq!(mine(&quota(&gone), WHOLE, now + WHOLE.timeout), 4);
        assert_eq!(quota(&gone).part(LaneId(1), WHOLE, now).mine, 4, "it held nothing there");
        gone.late.insert(LaneId(0));
        assert_eq!(mine(&quota(&gone), WHOLE, now), 0);
    }

    #[test]
    fn a_rate_begins_with_nothing_where_others_had_it_before() {
        let now = Instant::now();
        let quota = Quota { joined: Some(now), agreed: Some((now + WHOLE.timeout, 3)), ..Quota::default() };
        let since = |places| quota.part(LaneId(0), Whole { places, ..WHOLE }, now).since;
        assert_eq!((since(2), since(3)), (Some(now + WHOLE.timeout), Some(now)));
    }
}
