//! Saves objects, and renders what fires.

use std::collections::BTreeMap;
use std::sync::Arc;

use webhookc::check::{Rules, Valid};
use webhookc::engine::{Found, Known, Moment, Outcome, Read, Step, Verb, WaitCount, evaluate, parse_save};
use webhookc::ids::{ModelId, Sequence};
use webhookc::program::Record;
use webhookc::template::{RenderError, Rendered};

use super::world::SAVES;

/// Saves every object twice, and deletes it in the end; tells what became of each request.
pub(super) fn fire(rules: &Valid<Rules>) -> Vec<Result<Rendered, RenderError>> {
    let mut objects = BTreeMap::new();
    let mut requests = Vec::new();
    for round in [Verb::Put, Verb::Patch, Verb::Delete] {
        for (model, id, body) in SAVES {
            let body = if matches!(round, Verb::Delete) { "" } else { body };
            let save = parse_save(rules, model, id, round, body.as_bytes()).unwrap_or_else(|refused| panic!("{model}/{id}: {refused:?}"));
            let outcome = outcome(rules, &objects, &save);
            match &outcome.object {
                Some(record) => drop(objects.insert((save.model, save.id.clone()), Arc::clone(record))),
                None => drop(objects.remove(&(save.model, save.id.clone()))),
            }
            for firing in outcome.firings {
                serde_json::from_slice::<serde_json::Value>(&firing.payload).expect("a payload is JSON");
                requests.extend(firing.requests.into_iter().map(|(_, request)| request));
            }
        }
    }
    requests
}

fn outcome(rules: &Valid<Rules>, objects: &BTreeMap<(ModelId, Box<str>), Arc<Record>>, save: &webhookc::engine::Save) -> Outcome {
    let mut known = Known::default();
    let moment = Moment { tenant: "default", own: None, sequence: Sequence(7), now: "2026-01-31T10:00:00Z".parse().expect("a moment") };
    for _round in 0..20 {
        match evaluate(rules, save, &known, moment) {
            Step::Done(outcome) => return *outcome,
            Step::Refused(refused) => panic!("refused: {refused:?}"),
            Step::Need(reads) => known.found.extend(reads.into_iter().map(|read| {
                let found = answer(objects, &read);
                (read, found)
            })),
        }
    }
    panic!("no end of questions")
}

fn answer(objects: &BTreeMap<(ModelId, Box<str>), Arc<Record>>, read: &Read) -> Found {
    match read {
        Read::Object(model, id) => Found::Object(objects.get(&(*model, id.clone())).cloned()),
        Read::Children { model, property, parent, limit } => {
            let all = objects.iter().filter(|((of, _), record)| of == model && record.related(*property) == Some(parent));
            Found::Children(all.map(|(_, record)| Arc::clone(record)).take(*limit as usize).collect())
        }
        Read::Ready(..) => Found::Ready(false),
        Read::Waiting(..) => Found::Waiting(Vec::new()),
        Read::WaitsOf(..) => Found::WaitsOf(Vec::new()),
        Read::WaitCount { .. } => Found::WaitCount(WaitCount::default()),
    }
}
