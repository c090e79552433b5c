//! `POST /-/rotate-store-key`: another key for the secrets in the store, which are encrypted anew while the node runs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::may;
use crate::rekey::{ExchangeError, Exchanged};
use crate::server::access::OfNode;
use crate::server::openapi::Operation;
use crate::server::request::{Nothing, Parameters, json, wish};
use crate::server::{App, Problem};
use crate::vault::KeySourceError;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewStoreKey")]
struct NewStoreKey {
    /// Which key is in force; not the key itself.
    key: String,
    /// Where it is.
    place: String,
    /// Secrets that were encrypted anew.
    secrets: u64,
    /// Whether the keys before it are gone from there.
    tidy: bool,
}

pub(in crate::server) async fn rotate(
    State(app): State<Arc<App>>,
    _scope: OfNode<may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let Nothing {} = wish(&app, body).await?;
    let Some(store_key) = app.running()?.store_key.clone() else {
        return Err(Problem::new(StatusCode::CONFLICT, "no-store-key", "the node was started without a key for its store"));
    };
    // A task of its own: an exchange that has begun is not left in the middle because the client goes away.
    let exchanged = tokio::spawn(async move { store_key.exchange().await }).await;
    let exchanged = exchanged.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?;
    let Exchanged { key, place, secrets, is_tidy } = exchanged?;
    tracing::info!(%key, secrets, "the key of the store was exchanged");
    Ok(json(StatusCode::OK, &NewStoreKey { key: key.to_string(), place, secrets, tidy: is_tidy }))
}

impl From<ExchangeError> for Problem {
    fn from(error: ExchangeError) -> Self {
        let text = error.to_string();
        match error {
            ExchangeError::Store(error) => error.into(),
            ExchangeError::Key(KeySourceError::Fixed(_)) => Self::new(StatusCode::CONFLICT, "store-key-fixed", text)
                .help("start the node with the new key in front of the old one there, `new,old`; when it has started, remove the old one"),
            ExchangeError::Key(error) => {
                tracing::error!(%error, "the key of the store could not be exchanged");
                Self::new(StatusCode::CONFLICT, "store-key-unusable", text)
                    .help("where the node cannot write, put the new key into the first line of the file, and call again")
            }
        }
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("store_key::rotate")
            .says("Exchange the key that the store's secrets are encrypted with, while the node runs")
            .needs("node:write")
            .answers::<NewStoreKey>(200)
            .refuses(&[408, 409, 413, 422]),
    ]
}
