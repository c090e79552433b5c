//! The built-in receiver of `webhookc dev`: what it has been told to answer, how often each path and message has come, and the last
//! requests, all in bounded memory. Absent: HTTP, which is `api/sink.rs`.

mod answer;
mod counts;
mod log;

pub(super) use answer::{Answer, AnswerError};
pub(super) use log::{Entry, LONGEST_BODY, Signatures};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use counts::Counts;
use log::Log;

/// Paths that may be told how to answer: more than anybody tries at a time.
const MOST_TOLD: usize = 100;

/// What the receiver remembers.
#[derive(Debug, Default)]
pub(super) struct Sink(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: BTreeMap<String, Answer>,
    counts: Counts,
    log: Log,
}

/// More paths have been told how to answer than may be.
#[derive(Debug, thiserror::Error)]
#[error("{MOST_TOLD} paths have been told how to answer already, expected fewer")]
pub(super) struct TooMany;

/// How often a request has come, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Requests to the path.
    pub(super) of_path: u64,
    /// Requests to the path with the same `webhook-id`.
    pub(super) of_message: u64,
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and says how its path has been told to answer.
    pub(super) fn arrive(&self, path: &str, message: &str) -> (Turn, Option<Answer>) {
        let mut state = self.lock();
        let turn = state.counts.count(path, message);
        (turn, state.told.get(path).cloned())
    }

    /// Remembers a request.
    pub(super) fn remember(&self, entry: Entry) {
        self.lock().log.push(entry);
    }

    /// From now on, requests to this path are answered so. Counting begins anew.
    pub(super) fn tell(&self, path: &str, answer: Answer) -> Result<(), TooMany> {
        let mut state = self.lock();
        if state.told.len() >= MOST_TOLD && !state.told.contains_key(path) {
            return Err(TooMany);
        }
        state.told.insert(path.to_owned(), answer);
        state.counts.forget(path);
        Ok(())
    }

    /// Requests to this path are answered as usual again; whether they were not before.
    pub(super) fn untell(&self, path: &str) -> bool {
        let mut state = self.lock();
        state.counts.forget(path);
        state.told.remove(path).is_some()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    /// What has been told, by path.
    pub(super) fn told(&self) -> BTreeMap<String, Answer> {
        self.lock().told.clone()
    }

    /// The last requests, to this path or to all, newest first; and how many have come and are not remembered any more.
    pub(super) fn last(&self, path: Option<&str>, limit: usize) -> (Vec<Entry>, u64) {
        let state = self.lock();
        (
            state.log.newest().filter(|entry| path.is_none_or(|path| entry.path == path)).take(limit).cloned().collect(),
            state.log.forgotten(),
        )
    }
}
