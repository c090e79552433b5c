//! When to try again: every pattern becomes one list of waits, so that nothing after this file knows of patterns.

use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The default waits, in seconds: 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
const DEFAULT_WAITS_S: [u64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// The same ones for every endpoint that asks for no others.
static DEFAULT_WAITS: LazyLock<Arc<[Duration]>> = LazyLock::new(|| Arc::new(DEFAULT_WAITS_S.map(Duration::from_secs)));

/// The most attempts that a pattern may ask for; a receiver that failed a hundred times needs a person.
pub const MAX_ATTEMPTS: u32 = 100;

/// The shortest interval, so that retries cannot become an attack.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// When to try again. Its length is the most attempts that are spent on a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The wait before each attempt, the first one included; a later one counts from the end of the attempt before.
    pub waits: Arc<[Duration]>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { waits: Arc::clone(&DEFAULT_WAITS) }
    }
}

/// How waits grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pattern {
    /// The default waits.
    #[default]
    Schedule,
    /// The same wait each time.
    Linear,
    /// Each wait twice the one before, up to a day.
    Exponential,
}

/// Why a word is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{seen}` is not a retry pattern, expected `schedule`, `linear` or `exponential`")]
pub struct PatternError {
    /// The word.
    pub seen: String,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(word: &str) -> Result<Self, PatternError> {
        match word {
            "schedule" => Ok(Self::Schedule),
            "linear" => Ok(Self::Linear),
            "exponential" => Ok(Self::Exponential),
            _ => Err(PatternError { seen: word.to_owned() }),
        }
    }
}

/// Why a pattern and its numbers do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// `linear` or `exponential` without an interval.
    #[error("the retry pattern has no `interval`, expected a time such as `30 s`")]
    NoInterval,
    /// A list of waits with a pattern that makes its own.
    #[error("the retry pattern makes its own waits, expected a `schedule` only with the pattern `schedule`")]
    OwnSchedule,
    /// A list of waits that is empty or too long.
    #[error("the retry schedule has {0} waits, expected 1 to {MAX_ATTEMPTS}, one before each attempt")]
    ScheduleLength(usize),
    /// A wait of a list.
    #[error("wait {number} of the retry schedule is {} ms, expected {} to 24 h", .wait.as_millis(), if *.number == 1 { "0 s" } else { "100 ms" })]
    ScheduleWait {
        /// Which, from 1.
        number: usize,
        /// How long it is.
        wait: Duration,
    },
    /// `schedule` with an interval.
    #[error("the retry pattern `schedule` has an `interval`, expected one only with `linear` or `exponential`")]
    ScheduleInterval,
    /// Less than 100 ms or more than a day.
    #[error("the retry interval is {} ms, expected 100 ms to 24 h", .0.as_millis())]
    Interval(Duration),
    /// None, or too many.
    #[error("`max_attempts` is {seen}, expected 1 to {most}")]
    Attempts {
        /// What was asked for.
        seen: u32,
        /// The most that this pattern allows.
        most: u32,
    },
}

impl Retry {
    /// The waits of a pattern. Without `max_attempts`: ten, the length of the default schedule.
    ///
    /// # Errors
    /// When the numbers do not go with the pattern or are out of bounds.
    pub fn new(pattern: Pattern, interval: Option<Duration>, max_attempts: Option<u32>) -> Result<Self, RetryError> {
        let most = match pattern {
            Pattern::Schedule => 10,
            Pattern::Linear | Pattern::Exponential => MAX_ATTEMPTS,
        };
        let attempts = max_attempts.unwrap_or(10);
        if !(1..=most).contains(&attempts) {
            return Err(RetryError::Attempts { seen: attempts, most });
        }
        let first = std::iter::once(Duration::ZERO);
        let waits: Vec<Duration> = match (pattern, interval) {
            (Pattern::Schedule, Some(_)) => return Err(RetryError::ScheduleInterval),
            (Pattern::Linear | Pattern::Exponential, None) => return Err(RetryError::NoInterval),
            (Pattern::Linear | Pattern::Exponential, Some(interval)) if !(MIN_INTERVAL..=MAX_WAIT).contains(&interval) => {
                return Err(RetryError::Interval(interval));
            }
            (Pattern::Schedule, None) => DEFAULT_WAITS_S.into_iter().map(Duration::from_secs).take(attempts as usize).collect(),
            (Pattern::Linear, Some(interval)) => first.chain(std::iter::repeat(interval)).take(attempts as usize).collect(),
            (Pattern::Exponential, Some(interval)) => {
                let doubling = std::iter::successors(Some(interval), |wait| Some(wait.saturating_mul(2).min(MAX_WAIT)));
                first.chain(doubling).take(attempts as usize).collect()
            }
        };
        Ok(Self { waits: waits.into() })
    }

    /// Waits of one's own: one before each attempt, the first one included, which may be none. With `max_attempts` only so many of them.
    ///
    /// # Errors
    /// When there are none or more than a hundred, when one is shorter than 100 ms or longer than a day, or when there are fewer than
    /// `max_attempts`.
    pub fn of_schedule(mut waits: Vec<Duration>, max_attempts: Option<u32>) -> Result<Self, RetryError> {
        let length = waits.len();
        let most = u32::try_from(length).ok().filter(|most| (1..=MAX_ATTEMPTS).contains(most)).ok_or(RetryError::ScheduleLength(length))?;
        for (index, &wait) in waits.iter().enumerate() {
            let least = if index == 0 { Duration::ZERO } else { MIN_INTERVAL };
            if !(least..=MAX_WAIT).contains(&wait) {
                return Err(RetryError::ScheduleWait { number: index + 1, wait });
            }
        }
        match max_attempts {
            None => {}
            Some(attempts) if (1..=most).contains(&attempts) => waits.truncate(attempts as usize),
            Some(seen) => return Err(RetryError::Attempts { seen, most }),
        }
        Ok(Self { waits: waits.into() })
    }

    /// The wait before the next attempt when `spent` have been made; `None` when none is left.
    #[must_use]
    pub fn wait_after(&self, spent: u32) -> Option<Duration> {
        self.waits.get(usize::try_from(spent).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(retry: &Retry) -> Vec<u64> {
        retry.waits.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn patterns_become_waits() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(seconds(&Retry::default()), DEFAULT_WAITS_S);
        assert_eq!(Retry::new(Pattern::Schedule, None, None), Ok(Retry::default()));
        assert_eq!(Retry::new(Pattern::Schedule, None, Some(3)).map(|retry| seconds(&retry)), Ok(vec![0, 5, 300]));
        assert_eq!(Retry::new(Pattern::Linear, second, Some(4)).map(|retry| seconds(&retry)), Ok(vec![0, 1, 1, 1]));
        assert_eq!(Retry::new(Pattern::Exponential, second, Some(5)).map(|retry| seconds(&retry)), Ok(vec![0, 1, 2, 4, 8]));
        let long = Retry::new(Pattern::Exponential, second, Some(100)).unwrap();
        assert_eq!(long.waits.last(), Some(&MAX_WAIT));
        assert_eq!(long.wait_after(99), Some(MAX_WAIT));
        assert_eq!(long.wait_after(100), None);
    }

    #[test]
    fn a_schedule_of_ones_own_is_taken_as_it_is() {
        let waits = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(Retry::of_schedule(waits(&[0, 1, 60]), None).map(|retry| seconds(&retry)), Ok(vec![0, 1, 60]));
        assert_eq!(Retry::of_schedule(waits(&[5, 1, 60]), Some(2)).map(|retry| seconds(&retry)), Ok(vec![5, 1]));
        let message = |seconds: &[u64], attempts| Retry::of_schedule(waits(seconds), attempts).unwrap_err().to_string();
        assert_eq!(message(&[], None), "the retry schedule has 0 waits, expected 1 to 100, one before each attempt");
        assert_eq!(message(&[1; 101], None), "the retry schedule has 101 waits, expected 1 to 100, one before each attempt");
        assert_eq!(message(&[0, 0], None), "wait 2 of the retry schedule is 0 ms, expected 100 ms to 24 h");
        assert_eq!(message(&[90_000], None), "wait 1 of the retry schedule is 90000000 ms, expected 0 s to 24 h");
        assert_eq!(message(&[0, 1], Some(3)), "`max_attempts` is 3, expected 1 to 2");
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        let message = |pattern, interval, attempts| Retry::new(pattern, interval, attempts).unwrap_err().to_string();
        let second = Some(Duration::from_secs(1));
        assert_eq!(message(Pattern::Linear, second, Some(0)), "`max_attempts` is 0, expected 1 to 100");
        assert_eq!(message(Pattern::Schedule, None, Some(11)), "`max_attempts` is 11, expected 1 to 10");
        assert_eq!(message(Pattern::Linear, None, None), "the retry pattern has no `interval`, expected a time such as `30 s`");
        assert_eq!(
            message(Pattern::Exponential, Some(Duration::from_millis(5)), None),
            "the retry interval is 5 ms, expected 100 ms to 24 h"
        );
        assert!(message(Pattern::Schedule, second, None).contains("only with `linear` or `exponential`"));
        assert_eq!("often".parse::<Pattern>(), Err(PatternError { seen: "often".to_owned() }));
    }
}
