//! A request for a broker, told as an exchange.

use std::time::Instant;

use crate::broker::Brokers;
use crate::delivery::{Request, Timing};
use crate::egress::{Client, Exchange};

impl Client {
    /// The same client, whose requests may go to these brokers.
    #[must_use]
    pub fn with_brokers(self, brokers: Brokers) -> Self {
        Self { brokers, ..self }
    }

    /// The brokers that its requests may go to.
    #[must_use]
    pub fn brokers(&self) -> &Brokers {
        &self.brokers
    }

    pub(super) async fn publish(&self, request: Request) -> Exchange {
        let began = Instant::now();
        let published = self.brokers.publish(request).await;
        let took = began.elapsed();
        let timing = Timing { first_byte: published.status.map(|_| took), ..Timing::default() };
        Exchange { status: published.status, headers: Vec::new(), body: published.said, took, timing, outcome: published.outcome }
    }
}
