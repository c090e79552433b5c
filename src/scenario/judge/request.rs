//! The request of a delivery against what a test says of it: method, URL, headers and body as they were sent last, or would be.

use std::sync::Arc;

use serde_json::Value;

use super::Failure;
use crate::check::Rules;
use crate::delivery::Request;
use crate::scenario::run::Delivery;
use crate::scenario::written::{ExpectedDelivery, ExpectedHeaders};

/// Headers that every request may carry; a test that does not name them has nothing against them.
const USUAL: [&str; 9] = [
    "content-type",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "webhook-sequence",
    "x-journey-signature",
    "x-journey-signature-rsa-sha256",
    "x-journey-signature-rsa-sha256-key-id",
];

/// What is not as expected.
pub(super) fn judge(rules: &Rules, expected: &ExpectedDelivery, delivery: &Delivery) -> Vec<Failure> {
    let asks = expected.method.is_some() || expected.url.is_some() || expected.headers.is_some() || expected.body.is_some();
    if !asks {
        return Vec::new();
    }
    let Some(request) = sent(delivery) else {
        let event = &rules.program.webhook(delivery.webhook).name;
        return vec![Failure::new(expected.span, format!("the delivery of `{event}` was never sent, expected a request"))];
    };
    let mut failures = Vec::new();
    if let Some(method) = &expected.method {
        failures.extend(Failure::of(method, &Value::from(request.method.as_str()), "method"));
    }
    if let Some(url) = &expected.url {
        failures.extend(Failure::of(url, &Value::from(request.url.as_str()), "url"));
    }
    if let Some(ExpectedHeaders { span, items: headers }) = &expected.headers {
        let value = |name: &str| request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        for (name, pattern) in headers {
            match value(&name.value) {
                Some(value) => failures.extend(Failure::of(pattern, &Value::from(value.as_str()), &format!("headers.{}", name.value))),
                None => failures.push(Failure::new(name.span, format!("there is no header `{}`", name.value))),
            }
        }
        let names = request.headers.iter().map(|(name, _)| name.to_lowercase());
        let other = names.filter(|name| !USUAL.contains(&name.as_str()) && !headers.iter().any(|(known, _)| known.value == *name));
        failures.extend(other.map(|name| {
            let seen = value(&name).map_or("", String::as_str);
            Failure::new(*span, format!("the header `{name}` is \"{seen}\", expected no such header"))
        }));
    }
    if let Some(body) = &expected.body {
        failures.extend(Failure::of(body, &body_of(request), "body"));
    }
    failures
}

/// The request of the last attempt that sent one.
pub(in crate::scenario) fn sent(delivery: &Delivery) -> Option<&Arc<Request>> {
    delivery.attempts.iter().rev().find_map(|attempt| attempt.request.as_ref())
}

/// The body as a value: JSON when it is, otherwise text.
pub(in crate::scenario) fn body_of(request: &Request) -> Value {
    let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_json = content_type.is_some_and(|(_, value)| value.split(';').next().is_some_and(|media| media.trim().ends_with("json")));
    let text = || Value::from(String::from_utf8_lossy(&request.body).into_owned());
    if is_json { serde_json::from_slice(&request.body).unwrap_or_else(|_| text()) } else { text() }
}
