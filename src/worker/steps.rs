//! The machine's clock is set forward or back, or stood still while the machine slept: what is due later then moves by as much, leases
//! too. So nothing that is under way is taken for lost, no retry is hours late, and all do not come at once.
//!
//! 2026-11-21: the alternative was to keep due times on a clock that nobody can set. After a restart they would mean nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Store, StoreError};
use crate::time::Clock;
use crate::worker::desk::Desk;

/// How often the machine's clock is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A step that is worth following. Less is how a clock is kept right, and hurts no lease.
const NOTICED_MS: i64 = 2_000;
/// Milliseconds before the step from which on due times move: with room for what was just being made by the clock as it was.
const ROOM_MS: i64 = 1_000;

/// Follows the store's clock, or the machine's where the store has none, until the store is closed.
pub(super) async fn follow(store: Store, clock: Arc<dyn Clock>, desk: Arc<Desk>) {
    while store.keeps_time() {
        // All nodes go by one clock, so nothing that is due moves when a machine's is set.
        if store.set_right(&*clock) {
            desk.room.notify_one();
        }
        tokio::time::sleep(LOOK).await;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        let step = clock.step_ms();
        if step.abs() < NOTICED_MS {
            continue;
        }
        let before = clock.now().as_millisecond().saturating_sub(ROOM_MS);
        // Between the two nothing may seem due that is not: forward, the times move first; back, the clock does.
        if step < 0 {
            clock.adopt(step);
        }
        while let Err(error) = store.shift_due(before, step).await {
            if error == StoreError::Closed {
                return;
            }
            tracing::error!(%error, "what is due could not follow the clock; trying again");
            tokio::time::sleep(LOOK).await;
        }
        if step > 0 {
            clock.adopt(step);
        }
        // Whoever has looked between the two has seen things due that are far away.
        desk.room.notify_one();
        let seconds = step / 1_000;
        tracing::warn!(seconds, "the clock of this machine was set; what is due later has moved with it");
    }
}
