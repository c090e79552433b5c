//! `/.well-known/webhook-keys.json`: the public keys of the `journey` profile, as a JSON Web Key Set.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::server::request::json;
use crate::server::{App, Problem};

#[derive(Serialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

pub(in crate::server) async fn public(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let keys = app.running()?.keyring.public_keys();
    Ok(json(StatusCode::OK, &KeySet { keys }))
}
