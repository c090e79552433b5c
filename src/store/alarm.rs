//! What an alert endpoint is told, as far as the store has a part in it: only the store knows whether an endpoint was suspended just now
//! or before, and the message must be committed with what caused it.

use std::fmt;

use jiff::Timestamp;

use crate::ids::Sequence;
use crate::store::NewMessage;

/// What has happened to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// The first of its deliveries was diverted since it last took one.
    Diverted,
    /// The first of its deliveries has failed since it last took one.
    Failed,
    /// It was suspended.
    Suspended,
    /// It took a delivery, after trouble that was told.
    Recovered,
}

/// Makes the message of an alert. Called on the store's own thread, inside the transaction: nothing here may wait.
pub trait Alarm: Send + Sync + fmt::Debug {
    /// The message, which has this position; `None` when there is nobody to tell. `why` is one sentence, empty for a recovery.
    fn message(&self, alert: Alert, why: &str, at: Timestamp, sequence: Sequence) -> Option<NewMessage>;
}
