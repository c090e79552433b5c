//! The outgoing webhook of a workflow as in seed `000_6753c3cbd563b9e5.txt`: one a workflow, called for whatever belongs to the workflow,
//! with a body of its own form. Anything wrong with a request is 400 there, and a key that will not do is 403.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use crate::access::{TenantScope, may};
use crate::check::{ALL_EVENTS, Accepts, path_of};
use crate::endpoints::{Definition, Dialect, Draft, Mistake, Style};
use crate::server::access::{Allowed, Place, asked};
use crate::server::confidential::unstored;
use crate::server::dialects::document::{is_any_about, missing, no_events, read};
use crate::server::dialects::restated::restated;
use crate::server::request::{Names, Nothing, Parameters, json};
use crate::server::tenant_endpoints::{self, Kept, LONGEST, Seat, Submitted, change};
use crate::server::{App, Problem, Running, body, idempotency};
use crate::store::{OwnFilter, OwnPage};

/// What endpoints of this API are marked with.
const NAME: &str = "portant";
/// No path names a tenant: it is that of the key.
const PLACE: Place = Place { header: None, cookie: None, tenant: "" };
/// What it belongs to.
const THING: &str = "workflow";
/// Characters of the id of a workflow: it stands in the name of the endpoint, of which it leaves room for the rest.
const LONGEST_ID: usize = 100;
/// How ids begin there, and here.
const PREFIXES: (&str, &str) = ("owc_", "ep_");
/// The form of an event there.
const BODY: &str = include_str!("../../../../templates/portant.json");

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/workflows/{workflow}/outgoing-webhooks/", get(one).post(create).patch(update))
        .route_layer(from_fn_with_state(Arc::clone(app), idempotency::once));
    asked(routes, app, PLACE).route_layer(from_fn(statuses))
}

/// The statuses that the seed names.
async fn statuses(request: Request, next: Next) -> Response {
    let pairs = [(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST), (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN)];
    restated(next.run(request).await, &pairs).await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutgoingWebhook {
    id: String,
    webhook_url: Box<str>,
}

fn answer(status: StatusCode, kept: Kept) -> Response {
    let (there, here) = PREFIXES;
    let id = kept.row.id.as_str();
    let id = format!("{there}{}", id.strip_prefix(here).unwrap_or(id));
    let webhook_url = kept.definition.wants.url;
    unstored(&webhook_url.clone(), json(status, &OutgoingWebhook { id, webhook_url }))
}

async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names(workflow): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let kept = of_workflow(app.running()?, &scope, &workflow).await?;
    Ok(answer(StatusCode::OK, kept.ok_or_else(|| none(&workflow))?))
}

async fn create(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names(workflow): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let submitted = submitted(&text, everything_about(running, &workflow)?)?;
    let taken = || {
        let detail = format!("the workflow `{workflow}` has an outgoing webhook already");
        Problem::bad_request("one-webhook-only", detail).help("change it with PATCH")
    };
    let kept = tenant_endpoints::keep(running, &scope, Seat::alone(running), submitted).await?;
    Ok(answer(StatusCode::CREATED, kept.ok_or_else(taken)?))
}

async fn update(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names(workflow): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let before = of_workflow(running, &scope, &workflow).await?.ok_or_else(|| none(&workflow))?;
    heard_of(running)?;
    // What has been said of it by this node's own API stays.
    let into = |before: Kept| submitted(&text, before.definition);
    Ok(answer(StatusCode::OK, change(running, &scope, &before.row.id, into).await?))
}

fn none(workflow: &str) -> Problem {
    Problem::not_found("unknown-webhook", format!("the workflow `{workflow}` has no outgoing webhook"))
}

async fn of_workflow(running: &Running, scope: &TenantScope, workflow: &str) -> Result<Option<Kept>, Problem> {
    let filter = OwnFilter { dialect: Some(NAME.to_owned()), dialect_key: Some(workflow.to_owned()), ..OwnFilter::default() };
    let page = OwnPage { after: 0, offset: 0, limit: 1 };
    let row = running.ingest.store.own_endpoints(scope, &filter, page).await?.pop();
    row.map(Kept::of).transpose()
}

/// The one field, of an endpoint.
fn submitted(text: &[u8], mut definition: Definition) -> Result<Submitted, Problem> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let mut object = read(text, Style::Camel, &mut mistakes)?;
    if !object.has("webhook_url") {
        missing(&object, "webhook_url", &mut mistakes);
    }
    let draft = Draft { url: object.take("webhook_url"), ..Draft::default() };
    object.finish(&mut mistakes);
    let read = draft.apply(&mut definition, &mut mistakes);
    Ok(Submitted { definition, read, mistakes })
}

/// An endpoint that hears of everything about a workflow, and has no URL yet.
fn everything_about(running: &Running, workflow: &str) -> Result<Definition, Problem> {
    let letters = workflow.chars().count();
    if letters > LONGEST_ID || workflow.trim().is_empty() {
        let detail = format!("the id of the workflow has {letters} characters, expected 1 to {LONGEST_ID} that are not all white space");
        return Err(Problem::bad_request("invalid-workflow", detail));
    }
    heard_of(running)?;
    let mut definition = Draft::blank();
    definition.name = format!("outgoing webhook of {workflow}");
    definition.dialect = Some(Dialect { name: NAME.to_owned(), key: workflow.to_owned(), document: serde_json::Value::Null });
    definition.wants.event_types = vec![ALL_EVENTS.into()];
    definition.wants.about = vec![THING.into()];
    definition.wants.conditions = vec![Accepts { path: path_of(THING).into(), accepted_values: vec![workflow.into()] }];
    definition.wants.body = Some(BODY.into());
    definition.wants.content_type = Some("application/json".into());
    Ok(definition)
}

/// A webhook of the schema is about workflows.
fn heard_of(running: &Running) -> Result<(), Problem> {
    let is_any = is_any_about(&running.ingest.generation().rules.program, &[THING]);
    if is_any { Ok(()) } else { Err(no_events(&[THING])) }
}
