//! `/sink/…` of `webhookc dev`: a receiver that takes everything, so that a webhook can be seen without one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::server::request::json;
use crate::server::{App, Problem, body};

/// A receiver need not read more.
const LONGEST: usize = 16 << 20;

#[derive(Serialize)]
struct Taken {
    received: usize,
}

pub(in crate::server) async fn take(State(app): State<Arc<App>>, body: Body) -> Result<Response, Problem> {
    let body = body::read(&app, body, LONGEST).await?;
    Ok(json(StatusCode::OK, &Taken { received: body.bytes.len() }))
}
