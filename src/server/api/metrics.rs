//! `GET /metrics`: the numbers of the node, as Prometheus and its kin read them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Mutex;

use crate::access::may;
use crate::server::App;
use crate::server::access::OfNode;
use crate::server::openapi::Operation;
use crate::telemetry::{Standing, exposition};

/// The media type of the format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Lanes that are named: as many series as a chart can show. All others are told together.
const LANES: usize = 20;
/// How long what is due is told as it was: counting a queue of a million takes a tenth of a second.
const FRESH: Duration = Duration::from_secs(10);

/// What was due when it was last counted.
#[derive(Debug, Default)]
pub(in crate::server) struct Counted(Mutex<Option<(Instant, Standing)>>);

pub(in crate::server) async fn metrics(State(app): State<Arc<App>>, _scope: OfNode<may::Read>) -> Response {
    let standing = standing(&app).await;
    if let Some(source) = &app.options.source {
        // How it stands is told as it is now.
        let _told = source.look();
    }
    ([(header::CONTENT_TYPE, OPEN_METRICS)], exposition(&standing)).into_response()
}

/// What is due, as it was counted lately.
pub(in crate::server) async fn standing(app: &App) -> Standing {
    // Whoever asks meanwhile waits for the same answer.
    let mut counted = app.counted.0.lock().await;
    let known = counted.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, standing)| standing.clone());
    match (known, app.running.get()) {
        (Some(standing), _) => standing,
        (None, None) => Standing::default(),
        (None, Some(running)) => match running.ingest.store.backlog(running.ingest.clock.now(), LANES).await {
            Ok(standing) => counted.insert((Instant::now(), standing)).1.clone(),
            Err(error) => {
                tracing::warn!(%error, "what is due could not be counted");
                Standing::default()
            }
        },
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![Operation::of("metrics::metrics").says("The numbers of the node, as OpenMetrics").needs("node:read").answers_with(
        200,
        OPEN_METRICS,
        serde_json::json!({ "type": "string" }),
    )]
}
