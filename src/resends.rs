//! Goes on with the resends that are running in a store, for as long as the node runs. What is sent again, and how far it has come, is the
//! store's business; here is only the time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::store::{Store, StoreError};
use crate::time::Clock;

/// How long nothing is looked for: another node on the same database may have begun a resend and died.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// The pause after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Goes on with what is running, from now on. Ends with the store, or when the future is dropped: no step is ever done by half.
pub async fn run(store: Store, clock: Arc<dyn Clock>) {
    let bell = store.resend_bell();
    loop {
        // Registered before looking: what is begun in between is not missed.
        let rung = bell.notified();
        let wait = match store.advance_resends(clock.now()).await {
            Ok(Some(next)) => until(next, clock.now()),
            Ok(None) => LOOK_EVERY,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "a resend could not go on; it is tried again");
                PAUSE
            }
        };
        // The one that was just begun may be due before the one whose time is waited for.
        let _either = tokio::time::timeout(wait, rung).await;
    }
}

fn until(next: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(next.duration_since(now)).unwrap_or_default().min(LOOK_EVERY)
}
