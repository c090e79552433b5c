//! What goes on in a node, as events for whoever watches: the terminal of `dev`, later the inspector. Lossy for slow watchers by
//! design: the store is the record, this is only the news.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};

/// Events that a watcher may fall behind by.
const BACKLOG: usize = 4096;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Activity,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Activity {
    /// A save was committed.
    Saved {
        /// Whose.
        tenant: Tenant,
        /// The model's name.
        model: Arc<str>,
        /// The object's id.
        object: Arc<str>,
        /// `create`, `update`, `delete`.
        operation: &'static str,
        /// Its position.
        sequence: Sequence,
        /// Each webhook looked at.
        decisions: Vec<Decided>,
    },
    /// An attempt begins.
    Sending {
        /// The delivery.
        delivery: DeliveryId,
        /// Its message.
        message: MessageId,
        /// The receiver.
        endpoint: EndpointId,
        /// The method.
        method: Arc<str>,
        /// The URL, secrets masked.
        url: Arc<str>,
        /// From 1.
        attempt: u32,
    },
    /// An attempt ended.
    Answered {
        /// The delivery.
        delivery: DeliveryId,
        /// The status, or `None` with the reason in `note`.
        status: Option<u16>,
        /// How long the exchange took.
        took: Duration,
        /// Why it failed and what follows: `connection refused · retry in 5 s`. Empty when delivered.
        note: Arc<str>,
    },
    /// The files changed and were compiled.
    Reloaded {
        /// The outcome in lines ready to show, the first one short.
        lines: Arc<[String]>,
        /// Whether the new program is live.
        live: bool,
    },
}

impl Activity {
    /// Whether somebody should hear of it even when all goes well otherwise.
    fn is_notable(&self) -> bool {
        match self {
            Self::Saved { .. } | Self::Sending { .. } => false,
            Self::Answered { note, .. } => !note.is_empty(),
            Self::Reloaded { .. } => true,
        }
    }
}

/// A decision as people read it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The event type.
    pub webhook: Arc<str>,
    /// Whether it fired.
    pub fired: bool,
    /// Why not: `asset_photo is present, needs uploaded`. Empty when it fired.
    pub why: String,
}

/// Where events go and come from: all of them, and apart from them those that even a quiet log has.
#[derive(Clone, Debug)]
pub struct Feed {
    all: broadcast::Sender<Event>,
    notable: broadcast::Sender<Event>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { all: broadcast::Sender::new(BACKLOG), notable: broadcast::Sender::new(BACKLOG) }
    }
}

impl Feed {
    /// Whether anybody watches everything; what is costly to say and not notable need not be said otherwise.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.all.receiver_count() > 0
    }

    /// Tells whoever watches.
    pub fn tell(&self, at: Timestamp, what: Activity) {
        let event = Event { at, what };
        if event.what.is_notable() && self.notable.receiver_count() > 0 {
            drop(self.notable.send(event.clone()));
        }
        drop(self.all.send(event));
    }

    /// Watches everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.all.subscribe()
    }

    /// Watches from now on what is notable: failed attempts and reloads.
    #[must_use]
    pub fn watch_notable(&self) -> broadcast::Receiver<Event> {
        self.notable.subscribe()
    }
}
