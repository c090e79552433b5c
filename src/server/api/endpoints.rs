//! `T/endpoints`: who receives webhooks, as declared in the schema and `webhookc.toml`. Read only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::generation::Generation;
use crate::program::{EndpointSource, Events};
use crate::server::request::{Names, Nothing, Parameters, json, tenant};
use crate::server::{App, Problem};

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
    signatures: Vec<&'static str>,
    enabled: bool,
}

#[derive(Serialize)]
struct HeaderView<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct EndpointList<'a> {
    data: Vec<EndpointView<'a>>,
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    Names(owner): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    tenant(&owner)?;
    let generation = app.running()?.ingest.generation();
    let data = generation.rules.endpoints.iter().enumerate().map(|(index, endpoint)| view(&generation, index, endpoint));
    Ok(json(StatusCode::OK, &EndpointList { data: data.collect() }))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    Names((owner, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    tenant(&owner)?;
    let generation = app.running()?.ingest.generation();
    let found = generation.rules.endpoints.iter().enumerate().find(|(_, endpoint)| endpoint.id.as_str() == id);
    match found {
        Some((index, endpoint)) => Ok(json(StatusCode::OK, &view(&generation, index, endpoint))),
        None => Err(Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`"))),
    }
}

fn view<'a>(generation: &'a Generation, index: usize, endpoint: &'a EndpointSource) -> EndpointView<'a> {
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
        headers: endpoint.request.headers.iter().map(|header| HeaderView { name: &header.name.value, value: &header.value.text }).collect(),
        content_type: endpoint.request.body.as_ref().map(|body| &*body.content_type.value),
        timeout_ms: policy.map(|policy| policy.timeout.as_millis()),
        concurrency: policy.map(|policy| policy.concurrency),
        signatures: if policy.is_some_and(|policy| policy.journey) { vec!["standard", "journey"] } else { vec!["standard"] },
        enabled: endpoint.enabled,
    }
}
