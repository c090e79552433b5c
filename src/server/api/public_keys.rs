//! `/.well-known/webhook-keys.json`: the public keys of asymmetric signatures and of the `journey` profile, as a JSON Web Key Set (RFC
//! 7517). Keys that were replaced stay in it for their grace time.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::server::openapi::Operation;
use crate::server::request::json;
use crate::server::{App, Problem};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeySet")]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

pub(in crate::server) async fn public(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let running = app.running()?;
    let (generation, now) = (running.ingest.generation(), running.ingest.clock.now());
    let targets = generation.rules.endpoints.iter().filter_map(|endpoint| generation.targets.get(&endpoint.id));
    let own = generation.own.all().into_iter().filter_map(|own| own.target);
    let mut known = BTreeSet::new();
    let mut keys: Vec<_> = targets.cloned().chain(own).flat_map(|target| target.signer.public_keys(now)).collect();
    // Most endpoints share the keys of the node.
    keys.retain(|key| known.insert(key.get("kid").map(ToString::to_string)));
    Ok(json(StatusCode::OK, &KeySet { keys }))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("public_keys::public")
            .says("The public keys of asymmetric signatures, as a JSON Web Key Set")
            .answers::<KeySet>(200)
            .refuses(&[503]),
    ]
}
