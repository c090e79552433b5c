//! The worker's part of a simulation: claim → send → settle → record, each a step of its own, so that anything may happen between.

use std::time::{Duration, Instant};

use webhookc::delivery::{AttemptOutcome, Bucket, End, Pace, Policy, Settlement, settle};
use webhookc::store::{Settled, Share};
use webhookc::time::{Clock as _, Entropy as _};

use crate::broken::Broken;
use crate::ledger::{Broke, ensure};
use crate::queue::Verdict;
use crate::rules::OPS;
use crate::world::{Fault, World};

/// As in `src/worker`: how much longer a lease is than the deadline of its request.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// A delivery in a node's memory.
#[derive(Debug)]
pub struct Claim {
    pub node: usize,
    pub row: usize,
    endpoint: usize,
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
    Decided(Verdict),
}

/// What a node knows of an endpoint, and forgets when it dies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lane {
    bucket: Bucket,
    pace: Pace,
    /// Claims since the rate was last found to be kept, and from when on they count.
    counted: Option<(Instant, u32)>,
}

impl World<'_> {
    /// A node takes what is due of each endpoint, as far as its lane has room.
    pub fn claim(&mut self, node: usize, limit: usize) -> Result<(), Broke> {
        let setting = self.setting;
        for (endpoint, policy) in setting.policies.iter().enumerate() {
            let now = self.now();
            let until = now + i64::try_from((policy.timeout + LEASE_MARGIN).as_millis()).unwrap();
            let room = self.room(node, endpoint, policy, limit);
            let newest = room.min(self.random.below(2));
            for row in self.store.queue.claim(endpoint, now, until, Share { oldest: room - newest, newest }) {
                self.claimed += 1;
                let number = self.claimed;
                let stored = self.store.queue.rows[row];
                self.ledger.claimed((row, endpoint), number, now, until)?;
                self.take(node, endpoint, policy)?;
                let (fence, spent, phase) = (stored.fence, stored.spent, Phase::Claimed);
                self.claims.push(Claim { node, row, endpoint, number, fence, spent, until, phase });
                self.note(|| format!("node {node} claims delivery {row} (claim {number})"));
            }
            if self.crashes(node) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Requests of a node to an endpoint.
    fn in_flight(&self, node: usize, endpoint: usize) -> usize {
        self.claims.iter().filter(|claim| (claim.node, claim.endpoint) == (node, endpoint)).count()
    }

    /// How many requests of a node may start now.
    fn room(&self, node: usize, endpoint: usize, policy: &Policy, wanted: usize) -> usize {
        let lane = &self.lanes[node][endpoint];
        let width = lane.pace.width(policy.concurrency as usize);
        let room = wanted.min(width.saturating_sub(self.in_flight(node, endpoint)));
        match lane.pace.interval(policy.rate_limit) {
            Some(interval) if self.broken != Some(Broken::RateIgnored) => lane.bucket.available(interval, self.instant, room),
            Some(_) | None => room,
        }
    }

    /// A request of a node starts. No more may do so than the endpoint's limit allows, whatever its pace.
    fn take(&mut self, node: usize, endpoint: usize, policy: &Policy) -> Result<(), Broke> {
        let (now, lane) = (self.instant, &mut self.lanes[node][endpoint]);
        if let Some(interval) = lane.pace.interval(policy.rate_limit) {
            lane.bucket.spend(interval, now);
        }
        let Some(limit) = policy.rate_limit else { return Ok(()) };
        let (since, count) = lane.counted.get_or_insert((now, 0));
        *count += 1;
        let allowed = (now - *since).as_nanos() / limit.interval().as_nanos() + 1;
        ensure(u128::from(*count) <= allowed, || {
            format!("{count} requests in {:?} to endpoint {endpoint}, {allowed} are allowed", now - *since)
        })
    }

    /// When the next request of a node may start, if only its rate is in the way.
    pub fn opens(&self, node: usize) -> Option<Instant> {
        let lanes = self.lanes[node].iter().zip(&self.setting.policies);
        lanes.filter_map(|(lane, policy)| lane.bucket.next(lane.pace.interval(policy.rate_limit)?, self.instant)).min()
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
                let policy = &self.setting.policies[claim.endpoint];
                let under_way = self.in_flight(node, claim.endpoint);
                let pace = &mut self.lanes[node][claim.endpoint].pace;
                match &outcome {
                    AttemptOutcome::Answered { status, .. } => pace.answered(*status, under_way),
                    AttemptOutcome::TimedOut | AttemptOutcome::ConnectionFailed(_) => pace.unanswered(),
                    AttemptOutcome::Refused(_) | AttemptOutcome::OurFault(_) => {}
                }
                let then = settle(policy, claim.spent + 1, &outcome, self.clock.now(), self.random.0.fraction());
                let suspend = matches!(then, Settlement::GivenUp { suspend: true, .. });
                let then = match then {
                    Settlement::Delivered => Settled::Delivered,
                    Settlement::Retry { at, counts } => Settled::Pending { at, counts },
                    Settlement::GivenUp { end: End::Diverted, reason, .. } => Settled::Diverted(reason),
                    Settlement::GivenUp { end: End::Failed, reason, .. } => Settled::Failed(reason),
                };
                Phase::Decided(Verdict { then, suspend, alarm: claim.endpoint != OPS })
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
            Phase::Decided(verdict) if claim.node == node => Some((claim.row, claim.number, claim.fence, verdict.clone())),
            Phase::Claimed | Phase::Sent(_) | Phase::Ended(_) | Phase::Decided(_) => None,
        };
        let batch: Vec<_> = self.claims.iter().filter_map(decided).collect();
        let mut transaction = self.store.clone();
        let mut recorded = Vec::with_capacity(batch.len());
        let mut late = Vec::new();
        for (row, _, fence, verdict) in &batch {
            let endpoint = transaction.queue.rows[*row].endpoint;
            let alerts = transaction.queue.settle(*row, *fence, verdict);
            if self.crashes(node) {
                return Ok(());
            }
            recorded.push(alerts.is_some());
            match self.broken {
                Some(Broken::AlertsOutsideTransaction) => late.extend(alerts.into_iter().flatten().map(|alert| (endpoint, alert))),
                _ => transaction.tell(endpoint, alerts.into_iter().flatten(), self.now(), || self.new_message()),
            }
            if self.crashes(node) {
                return Ok(());
            }
        }
        self.store = transaction;
        for ((row, number, _, verdict), recorded) in batch.iter().zip(recorded) {
            self.note(|| format!("claim {number} of delivery {row}: {verdict:?}, recorded: {recorded}"));
            if recorded {
                let endpoint = self.store.queue.rows[*row].endpoint;
                let attempts = self.setting.policies[endpoint].failure_handling.retry.waits.len();
                self.ledger.recorded(&self.store, *row, *number, verdict, attempts)?;
            }
        }
        if !self.crashes(node) {
            let mut store = std::mem::take(&mut self.store);
            for (endpoint, alert) in late {
                store.tell(endpoint, [alert], self.now(), || self.new_message());
            }
            self.store = store;
        }
        if !self.crashes(node) {
            self.claims.retain(|claim| !batch.iter().any(|(_, number, ..)| *number == claim.number));
        }
        Ok(())
    }
}
