//! `WebhookResponse`, `DivertedEventResponse`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::submitted::no_retry;
use crate::endpoints::{AlertTo, Definition};
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
    let Some(handling) = &definition.failure_handling else {
        // Made by another API, with this node's own default.
        return json!({ "triggers": ["4xx", "5xx", "timeout"], "divert": true, "suspend": false });
    };
    let triggers = if handling.triggers.is_empty() {
        vec!["4xx".to_owned(), "5xx".to_owned(), "timeout".to_owned()]
    } else {
        handling.triggers.clone()
    };
    let mut answer = Map::new();
    answer.insert("triggers".to_owned(), triggers.into());
    answer.insert("divert".to_owned(), handling.divert.into());
    answer.insert("suspend".to_owned(), handling.suspend.into());
    if let Some(plan) = handling.retry.as_ref().filter(|plan| **plan != no_retry()) {
        let pattern = plan.pattern.as_deref().unwrap_or("linear");
        let retry = json!({ "maxAttempts": plan.max_attempts, "interval": plan.interval, "pattern": pattern });
        answer.insert("retry".to_owned(), retry);
    }
    let alert = handling.alert_endpoint.as_ref().map(|to| match to {
        AlertTo::Place { url, headers } => endpoint(url, headers),
        AlertTo::Endpoint(id) => json!({ "locator": id.as_str() }),
    });
    answer.extend(alert.map(|alert| ("alertEndpoint".to_owned(), alert)));
    Value::Object(answer)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DivertedEventResponse {
    event_locator: String,
    request_locator: String,
    failure_message: Box<str>,
    failure_timestamp: Option<String>,
    failure_trigger: String,
}

pub(super) fn diverted(row: DeliveryRow) -> DivertedEventResponse {
    let reason = row.reason.unwrap_or_default();
    let trigger = match row.last_status {
        Some(status) => status.to_string(),
        None if reason.contains("deadline") => "timeout".to_owned(),
        None => "connection".to_owned(),
    };
    DivertedEventResponse {
        event_locator: row.message.to_string(),
        request_locator: row.id.to_string(),
        failure_message: reason,
        failure_timestamp: row.settled_at.map(|at| at.to_string()),
        failure_trigger: trigger,
    }
}
