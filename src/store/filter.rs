//! Which rows a list is to have, and which part of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::DeliveryState;
use crate::ids::{EndpointId, MessageId, Sequence};

/// Names or words that a filter may have. Each is a condition of its own: a statement with many more would be larger than a database takes.
pub const MOST_WORDS: usize = 64;

/// Which messages.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Event type.
    pub event: Option<String>,
    /// Model and object id.
    pub model: Option<String>,
    /// Object id.
    pub object: Option<String>,
    /// When it was made.
    pub span: Span,
}

/// A part of time: from one moment on, until just before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Not earlier.
    #[serde(with = "milliseconds", default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Earlier than this.
    #[serde(with = "milliseconds", default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Which deliveries: all those of which everything that is said is true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryFilter {
    /// Event type.
    pub event: Option<String>,
    /// Endpoint.
    pub endpoint: Option<EndpointId>,
    /// One of these states; any when empty.
    pub states: Vec<DeliveryState>,
    /// Model.
    pub model: Option<String>,
    /// Object id.
    pub object: Option<String>,
    /// Message.
    pub message: Option<MessageId>,
    /// When it was made.
    pub span: Span,
    /// The status of the last answer, from the first to the last of each range.
    pub answered: Vec<(u16, u16)>,
    /// Text in the body that is sent or in one that was answered, letters of ASCII in either case.
    pub text: Vec<String>,
}

/// A part of the objects of a model, in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct IdPage<'a> {
    /// Those behind this one; from the first when `None`.
    pub after: Option<&'a str>,
    /// Only those that have not been saved since this position.
    pub older_than: Option<Sequence>,
    /// At most so many.
    pub limit: usize,
}

impl IdPage<'_> {
    /// The id and the position that are its bounds; no id is empty.
    pub(super) fn bounds(&self) -> (&str, i64) {
        (self.after.unwrap_or_default(), self.older_than.map_or(i64::MAX, |position| position.0))
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<Id> {
    /// Those older than this one; from the newest when `None`. Of a message, delivery or resend that is no longer there, those that were made
    /// until the end of its millisecond, so that none is left out.
    pub before: Option<Id>,
    /// At most so many.
    pub limit: usize,
}

/// The milliseconds since 1970 with which an id begins: those of its making, and so of what is no longer there.
pub(super) fn made_at(id: Uuid) -> i64 {
    i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX)
}

/// The place, a time and a row, before which a list goes on behind this id: where it was `found`, or else the end of its millisecond.
pub(super) fn place_of_cursor(found: Option<(i64, i64)>, id: Uuid) -> (i64, i64) {
    found.unwrap_or((made_at(id), i64::MAX))
}

/// The first stored time that is not before `at`, in milliseconds since 1970: what is finer is not stored.
pub(super) fn ceil_millisecond(at: Timestamp) -> i64 {
    let near = at.as_millisecond();
    if Timestamp::from_millisecond(near).is_ok_and(|stored| stored < at) { near.saturating_add(1) } else { near }
}

/// Times as the store has them. What is finer than a millisecond would be of no use: times of rows are not.
mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands it in so")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(super::ceil_millisecond).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let at = Option::<i64>::deserialize(deserializer)?;
        at.map(Timestamp::from_millisecond).transpose().map_err(serde::de::Error::custom)
    }
}
