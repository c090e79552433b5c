//! Records finished attempts, as many at a time as have finished while the previous ones were being recorded. An attempt leaves its place
//! only when there is room here, so a slow disk slows the sending down instead of piling up memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::activity::{Activity, Feed};
use crate::ids::{EndpointId, MessageId};
use crate::store::{NewAttempt, Settled, Store, StoreError};
use crate::telemetry::{ATTEMPTS, AttemptEnd, numbers};
use crate::time::Clock;

/// Attempts recorded in one transaction.
const BATCH: usize = 256;
/// Attempts that may wait to be recorded. With those that are being recorded they hold at most 2 × 256 answers of 80 KiB.
pub(super) const WAITING: usize = 256;
/// As many as are worth a commit of their own; fewer wait for company.
const FULL: usize = 64;
/// How long they wait. Their places are free meanwhile; only what stands in order behind them waits with them.
const COMPANY: Duration = Duration::from_millis(4);
/// The wait before a failed record is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// An attempt to record.
pub(super) struct Finished {
    pub attempt: NewAttempt,
    pub message: MessageId,
    pub endpoint: EndpointId,
    pub event: Box<str>,
    /// Why it failed and what follows, in words; empty when delivered.
    pub note: String,
}

/// Records until every sender is gone.
pub(super) async fn run(store: Store, clock: Arc<dyn Clock>, feed: Feed, mut finished: mpsc::Receiver<Finished>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < FULL {
            // Ends early when there are enough, or when nothing more will come.
            let company = async { while batch.len() < FULL && finished.recv_many(&mut batch, FULL).await > 0 {} };
            drop(tokio::time::timeout(COMPANY, company).await);
        }
        let recorded = settle(&store, &batch).await;
        for (finished, recorded) in batch.drain(..).zip(recorded) {
            tell(&finished, recorded);
            let Finished { attempt, note, .. } = finished;
            if !recorded {
                tracing::warn!(delivery = %attempt.delivery, "an attempt was not recorded: its lease had ended");
            }
            if feed.is_watched() || !note.is_empty() {
                feed.tell(
                    clock.now(),
                    Activity::Answered {
                        tenant: attempt.tenant,
                        delivery: attempt.delivery,
                        status: attempt.attempt.status,
                        took: attempt.attempt.took,
                        note: Arc::from(note),
                    },
                );
            }
        }
    }
}

/// Counts an attempt, and logs it with the ids by which it is found again.
fn tell(finished: &Finished, recorded: bool) {
    let NewAttempt { tenant, delivery, attempt, then, .. } = &finished.attempt;
    let (end, outcome) = match then {
        _ if !recorded => (AttemptEnd::Lost, "lost"),
        Settled::Delivered => (AttemptEnd::Delivered, "delivered"),
        Settled::Pending { .. } => (AttemptEnd::Retried, "retried"),
        Settled::Diverted(_) => (AttemptEnd::Diverted, "diverted"),
        Settled::Failed(_) => (AttemptEnd::Failed, "failed"),
    };
    numbers().attempt(end, attempt.took);
    let took_ms = u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX);
    let Finished { message, endpoint, event, note, .. } = finished;
    let (number, status) = (attempt.number, attempt.status);
    tracing::info!(target: ATTEMPTS, %tenant, %message, %delivery, %endpoint, %event, attempt = number, status, took_ms, outcome, note, "attempt");
}

/// Settles until the store takes it: an attempt that is not recorded would be made again. Whether each was recorded.
async fn settle(store: &Store, batch: &[Finished]) -> Vec<bool> {
    let mut said = false;
    loop {
        match store.settle(batch.iter().map(|finished| finished.attempt.clone()).collect()).await {
            Ok(recorded) => return recorded,
            Err(StoreError::Closed) => return vec![false; batch.len()],
            Err(error) => {
                if !said {
                    tracing::error!(%error, "finished attempts could not be recorded; trying again");
                    said = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
