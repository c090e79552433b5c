//! What the store gives back, as plain values.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::Timing;
use crate::ids::{DeliveryId, EndpointId, LaneId, MessageId, ProgramId, Sequence, Tenant};
use crate::store::Alarm;
use crate::template::RenderedText;

/// A stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its id.
    pub id: Box<str>,
    /// The save that made it what it is.
    pub sequence: Sequence,
    /// RFC 3339 in UTC.
    pub updated_at: Box<str>,
    /// Stored form, see [`Record::to_stored`](crate::program::Record::to_stored).
    pub json: Box<str>,
}

/// A message: one firing.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// The webhook's effective name.
    pub event: Box<str>,
    /// The object's model.
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// `create`, `update`, `delete`.
    pub operation: Box<str>,
    /// The save.
    pub sequence: Sequence,
    /// When.
    pub created_at: Timestamp,
    /// The default body; empty in lists.
    pub payload: Bytes,
}

/// Where a delivery is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Due at some time.
    Pending,
    /// Claimed by a worker.
    Sending,
    /// Answered with success.
    Delivered,
    /// Given up, kept for inspection and resend.
    Diverted,
    /// Given up, and not to be kept apart.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Sending, Self::Delivered, Self::Diverted, Self::Failed];

    /// The word in API and store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Diverted => "diverted",
            Self::Failed => "failed",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A delivery: a message to an endpoint.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Its message.
    pub message: MessageId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The webhook's effective name.
    pub event: Box<str>,
    /// The object's model.
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// The save.
    pub sequence: Sequence,
    /// Where it is.
    pub state: DeliveryState,
    /// Not before, when pending.
    pub due_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// Status of the last answer.
    pub last_status: Option<u16>,
    /// Why it is given up, or why the last attempt failed.
    pub reason: Option<Box<str>>,
    /// The method.
    pub method: Box<str>,
    /// The URL, secrets as placeholders.
    pub url: RenderedText,
    /// Headers, secrets as placeholders.
    pub headers: Vec<(Box<str>, RenderedText)>,
    /// The media type of a body of its own; `None` for the message's payload, JSON.
    pub content_type: Option<Box<str>>,
    /// The body that is sent; empty in lists.
    pub body: Bytes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it reached its final state.
    pub settled_at: Option<Timestamp>,
}

/// One attempt, as recorded.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// The whole exchange.
    pub took: Duration,
    /// Where that time went.
    pub timing: Timing,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why there was no answer, or no success.
    pub error: Option<Box<str>>,
    /// The answer's headers as JSON: a list of pairs.
    pub response_headers: Option<Box<str>>,
    /// The start of the answer's body, at most 64 KiB.
    pub response_body: Option<Bytes>,
    /// The header `webhook-signature` as it was sent, where it is kept.
    pub signature: Option<Box<str>>,
}

/// The way of one tenant's deliveries to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Which.
    pub id: LaneId,
    /// Whose deliveries.
    pub tenant: Tenant,
    /// To whom.
    pub endpoint: EndpointId,
}

/// Lanes with something due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The lanes, the one that has waited longest first.
    pub lanes: Vec<Lane>,
    /// Where the next part of the list begins; `None` at its end.
    pub after: Option<(i64, LaneId)>,
    /// When the next lane has something due.
    pub next: Option<Timestamp>,
}

/// How many deliveries to claim, by how long they have been due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of those that have been due the longest.
    pub oldest: usize,
    /// Of those that came due last, so that what is fresh does not wait for a backlog.
    pub newest: usize,
}

impl Share {
    /// Both together.
    #[must_use]
    pub fn total(self) -> usize {
        self.oldest + self.newest
    }
}

/// What the store knows of an endpoint that something was ever made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    /// Which.
    pub endpoint: EndpointId,
    /// When it was suspended, and why; `None` when it is not.
    pub suspended: Option<(Timestamp, Box<str>)>,
}

/// That an endpoint is to be suspended.
#[derive(Clone, Debug)]
pub struct Suspension {
    /// When.
    pub at: Timestamp,
    /// Why, one sentence.
    pub why: Box<str>,
    /// Who is told; `None`: nobody.
    pub alarm: Option<Arc<dyn Alarm>>,
}

/// The row in which a store keeps a delivery that was claimed: it is found again there, without a search for its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub i64);

/// A delivery in a worker's hands.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its lane.
    pub lane: LaneId,
    /// Whose.
    pub tenant: Tenant,
    /// The delivery.
    pub id: DeliveryId,
    /// Where the store keeps it.
    pub slot: Slot,
    /// Its message, sent as `webhook-id`.
    pub message: MessageId,
    /// The event type.
    pub event: Box<str>,
    /// The save, sent as `webhook-sequence`.
    pub sequence: Sequence,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Attempts before this one.
    pub attempts: u32,
    /// Of those, the ones that counted.
    pub spent: u32,
    /// Must still be the row's when the attempt is recorded.
    pub fence: i64,
    /// Nobody else takes it before this time.
    pub lease_until: Timestamp,
    /// The node that has claimed it; 0 where there is only one.
    pub node: i64,
    /// Whether later deliveries about its object may wait for it.
    pub ordered: bool,
    /// The method.
    pub method: Box<str>,
    /// The URL.
    pub url: RenderedText,
    /// Headers.
    pub headers: Arc<[(Box<str>, RenderedText)]>,
    /// The body.
    pub body: Bytes,
    /// Its content type.
    pub content_type: Box<str>,
}

/// A finished attempt to record.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// Whose.
    pub tenant: Tenant,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Where the store keeps it.
    pub slot: Slot,
    /// The fence it was claimed with.
    pub fence: i64,
    /// Whether later deliveries about its object may wait for it.
    pub ordered: bool,
    /// What happened.
    pub attempt: AttemptRow,
    /// What follows.
    pub then: Settled,
    /// Whether the endpoint is suspended, for the reason for which the delivery was given up.
    pub suspend: bool,
    /// Who is told; `None`: nobody.
    pub alarm: Option<Arc<dyn Alarm>>,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Success.
    Delivered,
    /// Due again.
    Pending {
        /// Not before.
        at: Timestamp,
        /// Whether the attempt counts against the limit.
        counts: bool,
    },
    /// Given up, kept for inspection and resend: why.
    Diverted(String),
    /// Given up: why.
    Failed(String),
}

/// Why webhooks fired or not at one save.
#[derive(Clone, Debug)]
pub struct TraceRow {
    /// The save.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// `create`, `update`, `delete`.
    pub operation: Box<str>,
    /// The decisions as JSON, a list.
    pub decisions: Box<str>,
    /// The program that decided, where that is known.
    pub program: Option<ProgramId>,
}

/// A key that is made once and kept.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptKey {
    /// Its bytes.
    pub material: Vec<u8>,
    /// What was in force before, the newest first.
    pub retired: Vec<RetiredKey>,
}

impl std::fmt::Debug for KeptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptKey").field("retired", &self.retired).finish_non_exhaustive()
    }
}

/// A key that was in force before the present one.
#[derive(Clone, PartialEq, Eq)]
pub struct RetiredKey {
    /// Its bytes.
    pub material: Vec<u8>,
    /// The end of its grace time.
    pub until: Timestamp,
}

impl std::fmt::Debug for RetiredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetiredKey").field("until", &self.until).finish_non_exhaustive()
    }
}
