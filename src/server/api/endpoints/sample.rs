//! `POST T/endpoints/{id}/test`: a message about a made-up object, rendered, signed and sent as any other, at once; and what came back.
//! Nothing of it is stored.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::access::{Caller, Group, Permission, TenantScope, Verb as Right, may};
use crate::check::{Fit, TenantEndpoint, Wants};
use crate::delivery::{AttemptOutcome, Frozen, TOO_LATE, request};
use crate::diagnostics::one_of;
use crate::egress::Exchange;
use crate::endpoints::{Field, Style, document};
use crate::engine::{Moment, Rehearsal, Save, Verb, parse_save, rehearse};
use crate::generation::{Generation, Target};
use crate::ids::{EndpointId, MessageId, Sequence, WebhookId};
use crate::program::{Literal, Test};
use crate::sample::samples;
use crate::server::access::Allowed;
use crate::server::openapi::{self, Operation};
use crate::server::request::{Names, Nothing, Parameters, json};
use crate::server::tenant_endpoints::LONGEST;
use crate::server::{App, Problem, Running, body, confidential};
use crate::template::Rendered;

/// What it takes to say what a declared endpoint is sent.
const SAVE: Permission = Permission { group: Group::Objects, verb: Right::Write };

/// What came of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TriedEndpoint")]
pub(in crate::server) struct Tried {
    pub(in crate::server) event: Box<str>,
    pub(in crate::server) message: MessageId,
    pub(in crate::server) request: Sent,
    /// Whether the endpoint took it: an answer of 2xx.
    pub(in crate::server) delivered: bool,
    pub(in crate::server) status: Option<u16>,
    /// Why there was no answer, or no success.
    pub(in crate::server) error: Option<String>,
    pub(in crate::server) took_ms: u128,
    #[schemars(with = "Vec<[String; 2]>")]
    pub(in crate::server) response_headers: Vec<(String, String)>,
    pub(in crate::server) response_body: String,
}

/// What was sent; secrets by name alone.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct Sent {
    pub(in crate::server) method: Box<str>,
    pub(in crate::server) url: String,
    pub(in crate::server) headers: Vec<HeaderView>,
    #[schemars(with = "Option<Value>")]
    pub(in crate::server) body: Option<Box<RawValue>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(in crate::server) struct HeaderView {
    pub(in crate::server) name: Box<str>,
    pub(in crate::server) value: String,
}

/// What may be asked for.
#[derive(Default)]
pub(in crate::server) struct Wish {
    event: Option<Field>,
    object: Option<Field>,
}

pub(in crate::server) async fn try_out(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    caller: Caller,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let id = EndpointId::new(id);
    let generation = running.ingest.generation();
    let is_shared = generation.own.endpoint(&id).is_none() && generation.target(&id).is_some();
    let wish = Wish::read(&text)?;
    if is_shared && wish.object.is_some() {
        // What all tenants share takes a signed message for what happened: what it says is for those to say who may save objects.
        caller.in_tenant(scope.tenant().clone(), SAVE)?;
    }
    Ok(json(StatusCode::OK, &tried(running, &scope, id, wish).await?))
}

/// What comes of a message that is sent to an endpoint now.
pub(in crate::server) async fn tried(running: &Running, scope: &TenantScope, id: EndpointId, wish: Wish) -> Result<Tried, Problem> {
    let generation = running.ingest.generation();
    let own = generation.own.endpoint(&id).is_none_or(|own| own.tenant == *scope.tenant());
    let Some(target) = generation.target(&id).filter(|_| own) else {
        let known = generation.own.endpoint(&id).is_some_and(|own| own.tenant == *scope.tenant());
        return Err(if known {
            Problem::new(StatusCode::CONFLICT, "disabled-endpoint", format!("the endpoint `{id}` is disabled"))
        } else {
            Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}` that can be tried"))
        });
    };
    let webhook = event(&generation, &id, wish.event.as_ref())?;
    let saves = objects(&generation, webhook, wish.object)?;
    let now = running.ingest.clock.now();
    let moment = Moment { tenant: scope.tenant().as_str(), own: None, sequence: Sequence::after(0, now.as_second()), now };
    let Rehearsal { payload, request: rendered } = render(&generation, &id, webhook, &saves, moment)?;
    let rendered = rendered.map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-rendered", format!("the request could not be rendered: {}", error.what))
    })?;
    let message = MessageId::new(running.ingest.entropy.uuid(now));
    let sending = Sending { running, generation: &generation, target: &target, message, sequence: moment.sequence };
    let (rendered, body, exchange) = sending.send(rendered, payload).await;
    let event = generation.rules.program.webhook(webhook).name.clone();
    Ok(answer(event, message, rendered, &body, exchange))
}

/// What an endpoint that is only thought of would send about a made-up object.
pub(in crate::server) fn rendered(
    generation: &Generation,
    wants: Wants,
    webhook: WebhookId,
    moment: Moment<'_>,
) -> Result<Rehearsal, Problem> {
    let saves = objects(generation, webhook, None)?;
    match &*TenantEndpoint::new(EndpointId::new(""), "".into(), wants).fit(&generation.rules, webhook) {
        Fit::Ready(fitted) => {
            let refused = |refused| Problem::refused(vec![refused], "/object");
            rehearse(&generation.rules, webhook, &fitted.request, &saves, moment).map_err(refused)
        }
        Fit::Held(why) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-rendered", why.clone())),
    }
}

impl Wish {
    /// The wish in a body; an empty one wishes nothing.
    pub(in crate::server) fn read(text: &[u8]) -> Result<Self, Problem> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut mistakes = Vec::new();
        let Some(mut object) = document(text, Style::Snake, &mut mistakes) else { return Err(Problem::document(mistakes)) };
        let wish = Self { event: object.take("event"), object: object.take("object") };
        object.finish(&mut mistakes);
        if mistakes.is_empty() { Ok(wish) } else { Err(Problem::document(mistakes)) }
    }
}

/// The event type that was asked for, or the first one that the endpoint receives.
fn event(generation: &Generation, id: &EndpointId, wanted: Option<&Field>) -> Result<WebhookId, Problem> {
    let program = &generation.rules.program;
    let own = generation.own.endpoint(id);
    let declared = generation.rules.endpoints.iter().position(|endpoint| endpoint.id == *id);
    let takes = |index: usize| {
        if let Some(own) = &own {
            return program.webhooks.get(index).is_some_and(|webhook| own.endpoint.wants.includes(program, webhook));
        }
        let subscriptions = generation.rules.subscriptions.get(index);
        subscriptions.is_some_and(|list| list.iter().any(|subscription| Some(subscription.endpoint) == declared))
    };
    let received: Vec<usize> = (0..program.webhooks.len()).filter(|index| takes(*index)).collect();
    let name = |index: &usize| program.webhooks.get(*index).map_or("", |webhook| &*webhook.name);
    let found = match wanted {
        None => received.first(),
        Some(field) => received.iter().find(|index| field.value.as_str() == Some(name(index))),
    };
    let found = found.and_then(|index| u32::try_from(*index).ok()).map(WebhookId);
    found.ok_or_else(|| match wanted {
        None => Problem::new(StatusCode::CONFLICT, "no-event-type", "the endpoint receives no event type of the program in force"),
        Some(field) => {
            let seen = field.value.as_str().unwrap_or_default();
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-event-type", format!("the endpoint does not receive `{seen}`"))
                .help(format!("it receives {}", one_of(received.iter().map(name))))
        }
    })
}

/// An object that the webhook is about, with what it is related to: made up, with the fields that were handed in.
fn objects(generation: &Generation, webhook: WebhookId, wanted: Option<Field>) -> Result<Vec<Save>, Problem> {
    let program = &generation.rules.program;
    let webhook = program.webhook(webhook);
    let mut made = samples(program, webhook.model, 1, 1);
    if let Some(sample) = made.last_mut() {
        for condition in &webhook.conditions {
            let value = match &condition.test {
                Test::Equals(literal) => Some(literal),
                Test::OneOf(literals) => literals.first(),
                Test::Set | Test::Uploaded | Test::Changed => None,
            };
            if let Some(value) = value {
                sample.fields.insert(condition.name.to_string(), literal(value));
            }
        }
        match wanted.map(|field| field.value) {
            None => {}
            Some(Value::Object(fields)) => sample.fields.extend(fields),
            Some(_) => {
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-type", "`object` is not an object, expected its fields"));
            }
        }
    }
    let save = |sample: crate::sample::Sample| {
        let fields = Value::Object(sample.fields).to_string();
        parse_save(&generation.rules, &sample.model, &sample.id, Verb::Put, fields.as_bytes())
    };
    let saves: Result<Vec<Save>, _> = made.into_iter().map(save).collect();
    saves.map_err(|refused| Problem::refused(refused, "/object"))
}

fn literal(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => Value::from(&**text),
        Literal::Integer(number) => Value::from(*number),
        Literal::Number(number) => Value::from(*number),
        Literal::Boolean(flag) => Value::from(*flag),
    }
}

fn render(generation: &Generation, id: &EndpointId, webhook: WebhookId, saves: &[Save], moment: Moment<'_>) -> Result<Rehearsal, Problem> {
    let rules = &generation.rules;
    let refused = |refused| Problem::refused(vec![refused], "/object");
    if let Some(own) = generation.own.endpoint(id) {
        return match &*own.endpoint.fit(rules, webhook) {
            Fit::Ready(fitted) => rehearse(rules, webhook, &fitted.request, saves, moment).map_err(refused),
            Fit::Held(why) => Err(Problem::new(StatusCode::CONFLICT, "held-endpoint", format!("the endpoint is held: {why}"))),
        };
    }
    let declared = rules.endpoints.iter().position(|endpoint| endpoint.id == *id);
    let subscriptions = rules.subscriptions.get(webhook.index()).map_or(&[][..], Vec::as_slice);
    let found = subscriptions.iter().find(|subscription| Some(subscription.endpoint) == declared);
    let found = found.ok_or_else(|| Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`")))?;
    rehearse(rules, webhook, &found.request, saves, moment).map_err(refused)
}

/// What a message is sent with.
struct Sending<'a> {
    running: &'a Running,
    generation: &'a Generation,
    target: &'a Target,
    message: MessageId,
    sequence: Sequence,
}

impl Sending<'_> {
    async fn send(&self, rendered: Rendered, payload: bytes::Bytes) -> (Rendered, bytes::Bytes, Result<Exchange, String>) {
        let (content_type, body) = rendered.body.clone().unwrap_or_else(|| ("application/json".into(), payload));
        let frozen = Frozen {
            message: self.message,
            sequence: self.sequence,
            method: &rendered.method,
            url: &rendered.url,
            headers: &rendered.headers,
            content_type: &content_type,
            body: &body,
        };
        let keys = self.generation.keys(self.target);
        let exchange = match request(&frozen, keys, self.target.policy.timeout, self.running.ingest.clock.now()) {
            Ok(request) => Ok(self.running.egress.exchange(request).await),
            Err(outcome) => Err(why(&outcome).unwrap_or_default()),
        };
        (rendered, body, exchange)
    }
}

/// Why there was no answer, or no success.
fn why(outcome: &AttemptOutcome) -> Option<String> {
    match outcome {
        AttemptOutcome::Answered { status: 200..=299, .. } => None,
        AttemptOutcome::Answered { status, .. } => Some(format!("answered {status}")),
        AttemptOutcome::TimedOut => Some(TOO_LATE.to_owned()),
        AttemptOutcome::ConnectionFailed(why) | AttemptOutcome::Refused(why) | AttemptOutcome::OurFault(why) => Some(why.clone()),
    }
}

fn answer(event: Box<str>, message: MessageId, rendered: Rendered, body: &[u8], exchange: Result<Exchange, String>) -> Tried {
    let text = String::from_utf8_lossy(body).into_owned();
    let shown = RawValue::from_string(text.clone()).ok().or_else(|| serde_json::value::to_raw_value(&text).ok());
    let sent = Sent {
        method: rendered.method,
        url: rendered.url.shown_url(),
        headers: rendered
            .headers
            .into_iter()
            .map(|(name, value)| HeaderView { value: confidential::rendered(&name, value.masked()).into_owned(), name })
            .collect(),
        body: shown,
    };
    match exchange {
        Ok(exchange) => {
            let error = why(&exchange.outcome);
            Tried {
                event,
                message,
                request: sent,
                delivered: error.is_none(),
                status: exchange.status,
                error,
                took_ms: exchange.took.as_millis(),
                response_headers: exchange.headers,
                response_body: String::from_utf8_lossy(&exchange.body).into_owned(),
            }
        }
        Err(error) => Tried {
            event,
            message,
            request: sent,
            delivered: false,
            status: None,
            error: Some(error),
            took_ms: 0,
            response_headers: Vec::new(),
            response_body: String::new(),
        },
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("endpoints::try_out")
            .says("Send a message about a made-up object at once, and show what came back")
            .and("Nothing of it is stored. For an `object` to an endpoint that the schema or `webhookc.toml` declares, `objects:write` \
                 is needed, too.")
            .needs("webhooks:write")
            .may_take(openapi::object(&[], serde_json::json!({
                "event": { "type": ["string", "null"], "description": "The webhook; the first that the endpoint receives unless given." },
                "object": { "type": ["object", "null"], "description": "Fields of the object, beside those that are made up." },
            })))
            .answers::<Tried>(200),
    ]
}
