//! The objects, marks and waits of one scenario: what the store keeps for a node, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::engine::{Change, Found, Outcome, Read, Save, Wait, WaitCount};
use crate::ids::{ModelId, WebhookId};
use crate::program::Record;

/// What is kept between saves.
#[derive(Debug, Default)]
pub(super) struct World {
    objects: BTreeMap<(ModelId, Box<str>), Arc<Record>>,
    marks: BTreeSet<(WebhookId, Box<str>)>,
    /// By webhook and object, with the object that is waited for.
    waits: BTreeMap<(WebhookId, Box<str>), Awaited>,
}

/// A wait, and the object that it is for.
type Awaited = (Wait, ModelId, Box<str>);

impl World {
    /// Puts an object there as if it always had been.
    pub(super) fn give(&mut self, save: &Save, at: Timestamp) {
        if let Change::Put(values) = &save.change {
            let updated_at = Timestamp::from_second(at.as_second()).unwrap_or(at).to_string();
            let record = Record { model: save.model, id: save.id.clone(), updated_at: updated_at.into(), values: values.clone() };
            self.objects.insert((save.model, save.id.clone()), Arc::new(record));
        }
    }

    pub(super) fn answer(&self, read: &Read) -> Found {
        match read {
            Read::Object(model, id) => Found::Object(self.objects.get(&(*model, id.clone())).cloned()),
            Read::Children { model, property, parent, limit } => {
                let of_model = self.objects.range((*model, Box::from(""))..).take_while(|((of, _), _)| of == model);
                let children = of_model.map(|(_, record)| record).filter(|record| record.related(*property) == Some(parent));
                Found::Children(children.take(*limit as usize).cloned().collect())
            }
            Read::Ready(webhook, object) => Found::Ready(self.marks.contains(&(*webhook, object.clone()))),
            Read::Waiting(model, id) => {
                let waiting = self.waits.values().filter(|(_, for_model, for_id)| for_model == model && for_id == id);
                Found::Waiting(waiting.map(|(wait, _, _)| wait.clone()).collect())
            }
            Read::WaitsOf(_, id) => {
                Found::WaitsOf(self.waits.keys().filter(|(_, object)| object == id).map(|(webhook, _)| *webhook).collect())
            }
            Read::WaitCount { webhook, object, model, id } => {
                let for_object = self.waits.values().filter(|(_, for_model, for_id)| for_model == model && for_id == id).count();
                let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
                let already = self.waits.contains_key(&(*webhook, object.clone()));
                Found::WaitCount(WaitCount { already, for_object: count(for_object), of_tenant: count(self.waits.len()) })
            }
        }
    }

    /// Writes what a save causes, messages apart.
    pub(super) fn write(&mut self, save: &Save, outcome: &Outcome) {
        let key = (save.model, save.id.clone());
        match &outcome.object {
            Some(object) => drop(self.objects.insert(key, Arc::clone(object))),
            None => drop(self.objects.remove(&key)),
        }
        self.marks.extend(outcome.marks.iter().cloned());
        for ended in &outcome.ended_waits {
            self.waits.remove(ended);
        }
        for (wait, model, id) in &outcome.waits {
            self.waits.insert((wait.webhook, wait.object.clone()), (wait.clone(), *model, id.clone()));
        }
    }
}
