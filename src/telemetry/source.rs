//! What is counted of a source.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Metric;
use super::numbers::register;

/// The numbers of a source.
#[derive(Debug, Default)]
pub struct SourceNumbers {
    up: Gauge,
    lag_bytes: Gauge,
    lag_seconds: Gauge<f64, AtomicU64>,
    committed_at: Gauge,
    transactions: Counter,
    changes: Counter,
    errors: Counter,
    skipped: Counter,
    copied: Family<Vec<(&'static str, String)>, Counter>,
    copy_rows: Gauge,
}

impl SourceNumbers {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let numbers = Self::default();
        register(registry, Metric::SourceUp, numbers.up.clone());
        register(registry, Metric::SourceLag, numbers.lag_bytes.clone());
        register(registry, Metric::SourceLagSeconds, numbers.lag_seconds.clone());
        register(registry, Metric::SourceCommitted, numbers.committed_at.clone());
        register(registry, Metric::SourceTransactions, numbers.transactions.clone());
        register(registry, Metric::SourceChanges, numbers.changes.clone());
        register(registry, Metric::SourceErrors, numbers.errors.clone());
        register(registry, Metric::SourceSkipped, numbers.skipped.clone());
        register(registry, Metric::SourceCopied, numbers.copied.clone());
        register(registry, Metric::SourceCopyRows, numbers.copy_rows.clone());
        numbers
    }

    /// Whether it is read, how many bytes of the log have not been taken in, and since when, in seconds.
    pub fn set(&self, up: bool, lag_bytes: u64, lag_seconds: f64) {
        self.up.set(i64::from(up));
        self.lag_bytes.set(i64::try_from(lag_bytes).unwrap_or(i64::MAX));
        self.lag_seconds.set(lag_seconds);
    }

    /// A transaction was read that was committed then.
    pub fn transaction(&self, committed_at: Timestamp) {
        self.transactions.inc();
        self.committed_at.set(committed_at.as_second());
    }

    /// So many changes of it were taken in.
    pub fn changes(&self, count: usize) {
        self.changes.inc_by(count as u64);
    }

    /// It does not go on.
    pub fn error(&self) {
        self.errors.inc();
    }

    /// So many rows of a table were copied.
    pub fn copied(&self, table: &str, count: u64) {
        self.copied.get_or_create(&vec![("table", table.to_owned())]).inc_by(count);
    }

    /// So many rows the copy under way is of; 0: there is none.
    pub fn copy_rows(&self, about: u64) {
        self.copy_rows.set(i64::try_from(about).unwrap_or(i64::MAX));
    }

    /// A row was left out.
    pub fn skipped(&self) {
        self.skipped.inc();
    }
}
