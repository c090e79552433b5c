//! The time of a test: it stands still until it is told to move, for the worker's clock and for everything that waits alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use webhookc::time::Clock;

/// 2026-01-01T00:00:00Z in milliseconds.
const NEW_YEAR: u64 = 1_767_225_600_000;

pub struct Time {
    began: Instant,
    moved_ms: AtomicU64,
    /// As long as it is there, the runtime does not move time by itself when nothing else happens.
    _held: std::sync::mpsc::Sender<()>,
}

impl Time {
    /// Inside a runtime whose time is paused.
    pub fn new() -> Self {
        let (held, end) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || end.recv());
        Self { began: tokio::time::Instant::now().into_std(), moved_ms: AtomicU64::new(0), _held: held }
    }

    /// Milliseconds since the beginning.
    pub fn passed(&self) -> u64 {
        self.moved_ms.load(Ordering::SeqCst)
    }

    /// The same of a time of the store.
    pub fn passed_at(timestamp_ms: u64) -> u64 {
        timestamp_ms.saturating_sub(NEW_YEAR)
    }

    pub async fn advance(&self, milliseconds: u64) {
        self.moved_ms.fetch_add(milliseconds, Ordering::SeqCst);
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(NEW_YEAR + self.passed()).unwrap()).unwrap()
    }

    fn instant(&self) -> Instant {
        self.began + Duration::from_millis(self.passed())
    }
}
