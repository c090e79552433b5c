//! Who counts as a node, so that all nodes together never take more of an endpoint than there is. Pure; the rows that it reads and writes are
//! `nodes`'s business.
//!
//! Each node writes into its row which nodes it counts. One that sees another count keeps within both, the old and the new one, says so in its
//! row, and goes by the new one alone when every node of it has said the same. So at every moment there is a count that all nodes keep
//! within. A request does not end because its node now has fewer places: lanes in which more is under way are named beside the count, and in
//! these everybody keeps within the old count too, until that has ended.

use std::time::Instant;

use rustc_hash::FxHashSet;

use crate::ids::LaneId;
use crate::store::{Crew, Gone, Quota};

/// Counts that are kept within at once. Beyond it a node sends nothing until all have agreed: they come and go as fast as it looks.
const COUNTS: usize = 4;

/// Nodes by their rows, in order.
pub(super) type Members = Vec<i64>;

/// What stands in the row of one that sends nothing, such as a command line beside the nodes: no node has this row.
pub(super) const SENDS_NOTHING: &[i64] = &[0];

/// A node as its row tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub row: i64,
    /// Whom it counts; `None`: it is of a version that does not say.
    pub crew: Option<Members>,
    /// Lanes in which it has more under way than by that count.
    pub late: Vec<LaneId>,
}

impl Peer {
    /// Whether it takes a part of what endpoints allow.
    pub(super) fn sends(&self) -> bool {
        self.crew.as_deref() != Some(SENDS_NOTHING)
    }
}

/// What this node knows of the nodes, and has said.
#[derive(Debug)]
pub(super) struct Roster {
    me: i64,
    counts: Vec<Members>,
    before: Vec<Members>,
    late: FxHashSet<LaneId>,
    /// What stands in its row.
    said: Option<(Members, Vec<LaneId>)>,
    joined: Option<Instant>,
    agreed: Option<(Instant, usize)>,
}

impl Roster {
    /// Of a node that has just made its row: it has no places yet.
    pub(super) fn new(me: i64) -> Self {
        Self { me, counts: vec![Vec::new()], before: Vec::new(), late: FxHashSet::default(), said: None, joined: None, agreed: None }
    }

    /// It sends nothing any more, and will begin anew; whether it has said something else.
    pub(super) fn leave(&mut self) -> bool {
        let has_said = self.said.is_some();
        *self = Self::new(self.me);
        has_said
    }

    /// These are the nodes: from now on it keeps within their count too.
    pub(super) fn see(&mut self, peers: &[Peer]) {
        let members = members(peers);
        if self.counts.last() != Some(&members) {
            self.counts.retain(|known| *known != members);
            self.counts.push(members);
        }
    }

    /// What to write into its row, if that says something else: it keeps within the count that it has seen last, but for these lanes.
    pub(super) fn says(&mut self, mut late: Vec<LaneId>) -> Option<(Members, Vec<LaneId>)> {
        late.sort_unstable();
        let says = (self.counts.last().cloned().unwrap_or_default(), late);
        (self.said.as_ref() != Some(&says)).then(|| {
            self.said = Some(says.clone());
            says
        })
    }

    /// Goes by the last count alone when all nodes of it keep within it. `counts_silent` is whether those that do not say count as if they had.
    pub(super) fn settle(&mut self, peers: &[Peer], counts_silent: bool, now: Instant) {
        let members = members(peers);
        let agrees = |peer: &Peer| peer.row == self.me || peer.crew.as_ref().map_or(counts_silent, |crew| *crew == members);
        let i_agree = self.said.as_ref().is_some_and(|(said, _)| *said == members) && self.counts.last() == Some(&members);
        if !i_agree || !peers.iter().all(agrees) {
            return;
        }
        let others = peers.iter().filter(|peer| peer.row != self.me).flat_map(|peer| &peer.late);
        let mine = self.said.iter().flat_map(|(_, late)| late);
        self.late = others.chain(mine).copied().collect();
        if self.counts.len() > 1 {
            let old: Vec<Members> = self.counts.drain(..self.counts.len() - 1).collect();
            let most = old.iter().map(Vec::len).max().unwrap_or_default().max(members.len());
            if most > 1 {
                self.agreed = Some((now, most));
            }
            let begins = old.iter().any(Vec::is_empty);
            if begins && members.len() > 1 {
                self.joined = Some(now);
            }
            self.before.extend(old);
            self.before.dedup();
        }
        if self.late.is_empty() {
            self.before.clear();
        }
    }

    /// What is its own by that.
    pub(super) fn quota(&self, gone: Vec<Gone>) -> Quota {
        let crews = |counts: &[Members]| -> Vec<Crew> {
            if counts.len() > COUNTS {
                return vec![Crew::NOBODY];
            }
            counts.iter().map(|members| crew_of(members, self.me)).collect()
        };
        let (counts, before) = (crews(&self.counts), crews(&self.before));
        Quota { counts, before, late: self.late.clone(), gone, joined: self.joined, agreed: self.agreed }
    }
}

fn members(peers: &[Peer]) -> Members {
    peers.iter().map(|peer| peer.row).collect()
}

/// The place of a node among these.
pub(super) fn crew_of(members: &[i64], row: i64) -> Crew {
    members.iter().position(|member| *member == row).map_or(Crew::NOBODY, |rank| Crew { size: members.len(), rank })
}

#[cfg(test)]
mod tests;
