//! Routes and what is said of their handlers → the document, `OpenAPI` 3.1 (3.1.0, with JSON Schema 2020-12).

use std::collections::BTreeMap;

use bytes::Bytes;
use schemars::generate::{Contract, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operation::{Content, Operation, generator};
use super::routes::Known;
use crate::ids::DEFAULT_TENANT;
use crate::server::problem::{PROBLEM_JSON, Problem};

/// Problems of every call.
const ALWAYS: [u16; 4] = [400, 403, 415, 500];
/// Problems of calls that need a key.
const WITH_KEY: [u16; 4] = [401, 404, 429, 503];
/// Problems of calls with a body.
const WITH_BODY: [u16; 3] = [408, 413, 503];
/// Problems of calls with `Idempotency-Key`.
const WITH_IDEMPOTENCY: [u16; 2] = [409, 422];

/// The document.
pub(in crate::server) struct Document {
    /// As a value, for the page.
    pub(super) value: Value,
    /// As it is sent.
    pub(super) text: Bytes,
    /// Descriptions of handlers that answer nothing.
    #[cfg(test)]
    pub(in crate::server) unrouted: Vec<&'static str>,
}

impl Document {
    /// Of these routes. A route of which nothing is said is there with its path alone.
    pub(in crate::server) fn of(routes: &[Known], described: impl IntoIterator<Item = Operation>) -> Self {
        let described: BTreeMap<&str, Operation> = described.into_iter().map(|operation| (operation.handler, operation)).collect();
        let mut answers = generator(Contract::Serialize);
        let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for known in routes {
            let operation = match described.get(known.handler.as_str()) {
                Some(operation) => written(known, operation, &mut answers),
                None => json!({ "operationId": known.handler.replace("::", "_"), "responses": {} }),
            };
            paths.entry(&known.path).or_default().insert(known.method.to_owned(), operation);
        }
        let problem = answers.subschema_for::<Problem>();
        let responses = json!({ "Problem": {
            "description": "Why it was refused, or failed (RFC 9457).",
            "headers": {
                "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" },
                "Retry-After": { "description": "Seconds after which it may be tried again; with 429.", "schema": { "type": "integer", "minimum": 0 } },
                "WWW-Authenticate": { "description": "With 401.", "schema": { "type": "string" } },
            },
            "content": { PROBLEM_JSON: { "schema": problem } },
        } });
        let value = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "webhookc",
                "version": env!("CARGO_PKG_VERSION"),
                "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
                "description": "Objects are saved, webhooks of the data model fire, and what they send is delivered to endpoints. \
                    A key is shown as `Authorization: Bearer whk_…`; a call names the permission that it needs. Before the first key is made, \
                    and in `dev`, none is asked for. What belongs to another tenant is 404. Errors are RFC 9457 problems: `code` is for programs, `errors` has a JSON pointer \
                    to each mistake of a body. Lists have `data` and `next`, the `cursor` of the next part, null at the end. \
                    What needs a key is answered with `Cache-Control: no-store`. Times are RFC 3339, in UTC.",
            },
            "paths": paths,
            "components": {
                "schemas": answers.take_definitions(true),
                "responses": responses,
                "headers": { "X-Request-Id": {
                    "description": "The request's id in the log: the one that came, or a new one.", "schema": { "type": "string" },
                } },
                "parameters": parameters(),
                "securitySchemes": { "key": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "whk_…",
                    "description": "A key (`webhookc keys create`), or a link's token (`whl_…`).",
                } },
            },
            "security": [{ "key": [] }, {}],
        });
        let text = serde_json::to_vec(&value).unwrap_or_default().into();
        Self {
            value,
            text,
            #[cfg(test)]
            unrouted: described.into_keys().filter(|handler| !routes.iter().any(|known| known.handler == *handler)).collect(),
        }
    }
}

#[cfg(test)]
impl Document {
    /// Routes of which nothing is said.
    pub(in crate::server) fn undescribed(&self) -> Vec<String> {
        let paths = self.value["paths"].as_object().unwrap();
        let calls =
            paths.iter().flat_map(|(path, calls)| calls.as_object().unwrap().iter().map(move |(method, call)| (path, method, call)));
        let bare = calls.filter(|(_, _, call)| call["summary"].as_str().is_none_or(str::is_empty));
        bare.map(|(path, method, _)| format!("{method} {path}")).collect()
    }
}

/// Headers of requests.
fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "What was done is not done again for a day: a request that is repeated with its key is answered as the first time (with `Idempotency-Replayed: true`). What was refused has changed nothing, and may come again with its key.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\t\\x20-\\x7e]+$" },
        },
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "required": false, "description": "The request's id in the log: up to 128 of `A-Z a-z 0-9 _ . : / = + -`. For anything else one is made.",
            "schema": {},
        },
    })
}

/// One call.
fn written(known: &Known, operation: &Operation, answers: &mut SchemaGenerator) -> Value {
    let is_idempotent = known.method == "post" && known.path.starts_with("/api/");
    let description = match (operation.permission, operation.more) {
        (Some(permission), "") => format!("Needs the permission `{permission}`."),
        (Some(permission), more) => format!("{more}\n\nNeeds the permission `{permission}`."),
        (None, more) => format!("{more}\n\nAsks for no key.").trim_start().to_owned(),
    };
    let mut parameters: Vec<Value> = segments(&known.path).map(|name| in_path(known, name)).collect();
    if let Some(make) = operation.query {
        parameters.extend(in_query(make(&mut generator(Contract::Deserialize)).to_value()));
    }
    parameters.push(json!({ "$ref": "#/components/parameters/RequestId" }));
    if is_idempotent {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    let mut written = json!({
        "operationId": operation.handler.replace("::", "_"),
        "tags": [operation.handler.split("::").next()],
        "summary": operation.summary,
        "description": description,
        "parameters": parameters,
        "responses": responses(operation, is_idempotent, answers),
    });
    let Some(fields) = written.as_object_mut() else { return written };
    if !operation.body.is_empty() {
        let content: Map<String, Value> =
            operation.body.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema }))).collect();
        fields.insert("requestBody".to_owned(), json!({ "required": operation.is_body_required, "content": content }));
    }
    match operation.permission {
        Some(permission) => fields.insert("x-permission".to_owned(), Value::from(permission)),
        None => fields.insert("security".to_owned(), json!([])),
    };
    written
}

fn responses(operation: &Operation, is_idempotent: bool, answers: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, content) in &operation.answers {
        let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } });
        if let Some(headers) = headers.as_object_mut() {
            if matches!(status, 201 | 202) {
                headers.insert(
                    "Location".to_owned(),
                    json!({ "description": "Where it is, if it has a place.", "schema": { "type": "string" } }),
                );
            }
            if is_idempotent {
                headers.insert(
                    "Idempotency-Replayed".to_owned(),
                    json!({ "description": "The answer is that of an earlier request.", "schema": { "const": "true" } }),
                );
            }
        }
        let mut response = json!({ "description": words(*status), "headers": headers });
        let content = match content {
            Content::None => None,
            Content::Json(make) => Some(json!({ "application/json": { "schema": make(answers) } })),
            Content::Other(kind, schema) => Some(json!({ *kind: { "schema": schema } })),
        };
        if let (Some(content), Some(response)) = (content, response.as_object_mut()) {
            // Several content types of one status come one after the other.
            if let Some(Value::Object(before)) =
                responses.get_mut(&status.to_string()).and_then(|before: &mut Value| before.get_mut("content"))
            {
                before.extend(content.as_object().cloned().unwrap_or_default());
                continue;
            }
            response.insert("content".to_owned(), content);
        }
        responses.insert(status.to_string(), response);
    }
    let with = |used: bool, statuses: &[u16]| if used { statuses.to_vec() } else { Vec::new() };
    let refusals = [
        ALWAYS.to_vec(),
        with(operation.permission.is_some(), &WITH_KEY),
        with(!operation.body.is_empty(), &WITH_BODY),
        with(is_idempotent, &[&WITH_IDEMPOTENCY[..], &WITH_BODY].concat()),
        operation.refusals.clone(),
    ];
    for status in refusals.into_iter().flatten() {
        responses.entry(status.to_string()).or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
    }
    Value::Object(responses)
}

fn words(status: u16) -> &'static str {
    match status {
        201 => "It is made.",
        202 => "It is begun, and goes on.",
        204 => "It is done.",
        _ => "So it is.",
    }
}

/// The names in a path.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(known: &Known, name: &str) -> Value {
    let hex = |prefix: &str, digits: u32| json!({ "type": "string", "pattern": format!("^{prefix}[0-9a-f]{{{digits}}}$") });
    let mut schema = match (name, known.handler.split("::").next().unwrap_or_default()) {
        ("tenant", _) => json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$", "not": { "enum": [".", ".."] } }),
        ("id", "deliveries") => hex("dlv_", 32),
        ("id", "messages") => hex("msg_", 32),
        ("id", "resends") => hex("rsd_", 32),
        ("id", "keys") => hex("key_", 16),
        (_, _) => json!({ "type": "string", "minLength": 1 }),
    };
    if let Some(schema) = schema.as_object_mut().filter(|_| name == "tenant") {
        schema.insert("example".to_owned(), Value::from(DEFAULT_TENANT));
    }
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// The parameters that the fields of a type are.
fn in_query(mut schema: Value) -> Vec<Value> {
    let required: Vec<String> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let Some(Value::Object(properties)) = schema.get_mut("properties").map(Value::take) else { return Vec::new() };
    let parameter = |(name, mut schema): (String, Value)| {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // A parameter that is there is never null.
        if let Some(kinds) = schema.get_mut("type").filter(|kinds| kinds.is_array()) {
            *kinds = kinds.as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null").cloned()).unwrap_or_default();
        }
        let mut parameter = json!({ "name": name, "in": "query", "required": required.contains(&name), "schema": schema });
        if let (Some(description), Some(parameter)) = (description, parameter.as_object_mut()) {
            parameter.insert("description".to_owned(), description);
        }
        parameter
    };
    properties.into_iter().map(parameter).collect()
}
