//! `T/objects/{model}/{id}`: save, merge, delete, read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::explain::{Reason, in_words};
use crate::access::{TenantScope, may};
use crate::engine::{MAX_BODY_BYTES, Verb, parse_save};
use crate::ids::{MessageId, Sequence};
use crate::ingest::Saved;
use crate::program::Operation;
use crate::server::access::Allowed;
use crate::server::openapi;
use crate::server::request::{Explain, Names, Nothing, Parameters, json};
use crate::server::{App, Problem, body};

/// Whose object, which model, which id.
pub(super) type ObjectPath = Names<(String, String, String)>;

pub(in crate::server) async fn put(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Write>,
    Names(path): ObjectPath,
    Parameters(explain): Parameters<Explain>,
    body: Body,
) -> Result<Response, Problem> {
    save(&app, &scope, &path, Verb::Put, body, &explain).await
}

pub(in crate::server) async fn patch(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Write>,
    Names(path): ObjectPath,
    Parameters(explain): Parameters<Explain>,
    body: Body,
) -> Result<Response, Problem> {
    save(&app, &scope, &path, Verb::Patch, body, &explain).await
}

pub(in crate::server) async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Write>,
    Names(path): ObjectPath,
    Parameters(explain): Parameters<Explain>,
) -> Result<Response, Problem> {
    save(&app, &scope, &path, Verb::Delete, Body::empty(), &explain).await
}

/// One save, by whatever verb.
pub(super) async fn save(
    app: &App,
    scope: &TenantScope,
    (_, model, id): &(String, String, String),
    verb: Verb<'_>,
    body: Body,
    explain: &Explain,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let body = body::read(app, body, MAX_BODY_BYTES).await?;
    let generation = running.ingest.generation();
    let save = parse_save(&generation.rules, model, id, verb, &body.bytes).map_err(|refused| Problem::refused(refused, ""))?;
    let saved = running.ingest.save(scope, vec![save], &generation).await?;
    let Some(saved) = saved.first() else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the save left no trace"));
    };
    let status = match saved.operation {
        Operation::Create => StatusCode::CREATED,
        Operation::Update | Operation::Delete => StatusCode::OK,
    };
    Ok(json(status, &SaveAnswer::of(model, id, saved, explain.explain.is_some())))
}

/// What became of a save.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Saved")]
pub(super) struct SaveAnswer<'a> {
    model: &'a str,
    id: &'a str,
    operation: &'static str,
    sequence: Sequence,
    messages: Vec<Sent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decisions: Option<Vec<Reason<'a>>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Sent<'a> {
    id: MessageId,
    event: &'a str,
}

impl<'a> SaveAnswer<'a> {
    pub(super) fn of(model: &'a str, id: &'a str, saved: &'a Saved, explain: bool) -> Self {
        Self {
            model,
            id,
            operation: saved.operation.as_str(),
            sequence: saved.sequence,
            messages: saved.messages.iter().map(|(id, event)| Sent { id: *id, event }).collect(),
            decisions: explain.then(|| in_words(saved.trace.entries(model, id))),
        }
    }
}

/// An object as it is stored.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Object")]
struct Object<'a> {
    model: &'a str,
    id: &'a str,
    sequence: Sequence,
    updated_at: &'a str,
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    fields: Box<RawValue>,
}

pub(in crate::server) async fn read(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Read>,
    Names((_, model, id)): ObjectPath,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    known_model(running, &model)?;
    let row = running.ingest.store.object(&scope, &model, &id).await?;
    let Some(row) = row else {
        return Err(Problem::not_found("no-such-object", format!("there is no object `{model}/{id}`")));
    };
    let fields = RawValue::from_string(row.json.to_string())
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the stored object cannot be read"))?;
    Ok(json(StatusCode::OK, &Object { model: &model, id: &row.id, sequence: row.sequence, updated_at: &row.updated_at, fields }))
}

/// Refuses a model that the program in force does not have.
pub(super) fn known_model(running: &crate::server::Running, model: &str) -> Result<(), Problem> {
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    if program.model_named(model).is_some() {
        return Ok(());
    }
    let names = || program.models.iter().map(|model| &*model.name);
    let problem = Problem::not_found("unknown-model", format!("there is no model `{model}`"));
    Err(problem.help(format!("the models are {}", crate::diagnostics::one_of(names()))).did_you_mean(model, names()))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<openapi::Operation> {
    let fields = serde_json::json!({ "type": "object", "description": "The object's fields by name, as its model has them; a relation by `NAME_id`." });
    vec![
        openapi::Operation::of("objects::read").says("An object as it is stored").needs("objects:read").answers::<Object<'_>>(200),
        openapi::Operation::of("objects::put")
            .says("Save an object: replace it, or make it")
            .and("A field that is not named is null afterwards. What fires is in `messages`.")
            .needs("objects:write")
            .asks::<Explain>()
            .takes(fields.clone())
            .answers::<SaveAnswer<'_>>(200)
            .answers::<SaveAnswer<'_>>(201)
            .refuses(&[409, 422]),
        openapi::Operation::of("objects::patch")
            .says("Save an object: change some of its fields")
            .needs("objects:write")
            .asks::<Explain>()
            .takes(fields)
            .answers::<SaveAnswer<'_>>(200)
            .refuses(&[409, 422]),
        openapi::Operation::of("objects::delete")
            .says("Delete an object")
            .needs("objects:write")
            .asks::<Explain>()
            .answers::<SaveAnswer<'_>>(200)
            .refuses(&[409, 422]),
    ]
}
