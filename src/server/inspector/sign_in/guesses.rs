//! How often somebody may try a key in vain: some ten times a minute from one address. Nobody guesses 256 bits; this keeps the log and the
//! store from whoever tries.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

/// Wrong keys that may come at once.
const AT_ONCE: u32 = 10;
/// After this long one more may.
const EACH: Duration = Duration::from_secs(6);
/// Addresses that are remembered, some 40 bytes each; when there are more all begin anew.
const REMEMBERED: usize = 16 * 1024;

/// Wrong keys of late, by where they came from. A request that came over no connection has no address.
#[derive(Debug, Default)]
pub(in crate::server) struct Guesses(Mutex<FxHashMap<Option<IpAddr>, Instant>>);

impl Guesses {
    /// Whether a key may be tried.
    ///
    /// # Errors
    /// When too many were wrong; how long to wait.
    pub(super) fn may(&self, from: Option<IpAddr>) -> Result<(), Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = known.get(&from).map_or(Duration::ZERO, |free_at| free_at.saturating_duration_since(Instant::now()));
        let wait = ahead.saturating_sub(EACH * (AT_ONCE - 1));
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// One was wrong.
    pub(super) fn wrong(&self, from: Option<IpAddr>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(&from) {
            known.clear();
        }
        let now = Instant::now();
        let free_at = known.entry(from).or_insert(now);
        *free_at = (*free_at).max(now) + EACH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_may_be_wrong_and_others_are_not_kept_out() {
        let (guesses, one) = (Guesses::default(), Some(IpAddr::from([127, 0, 0, 1])));
        for _ in 0..AT_ONCE {
            assert_eq!(guesses.may(one), Ok(()));
            guesses.wrong(one);
        }
        assert!(guesses.may(one).is_err_and(|wait| wait <= EACH));
        assert_eq!(guesses.may(None), Ok(()));
    }
}
