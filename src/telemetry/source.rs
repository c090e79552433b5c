//! What is counted of a source.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Metric;
use super::numbers::register;

/// Seconds from 1970 to 2000, from which the database counts.
const EPOCH_S: i64 = 946_684_800;

/// The numbers of a source.
#[derive(Debug, Default)]
pub struct SourceNumbers {
    up: Gauge,
    lag_bytes: Gauge,
    committed_at: Gauge,
    transactions: Counter,
    errors: Counter,
    skipped: Counter,
}

impl SourceNumbers {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let numbers = Self::default();
        register(registry, Metric::SourceUp, numbers.up.clone());
        register(registry, Metric::SourceLag, numbers.lag_bytes.clone());
        register(registry, Metric::SourceCommitted, numbers.committed_at.clone());
        register(registry, Metric::SourceTransactions, numbers.transactions.clone());
        register(registry, Metric::SourceErrors, numbers.errors.clone());
        register(registry, Metric::SourceSkipped, numbers.skipped.clone());
        numbers
    }

    /// Whether it is read, and how many bytes of the log have not been taken in.
    pub fn set(&self, up: bool, lag_bytes: u64) {
        self.up.set(i64::from(up));
        self.lag_bytes.set(i64::try_from(lag_bytes).unwrap_or(i64::MAX));
    }

    /// A transaction was read that was committed then, in microseconds since 2000.
    pub fn transaction(&self, at_us: i64) {
        self.transactions.inc();
        self.committed_at.set(at_us / 1_000_000 + EPOCH_S);
    }

    /// It does not go on.
    pub fn error(&self) {
        self.errors.inc();
    }

    /// A row was left out.
    pub fn skipped(&self) {
        self.skipped.inc();
    }
}
