//! How a source stands: for the log, the numbers, and whoever looks at the node. Each change of state is logged once.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::lsn::Lsn;
use crate::activity::{Activity, Feed};
use crate::telemetry::numbers;
use crate::time::{Clock as _, SystemClock};

/// Microseconds from 1970 to 2000, from which the database counts.
const EPOCH_US: i64 = 946_684_800_000_000;

/// What follows when a source stands still.
const GOES_ON: &str = "it goes on by itself when this is mended, and saves are taken by the API meanwhile";

/// What a source does at present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceState {
    /// It has not been reached yet.
    #[default]
    Starting,
    /// This node copies the rows that are there, before it reads.
    Copying,
    /// This node reads it.
    Reading,
    /// Another node of the store does.
    Waiting,
    /// It stands still, and why.
    Stopped(String),
}

impl SourceState {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Copying => "copying",
            Self::Reading => "reading",
            Self::Waiting => "waiting",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// How much of a source has not been taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SourceLag {
    /// Of its log.
    pub bytes: u64,
    /// Since when, in seconds: since the oldest transaction that is known and not taken in was committed; of a source that cannot be read, since
    /// nothing was missing.
    pub seconds: f64,
}

/// How far the copy is that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyProgress {
    /// The table whose rows are copied.
    pub table: String,
    /// Rows so far, of all tables.
    pub rows: u64,
    /// Rows that there are, as far as the database knows.
    pub about: Option<u64>,
}

impl fmt::Display for CopyProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rows, about } = self;
        match about {
            Some(about) if about >= rows => write!(f, "{rows} of about {about} rows, {table}"),
            Some(_) | None => write!(f, "{rows} rows, {table}"),
        }
    }
}

/// How a source stands.
#[derive(Debug)]
pub struct Standing {
    inner: Mutex<Inner>,
    /// Hears of each change of state.
    feed: Feed,
}

#[derive(Debug)]
struct Inner {
    state: SourceState,
    copy: Option<CopyProgress>,
    log_end: Lsn,
    applied: Lsn,
    /// When the oldest transaction was committed that is not taken in.
    behind_since: Option<Timestamp>,
    /// When nothing was missing, as far as could be known.
    caught_up_at: Timestamp,
}

impl Default for Standing {
    fn default() -> Self {
        let (state, caught_up_at) = (SourceState::default(), SystemClock.now());
        let inner = Inner { state, copy: None, log_end: Lsn::default(), applied: Lsn::default(), behind_since: None, caught_up_at };
        Self { inner: Mutex::new(inner), feed: Feed::default() }
    }
}

impl Standing {
    /// One of which whoever watches the feed hears.
    #[must_use]
    pub fn told(feed: &Feed) -> Self {
        Self { feed: feed.clone(), ..Self::default() }
    }

    /// What it does, and how far it is behind. Tells the numbers, too: they are looked at far less often than they change.
    pub fn look(&self) -> (SourceState, SourceLag) {
        let (state, lag, copy) = self.change(|inner| (inner.state.clone(), inner.lag(), inner.copy.clone()));
        numbers().source().set(state == SourceState::Reading, lag.bytes, lag.seconds);
        numbers().source().copy_rows(copy.map_or(0, |copy| copy.about.unwrap_or_default().max(copy.rows)));
        (state, lag)
    }

    /// How far the copy is that this node makes, also while it stands still.
    pub fn copy(&self) -> Option<CopyProgress> {
        self.change(|inner| inner.copy.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn log_ends(&self, end: Lsn) {
        self.change(|inner| inner.log_end = inner.log_end.max(end));
    }

    /// A transaction begins to be read that was committed then, in microseconds since 2000.
    pub(super) fn begins(&self, at_us: i64) {
        self.change(|inner| inner.behind_since = inner.behind_since.or_else(|| instant(at_us)));
    }

    /// Everything up to there is taken in, and the transaction that is being read, if one is, was committed then.
    pub(super) fn applied(&self, through: Lsn, open_at_us: Option<i64>) {
        self.change(|inner| {
            inner.applied = through;
            inner.behind_since = open_at_us.and_then(instant);
            inner.caught_up_at = SystemClock.now();
        });
    }

    /// A transaction has been read that was committed then.
    #[expect(clippy::unused_self, reason = "whoever reads tells all of it here")]
    pub(super) fn read(&self, at_us: i64) {
        if let Some(at) = instant(at_us) {
            numbers().source().transaction(at);
        }
    }

    /// So many changes have been taken in.
    #[expect(clippy::unused_self, reason = "whoever reads tells all of it here")]
    pub(super) fn taken(&self, count: usize) {
        numbers().source().changes(count);
    }

    /// A row is left out.
    pub(super) fn skipped(&self, why: &str) {
        tracing::error!(%why, "a row of the source was left out");
        numbers().source().skipped();
        self.feed.tell(SystemClock.now(), Activity::Source { what: "a row was left out", why: Some(why.into()) });
    }

    /// The copy is so far, by so many rows more.
    pub(super) fn copied(&self, progress: CopyProgress, more: u64) {
        numbers().source().copied(&progress.table, more);
        self.change(|inner| inner.copy = Some(progress));
    }

    /// There is no copy under way any more: it is made, or broken off.
    pub(super) fn copy_ends(&self) {
        self.change(|inner| inner.copy = None);
    }

    /// The rows that are there are copied.
    pub(super) fn copying(&self) {
        let before = self.becomes(SourceState::Copying);
        if matches!(before, Some(SourceState::Stopped(_))) {
            tracing::info!("the copy goes on");
        }
    }

    pub(super) fn streaming(&self) {
        if self.becomes(SourceState::Reading).is_some() {
            tracing::info!("the source is read");
        }
    }

    /// It does not go on.
    pub(super) fn stopped(&self, why: &str) {
        if self.becomes(SourceState::Stopped(why.to_owned())).is_some() {
            numbers().source().error();
            tracing::error!(%why, "the source stands still until this is mended");
        }
    }

    /// Another node reads it.
    pub(super) fn waiting(&self) {
        if self.becomes(SourceState::Waiting).is_some() {
            tracing::info!("another node reads the source; this one waits");
        }
    }

    /// What it did before, when that was something else.
    fn becomes(&self, state: SourceState) -> Option<SourceState> {
        let (before, news) = self.change(|inner| {
            let news = state.news(&inner.state);
            let before = std::mem::replace(&mut inner.state, state);
            (before != inner.state).then_some((before, news))
        })?;
        self.feed.tell(SystemClock.now(), news);
        Some(before)
    }
}

impl SourceState {
    /// What is new when it was something else before.
    fn news(&self, before: &Self) -> Activity {
        let what = match (self, before) {
            (Self::Reading, Self::Stopped(_)) => "goes on: the database is read",
            (Self::Reading, _) => "the database is read",
            (Self::Copying, Self::Stopped(_)) => "goes on: the rows that are there are copied",
            (Self::Copying, _) => "the rows that are there are copied first",
            (Self::Waiting, _) => "another node reads the database; this one waits",
            (Self::Stopped(_), _) => "stands still",
            (Self::Starting, _) => "begins",
        };
        let why = match self {
            Self::Stopped(why) => Some(format!("{why}; {GOES_ON}").into()),
            Self::Starting | Self::Copying | Self::Reading | Self::Waiting => None,
        };
        Activity::Source { what, why }
    }
}

impl Inner {
    fn lag(&self) -> SourceLag {
        let since = match &self.state {
            // How far another node is, that one knows.
            SourceState::Waiting => return SourceLag::default(),
            SourceState::Reading => self.behind_since,
            SourceState::Starting | SourceState::Copying | SourceState::Stopped(_) => Some(self.behind_since.unwrap_or(self.caught_up_at)),
        };
        let seconds = since.map_or(0.0, |since| SystemClock.now().duration_since(since).as_secs_f64().max(0.0));
        SourceLag { bytes: self.log_end.0.saturating_sub(self.applied.0), seconds }
    }
}

fn instant(at_us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(at_us.checked_add(EPOCH_US)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_from_the_oldest_commit_that_is_not_taken_in() {
        let standing = Standing::default();
        let ago = |seconds: i64| SystemClock.now().as_microsecond() - EPOCH_US - seconds * 1_000_000;
        standing.streaming();
        assert_eq!(standing.look(), (SourceState::Reading, SourceLag::default()));
        standing.log_ends(Lsn(500));
        standing.begins(ago(60));
        standing.begins(ago(10));
        let (_, lag) = standing.look();
        assert!(lag.bytes == 500 && (60.0..70.0).contains(&lag.seconds), "{lag:?}");
        standing.applied(Lsn(300), Some(ago(10)));
        let (_, lag) = standing.look();
        assert!(lag.bytes == 200 && (10.0..20.0).contains(&lag.seconds), "{lag:?}");
        standing.stopped("a reason");
        assert_eq!(standing.look().0, SourceState::Stopped("a reason".to_owned()));
        assert!(standing.look().1.seconds >= 10.0);
        standing.waiting();
        assert_eq!(standing.look(), (SourceState::Waiting, SourceLag::default()));
        standing.applied(Lsn(500), None);
        standing.streaming();
        assert_eq!(standing.look().1, SourceLag::default());
    }
}
