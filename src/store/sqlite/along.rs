//! Jobs that nobody waits for so much that they need a commit of their own: they go along with the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::sqlite::writer::Job;

/// In order.
type Jobs = VecDeque<Box<dyn Job>>;

/// The jobs; `None` once nothing will be committed any more.
#[derive(Clone)]
pub(super) struct Along(Arc<Mutex<Option<Jobs>>>);

impl Along {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(VecDeque::new()))))
    }

    /// `false` when it is too late; the job is dropped.
    pub(super) fn push(&self, job: Box<dyn Job>) -> bool {
        self.jobs().as_mut().map(|jobs| jobs.push_back(job)).is_some()
    }

    pub(super) fn next(&self) -> Option<Box<dyn Job>> {
        self.jobs().as_mut()?.pop_front()
    }

    /// Drops what is left, and what would still come.
    pub(super) fn close(&self) {
        *self.jobs() = None;
    }

    fn jobs(&self) -> MutexGuard<'_, Option<Jobs>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
