//! `T/webhooks`: the compiled webhooks, what they wait for and who receives them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::access::may;
use crate::check::{Rules, TenantEndpoints};
use crate::contract::payload_schema;
use crate::ids::{EndpointId, WebhookId};
use crate::program::{Embed, Literal, Order, Program, Test, Webhook, WebhookType};
use crate::server::access::Allowed;
use crate::server::openapi::Operation;
use crate::server::request::{Names, Nothing, Parameters, json};
use crate::server::{App, Problem};

/// Subscribers that are shown of a webhook: a tenant may have many thousands.
const SUBSCRIBERS: usize = 100;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
struct WebhookView<'a> {
    name: &'a str,
    model: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    on: Vec<&'static str>,
    order: &'static str,
    conditions: Vec<ConditionView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'a str>,
    embeds: Vec<String>,
    /// The endpoints of the program and of the tenant that ask for it.
    subscribers: Vec<Subscriber>,
    /// Those that are not shown.
    #[serde(skip_serializing_if = "is_zero")]
    subscribers_left_out: usize,
    /// JSON Schema of the default body.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ConditionView<'a> {
    name: &'a str,
    test: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Subscriber {
    id: EndpointId,
    name: Box<str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookList")]
struct WebhookList<'a> {
    data: Vec<WebhookView<'a>>,
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::List>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let generation = app.running()?.ingest.generation();
    let rules = &generation.rules;
    let own = generation.own.of_tenant(scope.tenant());
    let own = own.as_deref();
    let data = (0_u32..).zip(&rules.program.webhooks).map(|(index, webhook)| view(rules, own, (WebhookId(index), webhook)));
    Ok(json(StatusCode::OK, &WebhookList { data: data.collect() }))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names((_, name)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let generation = app.running()?.ingest.generation();
    let rules = &generation.rules;
    let Some(id) = rules.program.webhook_named(&name) else { return Err(unknown(&rules.program, &name)) };
    let webhook = rules.program.webhook(id);
    let own = generation.own.of_tenant(scope.tenant());
    let view = WebhookView { payload: Some(payload_schema(&rules.program, webhook)), ..view(rules, own.as_deref(), (id, webhook)) };
    Ok(json(StatusCode::OK, &view))
}

pub(super) fn unknown(program: &Program, name: &str) -> Problem {
    let known = program.webhooks.iter().map(|webhook| &*webhook.name);
    Problem::not_found("unknown-webhook", format!("there is no webhook `{name}`")).did_you_mean(name, known)
}

fn view<'a>(rules: &'a Rules, own: Option<&TenantEndpoints>, (id, webhook): (WebhookId, &'a Webhook)) -> WebhookView<'a> {
    let operations = webhook.operations;
    let on = [(operations.create, "create"), (operations.update, "update"), (operations.delete, "delete")];
    let subscriptions = rules.subscriptions.get(id.index()).map_or(&[][..], Vec::as_slice);
    let model = &rules.program.model(webhook.model).name;
    let declared = subscriptions.iter().filter_map(|subscription| rules.endpoints.get(subscription.endpoint));
    let declared = declared.map(|endpoint| Subscriber { id: endpoint.id.clone(), name: Box::from(&*endpoint.name.value) });
    let own = own.into_iter().flat_map(|own| own.takers(&rules.program, webhook));
    let mut subscribers = declared.chain(own.map(|endpoint| Subscriber { id: endpoint.id.clone(), name: endpoint.name.clone() }));
    let shown = subscribers.by_ref().take(SUBSCRIBERS).collect();
    let subscribers_left_out = subscribers.count();
    let mut embeds = Vec::new();
    paths("", &webhook.embeds, &mut embeds);
    WebhookView {
        name: &webhook.name,
        model,
        kind: match webhook.kind {
            WebhookType::Ready => "ready",
            WebhookType::Update => "update",
        },
        receiver: webhook.receiver.as_deref(),
        action: webhook.action.as_deref(),
        on: on.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect(),
        order: match webhook.order {
            Order::None => "none",
            Order::Object => "object",
        },
        conditions: webhook.conditions.iter().map(|condition| condition_view(&condition.name, &condition.test)).collect(),
        when: webhook.when.as_ref().map(|when| when.text.as_str()),
        embeds,
        subscribers: shown,
        subscribers_left_out,
        payload: None,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn condition_view<'a>(name: &'a str, test: &Test) -> ConditionView<'a> {
    let (test, values) = match test {
        Test::Set => ("set", Vec::new()),
        Test::Uploaded => ("uploaded", Vec::new()),
        Test::Equals(literal) => ("equals", vec![value(literal)]),
        Test::OneOf(literals) => ("one-of", literals.iter().map(value).collect()),
        Test::Changed => ("changed", Vec::new()),
    };
    ConditionView { name, test, values }
}

fn value(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => Value::from(&**text),
        Literal::Integer(number) => Value::from(*number),
        Literal::Number(number) => Value::from(*number),
        Literal::Boolean(flag) => Value::from(*flag),
    }
}

/// Every embed as a dotted path, parents first.
fn paths(above: &str, embeds: &[Embed], out: &mut Vec<String>) {
    for embed in embeds {
        let path = if above.is_empty() { embed.name.to_string() } else { format!("{above}.{}", embed.name) };
        out.push(path.clone());
        paths(&path, &embed.embeds, out);
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("webhooks::list")
            .says("The compiled webhooks: when they fire, and who receives them")
            .needs("webhooks:list")
            .answers::<WebhookList<'_>>(200),
        Operation::of("webhooks::one")
            .says("A webhook, with the JSON Schema of its payload")
            .needs("webhooks:read")
            .answers::<WebhookView<'_>>(200),
    ]
}
