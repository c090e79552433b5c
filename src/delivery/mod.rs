//! What happens to a delivery after an attempt: (policy, attempts so far, outcome, now, jitter) → verdict. And the request
//! itself: what was rendered, with its secrets and signatures. Pure: no
//! clock, no sockets; the worker performs what is decided here.

mod request;
mod settle;

mod fill;

mod duration;
mod policy;
mod schedule;

mod sign;

pub use duration::{DurationError, parse_duration};
pub use fill::Secrets;
pub use policy::{FailureHandling, Policy, Trigger, TriggerError};
pub use request::{Frozen, Keys, Request, request};
pub use schedule::{Pattern, PatternError, Retry, RetryError};
pub use settle::{AttemptOutcome, Settlement, settle};
pub use sign::{KeyError, RsaKey, Secret, SecretError, Signer};
