//! `POST T/endpoints/{id}/rotate-secret` and `POST /-/rotate-keys`: new keys in force, the old ones valid for a grace time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, TenantScope, may};
use crate::delivery::{Secret, parse_duration};
use crate::ids::EndpointId;
use crate::reload::RotateError;
use crate::server::access::{Allowed, OfNode};
use crate::server::confidential::never_stored;
use crate::server::openapi::{Operation, object};
use crate::server::request::{Names, Nothing, Parameters, json, wish};
use crate::server::tenant_endpoints::find;
use crate::server::{App, Problem, Running};

/// Grace time when nothing is said: a day to bring the new secret to the receiver.
const GRACE: Duration = Duration::from_hours(24);

/// Earlier secrets that an endpoint may sign with beside the one in force: each makes `webhook-signature` longer, and receivers refuse
/// headers of a few KiB.
const MOST_EARLIER: usize = 20;

/// What may be asked of a secret's rotation.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Wish {
    /// How long the old secret stays valid: `24h`.
    pub(in crate::server) grace: Option<String>,
    /// The new secret; a random one when it is left out.
    pub(in crate::server) secret: Option<String>,
}

/// What may be asked of the rotation of the node's keys.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeWish {
    /// How long the old public keys stay published: `7d`.
    grace: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewSecret")]
pub(in crate::server) struct NewSecret {
    endpoint: EndpointId,
    /// Shown here and nowhere else.
    pub(in crate::server) secret: String,
    pub(in crate::server) previous_valid_until: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewNodeKeys")]
struct NewKeys {
    /// The ids of the new keys in the key set.
    keys: Vec<String>,
    previous_valid_until: String,
}

pub(in crate::server) async fn secret(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    caller: Caller,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let wish: Wish = wish(&app, body).await?;
    let secret = rotated(running, &scope, &caller, (EndpointId::new(id), wish)).await?;
    Ok(never_stored(json(StatusCode::OK, &secret)))
}

/// A new secret of an endpoint.
pub(in crate::server) async fn rotated(
    running: &Running,
    scope: &TenantScope,
    caller: &Caller,
    (endpoint, wish): (EndpointId, Wish),
) -> Result<NewSecret, Problem> {
    let until = until(running, wish.grace.as_deref())?;
    let wanted = wish.secret.map(|text| text.parse::<Secret>()).transpose();
    let wanted = wanted.map_err(|error| Problem::at("/secret", "invalid-secret", error.to_string()))?;
    let secret = if running.ingest.generation().own.endpoint(&endpoint).is_some() {
        let known = find(running, scope, &endpoint).await?;
        has_room(running, &endpoint, until).await?;
        running.keyring.rotate_own_secret(&known.row.id, wanted, until).await?
    } else if caller.tenant().is_some() && running.ingest.generation().rules.endpoints.iter().any(|known| known.id == endpoint) {
        let detail = format!("the secret of the endpoint `{endpoint}` is that of all tenants, a key of one tenant cannot rotate it");
        return Err(Problem::new(StatusCode::FORBIDDEN, "key-of-a-tenant", detail));
    } else {
        has_room(running, &endpoint, until).await?;
        running.keyring.rotate_secret(&running.ingest.live, &endpoint, wanted, until).await?
    };
    Ok(NewSecret { endpoint, secret: secret.reveal(), previous_valid_until: until.to_string() })
}

/// Whether one more secret may sign until then beside a new one. One that ends at once always may.
async fn has_room(running: &Running, endpoint: &EndpointId, until: jiff::Timestamp) -> Result<(), Problem> {
    let now = running.ingest.clock.now();
    if until <= now {
        return Ok(());
    }
    let earlier = running.keyring.secrets_in_grace(endpoint, now).await?;
    if earlier < MOST_EARLIER {
        return Ok(());
    }
    let detail =
        format!("{earlier} earlier secrets of the endpoint `{endpoint}` are in their grace time, expected fewer than {MOST_EARLIER}");
    let help = "with a `grace` of `0s` the secret of now ends at once; else wait until the grace time of one is over";
    Err(Problem::new(StatusCode::CONFLICT, "too-many-secrets", detail).help(help))
}

pub(in crate::server) async fn node_keys(
    State(app): State<Arc<App>>,
    _scope: OfNode<may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let wish: NodeWish = wish(&app, body).await?;
    let until = until(running, wish.grace.as_deref())?;
    let keys = running.keyring.rotate_node_keys(&running.ingest.live, until).await?;
    Ok(json(StatusCode::OK, &NewKeys { keys, previous_valid_until: until.to_string() }))
}

/// The end of the grace time.
fn until(running: &Running, grace: Option<&str>) -> Result<jiff::Timestamp, Problem> {
    let grace = grace.map(parse_duration).transpose();
    let grace = grace.map_err(|error| Problem::at("/grace", "invalid-grace", error.to_string()))?;
    Ok(running.ingest.clock.now().saturating_add(grace.unwrap_or(GRACE)).unwrap_or(jiff::Timestamp::MAX))
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        let text = error.to_string();
        match error {
            RotateError::Unknown(_) => Self::not_found("unknown-endpoint", text),
            RotateError::Configured(_) => Self::new(StatusCode::CONFLICT, "configured-secret", text).help(
                "write the new one there as `secret`, and the old one under `previous_secrets` with the time until which it is valid",
            ),
            RotateError::Unused => {
                Self::new(StatusCode::CONFLICT, "no-node-keys", text).help("the signature profiles `asymmetric` and `journey` use them")
            }
            RotateError::Build(error) => {
                tracing::error!(%error, "a key could not be rotated");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
            }
        }
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    let grace = serde_json::json!({ "type": ["string", "null"], "description": "How long the old one is valid, such as `24h`." });
    vec![
        Operation::of("rotate::secret")
            .says("Exchange the signing secret of an endpoint")
            .and("The secret is shown in this answer and nowhere else. The old one signs too for the grace time, a day unless \
                 given; at most 20 earlier ones do.")
            .needs("webhooks:write")
            .may_take(object(&[], serde_json::json!({ "grace": grace, "secret": { "type": ["string", "null"], "description": "`whsec_…`; a random one unless given." } })))
            .answers::<NewSecret>(200),
        Operation::of("rotate::node_keys")
            .says("Exchange the keys of the node that asymmetric signatures are made with")
            .needs("node:write")
            .may_take(object(&[], serde_json::json!({ "grace": grace })))
            .answers::<NewKeys>(200)
            .refuses(&[409, 422]),
    ]
}
