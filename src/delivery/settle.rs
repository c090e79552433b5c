//! An attempt's outcome → what to do with the delivery now.
//!
//! Success is 2xx. A 3xx is a failure and never followed. 410 means that the receiver does not want anything any more: its endpoint is
//! suspended. A failure that is ours spends no attempt.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::delivery::{Policy, Trigger};

/// The longest `Retry-After` that is obeyed; a receiver cannot park a delivery for good.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The wait after a failure of ours, which costs the receiver nothing.
const OUR_FAULT_WAIT: Duration = Duration::from_secs(30);

/// The share of a wait that jitter may add, so that deliveries which failed together do not come back together.
const JITTER_SHARE: f64 = 0.2;

/// How it is said of an attempt that the deadline passed.
pub const TOO_LATE: &str = "no complete answer within the deadline";

/// How the reason begins when a delivery is given up that got no answer in time.
pub const NO_ANSWER: &str = "no answer within";
/// How it begins when there was no connection, or it broke.
pub const NO_CONNECTION: &str = "connection failed";

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// An answer.
    Answered {
        /// The status.
        status: u16,
        /// `Retry-After`, as seconds from now.
        retry_after: Option<Duration>,
    },
    /// The deadline passed.
    TimedOut,
    /// No connection, or it broke: why.
    ConnectionFailed(String),
    /// The target is not allowed, or the request cannot be made: final.
    Refused(String),
    /// A failure of ours (resolver, proxy, out of sockets): costs no attempt.
    OurFault(String),
}

/// What to do with the delivery now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done.
    Delivered,
    /// Try again then. `counts` says whether this attempt counts against the limit.
    Retry {
        /// Not before.
        at: Timestamp,
        /// Whether an attempt was spent.
        counts: bool,
    },
    /// No further attempt.
    GivenUp {
        /// Where the delivery ends.
        end: End,
        /// Why, one sentence.
        reason: String,
        /// Whether the endpoint is to be suspended with it, for the same reason.
        suspend: bool,
    },
}

/// Where a delivery ends that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Kept apart for inspection and resend.
    Diverted,
    /// Kept only as history.
    Failed,
}

/// Decides. `spent` counts the attempts that counted, this one included; `jitter` is in `[0, 1)` and only ever adds, at most a fifth of
/// the wait. `Retry-After` can put the next attempt off, up to a day, but never bring it forward.
#[must_use]
pub fn settle(policy: &Policy, spent: u32, outcome: &AttemptOutcome, now: Timestamp, jitter: f64) -> Settlement {
    let handling = &policy.failure_handling;
    let end = if handling.divert { End::Diverted } else { End::Failed };
    let (failure, retry_after) = match outcome {
        AttemptOutcome::Answered { status: 200..=299, .. } => return Settlement::Delivered,
        AttemptOutcome::Answered { status: 410, .. } => {
            let reason = "answered 410: the receiver does not want it any more".to_owned();
            return Settlement::GivenUp { end, reason, suspend: true };
        }
        // Not the receiver's doing, and to be put right here: never among what merely failed.
        AttemptOutcome::Refused(why) => return Settlement::GivenUp { end: End::Diverted, reason: why.clone(), suspend: false },
        AttemptOutcome::OurFault(_) => return Settlement::Retry { at: later(now, OUR_FAULT_WAIT, jitter), counts: false },
        AttemptOutcome::Answered { status, retry_after } => (Failure::Status(*status), *retry_after),
        AttemptOutcome::TimedOut => (Failure::Timeout, None),
        AttemptOutcome::ConnectionFailed(why) => (Failure::Connection(why), None),
    };
    if !handling.triggers.is_empty() && !handling.triggers.iter().any(|&trigger| failure.triggers(trigger)) {
        let reason = format!("{}, a failure that this endpoint does not retry", failure.words(policy));
        return Settlement::GivenUp { end, reason, suspend: false };
    }
    let Some(wait) = handling.retry.wait_after(spent) else {
        let (words, planned) = (failure.words(policy), handling.retry.waits.len());
        let reason = if usize::try_from(spent).is_ok_and(|spent| spent > planned) {
            format!("{words} when it was sent again, as attempt {spent}")
        } else {
            format!("{words}, and that was attempt {spent} of {planned}")
        };
        return Settlement::GivenUp { end, reason, suspend: handling.suspend };
    };
    let wait = wait.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER));
    Settlement::Retry { at: later(now, wait, jitter), counts: true }
}

/// A failure that may be tried again.
#[derive(Clone, Copy, Debug)]
enum Failure<'a> {
    Status(u16),
    Timeout,
    Connection(&'a str),
}

impl Failure<'_> {
    fn triggers(self, trigger: Trigger) -> bool {
        match self {
            Self::Status(status) => trigger.matches_status(status),
            Self::Timeout => trigger == Trigger::Timeout,
            Self::Connection(_) => trigger == Trigger::Connection,
        }
    }

    fn words(self, policy: &Policy) -> String {
        match self {
            Self::Status(status) => format!("answered {status}"),
            Self::Timeout => format!("{NO_ANSWER} {} ms", policy.timeout.as_millis()),
            Self::Connection(why) => format!("{NO_CONNECTION}: {why}"),
        }
    }
}

/// `now` plus the wait plus jitter; the end of time when that is past it.
fn later(now: Timestamp, wait: Duration, jitter: f64) -> Timestamp {
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    let extra = Duration::try_from_secs_f64(wait.as_secs_f64() * JITTER_SHARE * jitter).unwrap_or_default();
    let total = SignedDuration::try_from(wait.saturating_add(extra)).unwrap_or(SignedDuration::MAX);
    now.checked_add(total).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::*;
    use crate::delivery::{FailureHandling, Pattern, Retry};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn answered(status: u16) -> AttemptOutcome {
        AttemptOutcome::Answered { status, retry_after: None }
    }

    fn policy(triggers: &[Trigger], attempts: u32) -> Policy {
        let retry = Retry::new(Pattern::Linear, Some(Duration::from_secs(10)), Some(attempts)).unwrap();
        Policy {
            failure_handling: FailureHandling { triggers: triggers.to_vec(), retry, ..FailureHandling::default() },
            ..Policy::default()
        }
    }

    fn reason(settlement: &Settlement) -> &str {
        match settlement {
            Settlement::GivenUp { reason, .. } => reason,
            Settlement::Delivered | Settlement::Retry { .. } => panic!("{settlement:?}"),
        }
    }

    #[test]
    fn the_default_goes_through_the_schedule_and_then_diverts() {
        let mut now = at(0);
        let mut waits = Vec::new();
        for spent in 1..=9 {
            match settle(&Policy::default(), spent, &answered(500), now, 0.0) {
                Settlement::Retry { at, counts: true } => {
                    waits.push(at.as_second() - now.as_second());
                    now = at;
                }
                other @ (Settlement::Delivered | Settlement::Retry { .. } | Settlement::GivenUp { .. }) => panic!("{other:?}"),
            }
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(reason(&settle(&Policy::default(), 10, &answered(500), now, 0.0)), "answered 500, and that was attempt 10 of 10");
        assert_eq!(reason(&settle(&Policy::default(), 11, &answered(500), now, 0.0)), "answered 500 when it was sent again, as attempt 11");
    }

    #[test]
    fn only_2xx_is_success_and_410_is_final() {
        let settled = |status| settle(&Policy::default(), 1, &answered(status), at(0), 0.0);
        assert_eq!(settled(204), Settlement::Delivered);
        for status in [101, 301, 404, 500, 999] {
            assert_eq!(settled(status), Settlement::Retry { at: at(5), counts: true }, "{status}");
        }
        assert_eq!(reason(&settled(410)), "answered 410: the receiver does not want it any more");
    }

    #[test]
    fn failures_without_a_trigger_are_final() {
        let policy = policy(&[Trigger::ServerError, Trigger::Timeout, Trigger::Status(429)], 3);
        let settled = |outcome| settle(&policy, 1, &outcome, at(0), 0.0);
        let again = Settlement::Retry { at: at(10), counts: true };
        assert_eq!(settled(answered(503)), again);
        assert_eq!(settled(answered(429)), again);
        assert_eq!(settled(AttemptOutcome::TimedOut), again);
        assert_eq!(reason(&settled(answered(404))), "answered 404, a failure that this endpoint does not retry");
        let broken = settled(AttemptOutcome::ConnectionFailed("refused".to_owned()));
        assert_eq!(reason(&broken), "connection failed: refused, a failure that this endpoint does not retry");
        assert_eq!(
            reason(&settled(AttemptOutcome::Refused("`10.0.0.1` is a private address".to_owned()))),
            "`10.0.0.1` is a private address"
        );
    }

    #[test]
    fn retry_after_puts_off_but_never_brings_forward() {
        let settled = |seconds| {
            let outcome = AttemptOutcome::Answered { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
            settle(&policy(&[], 3), 1, &outcome, at(0), 0.0)
        };
        assert_eq!(settled(1), Settlement::Retry { at: at(10), counts: true });
        assert_eq!(settled(60), Settlement::Retry { at: at(60), counts: true });
        assert_eq!(settled(u64::MAX), Settlement::Retry { at: at(86_400), counts: true });
    }

    #[test]
    fn our_own_faults_spend_nothing_but_wait() {
        let outcome = AttemptOutcome::OurFault("no resolver".to_owned());
        assert_eq!(settle(&policy(&[], 1), 1, &outcome, at(0), 0.0), Settlement::Retry { at: at(30), counts: false });
    }

    #[test]
    fn what_follows_the_last_attempt_is_as_configured() {
        let outcomes = [answered(500), AttemptOutcome::TimedOut, AttemptOutcome::ConnectionFailed("reset".to_owned())];
        for (divert, suspend) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut policy = policy(&[], 2);
            (policy.failure_handling.divert, policy.failure_handling.suspend) = (divert, suspend);
            let expected = if divert { End::Diverted } else { End::Failed };
            let ends = |outcome: &AttemptOutcome, spent| match settle(&policy, spent, outcome, at(0), 0.0) {
                Settlement::GivenUp { end, suspend, .. } => Some((end, suspend)),
                Settlement::Delivered | Settlement::Retry { .. } => None,
            };
            for outcome in &outcomes {
                assert_eq!(ends(outcome, 1), None);
                assert_eq!(ends(outcome, 2), Some((expected, suspend)));
            }
            assert_eq!(ends(&answered(410), 1), Some((expected, true)), "410 suspends whatever is configured");
            assert_eq!(ends(&AttemptOutcome::Refused("private".to_owned()), 1), Some((End::Diverted, false)));
            policy.failure_handling.triggers = vec![Trigger::Timeout];
            let final_at_once = match settle(&policy, 1, &answered(500), at(0), 0.0) {
                Settlement::GivenUp { end, suspend, .. } => Some((end, suspend)),
                Settlement::Delivered | Settlement::Retry { .. } => None,
            };
            assert_eq!(final_at_once, Some((expected, false)), "it did not run out of attempts");
        }
    }

    fn outcomes() -> impl Strategy<Value = AttemptOutcome> {
        prop_oneof![
            (any::<u16>(), any::<Option<u64>>())
                .prop_map(|(status, after)| AttemptOutcome::Answered { status, retry_after: after.map(Duration::from_millis) }),
            Just(AttemptOutcome::TimedOut),
            Just(AttemptOutcome::ConnectionFailed("broken".to_owned())),
            Just(AttemptOutcome::Refused("private".to_owned())),
            Just(AttemptOutcome::OurFault("resolver".to_owned())),
        ]
    }

    fn triggers() -> impl Strategy<Value = Vec<Trigger>> {
        let one = prop_oneof![
            Just(Trigger::ClientError),
            Just(Trigger::ServerError),
            Just(Trigger::Timeout),
            Just(Trigger::Connection),
            (300_u16..600).prop_map(Trigger::Status),
        ];
        proptest::collection::vec(one, 0..3)
    }

    proptest! {
        #[test]
        fn attempts_stay_within_the_policy_and_times_never_before_the_schedule(
            triggers in triggers(), attempts in 1_u32..=100, spent in 1_u32..=200,
            outcome in outcomes(), now in any::<i32>(), jitter in any::<f64>(),
        ) {
            let policy = policy(&triggers, attempts);
            let now = at(now.into());
            match settle(&policy, spent, &outcome, now, jitter) {
                Settlement::Retry { at, counts } => {
                    let wait = if counts { policy.failure_handling.retry.wait_after(spent).unwrap() } else { OUR_FAULT_WAIT };
                    assert!(!counts || spent < attempts, "attempt {spent} of {attempts} was followed by another");
                    assert!(at >= now + wait, "{at} is before {now} + {wait:?}");
                    assert!(at <= now + MAX_RETRY_AFTER.mul_f64(1.0 + JITTER_SHARE), "{at} is too far from {now}");
                }
                Settlement::Delivered => assert!(matches!(outcome, AttemptOutcome::Answered { status: 200..=299, .. })),
                Settlement::GivenUp { reason, suspend, .. } => {
                    assert!(!reason.is_empty());
                    assert!(!suspend || matches!(outcome, AttemptOutcome::Answered { status: 410, .. }), "not asked to suspend");
                }
            }
        }
    }
}
