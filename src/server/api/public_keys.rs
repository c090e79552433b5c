//! `/.well-known/webhook-keys.json`: the public keys of asymmetric signatures and of the `journey` profile, as a JSON Web Key Set (RFC
//! 7517). Keys that were replaced stay in it for their grace time. Nobody is asked for a key here, and a node may have a hundred thousand
//! endpoints: they are looked through when something has changed, or a second has passed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::generation::Generation;
use crate::server::openapi::Operation;
use crate::server::{App, Problem};

/// How long a key may be shown longer than its grace time.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeySet")]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// The key set as it was last made.
#[derive(Debug, Default)]
pub(in crate::server) struct PublicKeys(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    /// Of what is live.
    generation: Weak<Generation>,
    /// Of the endpoints that tenants have made.
    version: u64,
    at: Timestamp,
    text: Bytes,
}

impl Made {
    fn is_of(&self, generation: &Arc<Generation>, now: Timestamp) -> bool {
        let is_fresh = now.duration_since(self.at).abs() < FRESH;
        is_fresh && self.version == generation.own.version() && self.generation.as_ptr() == Arc::as_ptr(generation)
    }
}

pub(in crate::server) async fn public(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let running = app.running()?;
    let (generation, now) = (running.ingest.generation(), running.ingest.clock.now());
    // Whoever asks meanwhile waits for the same answer.
    let mut known = app.public_keys.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = if let Some(made) = known.as_ref().filter(|made| made.is_of(&generation, now)) {
        made.text.clone()
    } else {
        // Before they are looked through: what changes meanwhile is seen by the next.
        let version = generation.own.version();
        let text = Bytes::from(serde_json::to_vec(&of(&generation, now)).unwrap_or_default());
        known.insert(Made { generation: Arc::downgrade(&generation), version, at: now, text }).text.clone()
    };
    drop(known);
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// The keys of all endpoints.
fn of(generation: &Generation, now: Timestamp) -> KeySet {
    let targets = generation.rules.endpoints.iter().filter_map(|endpoint| generation.targets.get(&endpoint.id));
    let own = generation.own.all().into_iter().filter_map(|own| own.target);
    let mut known = BTreeSet::new();
    let mut keys: Vec<_> = targets.cloned().chain(own).flat_map(|target| target.signer.public_keys(now)).collect();
    // Most endpoints share the keys of the node.
    keys.retain(|key| known.insert(key.get("kid").map(ToString::to_string)));
    KeySet { keys }
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
