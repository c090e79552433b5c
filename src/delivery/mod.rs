//! What happens to a delivery after an attempt: (policy, attempts so far, outcome, now, jitter) → verdict; how fast an endpoint may be
//! called. And the request itself: what was rendered, with its secrets and signatures. Pure: no clock, no sockets; the worker performs
//! what is decided here.

mod request;
mod settle;

mod destination;
mod fill;

mod duration;
mod pace;
mod policy;
mod rate;
mod schedule;

mod timing;

mod sign;

pub use destination::Destination;
pub use duration::{DurationError, parse_duration};
pub use fill::{OwnSecrets, Secrets};
pub use pace::Pace;
pub use policy::{FailureHandling, Policy, Trigger, TriggerError};
pub use rate::{Bucket, Rate, RateError};
pub use request::{Filling, Frozen, Keys, Request, request};
pub use schedule::{MAX_ATTEMPTS, Pattern, PatternError, Retry, RetryError};
pub use settle::{AttemptOutcome, End, NO_ANSWER, NO_CONNECTION, Settlement, TOO_LATE, settle};
pub use sign::{
    Checked, Diagnosis, Earlier, Key, KeyError, KeyName, Occasion, ParseKeyError, Received, RsaKey, Scheme, Secret, SecretError, Signature,
    Signer, SigningKey, SigningKeyError, ToldError, Verdict, Verifier, diagnose,
};
pub use timing::Timing;
