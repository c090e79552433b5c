//! Webhooks: made, listed, read, changed, released, deleted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::answer::{WebhookResponse, webhook};
use super::{query, submitted};
use crate::access::may;
use crate::ids::EndpointId;
use crate::server::access::Allowed;
use crate::server::confidential::unstored;
use crate::server::request::{Names, Nothing, Parameters, json, wish};
use crate::server::tenant_endpoints::{self, Kept, LONGEST, find};
use crate::server::{App, Problem, body};
use crate::store::OwnPage;

pub(super) async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let kept = tenant_endpoints::make(running, &scope, submitted::new(&text)?).await?;
    let url = kept.definition.wants.url.clone();
    Ok(unstored(&url, json(StatusCode::OK, &webhook(kept))))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    _read: Allowed<may::Webhooks, may::Read>,
    scope: Allowed<may::Webhooks, may::List>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (filter, part) = query::filters(&uri)?;
    let page = OwnPage { after: 0, offset: part.offset, limit: part.count };
    let rows = app.running()?.ingest.store.own_endpoints(&scope, &filter, page).await?;
    let answers: Vec<WebhookResponse> = rows.into_iter().map(|row| Kept::of(row).map(webhook)).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &answers))
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &webhook(find(app.running()?, &scope, &EndpointId::new(id)).await?)))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let kept = tenant_endpoints::change(running, &scope, &EndpointId::new(id), |before| submitted::changed(&text, before)).await?;
    Ok(json(StatusCode::OK, &webhook(kept)))
}

pub(super) async fn unsuspend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let Nothing {} = wish(&app, body).await?;
    let kept = find(running, &scope, &EndpointId::new(id)).await?;
    running.ingest.store.unsuspend(&scope, &kept.row.id).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let kept = find(running, &scope, &EndpointId::new(id)).await?;
    tenant_endpoints::delete(running, &scope, &kept.row.id).await?;
    Ok(StatusCode::OK.into_response())
}
