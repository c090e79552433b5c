//! `T/webhooks`: the compiled webhooks, what they wait for and who receives them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::access::may;
use crate::check::Rules;
use crate::ids::WebhookId;
use crate::program::{Embed, Literal, Order, Test, Webhook, WebhookType};
use crate::server::access::Allowed;
use crate::server::request::{Names, Nothing, Parameters, json};
use crate::server::{App, Problem};

#[derive(Serialize)]
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
    subscribers: Vec<Subscriber<'a>>,
}

#[derive(Serialize)]
struct ConditionView<'a> {
    name: &'a str,
    test: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct Subscriber<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct WebhookList<'a> {
    data: Vec<WebhookView<'a>>,
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    _scope: Allowed<may::Webhooks, may::List>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let generation = app.running()?.ingest.generation();
    let rules = &generation.rules;
    let data = (0_u32..).zip(&rules.program.webhooks).map(|(index, webhook)| view(rules, WebhookId(index), webhook));
    Ok(json(StatusCode::OK, &WebhookList { data: data.collect() }))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    _scope: Allowed<may::Webhooks, may::Read>,
    Names((_, name)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let generation = app.running()?.ingest.generation();
    let rules = &generation.rules;
    match rules.program.webhook_named(&name) {
        Some(id) => Ok(json(StatusCode::OK, &view(rules, id, rules.program.webhook(id)))),
        None => Err(Problem::not_found("unknown-webhook", format!("there is no webhook `{name}`"))),
    }
}

fn view<'a>(rules: &'a Rules, id: WebhookId, webhook: &'a Webhook) -> WebhookView<'a> {
    let operations = webhook.operations;
    let on = [(operations.create, "create"), (operations.update, "update"), (operations.delete, "delete")];
    let subscriptions = rules.subscriptions.get(id.index()).map_or(&[][..], Vec::as_slice);
    let mut embeds = Vec::new();
    paths("", &webhook.embeds, &mut embeds);
    WebhookView {
        name: &webhook.name,
        model: &rules.program.model(webhook.model).name,
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
        subscribers: subscriptions
            .iter()
            .filter_map(|subscription| rules.endpoints.get(subscription.endpoint))
            .map(|endpoint| Subscriber { id: endpoint.id.as_str(), name: &endpoint.name.value })
            .collect(),
    }
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

fn value(literal: &Literal) -> serde_json::Value {
    match literal {
        Literal::Text(text) => serde_json::Value::from(&**text),
        Literal::Integer(number) => serde_json::Value::from(*number),
        Literal::Number(number) => serde_json::Value::from(*number),
        Literal::Boolean(flag) => serde_json::Value::from(*flag),
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
