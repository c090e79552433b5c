//! What can be taken along as a file: the saves as they came, a delivery as a scenario test, a body as it is sent.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::delivery::find;
use super::history::History;
use super::page::{Failure, Page};
use super::scenario;
use crate::access::may;
use crate::ids::Sequence;
use crate::server::App;
use crate::server::access::Allowed;
use crate::server::request::{Names, Parameters, parsed};

#[derive(Deserialize)]
pub(super) struct Through {
    through: Option<i64>,
}

/// The saves that are kept, the oldest first: what `webhookc test --from` and `webhookc dev --saves` read.
pub(super) async fn saves(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Read>,
    Parameters(asked): Parameters<Through>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let through = Sequence(asked.through.unwrap_or(i64::MAX));
    let history = History::through(&page.running()?.ingest.store, &page.scope, through).await?;
    let mut lines = String::new();
    for recording in history.recordings() {
        lines.push_str(&recording.item);
        lines.push('\n');
    }
    Ok((attached("application/x-ndjson", "saves.ndjson"), lines).into_response())
}

/// A delivery as a scenario test, for whoever may look at it and at the saves that led to it.
pub(super) async fn scenario(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Read>,
    _deliveries: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let delivery = find(&page, running, parsed(&id)?).await?;
    let history = History::through(&running.ingest.store, &page.scope, delivery.sequence).await?;
    let attempts = running.ingest.store.attempts(&page.scope, delivery.id).await?.unwrap_or_default();
    let text = scenario::of_delivery(&running.ingest.generation(), &history, scenario::Taken { delivery: &delivery, attempts: &attempts })?;
    Ok((attached("application/yaml; charset=utf-8", "delivery.test.yaml"), text).into_response())
}

/// The body of a delivery. Plain text, whatever it says it is: nothing of it is for a browser to run.
pub(super) async fn body(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let delivery = find(&page, page.running()?, parsed(&id)?).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], delivery.body).into_response())
}

fn attached(kind: &'static str, name: &'static str) -> [(HeaderName, String); 2] {
    [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))]
}
