//! An endpoint in JSON, whoever has made it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::check::Accepts;
use crate::delivery::{FailureHandling, Policy, SigningKey, Trigger};
use crate::endpoints::{AlertTo, Definition, Handling};
use crate::generation::Generation;
use crate::ids::EndpointId;
use crate::program::Order;
use crate::server::confidential;
use crate::server::problem::Mistake;
use crate::server::tenant_endpoints::{Kept, held};

/// An endpoint.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Endpoint")]
pub(in crate::server) struct EndpointView {
    pub(in crate::server) id: String,
    pub(in crate::server) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) comment: Option<String>,
    /// `schema`, `webhookc.toml` or `api`; only the last can be changed here.
    pub(in crate::server) origin: &'static str,
    /// As subscribed; `*` for all.
    pub(in crate::server) event_types: Vec<Box<str>>,
    /// The event types it receives now: `*` and receivers written out.
    pub(in crate::server) events: Vec<Box<str>>,
    /// Whether it receives everything, also what is added later.
    pub(in crate::server) all_events: bool,
    /// Only events about objects that belong to all of these things; set by APIs of other systems.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::server) about: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) scope: Option<ScopeView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<AcceptsView>")]
    pub(in crate::server) conditions: Vec<Accepts>,
    pub(in crate::server) method: Box<str>,
    /// The template.
    pub(in crate::server) url: Box<str>,
    pub(in crate::server) headers: Vec<HeaderView>,
    /// The template of the body, JSON as it is and anything else as a text; left out when the default body is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub(in crate::server) body: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) content_type: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) rate_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) order: Option<&'static str>,
    pub(in crate::server) signatures: Vec<&'static str>,
    /// What asymmetric signatures are verified with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) failure_handling: Option<FailureView>,
    pub(in crate::server) enabled: bool,
    /// Null when something may be sent.
    pub(in crate::server) suspended: Option<SuspensionView>,
    /// Enabled and not suspended.
    pub(in crate::server) active: bool,
    /// Why it does not receive all that it asks for; null when it does.
    pub(in crate::server) held: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) updated_at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::server) warnings: Vec<Mistake>,
}

/// What only tells how an endpoint stands.
pub(super) const READ_ONLY: &[&str] = &[
    "id",
    "origin",
    "events",
    "all_events",
    "about",
    "public_key",
    "suspended",
    "active",
    "held",
    "created_at",
    "updated_at",
    "warnings",
    "failure_handling/alert_endpoint/id",
];

impl EndpointView {
    /// The names of event types that say what it takes: those that it receives, where it asks for what belongs to a thing.
    pub(in crate::server) fn named(&self) -> &[Box<str>] {
        if self.about.is_empty() { &self.event_types } else { &self.events }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct SuspensionView {
    pub(in crate::server) at: String,
    pub(in crate::server) why: Box<str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct HeaderView {
    pub(in crate::server) name: Box<str>,
    pub(in crate::server) value: Box<str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct ScopeView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) model: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) object: Option<Box<str>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct FailureView {
    pub(in crate::server) triggers: Vec<String>,
    pub(in crate::server) retry: Value,
    pub(in crate::server) alert_endpoint: Option<Value>,
    pub(in crate::server) divert: bool,
    pub(in crate::server) suspend: bool,
}

/// As [`Accepts`] is written.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its shape is asked for")]
struct AcceptsView {
    path: String,
    accepted_values: Vec<Value>,
}

/// An endpoint that a tenant has made.
pub(super) fn own(generation: &Generation, kept: Kept) -> EndpointView {
    let Kept { row, definition, warnings } = kept;
    let program = &generation.rules.program;
    let policy = definition.policy(&row.id);
    let target = generation.own.target(&row.id);
    let events = program.webhooks.iter().filter(|webhook| definition.enabled && definition.wants.includes(program, webhook));
    let events = events.map(|webhook| webhook.name.clone()).collect();
    let failure_handling = Some(failures(&row.id, &definition, &policy));
    let all_events = definition.wants.all_events() && definition.wants.about.is_empty();
    let Definition { name, comment, enabled, wants, .. } = definition;
    let content_type = wants.body.as_ref().map(|_| wants.content_type.unwrap_or_else(|| "application/json".into()));
    EndpointView {
        held: held(generation, &row.id),
        id: row.id.to_string(),
        name,
        comment,
        origin: "api",
        event_types: wants.event_types,
        events,
        all_events,
        about: wants.about,
        scope: (wants.model.is_some() || wants.object.is_some()).then_some(ScopeView { model: wants.model, object: wants.object }),
        conditions: wants.conditions,
        method: wants.method,
        url: wants.url,
        headers: wants.headers.into_iter().map(|(name, value)| shown(name, &value)).collect(),
        body: wants.body.and_then(|text| template(&text)),
        content_type,
        timeout_ms: u64::try_from(policy.timeout.as_millis()).ok(),
        concurrency: Some(policy.concurrency),
        rate_limit: policy.rate_limit.map(|rate| rate.to_string()),
        order: Some(order(policy.order)),
        signatures: signatures(&policy),
        public_key: target.and_then(|target| target.signer.asymmetric().map(SigningKey::public_text)),
        failure_handling,
        enabled,
        active: enabled && row.suspended.is_none(),
        suspended: row.suspended.map(|(at, why)| SuspensionView { at: at.to_string(), why }),
        created_at: Some(row.created_at.to_string()),
        updated_at: Some(row.updated_at.to_string()),
        warnings,
    }
}

/// A header as it may be shown.
fn shown(name: Box<str>, value: &str) -> HeaderView {
    HeaderView { value: confidential::header(&name, value).as_ref().into(), name }
}

/// JSON as it was written, anything else as a text.
fn template(text: &str) -> Option<Box<RawValue>> {
    let structural = text.trim_start().starts_with(['{', '[']);
    let raw = structural.then(|| RawValue::from_string(text.to_owned()).ok()).flatten();
    raw.or_else(|| serde_json::value::to_raw_value(text).ok())
}

pub(super) fn order(order: Order) -> &'static str {
    match order {
        Order::None => "none",
        Order::Object => "object",
    }
}

/// The signature profiles of an endpoint.
pub(super) fn signatures(policy: &Policy) -> Vec<&'static str> {
    let profiles = [("standard", true), ("asymmetric", policy.asymmetric), ("journey", policy.journey)];
    profiles.into_iter().filter(|(_, used)| *used).map(|(profile, _)| profile).collect()
}

/// What was said about failures, or what is done when nothing was.
fn failures(id: &EndpointId, definition: &Definition, policy: &Policy) -> FailureView {
    let effective = declared_failures(&policy.failure_handling);
    let Some(Handling { triggers, retry, alert_endpoint, divert, suspend }) = &definition.failure_handling else { return effective };
    let alert = alert_endpoint.as_ref().map(|to| match to {
        AlertTo::Endpoint(other) => Value::from(other.as_str()),
        AlertTo::Place { url, headers } => {
            let headers: Vec<Value> = headers
                .iter()
                .map(|(name, value)| serde_json::json!({ "name": &**name, "value": confidential::header(name, &**value) }))
                .collect();
            serde_json::json!({ "id": Definition::alert_id(id).as_str(), "url": &**url, "headers": headers })
        }
    });
    FailureView {
        triggers: if triggers.is_empty() { effective.triggers } else { triggers.clone() },
        retry: retry.as_ref().and_then(|plan| serde_json::to_value(plan).ok()).unwrap_or(effective.retry),
        alert_endpoint: alert,
        divert: *divert,
        suspend: *suspend,
    }
}

/// Failure handling as it is done.
pub(super) fn declared_failures(handling: &FailureHandling) -> FailureView {
    let every = [Trigger::ClientError, Trigger::ServerError, Trigger::Timeout, Trigger::Connection];
    let triggers = if handling.triggers.is_empty() { &every[..] } else { &handling.triggers };
    let schedule: Vec<String> = handling.retry.waits.iter().map(|wait| format!("{} ms", wait.as_millis())).collect();
    FailureView {
        triggers: triggers.iter().map(ToString::to_string).collect(),
        retry: serde_json::json!({ "pattern": "schedule", "schedule": schedule, "max_attempts": handling.retry.waits.len() }),
        alert_endpoint: handling.alert_endpoint.as_ref().map(|id| Value::from(id.as_str())),
        divert: handling.divert,
        suspend: handling.suspend,
    }
}
