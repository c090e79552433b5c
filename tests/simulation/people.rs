//! What people do by hand: send a delivery again, suspend an endpoint, release it.

use crate::ledger::Broke;
use crate::rules::{ENDPOINTS, OPS};
use crate::world::World;

impl World<'_> {
    /// A person has a delivery sent again.
    pub fn resend(&mut self) {
        if self.store.queue.rows.is_empty() {
            return;
        }
        let row = self.random.below(self.store.queue.rows.len());
        let now = self.now();
        if self.store.queue.resend(row, now) {
            self.ledger.resent(row);
            self.note(|| format!("delivery {row} is sent again by hand"));
        }
    }

    /// A person suspends an endpoint, or lets it go on.
    pub fn suspend_or_release(&mut self) -> Result<(), Broke> {
        let endpoint = self.random.below(ENDPOINTS);
        if self.store.queue.endpoints[endpoint].suspended {
            self.release(endpoint);
            return Ok(());
        }
        self.note(|| format!("endpoint {endpoint} is suspended by hand"));
        let alert = self.store.queue.suspend(endpoint, endpoint != OPS);
        let mut store = std::mem::take(&mut self.store);
        store.tell(endpoint, alert, self.now(), || self.new_message());
        self.store = store;
        self.ledger.suspended(&self.store, endpoint)
    }

    pub fn release(&mut self, endpoint: usize) {
        self.note(|| format!("endpoint {endpoint} is released by hand"));
        if self.store.queue.unsuspend(endpoint) {
            self.ledger.unsuspended(endpoint);
        }
    }
}
