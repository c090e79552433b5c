//! How a source stands: as the log and the numbers tell it. Each change of state is logged once.

use std::sync::{Mutex, PoisonError};

use super::lsn::Lsn;
use crate::telemetry::{SourceNumbers, numbers};

/// How a source stands.
#[derive(Debug, Default)]
pub(super) struct Standing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    log_end: Lsn,
    applied: Lsn,
    /// Why it does not go on; `None`: it does.
    why: Option<String>,
    has_begun: bool,
}

impl Standing {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let up = state.has_begun && state.why.is_none();
        numbers().source().set(up, state.log_end.0.saturating_sub(state.applied.0));
    }

    pub(super) fn log_ends(&self, end: Lsn) {
        self.change(|state| state.log_end = state.log_end.max(end));
    }

    pub(super) fn applied(&self, through: Lsn) {
        self.change(|state| state.applied = through);
    }

    /// A transaction has been read that was committed then, in microseconds since 2000.
    #[expect(clippy::unused_self, reason = "whoever reads tells all of it here")]
    pub(super) fn read(&self, at_us: i64) {
        numbers().source().transaction(at_us);
    }

    #[expect(clippy::unused_self, reason = "whoever reads tells all of it here")]
    pub(super) fn skipped(&self) {
        numbers().source().skipped();
    }

    /// Rows are copied.
    pub(super) fn copying(&self) {
        self.change(|state| {
            if state.why.take().is_some() {
                tracing::info!("the first copy goes on");
            }
        });
    }

    pub(super) fn streaming(&self) {
        self.change(|state| {
            if !state.has_begun || state.why.take().is_some() {
                state.has_begun = true;
                tracing::info!("the source is read");
            }
        });
    }

    /// It does not go on.
    pub(super) fn stopped(&self, why: &str) {
        self.change(|state| {
            if state.why.as_deref() != Some(why) {
                SourceNumbers::error(numbers().source());
                tracing::error!(%why, "the source stands still until this is mended");
                state.why = Some(why.to_owned());
            }
        });
    }

    /// Another node reads it.
    pub(super) fn waiting(&self) {
        const WHY: &str = "another node reads it";
        self.change(|state| {
            if state.why.as_deref() != Some(WHY) {
                tracing::info!("another node reads the source; this one waits");
                state.why = Some(WHY.to_owned());
            }
        });
    }
}
