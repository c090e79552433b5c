//! How many requests an endpoint takes in a time: the rate as written, `100/s`, and the bucket of tokens that keeps to it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The most requests that a rate may allow in its time; more is no limit on one node.
const MOST: u32 = 1_000_000;

/// So many requests in a second, a minute or an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, from 1.
    count: u32,
    /// In which time.
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }

    fn nanoseconds(self) -> u64 {
        match self {
            Self::Second => 1_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Hour => 3_600_000_000_000,
        }
    }
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{seen}` is not a rate, expected 1 to {MOST} requests in a second, minute or hour, such as `100/s`, `30/min` or `500/h`")]
pub struct RateError {
    /// The text.
    pub seen: String,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let parse = || {
            let (count, unit) = text.split_once('/')?;
            let unit = Unit::ALL.into_iter().find(|known| known.as_str() == unit.trim())?;
            let count = count.trim().parse().ok().filter(|count| (1..=MOST).contains(count))?;
            Some(Self { count, unit })
        };
        parse().ok_or_else(|| RateError { seen: text.to_owned() })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.as_str())
    }
}

impl Rate {
    /// So many a second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self { count, unit: Unit::Second }
    }

    /// The mean time from one request to the next.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_nanos(self.unit.nanoseconds() / u64::from(self.count.max(1)))
    }

    /// The time in which so many may come, in whatever rhythm.
    #[must_use]
    pub fn window(self) -> Duration {
        Duration::from_nanos(self.unit.nanoseconds())
    }

    /// The slower of two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.interval() > self.interval() { other } else { self }
    }
}

/// The tokens of a lane: one is spent with each request, and one comes back with each interval. The bucket holds what comes in a tenth of
/// a second, at least one, so that a rate is kept evenly and not as a burst at the beginning of each second.
///
/// Kept as the time at which it will be full again, so that nothing has to be done while nothing is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// `None`: full.
    full_at: Option<Instant>,
}

/// The time whose tokens a bucket holds.
const BURST: Duration = Duration::from_millis(100);

impl Bucket {
    /// How many requests may start now, of at most `wanted`.
    #[must_use]
    pub fn available(&self, interval: Duration, now: Instant, wanted: usize) -> usize {
        let Some(lacking) = self.full_at.and_then(|full| full.checked_duration_since(now)) else { return wanted.min(size(interval)) };
        let room = capacity(interval).saturating_sub(lacking);
        let tokens = room.as_nanos() / interval.as_nanos().max(1);
        wanted.min(usize::try_from(tokens).unwrap_or(usize::MAX))
    }

    /// When the next request may start; `None`: now.
    #[must_use]
    pub fn next(&self, interval: Duration, now: Instant) -> Option<Instant> {
        if self.available(interval, now, 1) > 0 {
            return None;
        }
        let spare = capacity(interval).saturating_sub(interval);
        self.full_at.and_then(|full| full.checked_sub(spare))
    }

    /// The bucket if it had been empty at a time, or later emptier than that.
    #[must_use]
    pub fn emptied(self, interval: Duration, at: Instant) -> Self {
        Self { full_at: self.full_at.max(at.checked_add(capacity(interval))) }
    }

    /// A request starts.
    pub fn spend(&mut self, interval: Duration, now: Instant) {
        let from = self.full_at.filter(|full| *full > now).unwrap_or(now);
        self.full_at = from.checked_add(interval);
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|full| full <= now)
    }
}

/// The tokens of a full bucket.
fn size(interval: Duration) -> usize {
    usize::try_from(capacity(interval).as_nanos() / interval.as_nanos().max(1)).unwrap_or(usize::MAX)
}

/// The time that a full bucket stands for: a whole number of intervals.
fn capacity(interval: Duration) -> Duration {
    let tokens = (BURST.as_nanos() / interval.as_nanos().max(1)).max(1);
    interval.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn a_rate_is_a_number_of_requests_in_a_time() {
        for (text, interval) in [("100/s", 10), ("30/min", 2_000), ("1/h", 3_600_000), ("10 / s", 100)] {
            assert_eq!(text.parse::<Rate>().map(Rate::interval), Ok(Duration::from_millis(interval)), "{text}");
        }
        assert_eq!("30/min".parse::<Rate>().unwrap().to_string(), "30/min");
        for text in ["", "100", "100/", "0/s", "-1/s", "1.5/s", "100/d", "1000001/s", "/s", "s/100"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError { seen: text.to_owned() }));
        }
        let (slow, fast) = (Rate::per_second(1), "120/min".parse::<Rate>().unwrap());
        assert_eq!((slow.min(fast), fast.min(slow)), (slow, slow));
    }

    #[test]
    fn a_bucket_gives_a_tenth_of_a_second_at_once_and_then_one_each_interval() {
        let (begin, interval) = (Instant::now(), Rate::per_second(50).interval());
        let mut bucket = Bucket::default();
        assert_eq!(bucket.available(interval, begin, 100), 5);
        (0..5).for_each(|_| bucket.spend(interval, begin));
        assert_eq!(bucket.available(interval, begin, 100), 0);
        assert_eq!(bucket.next(interval, begin), Some(begin + Duration::from_millis(20)));
        let later = begin + Duration::from_millis(45);
        assert_eq!((bucket.available(interval, later, 100), bucket.next(interval, later)), (2, None));
        assert!(!bucket.is_full(later) && bucket.is_full(begin + Duration::from_millis(100)));
    }

    #[test]
    fn a_slow_rate_gives_one_at_a_time() {
        let (begin, interval) = (Instant::now(), "30/min".parse::<Rate>().unwrap().interval());
        let mut bucket = Bucket::default();
        assert_eq!(bucket.available(interval, begin, 100), 1);
        bucket.spend(interval, begin);
        assert_eq!(bucket.next(interval, begin), Some(begin + Duration::from_secs(2)));
    }

    proptest! {
        #[test]
        fn no_rate_is_ever_exceeded(count in 1_u32..=2_000, waits in proptest::collection::vec(any::<u16>(), 1..200)) {
            let (begin, interval) = (Instant::now(), Rate::per_second(count).interval());
            let (mut bucket, mut now, mut started) = (Bucket::default(), begin, 0_u32);
            for wait in waits {
                now += Duration::from_micros(wait.into());
                let tokens = bucket.available(interval, now, 1_000);
                (0..tokens).for_each(|_| bucket.spend(interval, now));
                started += u32::try_from(tokens).unwrap();
                let allowed = (now - begin + capacity(interval)).as_nanos() / interval.as_nanos();
                assert!(u128::from(started) <= allowed, "{started} started, {allowed} allowed");
                if let Some(next) = bucket.next(interval, now) {
                    assert!(next > now && bucket.available(interval, next, 1) == 1, "woken when there is a token, and not before");
                }
            }
        }
    }
}
