//! The task that sends: an attempt, then, over the place that it leaves, the next in its lane's line, as long as there is one. So a lane that
//! is never empty needs neither a new task nor a turn of the worker's loop for each of its deliveries. Recording is not done here.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::generation::{Generation, Live, Target};
use crate::store::Claimed;
use crate::worker::attempt::{Attempt, Tools};
use crate::worker::desk::{Desk, Slot};
use crate::worker::lane::Reached;
use crate::worker::record::Finished;

/// What every task that sends works with.
pub(super) struct Sending {
    pub tools: Arc<Tools>,
    pub live: Live,
    pub desk: Arc<Desk>,
    /// The way to the recorder.
    pub finish: mpsc::Sender<Finished>,
}

impl Sending {
    /// Sends a delivery that has its place, and those behind it.
    pub(super) async fn run(self: Arc<Self>, mut generation: Arc<Generation>, mut target: Arc<Target>, mut claimed: Claimed) {
        loop {
            let mut slot = Slot::new((claimed.lane, claimed.tenant.clone()), Arc::clone(&target), Arc::clone(&self.desk));
            let hand = Arc::clone(&self.desk.hand);
            let attempt = Attempt { tools: Arc::clone(&self.tools), generation, target, hand };
            let Some((finished, reached)) = attempt.run(claimed).await else { return };
            slot.reached = if finished.attempt.suspend { Reached::Unwanted } else { reached };
            // The recorder outlives every attempt.
            let Ok(room) = self.finish.reserve().await else { return };
            let next = slot.pass_on();
            room.send(finished);
            let Some(next) = next else { return };
            // It may be another one than before the request.
            generation = self.live.load_full();
            let Some(its) = generation.target(&next.endpoint) else {
                return self.desk.forsake(next.lane, &next.tenant);
            };
            (target, claimed) = (its, next);
        }
    }
}
