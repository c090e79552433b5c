//! Claims whose answer was lost with the connection: what they took is held by this node, which does not know it. It is found again by the end
//! of the lease, and made due.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::failure::Trouble;
use super::hub::{CHANNEL, Hub};
use super::link::Link;
use crate::ids::LaneId;
use crate::store::agenda::Note;

/// Lanes and claims that are remembered; the leases of more end by themselves.
const REMEMBERED: usize = 1024;

/// How far a lease may end before the last one in its lane and still be one of its time, in milliseconds.
const NEAR_MS: i64 = 1_000;

/// A claim that may have taken something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub tenant: i64,
    pub lane: LaneId,
    pub node: i64,
    /// The end of its lease in milliseconds.
    pub lease: i64,
}

/// The claims of this node.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The end of the last lease in a lane.
    last: Mutex<FxHashMap<LaneId, i64>>,
    lost: Mutex<Vec<Claim>>,
}

impl Claims {
    /// The end of a lease that is not that of any claim before in the lane: later by some milliseconds if need be.
    pub(super) fn lease(&self, lane: LaneId, wanted: i64) -> i64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED {
            last.clear();
        }
        let lease = match last.get(&lane) {
            Some(last) if (last - NEAR_MS..=*last).contains(&wanted) => last + 1,
            Some(_) | None => wanted,
        };
        last.insert(lane, lease);
        lease
    }

    /// Nobody knows whether it has taken something.
    pub(super) fn lose(&self, claim: Claim) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.len() < REMEMBERED {
            lost.push(claim);
        }
    }

    fn take(&self) -> Vec<Claim> {
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes due what lost claims have taken.
pub(super) async fn find(hub: &Hub, link: &Link) -> Result<(), Trouble> {
    let mut lost = hub.claims.take();
    while let Some(claim) = lost.pop() {
        if let Err(trouble) = release(hub, link, claim).await {
            lost.push(claim);
            for claim in lost {
                hub.claims.lose(claim);
            }
            return Err(trouble);
        }
    }
    Ok(())
}

async fn release(hub: &Hub, link: &Link, Claim { tenant, lane, node, lease }: Claim) -> Result<(), Trouble> {
    let sql = "UPDATE deliveries SET state = 0, due_at = created_at, node = NULL
        WHERE tenant = $1 AND endpoint = $2 AND state < 2 AND NOT blocked AND due_at = $3 AND state = 1 AND node = $4
            AND fence > 0";
    let found = link.execute(sql, &[&tenant, &lane.0, &lease, &node]).await?;
    if found == 0 {
        return Ok(());
    }
    tracing::info!(deliveries = found, "what was claimed when the connection was lost is due again");
    let notes = vec![Note::Due(lane, 0)];
    if let Some(tale) = hub.tale(&notes) {
        link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &tale]).await?;
    }
    hub.note(notes);
    hub.ring();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_claims_of_a_lane_have_the_same_lease() {
        let claims = Claims::default();
        let leases: Vec<i64> = [70, 70, 70, 71, 72, 80, 70].into_iter().map(|wanted| claims.lease(LaneId(1), wanted)).collect();
        assert_eq!(leases, [70, 71, 72, 73, 74, 80, 81]);
        assert_eq!((claims.lease(LaneId(2), 70), claims.lease(LaneId(1), 80 - 2 * NEAR_MS)), (70, 80 - 2 * NEAR_MS), "the clock was set");
    }
}
