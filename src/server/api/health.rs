//! `/healthz`: the process answers. `/readyz`: it can take saves, with the program it runs; or why it cannot. Neither asks for a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::server::openapi::Operation;
use crate::server::problem::of_store;
use crate::server::request::json;
use crate::server::{App, Problem, Running};
use crate::store::StoreError;

/// How long the answer of the store is believed: whoever watches asks more often than a disk should be written to for it.
const FRESH: Duration = Duration::from_secs(2);
/// How long the store may take to write a few bytes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What readiness depends on besides the program.
#[derive(Debug, Default)]
pub(in crate::server) struct Health {
    draining: AtomicBool,
    probed: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Alive")]
struct Alive {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ready")]
struct Ready {
    status: &'static str,
    /// Counts the programs since the start.
    generation: u64,
    models: usize,
    webhooks: usize,
    /// Since when the files as they are now make no program; the one before goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_at: Option<String>,
    /// The database that is read, where there is one. Whatever it does, saves are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceView>,
}

/// How the database stands that is read. Why it stands still, which can name rows, is not for everybody who may ask here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Source")]
struct SourceView {
    /// `starting`, `copying`, `reading`, `waiting` (another node reads it) or `stopped`.
    state: &'static str,
    /// Bytes of its log that have not been taken in.
    lag_bytes: u64,
    /// Since when something has not been taken in, in seconds; 0 when nothing is missing.
    lag_seconds: f64,
}

impl Health {
    /// The node is about to end.
    pub(in crate::server) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether it is.
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether the store takes what is written.
    async fn probe(&self, running: &Running) -> Result<(), StoreError> {
        // Whoever asks meanwhile waits for the same answer.
        let mut probed = self.probed.lock().await;
        if let Some((_, known)) = probed.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return known.clone();
        }
        let probe = running.ingest.store.probe(running.ingest.clock.now());
        let answer = tokio::time::timeout(PATIENCE, probe).await;
        let answer =
            answer.unwrap_or_else(|_| Err(StoreError::Away(format!("it has not written a few bytes within {} s", PATIENCE.as_secs()))));
        *probed = Some((Instant::now(), answer.clone()));
        answer
    }
}

pub(in crate::server) async fn alive() -> Response {
    json(StatusCode::OK, &Alive { status: "ok" })
}

fn draining() -> Problem {
    let detail = "the node is ending: it takes nothing new, and finishes what is under way";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail).help("send it again, to another node or in a moment")
}

/// Refuses what is not only a question while the node is ending.
pub(in crate::server) fn takes(app: &App, method: &Method) -> Result<(), Problem> {
    if app.health.is_draining() && !method.is_safe() { Err(draining()) } else { Ok(()) }
}

pub(in crate::server) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let running = readiness(&app).await?;
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    let source = app.options.source.as_deref().map(|standing| {
        let (state, lag) = standing.look();
        SourceView { state: state.word(), lag_bytes: lag.bytes, lag_seconds: lag.seconds }
    });
    let rejected = app.options.inspector.as_ref().and_then(|inspector| inspector.rejected.load_full());
    let rejected_at = rejected.map(|rejection| rejection.at.to_string());
    let (models, webhooks) = (program.models.len(), program.webhooks.len());
    Ok(json(StatusCode::OK, &Ready { status: "ready", generation: generation.number, models, webhooks, rejected_at, source }))
}

/// Whether the node takes saves.
///
/// # Errors
/// Why it does not.
pub(in crate::server) async fn readiness(app: &App) -> Result<&Running, Problem> {
    if app.health.is_draining() {
        return Err(draining());
    }
    let running = app.running()?;
    app.health.probe(running).await.map_err(|error| {
        let (_, code) = of_store(&error);
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string())
    })?;
    Ok(running)
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("health::alive").says("Whether the process answers").answers::<Alive>(200),
        Operation::of("health::ready")
            .says("Whether the node takes saves, and by which program")
            .and("Otherwise 503 with the reason in `code`.")
            .answers::<Ready>(200)
            .refuses(&[503]),
    ]
}
