//! Suspending an endpoint, so that what is made for it collects; and releasing it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::EndpointView;
use super::declared;
use super::list::show;
use crate::access::{TenantScope, may};
use crate::ids::EndpointId;
use crate::ingest::Bell;
use crate::server::access::Allowed;
use crate::server::openapi::{Operation, object};
use crate::server::request::{Names, Nothing, Parameters, wish};
use crate::server::{App, Problem, Running, tenant_endpoints};
use crate::store::Suspension;

/// Characters that a reason may have: it is one sentence.
const LONGEST_WHY: usize = 500;

/// What may be said of a suspension.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Why {
    /// Why, one sentence; `suspended by hand` unless given.
    #[schemars(length(max = 500))]
    why: Option<String>,
}

pub(in crate::server) async fn suspend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Why { why }): Parameters<Why>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let why = match (why, wish::<Why>(&app, body).await?.why) {
        (Some(_), Some(_)) => {
            return Err(Problem::bad_request("invalid-parameter", "`why` is in the query and in the body, expected it once"));
        }
        (why, None) | (None, why) => why,
    };
    hold(running, &scope, &id, why.as_deref()).await?;
    show(running, &scope, &id).await
}

/// Sends nothing more to an endpoint. One that is suspended already stays so, for the reason that it was.
pub(in crate::server) async fn hold(running: &Running, scope: &TenantScope, id: &str, why: Option<&str>) -> Result<(), Problem> {
    let ingest = &running.ingest;
    let endpoint = known(running, scope, id).await?;
    let why = why.map(str::trim).filter(|why| !why.is_empty()).unwrap_or("suspended by hand");
    if why.chars().count() > LONGEST_WHY {
        return Err(Problem::at("/why", "invalid-value", format!("`why` is longer than {LONGEST_WHY} characters")));
    }
    let (generation, entropy) = (ingest.generation(), Arc::clone(&ingest.entropy));
    let alarm = Bell { generation, entropy, tenant: scope.tenant().clone(), endpoint: endpoint.clone(), delivery: None };
    let suspension = Suspension { at: ingest.clock.now(), why: why.into(), alarm: alarm.alarm() };
    ingest.store.suspend(scope, &endpoint, suspension).await?;
    Ok(())
}

pub(in crate::server) async fn unsuspend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let Nothing {} = wish(&app, body).await?;
    release(running, &scope, &id).await?;
    show(running, &scope, &id).await
}

/// Lets what has collected at an endpoint be sent.
pub(in crate::server) async fn release(running: &Running, scope: &TenantScope, id: &str) -> Result<(), Problem> {
    let endpoint = known(running, scope, id).await?;
    running.ingest.store.unsuspend(scope, &endpoint).await?;
    Ok(())
}

/// The id of an endpoint that the tenant has, whoever made it.
async fn known(running: &Running, tenant: &TenantScope, id: &str) -> Result<EndpointId, Problem> {
    let generation = running.ingest.generation();
    let own = EndpointId::new(id);
    if generation.own.endpoint(&own).is_some() {
        return Ok(tenant_endpoints::find(running, tenant, &own).await?.row.id);
    }
    Ok(declared::find(&generation, id)?.1.id.clone())
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("endpoints::suspend")
            .says("Suspend an endpoint: what is made for it collects")
            .needs("webhooks:write")
            .and("`why` may also stand in the body.")
            .asks::<Why>()
            .may_take(object(&[], json!({ "why": { "type": ["string", "null"], "maxLength": LONGEST_WHY } })))
            .answers::<EndpointView>(200),
        Operation::of("endpoints::unsuspend")
            .says("Release an endpoint: what has collected is sent")
            .needs("webhooks:write")
            .answers::<EndpointView>(200),
    ]
}
