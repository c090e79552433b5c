//! Time and randomness as arguments. The compiler and the engine know neither; the edges are handed one of these, and `main` wires
//! in the real ones.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now, to the millisecond. It runs evenly: when the machine's clock is set, it stays as it is until the step is adopted.
    fn now(&self) -> Timestamp;

    /// Now on a clock that nobody can set, for what lasts a while.
    fn instant(&self) -> Instant {
        Instant::now()
    }

    /// How far the machine's clock stands before (after, if negative) this one, in milliseconds.
    fn step_ms(&self) -> i64 {
        0
    }

    /// Follows the machine's clock by so many milliseconds. Whoever does it moves along what is due later.
    fn adopt(&self, _step_ms: i64) {}
}

/// Where unpredictable bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// A UUID v7 at `now`: sorts by time.
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(now.as_millisecond().unsigned_abs(), &random).into_uuid()
    }

    /// A number in `[0, 1)`, for jitter.
    fn fraction(&self) -> f64 {
        let mut random = [0; 4];
        self.fill(&mut random);
        f64::from(u32::from_le_bytes(random)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The machine's clock as it was when the process first asked, carried on by one that nobody can set. One for the whole process.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

/// When the process first asked: on the clock that nobody can set, and, in milliseconds since 1970, on the machine's, steps adopted.
static ORIGIN: LazyLock<(Instant, AtomicI64)> = LazyLock::new(|| (Instant::now(), AtomicI64::new(Timestamp::now().as_millisecond())));

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let (began, origin) = &*ORIGIN;
        let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(origin.load(Ordering::SeqCst).saturating_add(elapsed)).unwrap_or(Timestamp::MAX)
    }

    fn step_ms(&self) -> i64 {
        Timestamp::now().as_millisecond() - self.now().as_millisecond()
    }

    fn adopt(&self, step_ms: i64) {
        ORIGIN.1.fetch_add(step_ms, Ordering::SeqCst);
    }
}

/// The operating system's generator, by way of the one crypto provider.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        use aws_lc_rs::rand::SecureRandom as _;
        let filled = aws_lc_rs::rand::SystemRandom::new().fill(buffer);
        assert!(filled.is_ok(), "the operating system has no random numbers: no key or id made now could be trusted");
    }
}

/// A clock that stands still until it is told to move, for tests and scenarios.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_millisecond()))
    }

    /// Moves the clock by `milliseconds`, back if negative.
    pub fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}

/// Predictable "randomness" from a seed (splitmix64), for tests and scenarios; never for keys.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            for (byte, source) in chunk.iter_mut().zip(word.to_le_bytes()) {
                *byte = source;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        clock.advance(1500);
        assert_eq!(clock.now().as_millisecond(), 1500);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_uuids_sort_by_time() {
        let (one, two) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let early = Timestamp::from_millisecond(1).unwrap();
        assert_eq!(one.uuid(early), two.uuid(early));
        assert!(one.uuid(early) < one.uuid(Timestamp::from_millisecond(2).unwrap()));
        assert!((0.0..1.0).contains(&one.fraction()));
    }
}
