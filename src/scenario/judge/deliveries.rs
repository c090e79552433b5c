//! Deliveries against those that a test expects: which were made, which were not and why, and whether each is as described.

use serde_json::Value;

use super::{Failure, request, signature};
use crate::check::Rules;
use crate::delivery::AttemptOutcome;
use crate::engine::{VerdictWord, trace_entry};
use crate::report::counted;
use crate::scenario::run::{Attempt, Delivery, State, StepOutcome, StepResult};
use crate::scenario::setting::Setting;
use crate::scenario::written::{ExpectedAttempt, ExpectedAttempts, ExpectedDeliveries, ExpectedDelivery};

/// Each expected delivery takes the first that is of its event, object and endpoint and is not taken yet.
pub(super) fn judge(
    setting: &Setting<'_>,
    expected: &ExpectedDeliveries,
    seen: &[&Delivery],
    steps: &[StepOutcome],
    out: &mut Vec<Failure>,
) {
    let rules: &Rules = setting.rules;
    let mut free: Vec<Option<&Delivery>> = seen.iter().copied().map(Some).collect();
    // Those of one save have no order among each other.
    let mut last = None;
    for item in &expected.items {
        let fits =
            |delivery: &Delivery| is_about(rules, item, delivery) && (expected.exact || request::judge(rules, item, delivery).is_empty());
        let near = |free: &[Option<&Delivery>]| {
            let exactly = free.iter().position(|delivery| delivery.is_some_and(fits));
            exactly.or_else(|| free.iter().position(|delivery| delivery.is_some_and(|delivery| is_about(rules, item, delivery))))
        };
        let Some(index) = near(&free) else {
            out.push(missing(rules, item, seen, steps));
            continue;
        };
        if let Some(delivery) = free.get_mut(index).and_then(Option::take) {
            if expected.exact && last.is_some_and(|last| delivery.sequence < last) {
                let message = "this delivery is of an earlier save than the one above it, expected them in the order of the saves";
                out.push(Failure::new(item.span, message));
            }
            last = Some(delivery.sequence);
            out.extend(request::judge(rules, item, delivery));
            out.extend(signature::judge(setting, item, delivery));
            out.extend(state(item, delivery));
            attempts(item, delivery, out);
        }
    }
    if expected.exact {
        let others: Vec<String> = free.into_iter().flatten().map(|delivery| name(rules, delivery)).collect();
        if !others.is_empty() {
            let message = match others.as_slice() {
                [_] => "a delivery was made that is not expected".to_owned(),
                others => format!("{} deliveries were made that are not expected", others.len()),
            };
            let failure = Failure { notes: others, ..Failure::new(expected.span, message) };
            out.push(failure.note("`{\"$contains\": [...]}` allows for others"));
        }
    }
}

fn is_about(rules: &Rules, expected: &ExpectedDelivery, delivery: &Delivery) -> bool {
    let event = &rules.program.webhook(delivery.webhook).name;
    let endpoint = rules.endpoints.get(delivery.endpoint).map(|endpoint| &*endpoint.name.value);
    **event == *expected.event.value
        && expected.object.as_ref().is_none_or(|object| object.value == *delivery.object)
        && expected.endpoint.as_ref().is_none_or(|name| endpoint == Some(name.value.as_str()))
}

/// `asset_ready of a1 to erp: POST https://…`
fn name(rules: &Rules, delivery: &Delivery) -> String {
    let event = &rules.program.webhook(delivery.webhook).name;
    let endpoint = rules.endpoints.get(delivery.endpoint).map_or("", |endpoint| &*endpoint.name.value);
    let frozen = delivery.frozen();
    format!("{event} of {} to {endpoint}: {} {}", delivery.object, frozen.method, frozen.url.masked())
}

/// A delivery that was not made, and what was decided about its webhook instead.
fn missing(rules: &Rules, expected: &ExpectedDelivery, seen: &[&Delivery], steps: &[StepOutcome]) -> Failure {
    let mut failure = Failure::new(expected.span, format!("no delivery of `{}` was made", about(expected)));
    let of_event = |delivery: &&&Delivery| *rules.program.webhook(delivery.webhook).name == *expected.event.value;
    failure.notes.extend(seen.iter().filter(of_event).map(|delivery| format!("there is {}", name(rules, delivery))));
    for (index, step) in steps.iter().enumerate() {
        let StepResult::Saved { decisions, .. } = &step.result else { continue };
        for decision in decisions {
            let entry = trace_entry(&rules.program, decision);
            if entry.webhook == expected.event.value && entry.verdict != VerdictWord::Fired {
                let when = if steps.len() == 1 { "at this step".to_owned() } else { format!("at step {}", index + 1) };
                failure.notes.push(format!("{when}, {} of {}: {entry}", entry.webhook, entry.object));
            }
        }
    }
    failure
}

fn about(expected: &ExpectedDelivery) -> String {
    let mut text = expected.event.value.clone();
    if let Some(object) = &expected.object {
        text = format!("{text}` of `{}", object.value);
    }
    if let Some(endpoint) = &expected.endpoint {
        text = format!("{text}` to `{}", endpoint.value);
    }
    text
}

fn state(expected: &ExpectedDelivery, delivery: &Delivery) -> Vec<Failure> {
    let (word, reason) = match &delivery.state {
        State::Pending(_) | State::Sending(_) => ("pending", last_failure(delivery)),
        State::Delivered => ("delivered", None),
        State::Diverted(why) => ("diverted", Some(why.clone())),
        State::Failed(why) => ("failed", Some(why.clone())),
    };
    let mut failures = Vec::new();
    if let Some(pattern) = &expected.state
        && let Some(mut failure) = Failure::of(pattern, &Value::from(word), "state")
    {
        failure.notes.extend(reason.clone());
        failures.push(failure);
    }
    if let Some(pattern) = &expected.reason {
        failures.extend(Failure::of(pattern, &reason.map_or(Value::Null, Value::from), "reason"));
    }
    failures
}

/// Why the last attempt did not deliver.
fn last_failure(delivery: &Delivery) -> Option<String> {
    delivery.attempts.last().map(|attempt| outcome_words(&attempt.outcome))
}

/// An outcome as a person says it.
pub(super) fn outcome_words(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Answered { status, .. } => format!("answered {status}"),
        AttemptOutcome::TimedOut => "timeout".to_owned(),
        AttemptOutcome::ConnectionFailed(why) | AttemptOutcome::Refused(why) | AttemptOutcome::OurFault(why) => why.clone(),
    }
}

fn attempts(expected: &ExpectedDelivery, delivery: &Delivery, out: &mut Vec<Failure>) {
    let Some((span, attempts)) = &expected.attempts else { return };
    let seen = delivery.attempts.len();
    let listed = || {
        let line = |(index, attempt): (usize, &Attempt)| {
            let after = attempt.at.duration_since(delivery.made_at);
            format!("attempt {}: after {} ms, {}", index + 1, after.as_millis(), outcome_words(&attempt.outcome))
        };
        delivery.attempts.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let count = match attempts {
        ExpectedAttempts::Count(count) => *count,
        ExpectedAttempts::List(list) => {
            for (attempt, seen) in list.iter().zip(&delivery.attempts) {
                out.extend(one(attempt, seen, delivery).map(|failure| Failure { notes: listed(), ..failure }));
            }
            list.len() as u64
        }
    };
    if count != seen as u64 {
        let message = format!("there {} {}, expected {count}", if seen == 1 { "was" } else { "were" }, counted(seen, "attempt"));
        out.push(Failure { notes: listed(), ..Failure::new(*span, message) });
    }
}

fn one(expected: &ExpectedAttempt, seen: &Attempt, delivery: &Delivery) -> Option<Failure> {
    if let Some(after) = &expected.after {
        let waited = seen.at.duration_since(delivery.made_at);
        if waited.as_millis() != i128::try_from(after.value.as_millis()).unwrap_or(i128::MAX) {
            let message = format!("the attempt was made after {} ms, expected {} ms", waited.as_millis(), after.value.as_millis());
            return Some(Failure::new(after.span, message));
        }
    }
    if let Some(at) = expected.at.as_ref().filter(|at| at.value != seen.at) {
        return Some(Failure::new(at.span, format!("the attempt was made at {}, expected {}", seen.at, at.value)));
    }
    let answer = expected.answer.as_ref()?;
    let same = match (&answer.value, &seen.outcome) {
        (AttemptOutcome::Answered { status, .. }, AttemptOutcome::Answered { status: seen, .. }) => status == seen,
        (AttemptOutcome::Answered { .. }, _) => false,
        (AttemptOutcome::TimedOut, seen) => *seen == AttemptOutcome::TimedOut,
        (AttemptOutcome::ConnectionFailed(_) | AttemptOutcome::Refused(_) | AttemptOutcome::OurFault(_), seen) => {
            matches!(seen, AttemptOutcome::ConnectionFailed(_))
        }
    };
    let words = format!("the attempt came to `{}`, expected `{}`", outcome_words(&seen.outcome), outcome_words(&answer.value));
    (!same).then(|| Failure::new(answer.span, words))
}
