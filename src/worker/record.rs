//! Records finished attempts, as many at a time as have finished while the previous ones were being recorded. An attempt leaves its place
//! only when there is room here, so a slow disk slows the sending down instead of piling up memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::activity::{Activity, Feed};
use crate::store::{Store, StoreError};
use crate::time::Clock;

/// Attempts recorded in one transaction.
const BATCH: usize = 256;
/// Attempts that may wait to be recorded. With those that are being recorded they hold at most 2 × 256 answers of 80 KiB.
pub(super) const WAITING: usize = 256;
/// The wait before a failed record is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// An attempt to record.
pub(super) struct Finished {
    pub attempt: crate::store::NewAttempt,
    /// Why it failed and what follows, in words; empty when delivered.
    pub note: String,
}

/// Records until every sender is gone.
pub(super) async fn run(store: Store, clock: Arc<dyn Clock>, feed: Feed, mut finished: mpsc::Receiver<Finished>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        let recorded = settle(&store, &batch).await;
        for (Finished { attempt, note }, recorded) in batch.drain(..).zip(recorded) {
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
