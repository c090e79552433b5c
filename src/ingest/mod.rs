//! From saves to one transaction: the engine decides inside it, on what the store answers, and object, sequence, marks, messages,
//! deliveries and trace are committed together or not at all. Nothing is sent here.

mod alarm;
mod backfill;
mod effects;
mod job;
mod once;
mod reads;
mod reexamine;

pub use alarm::Bell;
pub use backfill::{Backfill, Backfilled, Mode};

use std::sync::Arc;
use std::time::Instant;

use crate::access::TenantScope;
use crate::activity::Feed;
use crate::engine::{Refused, Save, Trace};
use crate::generation::{Generation, Live};
use crate::ids::{MessageId, Sequence};
use crate::program::Operation;
use crate::store::{Advance, Store, StoreError, Taken};
use crate::telemetry::{SaveEnd, numbers};
use crate::time::{Clock, Entropy};
use job::{Done, Saving};

/// Takes saves in.
#[derive(Clone)]
pub struct Ingest {
    /// Where they are kept.
    pub store: Store,
    /// The program in force.
    pub live: Live,
    /// The time of a save.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
    /// Is told of every save that has been committed.
    pub feed: Feed,
}

/// A save that has been committed, and what it caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What the save was.
    pub operation: Operation,
    /// Its position.
    pub sequence: Sequence,
    /// What fired: the message and its event type.
    pub messages: Vec<(MessageId, Arc<str>)>,
    /// The decisions, as they are stored.
    pub trace: Trace,
}

/// Why saves were not taken in. Nothing of any of them is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// One of them cannot be done.
    #[error("{}", refused.message)]
    Refused {
        /// Which, from 0.
        index: usize,
        /// Why.
        refused: Refused,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The operation by which rows are told in traces that were there before a source was followed.
pub const COPY: &str = "copy";

/// What became of saves of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// They are stored; the first of them at this position.
    Taken(Option<Sequence>),
    /// The source was not where the step begins: another reader has gone on. Nothing is stored.
    Overtaken,
}

impl Ingest {
    /// The generation in force; a save is read and taken in by one and the same.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        self.live.load_full()
    }

    /// Takes in the saves, in order, in one transaction; each sees the effects of those before it. `generation` must be the one whose
    /// rules the saves were read with.
    ///
    /// # Errors
    /// When one is refused or the store fails; nothing is stored then.
    pub async fn save(&self, tenant: &TenantScope, saves: Vec<Save>, generation: &Arc<Generation>) -> Result<Vec<Saved>, IngestError> {
        let saving = self.saving(tenant, saves, generation);
        // What always is taken in has never been before.
        self.commit(saving).await.map(|done| done.saved)
    }

    /// Takes in what a source has told, as [`Ingest::save`] does, and where the source is then, in one transaction. The deletion of what is
    /// not there is passed over.
    ///
    /// # Errors
    /// When a save is refused or the store fails; nothing is stored then.
    pub async fn follow(
        &self,
        tenant: &TenantScope,
        saves: Vec<Save>,
        generation: &Arc<Generation>,
        advance: Advance,
    ) -> Result<Followed, IngestError> {
        self.commit(self.saving(tenant, saves, generation).of_source(advance)).await.map(Done::followed)
    }

    /// The same for what the source had before it was followed: the objects are stored as they are, and nothing is decided about them.
    ///
    /// # Errors
    /// When a save is refused or the store fails; nothing is stored then.
    pub async fn adopt(
        &self,
        tenant: &TenantScope,
        saves: Vec<Save>,
        generation: &Arc<Generation>,
        advance: Advance,
    ) -> Result<Followed, IngestError> {
        self.commit(self.saving(tenant, saves, generation).of_source(advance).adopted()).await.map(Done::followed)
    }

    /// The same for what a source brings, unless it was taken in before: `None`. That it was is noted in the same transaction; the place
    /// of the source is one of this tenant.
    ///
    /// # Errors
    /// When one is refused or the store fails; nothing is stored then.
    pub async fn save_once(
        &self,
        tenant: &TenantScope,
        saves: Vec<Save>,
        generation: &Arc<Generation>,
        taken: Taken,
    ) -> Result<Option<Vec<Saved>>, IngestError> {
        let saving = self.saving(tenant, saves, generation).once(taken);
        let done = self.commit(saving).await?;
        Ok((!done.again).then_some(done.saved))
    }

    fn saving(&self, tenant: &TenantScope, saves: Vec<Save>, generation: &Arc<Generation>) -> Saving {
        let (tenant, entropy) = (tenant.tenant().clone(), Arc::clone(&self.entropy));
        Saving::new(tenant, self.clock.now(), Arc::clone(generation), entropy, saves, self.feed.clone())
    }

    async fn commit(&self, job: Saving) -> Result<Done, IngestError> {
        let count = job.count();
        let began = Instant::now();
        let ended = self.store.save(job).await.map_err(IngestError::from).and_then(Saving::into_result);
        let end = match &ended {
            Ok(_) => SaveEnd::Committed,
            Err(IngestError::Refused { .. }) => SaveEnd::Refused,
            Err(IngestError::Store(_)) => SaveEnd::Failed,
        };
        // Nothing was done now.
        if matches!(&ended, Ok(Done { again: true, .. } | Done { overtaken: true, .. })) {
            return ended;
        }
        numbers().saves(end, count, began.elapsed());
        let done = ended?;
        numbers().decisions(done.decided);
        Ok(done)
    }
}
