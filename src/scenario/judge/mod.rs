//! What happened against what was expected → failures, each at the line of the test that is not met, with what was seen instead. Absent:
//! how they are shown.

mod compare;
mod decisions;
mod deliveries;
pub(super) mod request;
mod signature;
mod snapshot;

pub use compare::{Difference, difference};
pub use snapshot::snapshot;

use serde_json::Value;

use crate::report::unified;
use crate::scenario::run::{Happened, StepResult};
use crate::scenario::setting::Setting;
use crate::scenario::written::{Pattern, Scenario, Step};
use crate::text::Span;

/// Something that is not as the test says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the test.
    pub span: Span,
    /// One sentence: what was expected and what was seen.
    pub message: String,
    /// More about it, a line each: why a webhook did not fire.
    pub notes: Vec<String>,
    /// Expected against seen, as a unified diff; empty when the sentence says it all.
    pub diff: String,
}

impl Failure {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), notes: Vec::new(), diff: String::new() }
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A value that differs; `what` names it: `body`.
    fn of(pattern: &Pattern, value: &Value, what: &str) -> Option<Self> {
        let found = difference(pattern, value)?;
        let place = match found.path.as_str() {
            "" => format!("`{what}`"),
            path if path.starts_with('[') => format!("`{what}{path}`"),
            path => format!("`{what}.{path}`"),
        };
        let mut failure = Self::new(found.span, format!("{place} is {}, expected {}", found.seen, found.expected));
        if value.is_object() || value.is_array() || value.as_str().is_some_and(|text| text.contains('\n')) {
            failure.diff = compare::diff(pattern, value);
        }
        Some(failure)
    }
}

/// Everything that is not as expected, in the order of the test. `recorded` is the snapshot of the scenario, if it asks for one and there is one.
#[must_use]
pub fn judge(setting: &Setting<'_>, scenario: &Scenario, happened: &Happened, recorded: Option<&Value>) -> Vec<Failure> {
    let rules = setting.rules;
    let mut failures = Vec::new();
    for (step, outcome) in scenario.steps.iter().zip(&happened.steps) {
        refusal(step, &outcome.result, &mut failures);
        let Some(expect) = &step.expect else { continue };
        if let Some(webhooks) = &expect.webhooks {
            decisions::judge(rules, expect.span, webhooks, outcome, &mut failures);
        }
        if let Some(deliveries) = &expect.deliveries {
            let seen: Vec<_> = outcome.deliveries.iter().map(|(_, delivery)| delivery).collect();
            deliveries::judge(setting, deliveries, &seen, std::slice::from_ref(outcome), &mut failures);
        }
    }
    if let Some(why) = &happened.broken_off {
        let span = scenario.steps.get(happened.steps.len()).map_or(scenario.name.span, |step| step.span);
        failures.push(Failure::new(span, why.as_str()));
        return failures;
    }
    if let Some(deliveries) = &scenario.deliveries {
        let seen: Vec<_> = happened.deliveries.iter().collect();
        deliveries::judge(setting, deliveries, &seen, &happened.steps, &mut failures);
    }
    if let Some(span) = scenario.snapshot {
        failures.extend(against_snapshot(span, &snapshot(rules, happened), recorded));
    }
    failures
}

/// A save is refused exactly when the step says so.
fn refusal(step: &Step, result: &StepResult, out: &mut Vec<Failure>) {
    let expected = step.expect.as_ref().and_then(|expect| expect.refused.as_ref());
    match (result, expected) {
        (StepResult::Refused(mistakes), Some(pattern)) => {
            let fits = |text: &str| difference(pattern, &Value::from(text)).is_none();
            if !mistakes.iter().any(|mistake| fits(mistake.kind) || fits(&mistake.message)) {
                let mut failure = Failure::new(pattern.span, "the save is refused for another reason than expected");
                failure.notes.extend(mistakes.iter().map(|mistake| format!("{}: {}", mistake.kind, mistake.message)));
                out.push(failure);
            }
        }
        (StepResult::Refused(mistakes), None) => {
            let mut failure = Failure::new(step.span, "the save is refused");
            failure.notes.extend(mistakes.iter().map(|mistake| mistake.message.clone()));
            out.push(failure.note("a step that expects this says so with `expect: {refused: ...}`"));
        }
        (StepResult::Saved { .. } | StepResult::Advanced, Some(pattern)) => {
            out.push(Failure::new(pattern.span, "the save is taken in, expected it to be refused"));
        }
        (StepResult::Saved { .. } | StepResult::Advanced, None) => {}
    }
}

fn against_snapshot(span: Span, seen: &Value, recorded: Option<&Value>) -> Option<Failure> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    match recorded {
        None => Some(Failure::new(span, "there is no snapshot of this scenario").note("`webhookc test -u` writes it")),
        Some(recorded) if recorded == seen => None,
        Some(recorded) => {
            let mut failure =
                Failure::new(span, "what happens is not what the snapshot recorded").note("`webhookc test -u` records it anew");
            failure.diff = compare::body_of_diff(&unified("", &pretty(recorded), &pretty(seen)));
            Some(failure)
        }
    }
}
