//! The endpoints of the schema and of `webhookc.toml`, which every tenant has and nobody can change here.

use super::answer::{EndpointView, HeaderView, SuspensionView, declared_failures, order, signatures};
use crate::delivery::SigningKey;
use crate::generation::Generation;
use crate::program::{EndpointSource, Events};
use crate::server::{Problem, confidential};
use crate::store::{EndpointState, OwnFilter};
use crate::template::without_credentials;

/// An endpoint of the program and its index.
pub(super) fn find<'a>(generation: &'a Generation, id: &str) -> Result<(usize, &'a EndpointSource), Problem> {
    let endpoints = generation.rules.endpoints.iter().map(|endpoint| &**endpoint);
    let found = endpoints.enumerate().find(|(_, endpoint)| endpoint.id.as_str() == id);
    found.ok_or_else(|| {
        let known = generation.rules.endpoints.iter().map(|endpoint| endpoint.id.as_str());
        Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`")).did_you_mean(id, known)
    })
}

/// Whether a filter lets it through.
pub(super) fn passes(generation: &Generation, index: usize, suspended: bool, filter: &OwnFilter) -> bool {
    let Some(endpoint) = generation.rules.endpoints.get(index) else { return false };
    let is = |wanted: Option<bool>, seen: bool| wanted.is_none_or(|wanted| wanted == seen);
    filter.dialect.is_none()
        && filter.name.as_ref().is_none_or(|name| **name == *endpoint.name.value)
        && is(filter.enabled, endpoint.enabled)
        && is(filter.suspended, suspended)
        && is(filter.active, endpoint.enabled && !suspended)
        && (filter.event_types.is_empty()
            || matches!(endpoint.events, Events::All)
            || events(generation, index).any(|event| filter.event_types.iter().any(|wanted| *wanted == *event)))
}

/// The event types that it receives.
fn events(generation: &Generation, index: usize) -> impl Iterator<Item = &str> {
    let webhooks = generation.rules.program.webhooks.iter().zip(&generation.rules.subscriptions);
    let received = webhooks.filter(move |(_, subscriptions)| {
        // They are in the order of the endpoints.
        subscriptions.binary_search_by_key(&index, |subscription| subscription.endpoint).is_ok()
    });
    received.map(|(webhook, _)| &*webhook.name)
}

pub(super) fn view(generation: &Generation, index: usize, endpoint: &EndpointSource, state: Option<EndpointState>) -> EndpointView {
    let target = generation.targets.get(&endpoint.id);
    let policy = target.map(|target| &*target.policy);
    let suspended = state.and_then(|state| state.suspended);
    let events: Vec<Box<str>> = events(generation, index).map(Into::into).collect();
    let event_types = match &endpoint.events {
        Events::All => vec![crate::check::ALL_EVENTS.into()],
        Events::Named(names) => names.iter().map(|name| name.value.clone()).collect(),
        Events::Receiver(_) | Events::Unclaimed => events.clone(),
    };
    EndpointView {
        id: endpoint.id.to_string(),
        name: endpoint.name.value.to_string(),
        comment: None,
        origin: if endpoint.id.as_str().starts_with("ep_request_") { "schema" } else { "webhookc.toml" },
        event_types,
        events,
        all_events: matches!(endpoint.events, Events::All),
        about: Vec::new(),
        scope: None,
        conditions: Vec::new(),
        method: endpoint.request.method.value.clone(),
        url: without_credentials(&endpoint.request.url.text).into(),
        headers: endpoint
            .request
            .headers
            .iter()
            .map(|header| HeaderView {
                name: header.name.value.clone(),
                value: confidential::header(&header.name.value, header.value.text.as_str()).as_ref().into(),
            })
            .collect(),
        body: None,
        content_type: endpoint.request.body.as_ref().map(|body| body.content_type.value.clone()),
        timeout_ms: policy.and_then(|policy| u64::try_from(policy.timeout.as_millis()).ok()),
        concurrency: policy.map(|policy| policy.concurrency),
        rate_limit: policy.and_then(|policy| policy.rate_limit).map(|rate| rate.to_string()),
        order: policy.map(|policy| order(policy.order)),
        signatures: policy.map(signatures).unwrap_or_default(),
        public_key: target.and_then(|target| target.signer.asymmetric()).map(SigningKey::public_text),
        failure_handling: policy.map(|policy| declared_failures(&policy.failure_handling)),
        enabled: endpoint.enabled,
        active: endpoint.enabled && suspended.is_none(),
        suspended: suspended.map(|(at, why)| SuspensionView { at: at.to_string(), why }),
        held: None,
        created_at: None,
        updated_at: None,
        warnings: Vec::new(),
    }
}
