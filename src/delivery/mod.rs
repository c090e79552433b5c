//! What happens to a delivery after an attempt: (policy, attempts so far, outcome, now, jitter) → verdict. And signatures. Pure: no
//! clock, no sockets; the worker performs what is decided here.

mod settle;

mod duration;
mod policy;
mod schedule;

mod sign;

pub use duration::{DurationError, parse_duration};
pub use policy::{FailureHandling, Policy, Trigger, TriggerError};
pub use schedule::{Pattern, PatternError, Retry, RetryError};
pub use settle::{AttemptOutcome, Settlement, settle};
pub use sign::{Earlier, Key, KeyError, ParseKeyError, RsaKey, Secret, SecretError, Signer, SigningKey, SigningKeyError};
