//! Several nodes on one store: which of them this one is, what is still its own, what the others have changed, and whose clock counts.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Backend, Quota, Store};
use crate::ids::LaneId;
use crate::time::Clock;

/// How far a node's clock may be from that of a store which has one, in milliseconds.
const DRIFT_MS: i64 = 50;
/// From how many milliseconds on it is told.
const TOLD_MS: i64 = 2_000;

/// Which of the nodes that share a store this one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crew {
    /// How many there are.
    pub size: usize,
    /// How many of them stand before this one; as many as there are for one that takes no part.
    pub rank: usize,
}

impl Default for Crew {
    fn default() -> Self {
        Self::ALONE
    }
}

impl Crew {
    /// The only one.
    pub const ALONE: Self = Self { size: 1, rank: 0 };
    /// One that takes no part at present.
    pub const NOBODY: Self = Self { size: 1, rank: 1 };

    /// Whether this node does what only one of them is to do.
    #[must_use]
    pub fn leads(self) -> bool {
        self.rank == 0
    }

    /// How much of so many places in a lane are this node's. The parts of all nodes together are exactly the whole, and which node has
    /// one more is another one in another lane.
    #[must_use]
    pub fn part(self, lane: LaneId, places: usize) -> usize {
        if self.rank >= self.size {
            return 0;
        }
        let turn = usize::try_from(lane.0.unsigned_abs() % self.size as u64).unwrap_or_default();
        let rank = (self.rank + turn) % self.size;
        (places + self.size - 1 - rank) / self.size
    }
}

impl Store {
    /// Which of the nodes that work on the store this one is.
    #[must_use]
    pub fn crew(&self) -> Crew {
        match &self.0 {
            Backend::Sqlite(_) => Crew::ALONE,
            Backend::Postgres(backend) => backend.crew(),
        }
    }

    /// How much of what endpoints allow is this node's.
    #[must_use]
    pub fn quota(&self) -> Arc<Quota> {
        match &self.0 {
            Backend::Sqlite(_) => Arc::default(),
            Backend::Postgres(backend) => backend.quota(),
        }
    }

    /// Whether what was claimed as this node is still its own, as far as can be known; to be asked right before it is sent. A node of which
    /// the others may believe that it is gone waits here until it knows better.
    pub async fn holds(&self, node: i64) -> bool {
        match &self.0 {
            Backend::Sqlite(_) => true,
            Backend::Postgres(backend) => backend.holds(node).await,
        }
    }

    /// The time by the store's own clock, which all its nodes go by; `None` where the node's is the only one, or the store cannot be asked.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        match &self.0 {
            Backend::Sqlite(_) => None,
            Backend::Postgres(backend) => backend.time(),
        }
    }

    /// Has a clock go by the store's, where that has one; whether it had to be moved.
    pub fn set_right(&self, clock: &dyn Clock) -> bool {
        let step = self.time().map_or(0, |time| time.as_millisecond() - clock.now().as_millisecond());
        if step.abs() <= DRIFT_MS {
            return false;
        }
        clock.adopt(step);
        if step.abs() > TOLD_MS {
            tracing::warn!(step_ms = step, "this node's clock was not that of the database, and goes by it now");
        }
        true
    }

    /// A number that changes when another node may have changed keys of the API or endpoints of tenants. It ends where there is no other.
    #[must_use]
    pub fn elsewhere(&self) -> watch::Receiver<u64> {
        match &self.0 {
            Backend::Sqlite(_) => watch::channel(0).1,
            Backend::Postgres(backend) => backend.elsewhere(),
        }
    }

    /// Whether the store has a clock of its own, so that nothing has to move with the machine's.
    #[must_use]
    pub fn keeps_time(&self) -> bool {
        matches!(self.0, Backend::Postgres(_))
    }
}
