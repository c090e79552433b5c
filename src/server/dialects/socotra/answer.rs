//! `WebhookResponse`, `DivertedEventResponse`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::submitted::no_retry;
use crate::delivery::{NO_ANSWER, NO_CONNECTION, Retry};
use crate::endpoints::{AlertTo, CONNECTION, Definition, FailureRules, RetryPlan};
use crate::server::confidential;
use crate::server::tenant_endpoints::Kept;
use crate::store::DeliveryRow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookResponse {
    locator: String,
    name: String,
    enabled: bool,
    endpoint: Value,
    failure_handling: Value,
    suspended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_at: Option<String>,
    event_types: Vec<Box<str>>,
}

pub(super) fn webhook(kept: Kept) -> WebhookResponse {
    let Kept { row, definition, .. } = kept;
    let failure_handling = failures(&definition);
    WebhookResponse {
        locator: row.id.to_string(),
        endpoint: endpoint(&definition.wants.url, &definition.wants.headers),
        failure_handling,
        suspended: row.suspended.is_some(),
        suspended_at: row.suspended.map(|(at, _)| at.to_string()),
        name: definition.name,
        enabled: definition.enabled,
        event_types: definition.wants.event_types,
    }
}

fn endpoint(url: &str, headers: &[(Box<str>, Box<str>)]) -> Value {
    let mut lists: BTreeMap<&str, Vec<Cow<'_, str>>> = BTreeMap::new();
    for (name, value) in headers {
        lists.entry(name).or_default().push(confidential::header(name, &**value));
    }
    json!({ "url": url, "headers": lists })
}

fn failures(definition: &Definition) -> Value {
    // Made by another API, with what this node does when nothing is said.
    let default = FailureRules::default().nothing_said();
    let handling = definition.failure_handling.as_ref().unwrap_or(&default);
    let triggers: Vec<&str> = match handling.triggers.as_slice() {
        [] => vec!["4xx", "5xx", "timeout"],
        triggers => triggers.iter().map(String::as_str).filter(|word| *word != CONNECTION).collect(),
    };
    let mut answer = Map::new();
    answer.insert("triggers".to_owned(), triggers.into());
    answer.insert("divert".to_owned(), handling.divert.into());
    answer.insert("suspend".to_owned(), handling.suspend.into());
    if handling.retry.as_ref() != Some(&no_retry()) {
        answer.insert("retry".to_owned(), retry(handling.retry.as_ref()));
    }
    let alert = handling.alert_endpoint.as_ref().map(|to| match to {
        AlertTo::Place { url, headers } => endpoint(url, headers),
        AlertTo::Endpoint(id) => json!({ "locator": id.as_str() }),
    });
    answer.extend(alert.map(|alert| ("alertEndpoint".to_owned(), alert)));
    Value::Object(answer)
}

/// A retry; one with waits of its own, which only another API makes, has attempts and no pattern.
fn retry(plan: Option<&RetryPlan>) -> Value {
    let waits = plan.map_or_else(Retry::default, |plan| plan.retry().unwrap_or_default()).waits;
    match plan.and_then(|plan| plan.interval.as_ref().map(|interval| (plan, interval))) {
        Some((plan, interval)) => {
            json!({ "maxAttempts": waits.len(), "interval": interval, "pattern": plan.pattern.as_deref().unwrap_or("linear") })
        }
        None => json!({ "maxAttempts": waits.len() }),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DivertedEventResponse {
    event_locator: String,
    request_locator: String,
    failure_message: Box<str>,
    failure_timestamp: Option<String>,
    /// What is not there was never sent: its target may not be called, or it could not be rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_trigger: Option<String>,
}

pub(super) fn diverted(row: DeliveryRow) -> DivertedEventResponse {
    let reason = row.reason.unwrap_or_default();
    let unanswered = [NO_ANSWER, NO_CONNECTION].iter().any(|words| reason.starts_with(words));
    let trigger = row.last_status.map(|status| status.to_string()).or_else(|| unanswered.then(|| "timeout".to_owned()));
    DivertedEventResponse {
        event_locator: row.message.to_string(),
        request_locator: row.id.to_string(),
        failure_message: reason,
        failure_timestamp: row.settled_at.map(|at| at.to_string()),
        failure_trigger: trigger,
    }
}
