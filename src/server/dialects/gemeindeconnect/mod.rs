//! Webhook configurations as in seed `002_caa3043fe454df9b.txt`: an endpoint that hears of the named processes in one municipality. Every
//! field is required, also in a change, and the key stands in `Ocp-Apim-Subscription-Key`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};

use crate::access::{TenantScope, may};
use crate::check::{ALL_EVENTS, Accepts, Part, path_of};
use crate::endpoints::{Dialect, Draft, Field, Mistake, Style};
use crate::program::Program;
use crate::server::access::{Allowed, Place, asked};
use crate::server::confidential::unstored;
use crate::server::dialects::document::{is_any_about, made_by, missing, no_events, read};
use crate::server::request::{Nothing, Parameters, json};
use crate::server::tenant_endpoints::{self, Kept, LONGEST, Submitted};
use crate::server::{App, Problem, Running, body, idempotency};
use crate::store::OwnFilter;

/// What endpoints of this API are marked with.
const NAME: &str = "gemeindeconnect";
/// No path names a tenant: it is that of the key.
const PLACE: Place = Place { header: Some("ocp-apim-subscription-key"), cookie: None, tenant: "" };
/// What an object belongs to that is told of.
const THINGS: [&str; 2] = ["process", "municipality"];
/// Processes of a configuration.
const MOST_PROCESSES: usize = 256;
/// Characters of an id.
const LONGEST_ID: usize = 128;
const FIELDS: [&str; 6] = ["whname", "whcomment", "applicationId", "municipalityId", "callbackUrl", "processes"];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/webhookconfig", get(list).post(make).patch(change).delete(delete))
        .route_layer(from_fn_with_state(Arc::clone(app), idempotency::once));
    asked(routes, app, PLACE)
}

/// Which configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    whid: Option<String>,
}

#[derive(Serialize)]
struct WebhookConfig {
    whid: String,
    whname: String,
    whcomment: String,
    #[serde(rename = "applicationId")]
    application: Value,
    #[serde(rename = "municipalityId")]
    municipality: Value,
    #[serde(rename = "callbackUrl")]
    callback_url: Box<str>,
    processes: Value,
}

fn config(kept: Kept) -> WebhookConfig {
    let Kept { row, definition, .. } = kept;
    let document = definition.dialect.map(|dialect| dialect.document).unwrap_or_default();
    let of = |name: &str| document.get(name).cloned().unwrap_or_default();
    WebhookConfig {
        whid: row.id.to_string(),
        whname: definition.name,
        whcomment: definition.comment.unwrap_or_default(),
        application: of("applicationId"),
        municipality: of("municipalityId"),
        callback_url: definition.wants.url,
        processes: of("processes"),
    }
}

async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    if let Some(id) = which.whid {
        return Ok(json(StatusCode::OK, &[config(known(running, &scope, &id).await?)]));
    }
    let filter = OwnFilter { dialect: Some(NAME.to_owned()), ..OwnFilter::default() };
    let configs: Vec<WebhookConfig> = tenant_endpoints::all(running, &scope, &filter).await?.into_iter().map(config).collect();
    Ok(json(StatusCode::OK, &configs))
}

async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let submitted = submitted(&running.ingest.generation().rules.program, None, &text)?;
    let kept = tenant_endpoints::make(running, &scope, submitted).await?;
    let url = kept.definition.wants.url.clone();
    Ok(unstored(&url, json(StatusCode::CREATED, &config(kept))))
}

async fn change(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(which): Parameters<Which>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let before = known(running, &scope, &named(which)?).await?;
    let into = |before: Kept| submitted(&running.ingest.generation().rules.program, Some(before), &text);
    Ok(json(StatusCode::OK, &config(tenant_endpoints::change(running, &scope, &before.row.id, into).await?)))
}

async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let before = known(running, &scope, &named(which)?).await?;
    tenant_endpoints::delete(running, &scope, &before.row.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn named(which: Which) -> Result<String, Problem> {
    which
        .whid
        .ok_or_else(|| Problem::bad_request("missing-parameter", "the parameter `whid` is missing, expected the id of a configuration"))
}

/// A configuration that was made by this API.
async fn known(running: &Running, scope: &TenantScope, id: &str) -> Result<Kept, Problem> {
    let kept = made_by(NAME, running, scope, id).await?;
    kept.ok_or_else(|| Problem::not_found("unknown-webhook", format!("there is no webhook configuration `{id}`")))
}

/// All fields, every one of them required. What has been said of the one before by this node's own API stays.
fn submitted(program: &Program, before: Option<Kept>, text: &[u8]) -> Result<Submitted, Problem> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let mut object = read(text, Style::Snake, &mut mistakes)?;
    for name in FIELDS {
        if !object.has(name) {
            missing(&object, name, &mut mistakes);
        }
    }
    let draft =
        Draft { name: object.take("whname"), comment: object.take("whcomment"), url: object.take("callbackUrl"), ..Draft::default() };
    let (application, municipality) = (object.take("applicationId"), object.take("municipalityId"));
    let application = application.and_then(|field| field.text_within(1..=LONGEST_ID, &mut mistakes));
    let municipality = municipality.and_then(|field| field.text_within(1..=LONGEST_ID, &mut mistakes));
    let processes = object.take("processes").map(|field| processes(field, &mut mistakes)).unwrap_or_default();
    if let Some(before) = &before {
        object.take_told(&["whid"], &value!({ "whid": before.row.id.as_str() }), &mut mistakes);
    }
    object.finish(&mut mistakes);
    let mut definition = before.map_or_else(Draft::blank, |before| before.definition);
    let mut read = draft.apply(&mut definition, &mut mistakes);
    if !is_any_about(program, &THINGS) {
        return Err(no_events(&THINGS));
    }
    let paths = THINGS.map(path_of);
    let conditions = &mut definition.wants.conditions;
    conditions.retain(|condition| !paths.iter().any(|path| **path == *condition.path));
    let accepted = [processes.clone(), vec![municipality.clone().map_or(Value::Null, Value::from)]];
    for ((path, accepted_values), place) in paths.into_iter().zip(accepted).zip(["/processes", "/municipalityId"]) {
        read.places.push((Part::Path(u32::try_from(conditions.len()).unwrap_or(u32::MAX)), place.to_owned()));
        conditions.push(Accepts { path: path.into(), accepted_values });
    }
    definition.wants.event_types = vec![ALL_EVENTS.into()];
    definition.wants.about = THINGS.map(Into::into).into();
    let document = value!({ "applicationId": application, "municipalityId": municipality, "processes": processes });
    definition.dialect = Some(Dialect { name: NAME.to_owned(), key: municipality.unwrap_or_default(), document });
    Ok(Submitted { definition, read, mistakes })
}

/// The ids of processes, at least one.
fn processes(field: Field, out: &mut Vec<Mistake>) -> Vec<Value> {
    let place = field.place();
    let Some(items) = field.list(MOST_PROCESSES, out) else { return Vec::new() };
    if items.is_empty() {
        place.wrong("invalid-value", "is an empty list, expected the id of at least one process", out);
    }
    items.into_iter().filter_map(|item| item.text_within(1..=LONGEST_ID, out)).map(Value::from).collect()
}
