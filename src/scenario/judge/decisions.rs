//! The decisions of one save against those that a step expects.

use serde_json::Value;

use super::{Failure, difference};
use crate::check::Rules;
use crate::engine::{TraceEntry, VerdictWord, trace_entry};
use crate::scenario::run::{StepOutcome, StepResult};
use crate::scenario::written::{Decided, ExpectedDecision};
use crate::text::Span;

/// A webhook that is named must be decided so; one that is not named must not fire.
pub(super) fn judge(rules: &Rules, span: Span, expected: &[ExpectedDecision], outcome: &StepOutcome, out: &mut Vec<Failure>) {
    let decisions = match &outcome.result {
        StepResult::Saved { decisions, .. } => decisions.as_slice(),
        StepResult::Refused(_) => return,
        StepResult::Advanced => {
            if let Some(first) = expected.first() {
                out.push(Failure::new(first.webhook.span, "no webhook is decided while time passes"));
            }
            return;
        }
    };
    let mut entries: Vec<Option<TraceEntry<'_>>> = decisions.iter().map(|decision| Some(trace_entry(&rules.program, decision))).collect();
    for expectation in expected {
        let fits = |entry: &TraceEntry<'_>| {
            entry.webhook == expectation.webhook.value && expectation.object.as_deref().is_none_or(|object| entry.object == object)
        };
        if let Some(entry) = entries.iter_mut().find(|entry| entry.as_ref().is_some_and(fits)).and_then(Option::take) {
            out.extend(one(expectation, &entry));
        } else {
            let message = format!("`{}` is not decided by this save", expectation.webhook.value);
            out.push(Failure::new(expectation.webhook.span, message).note("a webhook is decided when an object of its model is saved"));
        }
    }
    for entry in entries.into_iter().flatten().filter(|entry| entry.verdict == VerdictWord::Fired) {
        out.push(Failure::new(span, format!("`{}` fired for `{}`, expected no other webhook to fire", entry.webhook, entry.object)));
    }
}

fn one(expected: &ExpectedDecision, entry: &TraceEntry<'_>) -> Option<Failure> {
    let reason = entry.to_string();
    let seen = match entry.verdict {
        VerdictWord::Fired => "fired".to_owned(),
        VerdictWord::AlreadyFired
        | VerdictWord::NoSubscriber
        | VerdictWord::OtherOperation
        | VerdictWord::Unmet
        | VerdictWord::Waiting
        | VerdictWord::Failed => format!("did not fire: {reason}"),
    };
    let name = &expected.webhook.value;
    match &expected.decided {
        Decided::Verdict(verdict) if *verdict == entry.verdict => None,
        Decided::Verdict(verdict) => Some(Failure::new(expected.span, format!("`{name}` {seen}; expected {}", words(*verdict)))),
        Decided::Reason(pattern) if entry.verdict != VerdictWord::Fired && difference(pattern, &Value::from(reason.as_str())).is_none() => {
            None
        }
        Decided::Reason(pattern) => {
            let expected_reason = difference(pattern, &Value::from(reason.as_str())).map_or_else(String::new, |found| found.expected);
            Some(Failure::new(expected.span, format!("`{name}` {seen}; expected it not to fire, because {expected_reason}")))
        }
    }
}

fn words(verdict: VerdictWord) -> &'static str {
    match verdict {
        VerdictWord::Fired => "it to fire",
        VerdictWord::AlreadyFired => "it not to fire, having fired before",
        VerdictWord::NoSubscriber => "it not to fire, without a subscriber",
        VerdictWord::OtherOperation => "it not to fire on this operation",
        VerdictWord::Unmet => "it not to fire, a condition being unmet",
        VerdictWord::Waiting => "it to wait for a related object",
        VerdictWord::Failed => "its `when` to fail",
    }
}
