//! The store in memory. A transaction works on a clone: a crash drops the clone, a commit puts it in the place of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use webhookc::engine::{Found, Outcome, Read, Save, Wait, WaitCount};
use webhookc::ids::{MessageId, ModelId, WebhookId};
use webhookc::program::Record;
use webhookc::store::Alert;

use crate::queue::Queue;
use crate::rules::{OPS, as_object};

/// Firings that wait, by webhook and object, with the object they wait for.
type Waits = BTreeMap<(WebhookId, Box<str>), (Wait, ModelId, Box<str>)>;

/// Everything durable.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub sequence: i64,
    pub objects: BTreeMap<(ModelId, Box<str>), Arc<Record>>,
    pub marks: BTreeSet<(WebhookId, Box<str>)>,
    pub waits: Waits,
    pub queue: Queue,
    /// The message of each delivery.
    pub messages: Vec<MessageId>,
}

impl Store {
    /// Answers the engine.
    pub fn answer(&self, read: &Read) -> Found {
        match read {
            Read::Object(model, id) => Found::Object(self.objects.get(&(*model, id.clone())).cloned()),
            Read::Children { model, property, parent, limit } => {
                let of_model = self.objects.iter().filter(|((of, _), _)| of == model).map(|(_, object)| object);
                let children = of_model.filter(|child| child.related(*property) == Some(&**parent));
                Found::Children(children.take(*limit as usize).cloned().collect())
            }
            Read::Ready(webhook, object) => Found::Ready(self.marks.contains(&(*webhook, object.clone()))),
            Read::Waiting(model, id) => {
                let awaiting = self.waits.values().filter(|(_, of, awaited)| of == model && awaited == id);
                Found::Waiting(awaiting.map(|(wait, ..)| wait.clone()).collect())
            }
            Read::WaitsOf(_, id) => {
                Found::WaitsOf(self.waits.keys().filter(|(_, object)| object == id).map(|(webhook, _)| *webhook).collect())
            }
            Read::WaitCount { webhook, object, model, id } => {
                let already = self.waits.get(&(*webhook, object.clone())).is_some_and(|(_, of, awaited)| (of, awaited) == (model, id));
                let for_object = self.waits.values().filter(|(_, of, awaited)| of == model && awaited == id).count();
                let [for_object, of_tenant] = [for_object, self.waits.len()].map(|count| u32::try_from(count).unwrap());
                Found::WaitCount(WaitCount { already, for_object, of_tenant })
            }
        }
    }

    /// Writes alerts about an endpoint, each with a message of its own.
    pub fn tell(&mut self, endpoint: usize, alerts: impl IntoIterator<Item = Alert>, now: i64, message: impl Fn() -> MessageId) {
        for _ in alerts {
            self.queue.insert(OPS, as_object(endpoint), false, Some(now), now);
            self.messages.push(message());
        }
    }

    /// The object after the save.
    pub fn put(&mut self, save: &Save, outcome: &Outcome) {
        let key = (save.model, save.id.clone());
        match &outcome.object {
            Some(record) => drop(self.objects.insert(key, Arc::clone(record))),
            None => drop(self.objects.remove(&key)),
        }
    }

    /// Waits that are over, then those that begin.
    pub fn wait(&mut self, outcome: &Outcome) {
        for ended in &outcome.ended_waits {
            self.waits.remove(ended);
        }
        for (wait, model, id) in &outcome.waits {
            self.waits.insert((wait.webhook, wait.object.clone()), (wait.clone(), *model, id.clone()));
        }
    }
}
