//! Saves that were tried: every webhook of the model, fired or with the condition that stopped it, its value and its place.

use serde::Serialize;

use super::Place;
use crate::check::Rules;
use crate::engine::{Decision, TraceEntry, VerdictWord, trace_entry};
use crate::graph::conditions;
use crate::scenario::{Delivery, Happened, StepResult, asked};
use crate::text::SourceMap;

/// What a save leads to.
#[derive(Debug, Serialize)]
pub struct ExplainedSave {
    /// The model.
    pub model: String,
    /// The object.
    pub object: String,
    /// `create`, `update`, `delete`; `None` when the save is refused.
    pub operation: Option<&'static str>,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Every webhook that was decided.
    pub webhooks: Vec<Decided>,
}

/// What was decided about a webhook.
#[derive(Debug, Serialize)]
pub struct Decided {
    /// The event type.
    pub webhook: String,
    /// The object it is about: the saved one, or one that waited for it.
    pub object: String,
    /// The verdict.
    pub verdict: VerdictWord,
    /// Why it did not fire, in words; empty when it did.
    pub reason: String,
    /// What stopped it, in the source: the condition, or the webhook.
    pub place: Place,
    /// Its conditions.
    pub conditions: Vec<Answer>,
    /// What is sent.
    pub sent: Vec<Sent>,
}

/// A condition, and what it came to.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The condition in words.
    pub condition: String,
    /// Whether it held; `None` when it was not asked, another "no" having come first.
    pub held: Option<bool>,
    /// The value seen, where it did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The value required, where it did not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// A request that is sent.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// The endpoint's name.
    pub endpoint: String,
    /// The method.
    pub method: String,
    /// The URL; secrets as placeholders.
    pub url: String,
    /// Why it cannot be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Explains the saves of a scenario of saves alone; `named` gives the model and the object of each.
#[must_use]
pub fn explain_saves(rules: &Rules, sources: &SourceMap, named: &[(String, String)], happened: &Happened) -> Vec<ExplainedSave> {
    let explained = named.iter().zip(&happened.steps).map(|((model, object), step)| {
        let (model, object) = (model.clone(), object.clone());
        match &step.result {
            StepResult::Saved { operation, decisions, .. } => {
                let deliveries: Vec<&Delivery> = step.deliveries.iter().map(|(_, delivery)| delivery).collect();
                let webhooks = decisions.iter().map(|decision| decided(rules, sources, decision, &deliveries));
                ExplainedSave { model, object, operation: Some(operation.as_str()), refused: Vec::new(), webhooks: webhooks.collect() }
            }
            StepResult::Refused(mistakes) => {
                let refused = mistakes.iter().map(|mistake| mistake.message.clone()).collect();
                ExplainedSave { model, object, operation: None, refused, webhooks: Vec::new() }
            }
            StepResult::Advanced => ExplainedSave { model, object, operation: None, refused: Vec::new(), webhooks: Vec::new() },
        }
    });
    explained.collect()
}

fn decided(rules: &Rules, sources: &SourceMap, decision: &Decision, deliveries: &[&Delivery]) -> Decided {
    let webhook = rules.program.webhook(decision.webhook);
    let entry = trace_entry(&rules.program, decision);
    let answers = answers(rules, sources, decision, &entry);
    let stopped = answers.iter().find(|answer| answer.held == Some(false)).map(|answer| answer.place.clone());
    let own = deliveries.iter().filter(|delivery| delivery.webhook == decision.webhook && delivery.object == decision.object);
    Decided {
        webhook: webhook.name.to_string(),
        object: decision.object.to_string(),
        verdict: entry.verdict,
        reason: entry.to_string(),
        place: stopped.unwrap_or_else(|| Place::of(sources, webhook.span)),
        conditions: answers,
        sent: own.map(|delivery| sent(rules, delivery)).collect(),
    }
}

fn answers(rules: &Rules, sources: &SourceMap, decision: &Decision, entry: &TraceEntry<'_>) -> Vec<Answer> {
    let webhook = rules.program.webhook(decision.webhook);
    let asked = asked(webhook, &decision.verdict);
    let spans =
        webhook.conditions.iter().map(|condition| condition.span).chain(webhook.when.iter().map(super::super::text::SourceText::whole));
    let held = asked.conditions.into_iter().chain([asked.when]);
    let answers = conditions(webhook).into_iter().zip(held).zip(spans).map(|((condition, held), span)| {
        let told = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().filter(|_| held == Some(false)).map(str::to_owned);
        Answer { condition, held, seen: told(&entry.seen), required: told(&entry.required), place: Place::of(sources, span) }
    });
    answers.collect()
}

fn sent(rules: &Rules, delivery: &Delivery) -> Sent {
    let frozen = delivery.frozen();
    let error = match &delivery.state {
        crate::scenario::State::Diverted(why) | crate::scenario::State::Failed(why) => Some(why.clone()),
        crate::scenario::State::Pending(_) | crate::scenario::State::Sending(_) | crate::scenario::State::Delivered => None,
    };
    Sent {
        endpoint: rules.endpoints.get(delivery.endpoint).map_or_else(String::new, |endpoint| endpoint.name.value.to_string()),
        method: frozen.method.to_owned(),
        url: frozen.url.shown_url(),
        error,
    }
}
