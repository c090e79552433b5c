//! `/healthz`: the process answers. `/readyz`: it can take saves, with the program it runs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::server::request::json;
use crate::server::{App, Problem};

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Counts the programs since the start.
    generation: u64,
    models: usize,
    webhooks: usize,
}

pub(in crate::server) async fn alive() -> Response {
    json(StatusCode::OK, &Health { status: "ok" })
}

pub(in crate::server) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let generation = app.running()?.ingest.generation();
    let program = &generation.rules.program;
    let ready = Ready { status: "ready", generation: generation.number, models: program.models.len(), webhooks: program.webhooks.len() };
    Ok(json(StatusCode::OK, &ready))
}
