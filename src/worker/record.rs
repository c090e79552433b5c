//! Records finished attempts: those that have finished while the previous ones were being recorded, and what joins them until a commit
//! takes them along. An attempt leaves its place only when there is room here, so a slow disk slows the sending down instead of piling up
//! memory.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};

use crate::activity::{Activity, Feed};
use crate::ids::{EndpointId, MessageId};
use crate::store::{Basket, NewAttempt, Settled, Store, StoreError};
use crate::telemetry::{ATTEMPTS, AttemptEnd, numbers};
use crate::time::Clock;
use crate::worker::hand::Held;

/// Attempts recorded in one transaction.
const BATCH: usize = 256;
/// Attempts that may wait to be recorded. With those that are being recorded they hold at most 2 × 256 answers of 80 KiB.
pub(super) const WAITING: usize = 256;
/// As many as are worth a commit of their own; fewer wait for one that is made for something else.
const FULL: usize = 64;
/// How long they wait. Their places are free meanwhile; only what stands in order behind them waits with them.
const COMPANY: Duration = Duration::from_millis(4);
/// As many as come in that time where there is much to do. Then they wait once more: of several nodes that share the work, each has less of it, and
/// would record it in smaller groups. Not where something may stand in order behind them.
const MUCH: usize = 2;
/// How often they wait at most.
const MOST_WAITS: u32 = 4;
/// The wait before a failed record is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// An attempt to record.
pub(super) struct Finished {
    pub attempt: NewAttempt,
    pub told: Told,
}

/// What is told of an attempt besides.
pub(super) struct Told {
    pub message: MessageId,
    pub endpoint: EndpointId,
    pub event: Box<str>,
    /// Why it failed and what follows, in words; empty when delivered.
    pub note: String,
    /// That it is not recorded yet.
    pub _held: Held,
}

/// What is recorded together.
#[derive(Default)]
struct Group {
    told: Vec<Told>,
    /// Whether something may stand in order behind one of them.
    is_ordered: bool,
}

impl Group {
    /// Moves what waits into the basket of the group.
    fn add(&mut self, waiting: &mut Vec<Finished>, attempts: &mut Vec<NewAttempt>) {
        for Finished { attempt, told } in waiting.drain(..) {
            self.is_ordered |= attempt.ordered;
            attempts.push(attempt);
            self.told.push(told);
        }
    }
}

/// How a group waits for company.
struct Company {
    /// How many there were at the last look.
    seen: usize,
    waits: u32,
}

impl Company {
    /// Whether to wait once more, now that there are so many.
    fn comes(&mut self, count: usize) -> bool {
        let came = count.saturating_sub(self.seen);
        self.seen = count;
        self.waits += 1;
        came >= MUCH && self.waits < MOST_WAITS
    }
}

/// Records until every sender is gone.
pub(super) async fn run(store: Store, clock: Arc<dyn Clock>, feed: Feed, mut finished: mpsc::Receiver<Finished>) {
    let mut waiting = Vec::with_capacity(BATCH);
    loop {
        // What came when the last basket had been taken is first.
        if waiting.is_empty() && finished.recv_many(&mut waiting, BATCH).await == 0 {
            return;
        }
        let basket = Basket::of(Vec::with_capacity(waiting.len()));
        let mut group = Group::default();
        basket.add(|attempts| group.add(&mut waiting, attempts));
        let recorded = gather(&store, &basket, (&mut finished, &mut waiting, &mut group)).await;
        let attempts = basket.take();
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) => again(&store, &attempts, error).await,
        };
        for ((attempt, told), recorded) in attempts.iter().zip(group.told).zip(recorded) {
            tell(attempt, &told, recorded);
            if !recorded {
                tracing::warn!(delivery = %attempt.delivery, "an attempt was not recorded: its lease had ended");
            }
            if feed.is_watched() || !told.note.is_empty() {
                feed.tell(
                    clock.now(),
                    Activity::Answered {
                        tenant: attempt.tenant.clone(),
                        delivery: attempt.delivery,
                        status: attempt.attempt.status,
                        took: attempt.attempt.took,
                        note: Arc::from(told.note),
                    },
                );
            }
        }
    }
}

/// Has the store take the basket along, and puts in what finishes before it does.
async fn gather(
    store: &Store,
    basket: &Arc<Basket>,
    (finished, waiting, group): (&mut mpsc::Receiver<Finished>, &mut Vec<Finished>, &mut Group),
) -> Result<Vec<bool>, StoreError> {
    let enough = Notify::new();
    let mut settled = pin!(store.settle_along(Arc::clone(basket), enough.notified()));
    let mut company = Company { seen: group.told.len(), waits: 0 };
    let mut wait = pin!(sleep(COMPANY));
    let (mut waits, mut joins) = (true, true);
    loop {
        let room = BATCH.saturating_sub(group.told.len());
        waits = waits && joins && group.told.len() < FULL;
        if !waits {
            enough.notify_one();
        }
        tokio::select! {
            biased;
            recorded = &mut settled => return recorded,
            // When there is nothing, nothing more will come.
            count = finished.recv_many(waiting, room), if joins && room > 0 => {
                joins = count > 0 && basket.add(|attempts| group.add(waiting, attempts));
            }
            () = &mut wait, if waits => {
                waits = company.comes(group.told.len()) && !group.is_ordered;
                wait.as_mut().reset(Instant::now() + COMPANY);
            }
        }
    }
}

/// Counts an attempt, and logs it with the ids by which it is found again.
fn tell(attempt: &NewAttempt, told: &Told, recorded: bool) {
    let NewAttempt { tenant, delivery, attempt, then, .. } = attempt;
    let (end, outcome) = match then {
        _ if !recorded => (AttemptEnd::Lost, "lost"),
        Settled::Delivered => (AttemptEnd::Delivered, "delivered"),
        Settled::Pending { .. } => (AttemptEnd::Retried, "retried"),
        Settled::Diverted(_) => (AttemptEnd::Diverted, "diverted"),
        Settled::Failed(_) => (AttemptEnd::Failed, "failed"),
    };
    numbers().attempt(end, attempt.took);
    let took_ms = u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX);
    let Told { message, endpoint, event, note, _held } = told;
    let (number, status) = (attempt.number, attempt.status);
    tracing::info!(target: ATTEMPTS, %tenant, %message, %delivery, %endpoint, %event, attempt = number, status, took_ms, outcome, note, "attempt");
}

/// Settles until the store takes it: an attempt that is not recorded would be made again. Whether each was recorded.
async fn again(store: &Store, attempts: &[NewAttempt], mut error: StoreError) -> Vec<bool> {
    let mut said = false;
    loop {
        if error == StoreError::Closed {
            return vec![false; attempts.len()];
        }
        if !said {
            tracing::error!(%error, "finished attempts could not be recorded; trying again");
            said = true;
        }
        tokio::time::sleep(PAUSE).await;
        match store.settle(attempts.to_vec()).await {
            Ok(recorded) => return recorded,
            Err(failed) => error = failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_waits_for_more_only_while_many_come_and_not_for_long() {
        let mut busy = Company { seen: 10, waits: 0 };
        assert_eq!([12, 19, 23, 40].map(|count| busy.comes(count)), [true, true, true, false]);
        let mut quiet = Company { seen: 1, waits: 0 };
        assert!(!quiet.comes(2));
    }
}
