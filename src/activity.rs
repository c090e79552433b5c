//! What goes on in a node, as events for whoever watches: the terminal of `dev`, and the inspector. Events are numbered, and those of one
//! save come in the order in which things happened: the save, then what is sent because of it. Lossy for slow watchers by design: the
//! store is the record, this is only the news. A feed that remembers its last events lets a watcher go on where it was cut off.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use crate::telemetry::Parent;

/// Events that a watcher may fall behind by. Their places take 1 MB, so that they are made for the first watcher.
const BACKLOG: usize = 4096;
/// The same of what is notable, which a node always watches: a quarter of a second of nothing but failed attempts.
const NOTABLE_BACKLOG: usize = 1024;
/// Events that a feed remembers: a page that was away for a few seconds under load misses nothing; about 1 MiB.
const REMEMBERED: usize = 2048;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number, from 1, growing by one.
    pub number: u64,
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
        /// What it made: each message with its event type.
        messages: Vec<(MessageId, Arc<str>)>,
        /// From its arrival until it was committed.
        took: Duration,
        /// What its client was doing.
        parent: Option<Parent>,
    },
    /// An attempt begins.
    Sending {
        /// Whose.
        tenant: Tenant,
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
        /// Whose.
        tenant: Tenant,
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
    /// The database that is read goes on, stands still, or has a row that is left out.
    Source {
        /// What it does.
        what: &'static str,
        /// What is wrong, and what to do about it.
        why: Option<Arc<str>>,
    },
    /// The first program is at work: from now on there is something to look at.
    Begun,
    /// The node is about to end.
    Stopping,
}

impl Activity {
    /// Whether somebody should hear of it even when all goes well otherwise.
    fn is_notable(&self) -> bool {
        match self {
            Self::Saved { .. } | Self::Sending { .. } | Self::Source { .. } | Self::Begun | Self::Stopping => false,
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
    /// Once somebody watches.
    all: Arc<OnceLock<broadcast::Sender<Event>>>,
    notable: broadcast::Sender<Event>,
    past: Arc<Mutex<Past>>,
    remembers: bool,
}

/// The events so far.
#[derive(Debug, Default)]
struct Past {
    /// The number of the last one.
    last: u64,
    /// The last ones, if the feed remembers.
    kept: VecDeque<Event>,
    stopping: bool,
}

/// What a watcher is given that was cut off and comes back.
#[derive(Debug)]
pub struct Resumed {
    /// What it has missed; `None` when that is not known any more, and everything has to be looked up.
    pub missed: Option<Vec<Event>>,
    /// The number of the last event before `news`.
    pub last: u64,
    /// What comes from now on.
    pub news: broadcast::Receiver<Event>,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Feed {
    /// A feed that remembers its last events for whoever comes back: for a node with an inspector.
    #[must_use]
    pub fn remembering() -> Self {
        Self::new(true)
    }

    fn new(remembers: bool) -> Self {
        Self { all: Arc::default(), notable: broadcast::Sender::new(NOTABLE_BACKLOG), past: Arc::default(), remembers }
    }

    fn all(&self) -> &broadcast::Sender<Event> {
        self.all.get_or_init(|| broadcast::Sender::new(BACKLOG))
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the node has an inspector: then what it shows is kept, the saves as they came and the signatures as they were sent.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.remembers
    }

    /// Whether anybody watches everything; what is costly to say and not notable need not be said otherwise.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.remembers || self.all.get().is_some_and(|all| all.receiver_count() > 0)
    }

    /// Whether the node is about to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.past().stopping
    }

    /// The number of the last event.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.past().last
    }

    /// Tells whoever watches.
    pub fn tell(&self, at: Timestamp, what: Activity) {
        // Sent while the numbers are held: everybody hears of everything in the same order.
        let mut past = self.past();
        past.last += 1;
        past.stopping |= matches!(what, Activity::Stopping);
        let event = Event { number: past.last, at, what };
        if self.remembers {
            if past.kept.len() == REMEMBERED {
                past.kept.pop_front();
            }
            past.kept.push_back(event.clone());
        }
        if event.what.is_notable() && self.notable.receiver_count() > 0 {
            drop(self.notable.send(event.clone()));
        }
        if let Some(all) = self.all.get() {
            drop(all.send(event));
        }
    }

    /// Watches everything from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.all().subscribe()
    }

    /// Watches everything after the event of this number.
    #[must_use]
    pub fn resume(&self, after: u64) -> Resumed {
        let past = self.past();
        let first_kept = past.last + 1 - past.kept.len() as u64;
        let known = (first_kept..=past.last + 1).contains(&after.saturating_add(1));
        let missed = known.then(|| past.kept.iter().filter(|event| event.number > after).cloned().collect());
        Resumed { missed, last: past.last, news: self.all().subscribe() }
    }

    /// Watches from now on what is notable: failed attempts and reloads.
    #[must_use]
    pub fn watch_notable(&self) -> broadcast::Receiver<Event> {
        self.notable.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_misses_nothing_or_is_told_that_it_has() {
        let feed = Feed::remembering();
        let tell = || feed.tell(Timestamp::UNIX_EPOCH, Activity::Reloaded { lines: Arc::from(Vec::new()), live: true });
        assert_eq!(feed.resume(0).missed.map(|missed| missed.len()), Some(0));
        for _ in 0..10 {
            tell();
        }
        let numbers = |after| feed.resume(after).missed.map(|missed| missed.iter().map(|event| event.number).collect::<Vec<_>>());
        assert_eq!(numbers(7), Some(vec![8, 9, 10]));
        assert_eq!(numbers(10), Some(vec![]));
        assert_eq!(numbers(11), None, "a number of another process");
        for _ in 0..REMEMBERED {
            tell();
        }
        assert_eq!(numbers(9), None, "it fell out");
        assert_eq!(numbers(10).map(|missed| missed.len()), Some(REMEMBERED));
    }

    #[test]
    fn a_feed_that_remembers_nothing_knows_only_who_missed_nothing() {
        let feed = Feed::default();
        feed.tell(Timestamp::UNIX_EPOCH, Activity::Stopping);
        assert!(feed.resume(0).missed.is_none() && feed.resume(1).missed.is_some() && feed.is_stopping());
    }
}
