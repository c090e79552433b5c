//! Everything that happened in a scenario as one JSON value, to be recorded and compared: decisions in words, requests as they were sent.
//! Signatures, ids and the sender's version are left out: they say nothing about the rules.

use serde_json::{Value, json};

use super::deliveries::outcome_words;
use super::request::{body_of, sent};
use crate::check::Rules;
use crate::engine::{VerdictWord, trace_entry};
use crate::scenario::run::{Delivery, Happened, State, StepOutcome, StepResult};

/// Headers that belong to a request and not to the rules.
const LEFT_OUT: [&str; 7] = [
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-journey-signature",
    "x-journey-signature-rsa-sha256",
    "x-journey-signature-rsa-sha256-key-id",
];

/// What is recorded of a scenario.
#[must_use]
pub fn snapshot(rules: &Rules, happened: &Happened) -> Value {
    let steps: Vec<Value> = happened.steps.iter().map(|step| step_of(rules, step)).collect();
    let deliveries: Vec<Value> = happened.deliveries.iter().map(|delivery| delivery_of(rules, delivery)).collect();
    json!({ "steps": steps, "deliveries": deliveries })
}

fn step_of(rules: &Rules, step: &StepOutcome) -> Value {
    match &step.result {
        StepResult::Advanced => json!({ "at": step.at.to_string() }),
        StepResult::Refused(mistakes) => {
            let messages: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
            json!({ "at": step.at.to_string(), "refused": messages })
        }
        StepResult::Saved { operation, decisions, .. } => {
            let decided = decisions.iter().map(|decision| {
                let entry = trace_entry(&rules.program, decision);
                let why = if entry.verdict == VerdictWord::Fired { "fired".to_owned() } else { entry.to_string() };
                format!("{} of {}: {why}", entry.webhook, entry.object)
            });
            json!({ "at": step.at.to_string(), "operation": operation.as_str(), "webhooks": decided.collect::<Vec<_>>() })
        }
    }
}

fn delivery_of(rules: &Rules, delivery: &Delivery) -> Value {
    let attempts = delivery.attempts.iter().map(|attempt| format!("{} {}", attempt.at, outcome_words(&attempt.outcome)));
    let (state, reason) = match &delivery.state {
        State::Pending(_) | State::Sending(_) => ("pending", None),
        State::Delivered => ("delivered", None),
        State::Diverted(why) => ("diverted", Some(why)),
        State::Failed(why) => ("failed", Some(why)),
    };
    let request = sent(delivery).map(|request| {
        let headers = request.headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.to_lowercase().as_str()));
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
        json!({ "method": request.method, "url": request.url, "headers": headers, "body": body_of(request) })
    });
    json!({
        "event": &*rules.program.webhook(delivery.webhook).name,
        "object": &*delivery.object,
        "endpoint": rules.endpoints.get(delivery.endpoint).map(|endpoint| &*endpoint.name.value),
        "request": request,
        "attempts": attempts.collect::<Vec<_>>(),
        "state": state,
        "reason": reason,
    })
}
