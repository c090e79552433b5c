//! What happens to a delivery after an attempt: (policy, attempts so far, outcome, now, jitter) → verdict; how fast an endpoint may be called. And signatures. Pure:
//! no clock, no sockets; the worker performs what is decided here.

mod settle;

mod duration;
mod pace;
mod policy;
mod rate;
mod schedule;

mod sign;

pub use duration::{DurationError, parse_duration};
pub use pace::Pace;
pub use policy::{FailureHandling, Policy, Trigger, TriggerError};
pub use rate::{Bucket, Rate, RateError};
pub use schedule::{Pattern, PatternError, Retry, RetryError};
pub use settle::{AttemptOutcome, End, Settlement, settle};
pub use sign::{Earlier, Key, KeyError, ParseKeyError, RsaKey, Secret, SecretError, Signer, SigningKey, SigningKeyError};
