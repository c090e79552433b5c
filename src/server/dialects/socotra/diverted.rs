//! Diverted events: deliveries of a webhook that were given up and kept. `eventLocator` is the message, `requestLocator` the delivery.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::json;

use super::answer::diverted;
use super::query::{self, MOST, Part};
use crate::access::{TenantScope, may};
use crate::ids::{DeliveryId, EndpointId, MessageId};
use crate::server::access::Allowed;
use crate::server::request::{Names, Nothing, Parameters, json as answer, wish};
use crate::server::tenant_endpoints::find;
use crate::server::{App, Problem, Running};
use crate::store::{DeliveryFilter, DeliveryRow, DeliveryState, Page};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    _read: Allowed<may::DivertedEvents, may::Read>,
    scope: Allowed<may::DivertedEvents, may::List>,
    Names((_, webhook)): Names<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let part = query::part(&uri)?;
    let kept = find(running, &scope, &EndpointId::new(webhook)).await?;
    let rows = rows(running, &scope, &of(kept.row.id, None), &part).await?;
    let events: Vec<_> = rows.into_iter().map(diverted).collect();
    Ok(answer(StatusCode::OK, &events))
}

/// A part of a list. What comes before it is read a page at a time and let go, however much it is.
async fn rows(running: &Running, scope: &TenantScope, filter: &DeliveryFilter, part: &Part) -> Result<Vec<DeliveryRow>, Problem> {
    let store = &running.ingest.store;
    let (mut before, mut left_out) = (None, part.offset);
    while left_out > 0 {
        let passed = store.deliveries(scope, filter, &Page { before, limit: left_out.min(MOST) }).await?;
        let Some(last) = passed.last() else { return Ok(Vec::new()) };
        left_out = left_out.saturating_sub(passed.len());
        before = Some(last.id);
    }
    Ok(store.deliveries(scope, filter, &Page { before, limit: part.count }).await?)
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::DivertedEvents, may::Read>,
    Names((_, webhook, event)): Names<(String, String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &diverted(event_of(app.running()?, &scope, webhook, &event).await?)))
}

pub(super) async fn resend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::DivertedEvents, may::Resend>,
    Names((_, webhook, event)): Names<(String, String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let Nothing {} = wish(&app, body).await?;
    let row = event_of(running, &scope, webhook, &event).await?;
    running.ingest.store.resend(&scope, row.id, running.ingest.clock.now()).await?;
    Ok(answer(StatusCode::OK, &json!({ "eventLocator": row.message, "requestLocator": row.id })))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::DivertedEvents, may::Delete>,
    Names((_, webhook, event)): Names<(String, String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let row = event_of(running, &scope, webhook, &event).await?;
    running.ingest.store.throw_away(&scope, row.id).await?;
    Ok(answer(StatusCode::OK, &json!({ "eventLocator": row.message, "requestLocator": row.id })))
}

fn of(endpoint: EndpointId, message: Option<MessageId>) -> DeliveryFilter {
    DeliveryFilter { endpoint: Some(endpoint), states: vec![DeliveryState::Diverted], message, ..DeliveryFilter::default() }
}

/// The diverted delivery of a message, or of a request, to a webhook.
async fn event_of(running: &Running, scope: &TenantScope, webhook: String, event: &str) -> Result<DeliveryRow, Problem> {
    let kept = find(running, scope, &EndpointId::new(webhook)).await?;
    let request = event.parse::<DeliveryId>().ok();
    let message = event.parse::<MessageId>().ok().or_else(|| request.map(DeliveryId::message));
    let unknown = || Problem::not_found("unknown-event", format!("there is no diverted event `{event}`"));
    let filter = of(kept.row.id, Some(message.ok_or_else(unknown)?));
    let mut rows = running.ingest.store.deliveries(scope, &filter, &Page { before: None, limit: 1 }).await?;
    rows.pop().filter(|row| request.is_none_or(|request| row.id == request)).ok_or_else(unknown)
}
