//! A scenario of saves and what came of it → the text of a test file that expects just that. Absent: judging whether it should be so;
//! whoever keeps the file does.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::check::Rules;
use crate::delivery::AttemptOutcome;
use crate::engine::{VerdictWord, trace_entry};
use crate::program::Events;
use crate::scenario::judge::request::{body_of, sent};
use crate::scenario::run::{Attempt, Delivery, Happened, State, StepOutcome, StepResult};
use crate::scenario::written::{Action, Answer, Form, Scenario};

/// A test file of one scenario: each of its saves (`items`, JSON on one line), with what it led to.
#[must_use]
pub fn write_scenario<'r>(rules: &Rules, scenario: &Scenario, mut items: impl Iterator<Item = &'r str>, happened: &Happened) -> String {
    let mut text = format!("scenarios:\n  - name: {}\n", Value::from(scenario.name.value.as_str()));
    if !scenario.answers.is_empty() {
        text.push_str("    answers:\n");
    }
    for (endpoint, answers) in &scenario.answers {
        let answers: Vec<Value> = answers.iter().map(answer).collect();
        let _ = writeln!(text, "      {}: {}", Value::from(endpoint.as_str()), Value::from(answers));
    }
    text.push_str("    steps:\n");
    for (step, outcome) in scenario.steps.iter().zip(&happened.steps) {
        let _ = match &step.action {
            Action::Advance(wait) => writeln!(text, "      - advance: {}", span(*wait)),
            Action::Save(_) | Action::Refused(_) => {
                let Some(item) = items.next() else { break };
                writeln!(text, "      - save: {item}\n        expect: {}", expected(rules, outcome))
            }
        };
    }
    if happened.deliveries.is_empty() {
        return text + "    deliveries: []\n";
    }
    text.push_str("    deliveries:\n");
    for delivery in &happened.deliveries {
        for (index, (key, value)) in described(rules, scenario, delivery).into_iter().enumerate() {
            let _ = writeln!(text, "      {} {key}: {value}", if index == 0 { "-" } else { " " });
        }
    }
    text
}

fn expected(rules: &Rules, outcome: &StepOutcome) -> Value {
    let decisions = match &outcome.result {
        StepResult::Saved { decisions, .. } => decisions,
        StepResult::Refused(mistakes) => return json!({ "refused": mistakes.first().map_or("", |mistake| mistake.kind) }),
        StepResult::Advanced => return json!({}),
    };
    let mut webhooks = Map::new();
    for decision in decisions {
        let entry = trace_entry(&rules.program, decision);
        let why = if entry.verdict == VerdictWord::Fired { "fired".to_owned() } else { entry.to_string() };
        // The first of a webhook is about the saved object; others had waited for it.
        let key = if webhooks.contains_key(&*entry.webhook) { format!("{}/{}", entry.webhook, entry.object) } else { entry.webhook.into() };
        webhooks.insert(key, literal(Value::from(why)));
    }
    json!({ "webhooks": webhooks })
}

fn described(rules: &Rules, scenario: &Scenario, delivery: &Delivery) -> Vec<(&'static str, Value)> {
    let endpoint = rules.endpoints.get(delivery.endpoint).map_or("", |endpoint| &*endpoint.name.value);
    let mut lines = vec![
        ("event", Value::from(&*rules.program.webhook(delivery.webhook).name)),
        ("object", Value::from(&*delivery.object)),
        ("endpoint", Value::from(endpoint)),
    ];
    if let Some(request) = sent(delivery) {
        lines.push(("method", literal(Value::from(request.method.as_str()))));
        // Where the receiver of `webhookc dev` listens is no part of what is expected.
        if !rules.endpoints.get(delivery.endpoint).is_some_and(|endpoint| matches!(endpoint.events, Events::Unclaimed)) {
            lines.push(("url", literal(Value::from(request.url.as_str()))));
        }
        lines.push(("body", steady(literal(body_of(request)))));
        lines.push(("signature", Value::from("valid")));
    }
    let (state, reason) = match &delivery.state {
        State::Pending(_) | State::Sending(_) => ("pending", None),
        State::Delivered => ("delivered", None),
        State::Diverted(why) => ("diverted", Some(why)),
        State::Failed(why) => ("failed", Some(why)),
    };
    lines.push(("state", Value::from(state)));
    lines.extend(reason.map(|why| ("reason", literal(Value::from(why.as_str())))));
    // Where nothing is said about a receiver it answers at once.
    if scenario.answers.contains_key(endpoint) {
        let attempts: Vec<Value> = delivery.attempts.iter().map(|attempt| attempted(delivery, attempt)).collect();
        lines.push(("attempts", Value::from(attempts)));
    }
    lines
}

fn attempted(delivery: &Delivery, attempt: &Attempt) -> Value {
    let after = Duration::try_from(attempt.at.duration_since(delivery.made_at)).unwrap_or_default();
    json!({ "after": span(after), "answer": outcome(&attempt.outcome) })
}

/// An answer as it is written in `answers`.
fn answer(answer: &Answer) -> Value {
    if let AttemptOutcome::Answered { status, retry_after: Some(wait) } = &answer.outcome {
        return json!({ "status": status, "retry_after": span(*wait) });
    }
    outcome(&answer.outcome)
}

fn outcome(outcome: &AttemptOutcome) -> Value {
    match outcome {
        AttemptOutcome::Answered { status, .. } => Value::from(*status),
        AttemptOutcome::TimedOut => Value::from("timeout"),
        AttemptOutcome::ConnectionFailed(_) | AttemptOutcome::Refused(_) | AttemptOutcome::OurFault(_) => Value::from("refused"),
    }
}

/// A time as tests write it.
fn span(time: Duration) -> String {
    if time.subsec_nanos() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}

/// A value as a pattern that only it fits: what would stand for something else is marked as meant.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('$') => json!({ "$equals": text }),
        Value::Array(items) => Value::Array(items.into_iter().map(literal).collect()),
        Value::Object(object) if object.len() == 1 && object.keys().all(|key| key.starts_with('$')) => json!({ "$equals": object }),
        Value::Object(object) => Value::Object(object.into_iter().map(|(key, value)| (key, literal(value))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// What differs from run to run on a node, such as the time of a save, stands for any value of its kind.
fn steady(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let of = |(key, value): (String, Value)| {
                let form = match key.as_str() {
                    "updated_at" => Form::Datetime,
                    "sequence" => Form::Integer,
                    _ => return (key, steady(value)),
                };
                let value = if form.fits(&value) { Value::from(form.as_str()) } else { steady(value) };
                (key, value)
            };
            Value::Object(object.into_iter().map(of).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(steady).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
