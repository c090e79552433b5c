//! The jobs of a transaction, and what becomes of them with its end: committed, undone, or nobody knows.

use super::effects;
use super::failure::Trouble;
use super::hub::Hub;
use super::saver::Job;
use crate::ids::Sequence;
use crate::store::agenda::Note;
use crate::store::{Claimed, Effects, StoreError};

/// A job on its way.
pub(super) struct Running {
    pub job: Box<dyn Job>,
    /// What it has decided.
    pub writes: Vec<(Sequence, Box<Effects>)>,
    /// How many of these are in the database.
    pub written: usize,
    /// Whether it has come to its end, and from which sequence on its writes count.
    pub ended: Option<i64>,
    pub answer: Result<(), StoreError>,
    pub kept: bool,
}

impl Running {
    pub(super) fn new(job: Box<dyn Job>) -> Self {
        Self { job, writes: Vec::new(), written: 0, ended: None, answer: Ok(()), kept: false }
    }

    /// Its transaction was undone. It is decided anew if it can be, or else it stands as it was decided.
    pub(super) fn again(&mut self) {
        (self.kept, self.written) = (false, 0);
        if self.job.job().restart() {
            (self.ended, self.answer) = (None, Ok(()));
            self.writes.clear();
        }
    }

    pub(super) fn reply(self) {
        self.job.reply(self.answer);
    }

    pub(super) fn fail(self, error: StoreError) {
        self.job.reply(if self.answer.is_ok() { Err(error) } else { self.answer });
    }
}

/// A transaction that did not end well.
pub(super) struct Unknown {
    pub trouble: Trouble,
    /// It may have been committed.
    pub commit: Option<Commit>,
}

impl From<Trouble> for Unknown {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, commit: None }
    }
}

/// What follows a commit.
pub(super) struct Commit {
    /// The transaction.
    pub id: String,
    pub notes: Vec<Note>,
    pub fresh: Vec<Claimed>,
    pub wakes: bool,
}

impl Commit {
    /// It has taken place.
    pub(super) fn finish(self, hub: &Hub, jobs: &mut [Running]) {
        for job in jobs.iter_mut().filter(|job| job.kept) {
            job.job.job().committed();
        }
        if let Some(taker) = hub.taker().filter(|_| !self.fresh.is_empty()) {
            taker.hand_over(self.fresh);
        }
        hub.note(self.notes);
        if self.wakes {
            hub.ring();
        }
    }

    /// It has not.
    pub(super) fn release(self, hub: &Hub) {
        effects::release(hub, self.fresh);
    }
}
