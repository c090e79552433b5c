//! One compiled webhook: when it fires, in prose; its payload's type; who receives it; which tests try it.

use serde::Serialize;

use super::Place;
use super::payload::{Member, payload};
use crate::check::{Rules, TenantEndpoint};
use crate::graph::conditions;
use crate::ids::WebhookId;
use crate::program::{Events, Operations, Order, Through, WebhookType};
use crate::template::without_credentials;
use crate::text::SourceMap;

/// What a webhook means.
#[derive(Debug, Serialize)]
pub struct Event {
    /// Its version; the first number grows when something is taken away.
    pub format_version: &'static str,
    /// The event type.
    pub name: String,
    /// The model of its objects.
    pub model: String,
    /// `ready` or `update`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where it is declared.
    pub place: Place,
    /// When it fires, in one sentence; the conditions follow.
    pub fires: String,
    /// What must hold, a phrase each.
    pub conditions: Vec<String>,
    /// What else is to be known: waiting, order.
    pub notes: Vec<String>,
    /// The type of the default body.
    pub payload: Vec<Member>,
    /// Who receives it.
    pub receivers: Vec<Receiver>,
    /// The scenarios in which it was decided.
    pub tests: Vec<Tried>,
}

/// Who receives a webhook.
#[derive(Debug, Serialize)]
pub struct Receiver {
    /// The endpoint's name.
    pub name: String,
    /// The method.
    pub method: String,
    /// The URL template.
    pub url: String,
    /// The content type of a body of its own; the default body when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_body: Option<String>,
    /// Where its request is written; nowhere is that of the receiver of `webhookc dev`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Receiver {
    /// An endpoint that a tenant has made itself.
    #[must_use]
    pub fn own(endpoint: &TenantEndpoint) -> Self {
        let wants = &endpoint.wants;
        Self {
            name: endpoint.name.to_string(),
            method: wants.method.to_string(),
            url: without_credentials(&wants.url).into_owned(),
            own_body: wants.body.as_ref().map(|_| wants.content_type.as_deref().unwrap_or("application/json").to_owned()),
            place: None,
        }
    }
}

impl Event {
    /// As it is for a tenant that has receivers of its own beside those of the program.
    #[must_use]
    pub fn also_to(mut self, own: impl Iterator<Item = Receiver>) -> Self {
        let before = self.receivers.len();
        self.receivers.extend(own);
        if self.receivers.len() > before {
            self.notes.retain(|note| note != NOBODY);
        }
        self
    }
}

/// What is noted of a webhook that no endpoint of the program receives.
const NOBODY: &str = "nobody receives it but the receiver of `webhookc dev`, so `webhookc serve` will not fire it";

/// A scenario that tries a webhook.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// How often the webhook fired in it.
    pub fired: u64,
    /// How often it was decided and did not fire.
    pub suppressed: u64,
}

/// Explains a webhook. `tests` are the scenarios in which it was decided.
#[must_use]
pub fn event(rules: &Rules, sources: &SourceMap, id: WebhookId, tests: Vec<Tried>) -> Event {
    let program = &rules.program;
    let webhook = program.webhook(id);
    let model = program.model(webhook.model).name.to_string();
    let subscriptions = rules.subscriptions.get(id.index()).map(Vec::as_slice).unwrap_or_default();
    let receivers = subscriptions.iter().filter_map(|subscription| rules.endpoints.get(subscription.endpoint)).map(|endpoint| Receiver {
        name: endpoint.name.value.to_string(),
        method: endpoint.request.method.value.to_string(),
        url: without_credentials(&endpoint.request.url.text).into_owned(),
        own_body: endpoint.request.body.as_ref().map(|body| body.content_type.value.to_string()),
        place: (!matches!(endpoint.events, Events::Unclaimed)).then(|| Place::of(sources, endpoint.request.span)),
    });
    let receivers: Vec<Receiver> = receivers.collect();
    Event {
        format_version: "1.0",
        name: webhook.name.to_string(),
        fires: fires(webhook.kind, webhook.operations, &model, webhook.conditions.is_empty() && webhook.when.is_none()),
        notes: notes(rules, id),
        model,
        kind: match webhook.kind {
            WebhookType::Ready => "ready",
            WebhookType::Update => "update",
        },
        place: Place::of(sources, webhook.span),
        conditions: conditions(webhook),
        payload: payload(rules, webhook),
        receivers,
        tests,
    }
}

fn fires(kind: WebhookType, operations: Operations, model: &str, always: bool) -> String {
    let words = [(operations.create, "created"), (operations.update, "updated"), (operations.delete, "deleted")];
    let words: Vec<&str> = words.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect();
    let when = match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "never saved".to_owned(),
    };
    let provided = if always { "" } else { ", and all of this holds" };
    match kind {
        WebhookType::Ready => format!("fires once for each object of `{model}`: the first time that it is {when}{provided}"),
        WebhookType::Update => format!("fires each time that an object of `{model}` is {when}{provided}"),
    }
}

fn notes(rules: &Rules, id: WebhookId) -> Vec<String> {
    let program = &rules.program;
    let webhook = program.webhook(id);
    let mut notes = Vec::new();
    webhook.each_embed(&mut |embed| {
        if embed.required && matches!(embed.through, Through::BelongsTo(_)) {
            notes.push(format!(
                "if `{}` names an object of `{}` that does not exist yet, it waits for it",
                embed.name,
                program.model(embed.model).name
            ));
        }
    });
    match webhook.order {
        Order::Object => notes.push("a later delivery about an object is never sent before an earlier one".to_owned()),
        Order::None => {}
    }
    let mut endpoints = rules.subscriptions.get(id.index()).into_iter().flatten().filter_map(|own| rules.endpoints.get(own.endpoint));
    if endpoints.all(|endpoint| matches!(endpoint.events, Events::Unclaimed)) {
        notes.push(NOBODY.to_owned());
    }
    notes
}
