//! Removing what is older than the project keeps, from a store: all the time in a running node, so gently that saves and deliveries do
//! not notice; or at once for whoever asks. What may be removed at all is the store's business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::Retention;
use crate::store::{Cutoffs, Removed, Store, StoreError, Sweep};
use crate::time::Clock;

/// Between the end of a sweep and the begin of the next.
const INTERVAL: Duration = Duration::from_hours(1);
/// How often a node that is not the one to sweep looks whether it is.
const TURN: Duration = Duration::from_mins(1);
/// The pause after a step, as a multiple of the step: the writer is free for nine tenths of the time.
const PAUSE_FACTOR: u32 = 9;
/// The same in a sweep that has taken longer than it should: a store that grows without end is worse than slower saves.
const HURRIED_PAUSE_FACTOR: u32 = 1;
/// The shortest pause after a step.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// How much of the store's time a sweep takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A tenth, as long as that suffices: a node is at work.
    Gentle,
    /// All of it.
    Full,
}

/// The times before which things must have ended to be removed at `now`.
#[must_use]
pub fn cutoffs(retention: &Retention, now: Timestamp) -> Cutoffs {
    let before = |kept: Option<Duration>| kept.map(|kept| now.saturating_sub(kept).unwrap_or(Timestamp::MIN));
    Cutoffs {
        delivered: before(retention.delivered),
        diverted: before(retention.diverted),
        failed: before(retention.failed),
        messages: before(retention.messages),
        traces: before(retention.traces),
        retired_keys: Some(now),
        audit: before(retention.audit),
    }
}

/// Goes through the whole store once.
///
/// # Errors
/// When the store fails; what was removed until then is gone.
pub async fn sweep(store: &Store, cutoffs: &Cutoffs, pace: Pace) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    let mut next = Some(Sweep::START);
    let sweep_began = Instant::now();
    while let Some(here) = next {
        if pace == Pace::Gentle && !store.crew().leads() {
            break;
        }
        let began = Instant::now();
        let (step, then) = store.prune(cutoffs, here).await?;
        removed += step;
        next = then;
        match pace {
            Pace::Gentle if next.is_some() => {
                let factor = if sweep_began.elapsed() < INTERVAL { PAUSE_FACTOR } else { HURRIED_PAUSE_FACTOR };
                tokio::time::sleep((began.elapsed() * factor).max(SHORTEST_PAUSE)).await;
            }
            Pace::Gentle | Pace::Full => {}
        }
    }
    Ok(removed)
}

/// Sweeps a store again and again, from now on; of several nodes one does. Ends with the store, or when the future is dropped: no step is ever
/// done by half.
pub async fn run(store: Store, retention: Retention, clock: Arc<dyn Clock>) {
    loop {
        while !store.crew().leads() {
            tokio::time::sleep(TURN).await;
        }
        match sweep(&store, &cutoffs(&retention, clock.now()), Pace::Gentle).await {
            Ok(removed) if removed.is_nothing() => {}
            Ok(removed) => {
                let Removed { delivered, diverted, failed, messages, traces, retired_keys, audit } = removed;
                tracing::info!(
                    delivered,
                    diverted,
                    failed,
                    messages,
                    traces,
                    retired_keys,
                    audit,
                    "removed what is older than `[retention]` keeps"
                );
            }
            Err(StoreError::Closed) => return,
            Err(error) => tracing::error!(%error, "what is old could not be removed; it is tried again in an hour"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
