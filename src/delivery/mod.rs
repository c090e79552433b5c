//! What happens to a delivery after an attempt: (policy, attempts so far, outcome, now, jitter) → verdict. And signatures. Pure: no
//! clock, no sockets; the worker performs what is decided here.

mod sign;

pub use sign::Signer;

use std::time::Duration;

use jiff::Timestamp;

/// How an endpoint is called, and what happens when that fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Deadline of the whole exchange: connect, headers, body.
    pub timeout: Duration,
    /// Requests under way at once.
    pub concurrency: u32,
    /// Whether the `journey` signature headers are added to the Standard Webhooks ones.
    pub journey: bool,
    /// Which failures are retried, when, and what follows the last.
    pub failure_handling: FailureHandling,
}

impl Default for Policy {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(15), concurrency: 16, journey: false, failure_handling: FailureHandling::default() }
    }
}

/// What to do about failures (RUNTIME §3).
#[derive(Clone, Debug, PartialEq)]
pub struct FailureHandling {
    /// The failures it applies to; any other is final at once. Empty: all.
    pub triggers: Vec<Trigger>,
    /// When to try again.
    pub retry: Retry,
}

impl Default for FailureHandling {
    fn default() -> Self {
        Self { triggers: Vec::new(), retry: Retry::default() }
    }
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Any 4xx answer.
    ClientError,
    /// Any 5xx answer.
    ServerError,
    /// The deadline passed.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// This answer.
    Status(u16),
}

/// When to try again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// The wait before each attempt, the first one included.
    pub waits: Vec<Duration>,
}

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
    /// Given up; kept for inspection and resend.
    Diverted {
        /// Why, one sentence.
        reason: String,
    },
}

impl Default for Retry {
    fn default() -> Self {
        Self { waits: Vec::new() }
    }
}

/// Decides. `spent` counts the attempts that counted, this one included; `jitter` is in `[0, 1)` and only ever adds.
#[must_use]
pub fn settle(_policy: &Policy, _spent: u32, _outcome: &AttemptOutcome, _now: Timestamp, _jitter: f64) -> Settlement {
    Settlement::Delivered
}
