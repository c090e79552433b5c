//! What retention may remove, as plain values: times before which things must have ended, and what a sweep has removed. Never removed,
//! whatever their age: deliveries that are not settled with their messages, requests and attempts; objects; ready marks; waits.

use jiff::Timestamp;

use crate::store::DeliveryState;

/// Everything that ended before these times may go; `None` keeps it for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cutoffs {
    /// Delivered deliveries, by the time they were settled, with their requests and attempts.
    pub delivered: Option<Timestamp>,
    /// Diverted ones, likewise.
    pub diverted: Option<Timestamp>,
    /// Failed ones, likewise.
    pub failed: Option<Timestamp>,
    /// Messages without any delivery left, by the time they were made, with their payloads.
    pub messages: Option<Timestamp>,
    /// Traces of saves. The trace of a deletion stays as long as there are messages about the object.
    pub traces: Option<Timestamp>,
    /// Keys that were replaced, by the end of their grace time.
    pub retired_keys: Option<Timestamp>,
    /// Entries of the audit log.
    pub audit: Option<Timestamp>,
}

impl Cutoffs {
    /// Before which time a delivery in this state must have been settled to go; `None` if it stays whatever its age.
    pub(super) fn of(&self, state: DeliveryState) -> Option<Timestamp> {
        match state {
            DeliveryState::Pending | DeliveryState::Sending => None,
            DeliveryState::Delivered => self.delivered,
            DeliveryState::Diverted => self.diverted,
            DeliveryState::Failed => self.failed,
        }
    }
}

/// How many rows a sweep has removed, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Delivered deliveries.
    pub delivered: u64,
    /// Diverted ones.
    pub diverted: u64,
    /// Failed ones.
    pub failed: u64,
    /// Messages.
    pub messages: u64,
    /// Traces of saves.
    pub traces: u64,
    /// Replaced keys.
    pub retired_keys: u64,
    /// Entries of the audit log.
    pub audit: u64,
}

impl Removed {
    /// Counts deliveries that were in this state.
    pub(super) fn count(&mut self, state: DeliveryState, deliveries: u64) {
        match state {
            // They are never removed.
            DeliveryState::Pending | DeliveryState::Sending => {}
            DeliveryState::Delivered => self.delivered += deliveries,
            DeliveryState::Diverted => self.diverted += deliveries,
            DeliveryState::Failed => self.failed += deliveries,
        }
    }

    /// Whether there was nothing to remove.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.diverted += other.diverted;
        self.failed += other.failed;
        self.messages += other.messages;
        self.traces += other.traces;
        self.retired_keys += other.retired_keys;
        self.audit += other.audit;
    }
}

/// How far a sweep has come: it goes through the deliveries, the messages and the traces, each from the oldest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub(super) stage: Stage,
    /// The tenant in hand, where the rows of each are looked through for themselves.
    pub(super) tenant: i64,
    /// The last row that was looked at.
    pub(super) after: i64,
}

/// The parts of a sweep, in their order: a message can go only after its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Deliveries,
    Messages,
    Traces,
    RetiredKeys,
    Audit,
}

impl Sweep {
    /// The beginning.
    pub const START: Self = Self { stage: Stage::Deliveries, tenant: 0, after: 0 };

    /// The beginning of the next part; `None` at the end.
    pub(super) fn next_stage(self) -> Option<Self> {
        let begin = |stage| Some(Self { stage, tenant: 0, after: 0 });
        match self.stage {
            Stage::Deliveries => begin(Stage::Messages),
            Stage::Messages => begin(Stage::Traces),
            Stage::Traces => begin(Stage::RetiredKeys),
            Stage::RetiredKeys => begin(Stage::Audit),
            Stage::Audit => None,
        }
    }
}
