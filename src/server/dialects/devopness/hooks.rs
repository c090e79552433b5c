//! Hooks: made, read, replaced, deleted, listed of a resource; and what was sent for them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::answer::{Hook, hook, request};
use super::{NAME, submitted};
use crate::access::{TenantScope, may};
use crate::server::access::Allowed;
use crate::server::confidential::unstored;
use crate::server::dialects::document::made_by;
use crate::server::request::{Names, Nothing, Parameters, Part, json};
use crate::server::tenant_endpoints::{self, Kept, LONGEST, change};
use crate::server::{App, Problem, Running, body};
use crate::store::{DeliveryFilter, OwnFilter, Page};

pub(super) async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let submitted = submitted::hook(&running.ingest.generation().rules.program, None, &text)?;
    let kept = tenant_endpoints::make(running, &scope, submitted).await?;
    let url = kept.definition.wants.url.clone();
    Ok(unstored(&url, json(StatusCode::CREATED, &hook(kept))))
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names(id): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &hook(known(app.running()?, &scope, &id).await?)))
}

pub(super) async fn replace(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names(id): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let before = known(running, &scope, &id).await?;
    let into = |before| submitted::hook(&running.ingest.generation().rules.program, Some(before), &text);
    Ok(json(StatusCode::OK, &hook(change(running, &scope, &before.row.id, into).await?)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names(id): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let before = known(running, &scope, &id).await?;
    tenant_endpoints::delete(running, &scope, &before.row.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The hooks of an application.
pub(super) async fn of_application(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::List>,
    Names(id): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let filter = OwnFilter { dialect: Some(NAME.to_owned()), dialect_key: Some(format!("application/{id}")), ..OwnFilter::default() };
    let hooks: Vec<Hook> = tenant_endpoints::all(app.running()?, &scope, &filter).await?.into_iter().map(hook).collect();
    Ok(json(StatusCode::OK, &hooks))
}

pub(super) async fn requests(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::List>,
    Names(id): Names<String>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let kept = known(running, &scope, &id).await?;
    let (limit, page) = part.read()?;
    let page = Page { limit, ..page };
    let filter = DeliveryFilter { endpoint: Some(kept.row.id), ..DeliveryFilter::default() };
    let rows = running.ingest.store.deliveries(&scope, &filter, &page).await?;
    Ok(json(StatusCode::OK, &rows.into_iter().map(request).collect::<Vec<_>>()))
}

/// A hook that was made by this API.
async fn known(running: &Running, scope: &TenantScope, id: &str) -> Result<Kept, Problem> {
    let kept = made_by(NAME, running, scope, id).await?;
    kept.ok_or_else(|| Problem::not_found("unknown-hook", format!("there is no outgoing hook `{id}`")))
}
