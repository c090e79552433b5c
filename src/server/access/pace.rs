//! How many calls a key has made lately, in one number: the time at which all that it may call is free again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::delivery::Rate;

/// The pace of one key. Times are nanoseconds since the keychain was made.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU64);

impl Pace {
    /// Counts a call.
    ///
    /// # Errors
    /// When it is one too many; how long to wait.
    pub(super) fn step(&self, rate: Rate, now: u64) -> Result<(), Duration> {
        let (interval, window) = (nanoseconds(rate.interval()), nanoseconds(rate.window()));
        let mut free_at = self.0.load(Ordering::Relaxed);
        loop {
            let next = free_at.max(now).saturating_add(interval);
            let ahead = next.saturating_sub(now);
            if ahead > window {
                return Err(Duration::from_nanos(ahead - window));
            }
            match self.0.compare_exchange_weak(free_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => free_at = other,
            }
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_come_at_once_and_then_one_with_each_interval() {
        let (pace, rate) = (Pace::default(), "4/s".parse().unwrap());
        let second = 1_000_000_000;
        assert!((0..4).all(|_| pace.step(rate, second).is_ok()));
        assert_eq!(pace.step(rate, second), Err(Duration::from_millis(250)));
        assert_eq!(pace.step(rate, second + second / 4), Ok(()));
        assert!(pace.step(rate, second + second / 4).is_err());
        assert!((0..4).all(|_| pace.step(rate, 3 * second).is_ok()));
    }
}
