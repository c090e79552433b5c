//! A store in memory around the engine: saves in, what came of them out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use webhookc::check::{Rules, Valid};
use webhookc::engine::{
    Found, Known, Moment, Outcome, Read, Refused, Save, Step, Verb, Wait, WaitCount, evaluate, parse_save, trace_entry,
};
use webhookc::ids::{ModelId, Sequence, WebhookId};
use webhookc::program::Record;

use crate::contract::Schemas;
use crate::support::{compile_text, in_words};

/// Waits by what waits, with the object they wait for.
type Waits = BTreeMap<(WebhookId, Box<str>), (Wait, ModelId, Box<str>)>;

/// Objects go through their stored form, so that every test is also one of that.
pub struct World {
    pub rules: Valid<Rules>,
    objects: BTreeMap<(ModelId, Box<str>), (Box<str>, String)>,
    marks: BTreeSet<(WebhookId, Box<str>)>,
    pub waits: Waits,
    sequence: i64,
    /// Every read of the last save, in rounds.
    pub asked: Vec<Vec<Read>>,
    promised: Schemas,
}

impl World {
    /// A world without objects. Every webhook has one subscriber.
    pub fn new(schema: &str) -> Self {
        let compilation = compile_text(schema);
        let found = in_words(&compilation);
        Self::of(compilation.rules.unwrap_or_else(|| panic!("the schema does not compile:\n{found}")))
    }

    /// A world of these rules without objects.
    pub fn of(rules: Valid<Rules>) -> Self {
        let (objects, marks, waits) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { rules, objects, marks, waits, sequence: 6_291_989_525_132_476_421, asked: Vec::new(), promised: Schemas::default() }
    }

    pub fn model(&self, name: &str) -> ModelId {
        self.rules.program.model_named(name).unwrap()
    }

    /// An object as it is stored.
    pub fn object(&self, model: ModelId, id: &str) -> Option<Arc<Record>> {
        let (updated_at, json) = self.objects.get(&(model, id.into()))?;
        let stored = serde_json::from_str(json).unwrap();
        Some(Arc::new(Record::from_stored(&self.rules.program, model, id, updated_at, stored)))
    }

    fn answer(&self, read: &Read) -> Found {
        match read {
            Read::Object(model, id) => Found::Object(self.object(*model, id)),
            Read::Children { model, property, parent, limit } => {
                let all = self.objects.keys().filter(|(of, _)| of == model).filter_map(|(of, id)| self.object(*of, id));
                Found::Children(all.filter(|child| child.related(*property) == Some(parent)).take(*limit as usize).collect())
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

    /// Evaluates without storing.
    pub fn evaluate(&mut self, save: &Save) -> Result<Outcome, Refused> {
        let mut known = Known::default();
        let now = Timestamp::from_second(1_464_967_971).unwrap();
        let moment = Moment { tenant: "default", own: None, sequence: Sequence(self.sequence + 1), now };
        self.asked.clear();
        loop {
            match evaluate(&self.rules, save, &known, moment) {
                Step::Refused(refused) => return Err(refused),
                Step::Done(outcome) => return Ok(*outcome),
                Step::Need(reads) => {
                    assert!(!reads.is_empty(), "nothing to read");
                    assert!(self.asked.len() < 20, "no end of questions: {:?}", self.asked);
                    for read in &reads {
                        let earlier = known.found.insert(read.clone(), self.answer(read));
                        assert!(earlier.is_none(), "{read:?} was asked twice");
                    }
                    self.asked.push(reads);
                }
            }
        }
    }

    /// Saves, and stores what comes of it: `("PUT", "asset/a1", body)`, or `asset/a1/photo` for an upload.
    pub fn save(&mut self, verb: &str, object: &str, body: &str) -> Result<Outcome, Vec<Refused>> {
        let mut path = object.split('/');
        let (model, id, field) = (path.next().unwrap(), path.next().unwrap(), path.next());
        let verb = match (verb, field) {
            ("PUT", Some(field)) => Verb::Upload(field),
            ("PUT", None) => Verb::Put,
            ("PATCH", None) => Verb::Patch,
            ("DELETE", None) => Verb::Delete,
            other => panic!("{other:?}"),
        };
        let save = parse_save(&self.rules, model, id, verb, body.as_bytes())?;
        let outcome = self.evaluate(&save).map_err(|refused| vec![refused])?;
        for firing in &outcome.firings {
            self.promised.check(&self.rules, firing.webhook, &firing.payload);
        }
        self.store(&save, &outcome);
        Ok(outcome)
    }

    fn store(&mut self, save: &Save, outcome: &Outcome) {
        self.sequence += 1;
        let key = (save.model, save.id.clone());
        match &outcome.object {
            None => drop(self.objects.remove(&key)),
            Some(record) => {
                self.objects.insert(key, (record.updated_at.clone(), record.to_stored(&self.rules.program)));
                assert_eq!(self.object(save.model, &save.id).as_ref(), Some(record), "the stored form lost something");
            }
        }
        for ended in &outcome.ended_waits {
            self.waits.remove(ended);
        }
        for (wait, model, id) in &outcome.waits {
            self.waits.insert((wait.webhook, wait.object.clone()), (wait.clone(), *model, id.clone()));
        }
        for mark in &outcome.marks {
            assert!(self.marks.insert(mark.clone()), "{mark:?} fired twice");
        }
    }

    /// Saves, and tells what came of it: each decision in a line, the payloads, and how many firings wait now.
    pub fn told(&mut self, verb: &str, object: &str, body: &str) -> Value {
        let outcome = match self.save(verb, object, body) {
            Ok(outcome) => outcome,
            Err(mistakes) => {
                let told = mistakes.into_iter().map(|Refused { kind, pointer, message, help }| {
                    json!({ "kind": kind, "pointer": pointer, "message": message, "help": help })
                });
                return json!({ "refused": told.collect::<Vec<_>>() });
            }
        };
        let decided = outcome.decided.decisions(&self.rules);
        let decisions = decided.iter().map(|decision| {
            let entry = trace_entry(&self.rules.program, decision);
            let why = entry.to_string();
            let verdict = if why.is_empty() { "✔".to_owned() } else { format!("✘ {why}") };
            format!("{}/{} {} {verdict}", entry.model, entry.object, entry.webhook)
        });
        let payloads = outcome.firings.iter().map(|firing| serde_json::from_slice(&firing.payload).expect("a payload is JSON"));
        let requests = outcome.firings.iter().flat_map(|firing| &firing.requests).map(|(_, request)| match request {
            Ok(request) => format!("{} {}", request.method, request.url.masked()),
            Err(error) => format!("✘ {error}"),
        });
        json!({
            "operation": outcome.operation.as_str(),
            "decisions": decisions.collect::<Vec<_>>(),
            "payloads": payloads.collect::<Vec<Value>>(),
            "requests": requests.collect::<Vec<_>>(),
            "waits": self.waits.len(),
        })
    }
}
