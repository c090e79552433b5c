//! A hook, and the requests that were made for it.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::submitted::{CONTENT_TYPE, TEXT};
use crate::check::Wants;
use crate::server::confidential;
use crate::server::tenant_endpoints::Kept;
use crate::store::DeliveryRow;

#[derive(Serialize)]
pub(super) struct Hook {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    action_type: Value,
    resource_type: Value,
    resource_id: Value,
    target_url: Box<str>,
    settings: Settings,
    trigger_when: TriggerWhen,
    active: bool,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Settings {
    request_headers: Vec<Header>,
    request_body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Header {
    name: Box<str>,
    value: Box<str>,
}

#[derive(Serialize)]
struct TriggerWhen {
    events: Value,
    conditions: Value,
}

pub(super) fn hook(kept: Kept) -> Hook {
    let Kept { row, definition, .. } = kept;
    let document = definition.dialect.map(|dialect| dialect.document).unwrap_or_default();
    let of = |name: &str| document.get(name).cloned().unwrap_or_default();
    // An id that is a number there is one again; `05` is none.
    let resource_id = of("resource_id");
    let number = resource_id.as_str().and_then(|text| text.parse::<u64>().ok().filter(|number| number.to_string() == text));
    let resource_id = number.map_or(resource_id, Value::from);
    let wants = definition.wants;
    Hook {
        id: row.id.to_string(),
        kind: "outgoing",
        name: definition.name,
        action_type: of("action_type"),
        resource_type: of("resource_type"),
        resource_id,
        target_url: wants.url.clone(),
        settings: settings(wants),
        trigger_when: TriggerWhen { events: of("events"), conditions: of("conditions") },
        active: definition.enabled && row.suspended.is_none(),
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
    }
}

fn settings(wants: Wants) -> Settings {
    let Wants { headers, body, content_type, .. } = wants;
    let is_text = content_type.as_ref().is_some_and(|media| !media.contains("json"));
    let request_body = body.and_then(|text| if is_text { to_raw_value(&text).ok() } else { json(&text) });
    let media = content_type.filter(|media| &**media != TEXT).map(|media| (CONTENT_TYPE.into(), media));
    let header = |(name, value): (Box<str>, Box<str>)| Header { value: confidential::header(&name, &*value).as_ref().into(), name };
    Settings { request_headers: headers.into_iter().chain(media).map(header).collect(), request_body }
}

/// JSON as it was written; what is JSON only with its values in it, as a text.
fn json(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).or_else(|_| to_raw_value(text)).ok()
}

/// One request of a hook: a delivery here.
#[derive(Serialize)]
pub(super) struct HookRequest {
    id: String,
    event: String,
    method: Box<str>,
    url: String,
    status: &'static str,
    attempts: u32,
    response_status: Option<u16>,
    error: Option<Box<str>>,
    created_at: String,
    finished_at: Option<String>,
}

pub(super) fn request(row: DeliveryRow) -> HookRequest {
    HookRequest {
        id: row.id.to_string(),
        event: row.event.replacen('_', ".", 1),
        method: row.method,
        url: row.url.shown_url(),
        status: row.state.as_str(),
        attempts: row.attempts,
        response_status: row.last_status,
        error: row.reason,
        created_at: row.created_at.to_string(),
        finished_at: row.settled_at.map(|at| at.to_string()),
    }
}
