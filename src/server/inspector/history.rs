//! The saves of an object as they came, and the object around one of them, as far as they are kept.

use crate::access::TenantScope;
use crate::engine::{Replayed, Save, replay};
use crate::generation::Generation;
use crate::ids::Sequence;
use crate::server::Problem;
use crate::server::api::saves::read_item;
use crate::store::{Recording, Store};

/// Saves as they came, up to one of them.
pub(super) struct History(Vec<Recording>);

impl History {
    pub(super) async fn through(store: &Store, tenant: &TenantScope, sequence: Sequence) -> Result<Self, Problem> {
        Ok(Self(store.recordings(tenant, sequence).await?))
    }

    /// All of them, the oldest first.
    pub(super) fn recordings(&self) -> &[Recording] {
        &self.0
    }

    /// Whether the save was one of this object.
    pub(super) fn is_of(&self, (model, object): (&str, &str), sequence: Sequence) -> bool {
        self.0.iter().any(|recording| recording.sequence == sequence && *recording.model == *model && *recording.object == *object)
    }

    /// An object around a save: around its own last one, where the save was another object's for which it had waited. `None` when too little is kept, or the data model is another one by now.
    pub(super) fn around(&self, generation: &Generation, (model, object): (&str, &str), sequence: Sequence) -> Option<Replayed> {
        let own = self.0.iter().filter(|recording| *recording.model == *model && *recording.object == *object);
        let own: Vec<&Recording> = own.filter(|recording| recording.sequence <= sequence).collect();
        own.last()?;
        let saves: Vec<Save> = own.iter().filter_map(|recording| read_item(generation, recording.item.as_bytes(), 0).ok()).collect();
        if saves.len() < own.len() { None } else { replay(&generation.rules.program, &saves) }
    }
}
