//! `[receivers.NAME]` and `[[endpoints]]` → [`Endpoint`]: names checked and unique, templates with their places.

use std::sync::Arc;

use toml::de::DeValue;

use super::Endpoint;
use super::document::{Mistake, Table, Value};
use super::failure::policy;
use super::keys::{Keys, keys};
use crate::delivery::Policy;
use crate::diagnostics::suggestion;
use crate::ids::EndpointId;
use crate::program::{BodySource, EndpointSource, Events, HeaderSource, RequestSource};
use crate::text::{Span, Spanned};

/// Names that the node uses itself.
const RESERVED: [&str; 1] = ["sink"];
/// Different policies that are remembered to be shared: a file repeats a few, and each endpoint is compared with all of them.
const POLICIES: usize = 8;
/// Characters of a name.
const LONGEST_NAME: usize = 64;

/// `[receivers.NAME]`.
pub(super) fn receiver(value: &Value<'_>, policies: &mut Policies, out: &mut Vec<Mistake>) -> Option<Endpoint> {
    let name = slug(&Spanned::new(value.key.to_owned(), value.key_span), out);
    let table = value.table(format!("[receivers.{}]", value.key), out)?;
    let rest = rest(table, value.key_span, out)?;
    let name = name?;
    let id = EndpointId::new(format!("ep_receiver_{}", name.value));
    let events = Events::Receiver(name.value.clone());
    Some(rest.of(id, name, events, policies))
}

/// One of `[[endpoints]]`.
pub(super) fn endpoint(value: &Value<'_>, policies: &mut Policies, out: &mut Vec<Mistake>) -> Option<Endpoint> {
    let mut table = value.table("[[endpoints]]".to_owned(), out)?;
    let name = if let Some(name) = table.take("name") {
        name.string(out).and_then(|name| slug(&name, out))
    } else {
        out.push(
            Mistake::new(table.span, "an endpoint has no `name`")
                .help("add one, such as `name = \"erp\"`: it is how messages and the API call it"),
        );
        None
    };
    let events = table.take("events");
    if events.is_none() {
        let help = "add `events = [\"NAME\"]` with names of webhooks, or `events = \"*\"` for all";
        out.push(Mistake::new(table.span, "an endpoint has no `events`").help(help));
    }
    let names = events.map(|events| events.strings(out)).unwrap_or_default();
    let events = if names.iter().any(|name| name.value == "*") {
        Events::All
    } else {
        Events::Named(names.iter().map(|name| Spanned::new(name.value.as_str().into(), name.span)).collect())
    };
    let place = table.span;
    let rest = rest(table, place, out)?;
    let name = name?;
    let id = EndpointId::new(format!("ep_{}", name.value));
    Some(rest.of(id, name, events, policies))
}

/// Policies that many endpoints share: there may be very many endpoints, and few ways to call them.
#[derive(Default)]
pub(super) struct Policies(Vec<Arc<Policy>>);

impl Policies {
    /// The policy, shared with the endpoints that have an equal one, if they are among those that were looked for last.
    fn share(&mut self, policy: Policy) -> Arc<Policy> {
        if let Some(place) = self.0.iter().position(|known| **known == policy) {
            let known = self.0.remove(place);
            self.0.insert(0, Arc::clone(&known));
            return known;
        }
        let policy = Arc::new(policy);
        self.0.truncate(POLICIES - 1);
        self.0.insert(0, Arc::clone(&policy));
        policy
    }
}

/// What receivers and endpoints have in common.
struct Rest {
    request: RequestSource,
    policy: Policy,
    alert: Option<Box<Spanned<String>>>,
    keys: Option<Box<Keys>>,
    enabled: bool,
}

impl Rest {
    fn of(self, id: EndpointId, name: Spanned<Box<str>>, events: Events, policies: &mut Policies) -> Endpoint {
        let Self { request, policy, alert, keys, enabled } = self;
        let source = Arc::new(EndpointSource { id, name, events, request, enabled, takes_alerts: false });
        Endpoint { source, policy: policies.share(policy), alert, keys }
    }
}

fn rest(mut table: Table<'_>, place: Span, out: &mut Vec<Mistake>) -> Option<Rest> {
    let span = table.span;
    let url = table.take("url");
    if url.is_none() {
        out.push(Mistake::new(place, "it has no `url`, expected where to send its webhooks"));
    }
    let url = url.and_then(|url| url.template(out));
    let method = table.take("method").and_then(|value| method(&value, out));
    let headers = table.take("headers").map(|value| headers(&value, out)).unwrap_or_default();
    let body = body(&mut table, out);
    let keys = keys(&mut table, out);
    let enabled = table.take("enabled").and_then(|value| value.boolean(out)).unwrap_or(true);
    let (mut policy, alert) = policy(&mut table, out);
    policy.asymmetric |= keys.as_ref().is_some_and(|keys| keys.signing_key.is_some());
    table.finish(out);
    let method = method.unwrap_or_else(|| Spanned::new("POST".into(), span));
    Some(Rest { request: RequestSource { url: url?, method, headers, body, span }, policy, alert: alert.map(Box::new), keys, enabled })
}

fn method(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Spanned<Box<str>>> {
    const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];
    let text = value.string(out)?;
    let upper = text.value.to_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return Some(Spanned::new(upper.into(), text.span));
    }
    let expected = crate::diagnostics::one_of(METHODS);
    out.push(Mistake::new(text.span, format!("unknown method `{}`, expected {expected}", text.value)));
    None
}

/// A table of names, each with a string or a list of strings.
fn headers(value: &Value<'_>, out: &mut Vec<Mistake>) -> Vec<HeaderSource> {
    let Some(table) = value.table("`headers`".to_owned(), out) else { return Vec::new() };
    let mut headers = Vec::new();
    for value in table.into_values() {
        for item in value.one_or_many() {
            if let Some(template) = item.template(out) {
                headers.push(HeaderSource { name: Spanned::new(value.key.into(), value.key_span), value: template });
            }
        }
    }
    headers
}

fn body(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Option<Box<BodySource>> {
    let inline = table.take("body");
    let file = table.take("template");
    let content_type = table.take("content_type");
    if let (Some(_), Some(file)) = (&inline, &file) {
        out.push(Mistake::new(file.key_span, "both `body` and `template` are given, expected one of them"));
    }
    if let (None, None, Some(content_type)) = (&inline, &file, &content_type) {
        out.push(
            Mistake::new(content_type.key_span, "`content_type` without `body` or `template`")
                .help("the default body is always application/json"),
        );
    }
    let place = inline.as_ref().or(file.as_ref())?.span();
    let content_type = content_type.and_then(|value| value.string(out)).map(|text| Spanned::new(text.value.into(), text.span));
    let content_type = content_type.unwrap_or_else(|| Spanned::new("application/json".into(), place));
    let text = inline.and_then(|value| value.template(out));
    let file = file.and_then(|value| value.string(out)).map(|name| Spanned::new(name.value.into(), name.span));
    Some(Box::new(BodySource { content_type, file, text }))
}

/// A name that is safe in ids, URLs and files.
fn slug(name: &Spanned<String>, out: &mut Vec<Mistake>) -> Option<Spanned<Box<str>>> {
    let text = name.value.as_str();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !plain || text.is_empty() || text.len() > LONGEST_NAME {
        let message = format!("the name `{text}` cannot be used, expected 1 to {LONGEST_NAME} of `A-Z a-z 0-9 _ -`");
        out.push(Mistake::new(name.span, message));
        return None;
    }
    if RESERVED.contains(&text) {
        out.push(Mistake::new(name.span, format!("the name `{text}` is taken by the built-in receiver of `webhookc dev`")));
        return None;
    }
    Some(Spanned::new(text.into(), name.span))
}

/// Reports endpoints whose id another one has.
pub(super) fn unique(endpoints: &[Endpoint], out: &mut Vec<Mistake>) {
    let mut seen = std::collections::BTreeSet::new();
    for endpoint in endpoints {
        if !seen.insert(endpoint.source.id.as_str()) {
            let name = &endpoint.source.name;
            out.push(Mistake::new(name.span, format!("the name `{}` is used twice", name.value)));
        }
    }
}

/// Finds the alert endpoints, which may be declared in any order.
pub(super) fn alerts(endpoints: &mut [Endpoint], out: &mut Vec<Mistake>) {
    let known: Vec<(String, EndpointId)> =
        endpoints.iter().map(|endpoint| (endpoint.source.name.value.to_string(), endpoint.source.id.clone())).collect();
    let mut taking = std::collections::BTreeSet::new();
    for endpoint in endpoints.iter_mut() {
        let Some(alert) = &endpoint.alert else { continue };
        let others = || known.iter().filter(|(_, id)| *id != endpoint.source.id);
        if let Some((_, id)) = others().rfind(|(name, _)| *name == alert.value) {
            Arc::make_mut(&mut endpoint.policy).failure_handling.alert_endpoint = Some(id.clone());
            taking.insert(id.clone());
        } else if alert.value == *endpoint.source.name.value {
            let message = format!("the endpoint `{}` cannot be its own alert endpoint, expected another one", alert.value);
            out.push(Mistake::new(alert.span, message));
        } else {
            let mistake = Mistake::new(alert.span, format!("there is no endpoint `{}` to send alerts to", alert.value));
            out.push(match suggestion(&alert.value, others().map(|(name, _)| name.as_str())) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help("name another one of `[[endpoints]]`, or one of `[receivers.NAME]`"),
            });
        }
    }
    for endpoint in endpoints {
        if taking.contains(&endpoint.source.id) {
            Arc::make_mut(&mut endpoint.source).takes_alerts = true;
        }
    }
}

/// Whether a value is a list of tables, `[[name]]`.
pub(super) fn tables<'t>(value: &Value<'t>, out: &mut Vec<Mistake>) -> Vec<Value<'t>> {
    if let DeValue::Array(_) = value.raw() {
        value.list(out).unwrap_or_default()
    } else {
        value.mismatch("a list of tables, each under `[[endpoints]]`", out);
        Vec::new()
    }
}
