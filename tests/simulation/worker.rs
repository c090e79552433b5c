//! The worker's part of a simulation: claim → send → settle → record, each a step of its own, so that anything may happen between.

use std::time::Duration;

use webhookc::delivery::{AttemptOutcome, End, Settlement, settle};
use webhookc::store::{Settled, Share};
use webhookc::time::{Clock as _, Entropy as _};

use crate::broken::Broken;
use crate::ledger::Broke;
use crate::world::{Fault, World};

/// As in `src/worker`: how much longer a lease is than the deadline of its request.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// A delivery in a node's memory.
#[derive(Debug)]
pub struct Claim {
    pub node: usize,
    pub row: usize,
    /// Counts the claims of a simulation.
    pub number: u32,
    fence: u32,
    spent: u32,
    until: i64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Claimed,
    /// The receiver has the request, and this is what it answers.
    Sent(AttemptOutcome),
    Ended(AttemptOutcome),
    Decided(Settled),
}

impl World<'_> {
    /// A node takes what is due of each endpoint.
    pub fn claim(&mut self, node: usize, limit: usize) -> Result<(), Broke> {
        for (endpoint, policy) in self.setting.policies.iter().enumerate() {
            let now = self.now();
            let until = now + i64::try_from((policy.timeout + LEASE_MARGIN).as_millis()).unwrap();
            let share = Share { oldest: limit, newest: self.random.below(2) };
            for row in self.store.queue.claim(endpoint, now, until, share) {
                self.claimed += 1;
                let number = self.claimed;
                let stored = self.store.queue.rows[row];
                self.ledger.claimed(row, number, now, until)?;
                self.claims.push(Claim { node, row, number, fence: stored.fence, spent: stored.spent, until, phase: Phase::Claimed });
                self.note(|| format!("node {node} claims delivery {row} (claim {number})"));
            }
            if self.crashes(node) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes a claim one step further.
    pub fn progress(&mut self, index: usize) -> Result<(), Broke> {
        let node = self.claims[index].node;
        if self.crashes(node) {
            return Ok(());
        }
        let claim = self.claims.swap_remove(index);
        let (row, number, now) = (claim.row, claim.number, self.now());
        let phase = match claim.phase {
            Phase::Claimed if now >= claim.until && self.broken != Some(Broken::SendsAfterLease) => {
                self.note(|| format!("claim {number} has ended before delivery {row} was sent"));
                return Ok(());
            }
            Phase::Claimed if self.may(Fault::NoConnection) && self.random.once_in(6) => {
                let ours = self.random.once_in(2);
                let why = "no connection".to_owned();
                Phase::Ended(if ours { AttemptOutcome::OurFault(why) } else { AttemptOutcome::ConnectionFailed(why) })
            }
            Phase::Claimed => {
                let stored = self.store.messages[row];
                let message = if self.broken == Some(Broken::NewIdEachAttempt) { self.new_message() } else { stored };
                self.ledger.arrived(&self.store.queue.rows, row, number, now, claim.until, message)?;
                let answer = self.answer();
                if matches!(answer, AttemptOutcome::Answered { status: 200..300, .. }) {
                    self.ledger.accepted(row, number);
                }
                self.note(|| format!("delivery {row} arrives (claim {number}): {answer:?}"));
                Phase::Sent(answer)
            }
            Phase::Sent(_) if self.may(Fault::LostAnswer) && self.random.once_in(6) => {
                self.ledger.answer_lost(row, number);
                self.note(|| format!("the answer to claim {number} is lost"));
                let broke = AttemptOutcome::ConnectionFailed("reset".to_owned());
                Phase::Ended(if self.random.once_in(2) { AttemptOutcome::TimedOut } else { broke })
            }
            Phase::Sent(answer) => Phase::Ended(answer),
            Phase::Ended(outcome) => {
                let policy = &self.setting.policies[self.store.queue.rows[row].endpoint];
                let then = settle(policy, claim.spent + 1, &outcome, self.clock.now(), self.random.0.fraction());
                Phase::Decided(match then {
                    Settlement::Delivered => Settled::Delivered,
                    Settlement::Retry { at, counts } => Settled::Pending { at, counts },
                    Settlement::GivenUp { end: End::Diverted, reason, .. } => Settled::Diverted(reason),
                    Settlement::GivenUp { end: End::Failed, reason, .. } => Settled::Failed(reason),
                })
            }
            Phase::Decided(_) => {
                self.claims.push(claim);
                return self.record(node);
            }
        };
        self.claims.push(Claim { phase, ..claim });
        Ok(())
    }

    /// Records all attempts of a node that are decided, in one transaction.
    fn record(&mut self, node: usize) -> Result<(), Broke> {
        let decided = |claim: &Claim| match &claim.phase {
            Phase::Decided(then) if claim.node == node => Some((claim.row, claim.number, claim.fence, then.clone())),
            Phase::Claimed | Phase::Sent(_) | Phase::Ended(_) | Phase::Decided(_) => None,
        };
        let batch: Vec<_> = self.claims.iter().filter_map(decided).collect();
        let mut transaction = self.store.queue.clone();
        let mut recorded = Vec::with_capacity(batch.len());
        for (row, _, fence, then) in &batch {
            recorded.push(transaction.settle(*row, *fence, then));
            if self.crashes(node) {
                return Ok(());
            }
        }
        self.store.queue = transaction;
        for ((row, number, _, then), recorded) in batch.iter().zip(recorded) {
            self.note(|| format!("claim {number} of delivery {row}: {then:?}, recorded: {recorded}"));
            if recorded {
                let endpoint = self.store.queue.rows[*row].endpoint;
                let attempts = self.setting.policies[endpoint].failure_handling.retry.waits.len();
                self.ledger.recorded(*row, *number, then, attempts)?;
            }
        }
        if !self.crashes(node) {
            self.claims.retain(|claim| !batch.iter().any(|(_, number, ..)| *number == claim.number));
        }
        Ok(())
    }
}
