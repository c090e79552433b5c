//! `T/endpoints`: who receives webhooks, as declared in the schema and `webhookc.toml`, and whether something is sent to them in this
//! tenant. What is declared cannot be changed here; they can be suspended and released.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::access::{TenantScope, may};
use crate::delivery::{Policy, SigningKey};
use crate::diagnostics::suggestion;
use crate::generation::Generation;
use crate::ingest::Bell;
use crate::program::{EndpointSource, Events, Order};
use crate::server::access::Allowed;
use crate::server::request::{Names, Nothing, Parameters, json};
use crate::server::{App, Problem, Running, confidential};
use crate::store::{EndpointState, Suspension};

/// Characters that a reason may have: it is one sentence.
const LONGEST_WHY: usize = 500;

#[derive(Serialize)]
struct EndpointView<'a> {
    id: &'a str,
    name: &'a str,
    /// The event types it receives, as resolved: `*` and receivers written out.
    events: Vec<&'a str>,
    /// Whether it receives everything, also what is added later.
    all_events: bool,
    method: &'a str,
    /// The template.
    url: &'a str,
    headers: Vec<HeaderView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'static str>,
    signatures: Vec<&'static str>,
    /// What asymmetric signatures are verified with.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    enabled: bool,
    /// Null when something may be sent.
    suspended: Option<SuspensionView>,
}

#[derive(Serialize)]
struct SuspensionView {
    at: String,
    why: Box<str>,
}

#[derive(Serialize)]
struct HeaderView<'a> {
    name: &'a str,
    value: Cow<'a, str>,
}

#[derive(Serialize)]
struct EndpointList<'a> {
    data: Vec<EndpointView<'a>>,
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::List>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let generation = running.ingest.generation();
    let mut states = running.ingest.store.endpoint_states(&scope).await?;
    let data = generation.rules.endpoints.iter().enumerate().map(|(index, endpoint)| {
        let state = states.iter().position(|state| state.endpoint == endpoint.id).map(|at| states.swap_remove(at));
        view(&generation, index, endpoint, state)
    });
    Ok(json(StatusCode::OK, &EndpointList { data: data.collect() }))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    show(app.running()?, &scope, &id).await
}

/// What may be said of a suspension.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Why {
    why: Option<String>,
}

pub(in crate::server) async fn suspend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Why { why }): Parameters<Why>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let ingest = &running.ingest;
    let generation = ingest.generation();
    let (_, endpoint) = find(&generation, &id)?;
    let why = why.as_deref().map(str::trim).filter(|why| !why.is_empty()).unwrap_or("suspended by hand");
    if why.chars().count() > LONGEST_WHY {
        return Err(Problem::bad_request("invalid-parameter", format!("`why` is longer than {LONGEST_WHY} characters")));
    }
    let (entropy, endpoint) = (Arc::clone(&ingest.entropy), endpoint.id.clone());
    let alarm =
        Bell { generation: Arc::clone(&generation), entropy, tenant: scope.tenant().clone(), endpoint: endpoint.clone(), delivery: None };
    let suspension = Suspension { at: ingest.clock.now(), why: why.into(), alarm: alarm.alarm() };
    // One that is suspended already stays so, for the reason that it was.
    ingest.store.suspend(&scope, &endpoint, suspension).await?;
    show(running, &scope, &id).await
}

pub(in crate::server) async fn unsuspend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let endpoint = find(&running.ingest.generation(), &id)?.1.id.clone();
    running.ingest.store.unsuspend(&scope, &endpoint).await?;
    show(running, &scope, &id).await
}

async fn show(running: &Running, tenant: &TenantScope, id: &str) -> Result<Response, Problem> {
    let generation = running.ingest.generation();
    let (index, endpoint) = find(&generation, id)?;
    let states = running.ingest.store.endpoint_states(tenant).await?;
    let state = states.into_iter().find(|state| state.endpoint == endpoint.id);
    Ok(json(StatusCode::OK, &view(&generation, index, endpoint, state)))
}

fn find<'a>(generation: &'a Generation, id: &str) -> Result<(usize, &'a EndpointSource), Problem> {
    let endpoints = generation.rules.endpoints.iter().map(|endpoint| &**endpoint);
    let found = endpoints.enumerate().find(|(_, endpoint)| endpoint.id.as_str() == id);
    found.ok_or_else(|| {
        let problem = Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`"));
        match suggestion(id, generation.rules.endpoints.iter().map(|endpoint| endpoint.id.as_str())) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        }
    })
}

fn view<'a>(generation: &'a Generation, index: usize, endpoint: &'a EndpointSource, state: Option<EndpointState>) -> EndpointView<'a> {
    let rules = &generation.rules;
    let target = generation.targets.get(&endpoint.id);
    let policy = target.map(|target| &target.policy);
    let receives = rules.program.webhooks.iter().zip(&rules.subscriptions);
    EndpointView {
        id: endpoint.id.as_str(),
        name: &endpoint.name.value,
        events: receives
            .filter(|(_, subscriptions)| subscriptions.iter().any(|subscription| subscription.endpoint == index))
            .map(|(webhook, _)| &*webhook.name)
            .collect(),
        all_events: matches!(endpoint.events, Events::All),
        method: &endpoint.request.method.value,
        url: &endpoint.request.url.text,
        headers: endpoint.request.headers.iter().map(|header| header_view(&header.name.value, &header.value.text)).collect(),
        content_type: endpoint.request.body.as_ref().map(|body| &*body.content_type.value),
        timeout_ms: policy.map(|policy| policy.timeout.as_millis()),
        concurrency: policy.map(|policy| policy.concurrency),
        rate_limit: policy.and_then(|policy| policy.rate_limit).map(|rate| rate.to_string()),
        order: policy.map(|policy| match policy.order {
            Order::None => "none",
            Order::Object => "object",
        }),
        signatures: policy.map(signatures).unwrap_or_default(),
        public_key: target.and_then(|target| target.signer.asymmetric()).map(SigningKey::public_text),
        enabled: endpoint.enabled,
        suspended: state.and_then(|state| state.suspended).map(|(at, why)| SuspensionView { at: at.to_string(), why }),
    }
}

fn header_view<'a>(name: &'a str, value: &'a str) -> HeaderView<'a> {
    HeaderView { name, value: confidential::header(name, value) }
}

/// The signature profiles of an endpoint.
fn signatures(policy: &Policy) -> Vec<&'static str> {
    let profiles = [("standard", true), ("asymmetric", policy.asymmetric), ("journey", policy.journey)];
    profiles.into_iter().filter(|(_, used)| *used).map(|(profile, _)| profile).collect()
}
