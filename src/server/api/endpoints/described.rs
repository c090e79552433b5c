//! The bodies that make and change endpoints, as the description shows them.

use serde_json::{Map, Value, json};

use super::answer::EndpointView;
use super::{list, sample, state};
use crate::server::openapi::{Operation, object};

/// What is said of the calls about endpoints.
pub(in crate::server) fn described() -> Vec<Operation> {
    let made = object(&["name", "event_types", "url"], Value::Object(fields()));
    let mut changed = fields();
    changed.extend([
        ("add_event_types".to_owned(), names()),
        ("remove_event_types".to_owned(), names()),
        ("add_headers".to_owned(), headers()),
        ("remove_headers".to_owned(), names()),
        ("remove_failure_handling".to_owned(), json!({ "type": ["boolean", "null"] })),
    ]);
    let mut all = vec![
        Operation::of("endpoints::make")
            .says("Make an endpoint")
            .and("Its templates are compiled and checked against every event type it subscribes to; mistakes are 422 with their places.")
            .needs("webhooks:write")
            .takes(made)
            .answers::<EndpointView>(201),
        Operation::of("endpoints::change")
            .says("Change an endpoint")
            .and("What is named is replaced, null sets it back. Removals come before additions. What only tells how it stands, such as `id`, may be sent back as it is shown.")
            .needs("webhooks:write")
            .takes(object(&[], Value::Object(changed)))
            .answers::<EndpointView>(200)
            .refuses(&[409, 422]),
        Operation::of("endpoints::delete")
            .says("Delete an endpoint, with what it has still to get")
            .needs("webhooks:write")
            .answers_nothing(204)
            .refuses(&[409]),
    ];
    all.extend(list::described());
    all.extend(state::described());
    all.extend(sample::described());
    all
}

fn names() -> Value {
    json!({ "type": ["string", "array", "null"], "items": { "type": "string" } })
}

fn headers() -> Value {
    let pair = object(&["name", "value"], json!({ "name": { "type": "string" }, "value": { "type": "string" } }));
    json!({
        "description": "A map of names to a value or a list of values, or a list of `name` and `value`. Values are templates.",
        "anyOf": [
            { "type": "object", "additionalProperties": { "type": ["string", "array"], "items": { "type": "string" } } },
            { "type": "array", "items": pair, "maxItems": 64 },
            { "type": "null" },
        ],
    })
}

fn fields() -> Map<String, Value> {
    let text = |description: &str| json!({ "type": ["string", "null"], "description": description });
    let flag = json!({ "type": ["boolean", "null"] });
    let condition = object(
        &["path", "accepted_values"],
        json!({
            "path": { "type": "string", "description": "Such as `object.status`." },
            "accepted_values": { "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean", "null"] } },
        }),
    );
    let retry = object(
        &[],
        json!({
            "pattern": { "enum": ["schedule", "linear", "exponential"] },
            "interval": { "type": "string", "description": "Such as `5 s`." },
            "max_attempts": { "type": "integer", "minimum": 1, "maximum": 100 },
            "schedule": { "type": "array", "items": { "type": "string" }, "maxItems": 100 },
        }),
    );
    let failures = object(
        &[],
        json!({
            "triggers": { "type": "array", "items": { "type": ["string", "integer"] }, "description": "`4xx`, `5xx`, `timeout`, `connection`, or a status." },
            "retry": { "anyOf": [retry, { "type": "null" }] },
            "alert_endpoint": { "type": ["string", "object", "null"], "description": "The id of an endpoint, or a `url` with `headers`." },
            "divert": flag, "suspend": flag,
        }),
    );
    let scope = object(&[], json!({ "model": text("The model."), "object": text("The id of one object.") }));
    let all = [
        ("name", json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 128 })),
        ("comment", json!({ "type": ["string", "null"], "maxLength": 1000 })),
        ("enabled", flag),
        (
            "event_types",
            json!({ "type": ["string", "array", "null"], "items": { "type": "string" }, "minItems": 1, "description": "Webhooks, or `*`." }),
        ),
        ("scope", json!({ "anyOf": [scope, { "type": "null" }] })),
        ("conditions", json!({ "type": ["array", "null"], "items": condition, "maxItems": 16 })),
        ("url", text("A template; the host must be written out.")),
        ("method", text("`POST` unless given.")),
        ("headers", headers()),
        ("body", json!({ "description": "A structural template (JSON), or a text template; null for the default body." })),
        ("content_type", text("Of a body that is a text.")),
        ("timeout", text("The deadline of an attempt, such as `15 s`.")),
        (
            "timeout_ms",
            json!({ "type": ["integer", "null"], "minimum": 100, "maximum": 120_000, "description": "The same, as it is shown." }),
        ),
        ("concurrency", json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 1000 })),
        ("rate_limit", text("Such as `100/s`.")),
        ("order", json!({ "enum": ["none", "object", null] })),
        ("signatures", json!({ "type": ["array", "null"], "items": { "enum": ["standard", "asymmetric", "journey"] } })),
        ("secret", text("`whsec_…`; one is made otherwise.")),
        ("failure_handling", json!({ "anyOf": [failures, { "type": "null" }] })),
    ];
    Map::from_iter(all.map(|(name, schema)| (name.to_owned(), schema)))
}
