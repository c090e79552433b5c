//! `/sink/…` of `webhookc dev`: a receiver that takes everything, so that a webhook can be seen without one.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::server::request::json;
use crate::server::{Problem, body};

/// A receiver need not read more.
const LONGEST: usize = 16 << 20;

#[derive(Serialize)]
struct Taken {
    received: usize,
}

pub(in crate::server) async fn take(body: Body) -> Result<Response, Problem> {
    let body = body::read(body, LONGEST).await?;
    Ok(json(StatusCode::OK, &Taken { received: body.len() }))
}
