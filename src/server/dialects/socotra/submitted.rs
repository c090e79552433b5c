//! `CreateWebhookRequest` and `UpdateWebhookRequest` → an endpoint.

use serde_json::Value;

use super::answer::webhook;
use crate::check::Part;
use crate::endpoints::{CONNECTION, Definition, Draft, FailureRules, Handling, Object, Patch, RetryPlan, Style};
use crate::server::Problem;
use crate::server::dialects::document::{missing, read};
use crate::server::tenant_endpoints::{Kept, Submitted, stands};

/// What only tells how a webhook stands.
const READ_ONLY: &[&str] = &["locator", "event_types", "suspended", "suspended_at", "endpoint/headers"];

/// What is done about failures there: one attempt, unless a retry is asked for; nothing is kept.
pub(super) fn failure_rules() -> FailureRules {
    FailureRules {
        most_attempts: 10,
        attempts: Some(3),
        interval: Some("5 s"),
        retry: Some(no_retry()),
        triggers: &["4xx", "5xx", "timeout", CONNECTION],
        divert: false,
        words: &["4xx", "5xx", "timeout"],
        patterns: &["linear", "exponential"],
    }
}

/// One attempt; a retry that was asked for has an interval.
pub(super) fn no_retry() -> RetryPlan {
    RetryPlan { max_attempts: Some(1), ..RetryPlan::default() }
}

fn failures_as_there(definition: &mut Definition) {
    let handling: &mut Option<Handling> = &mut definition.failure_handling;
    handling.get_or_insert_with(|| failure_rules().nothing_said());
}

/// A new webhook.
pub(super) fn new(text: &[u8]) -> Result<Submitted, Problem> {
    let mut mistakes = Vec::new();
    let mut object = read(text, Style::Camel, &mut mistakes)?;
    for name in ["name", "endpoint", "event_types"] {
        if !object.has(name) {
            missing(&object, name, &mut mistakes);
        }
    }
    let mut endpoint = object.take("endpoint").and_then(|field| field.object(&mut mistakes));
    if let Some(endpoint) = &mut endpoint
        && !endpoint.has("url")
    {
        missing(endpoint, "url", &mut mistakes);
    }
    let mut draft = whole(&mut object);
    if let Some(endpoint) = &mut endpoint {
        draft.url = endpoint.take("url");
        draft.headers = endpoint.take("headers");
    }
    if let Some(endpoint) = endpoint {
        endpoint.finish(&mut mistakes);
    }
    object.finish(&mut mistakes);
    let mut definition = Draft::blank();
    let read = draft.apply(&mut definition, &mut mistakes);
    failures_as_there(&mut definition);
    Ok(Submitted { definition, read, mistakes })
}

/// A change; what is removed is removed first. What is not said of a webhook that another API has made stays as it is there.
pub(super) fn changed(text: &[u8], before: Kept) -> Result<Submitted, Problem> {
    let mut mistakes = Vec::new();
    let mut definition = before.definition.clone();
    let mut object = read(text, Style::Camel, &mut mistakes)?;
    object.take_told(READ_ONLY, &stands(&webhook(before)), &mut mistakes);
    let mut patch = Patch {
        add_event_types: object.take("add_event_types"),
        remove_event_types: object.take("remove_event_types"),
        remove_failure_handling: object.take("remove_failure_handling"),
        ..Patch::default()
    };
    if let Some(mut endpoint) = object.take("endpoint").and_then(|field| field.object(&mut mistakes)) {
        patch.draft.url = endpoint.take("url");
        patch.add_headers = endpoint.take("add_headers");
        patch.remove_headers = endpoint.take("remove_headers");
        endpoint.finish(&mut mistakes);
    }
    patch.draft = Draft { url: patch.draft.url.take(), event_types: None, ..parts(&mut object) };
    object.finish(&mut mistakes);
    let removed = patch.remove_failure_handling.as_ref().is_some_and(|field| field.value == Value::Bool(true));
    let mut read = patch.apply(&mut definition, &mut mistakes);
    if removed {
        failures_as_there(&mut definition);
    }
    read.places.extend(places(&definition));
    Ok(Submitted { definition, read, mistakes })
}

/// Where the parts stand there of which a change says nothing.
fn places(definition: &Definition) -> Vec<(Part, String)> {
    let headers = (0..).zip(&definition.wants.headers);
    let headers = headers.flat_map(|(index, (name, _))| {
        let place = format!("/endpoint/headers/{name}");
        [(Part::HeaderName(index), place.clone()), (Part::HeaderValue(index), place)]
    });
    let events = (0..).zip(&definition.wants.event_types).map(|(index, _)| (Part::EventType(index), format!("/eventTypes/{index}")));
    headers.chain(events).chain([(Part::Url, "/endpoint/url".to_owned())]).collect()
}

fn whole(object: &mut Object) -> Draft {
    Draft { event_types: object.take("event_types"), ..parts(object) }
}

fn parts(object: &mut Object) -> Draft {
    Draft {
        name: object.take("name"),
        enabled: object.take("enabled"),
        failure_handling: object.take("failure_handling"),
        failure_rules: failure_rules(),
        ..Draft::default()
    }
}
