//! A machine whose clock is wrong goes by the store's, where that has one.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use webhookc::store;
use webhookc::time::Clock;

use crate::script::Place;

/// Three years, and a bit of what a clock is off by in practice.
const OFF_MS: i64 = 3 * 365 * 86_400_000 + 600_000;

/// Off by so many milliseconds.
struct Off(AtomicI64);

impl Clock for Off {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(Timestamp::now().as_millisecond() + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn adopt(&self, step_ms: i64) {
        self.0.fetch_add(step_ms, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_clock_is_set_right_as_soon_as_the_store_is_open() {
    let place = Place::new();
    let store = place.open().await;
    for off in [OFF_MS, -OFF_MS] {
        let clock = Off(AtomicI64::new(off));
        assert!(store.set_right(&clock));
        let left = clock.0.load(Ordering::SeqCst);
        assert!(left.abs() < 1_000, "{left} ms are left");
        assert!(!store.set_right(&clock), "it is right now");
    }
    let told = store::time(&place.url()).await.unwrap().unwrap();
    assert!((told.as_millisecond() - Timestamp::now().as_millisecond()).abs() < 1_000);
}
