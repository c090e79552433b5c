//! What a test expects: of a step, which webhooks fire or why not; of deliveries, what is sent, when, and how it ends.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::{Answer, duration};
use super::file::Context;
use super::node::{Content, Node};
use super::pattern::Pattern;
use super::table::{Field, Table};
use crate::delivery::AttemptOutcome;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::engine::VerdictWord;
use crate::text::{Span, Spanned};

/// What must come of a step.
#[derive(Debug)]
pub struct ExpectedStep {
    /// Where it is written.
    pub span: Span,
    /// The save is refused, and this fits the kind of a mistake or its message.
    pub refused: Option<Pattern>,
    /// What was decided. A webhook that is not named must not fire.
    pub webhooks: Option<Vec<ExpectedDecision>>,
    /// The deliveries that the step made or tried again, as they stand after it.
    pub deliveries: Option<ExpectedDeliveries>,
}

/// What must be decided about one webhook.
#[derive(Debug)]
pub struct ExpectedDecision {
    /// The webhook's effective name.
    pub webhook: Spanned<String>,
    /// The object it is about, when that is not the saved one: `asset_ready/a2`.
    pub object: Option<String>,
    /// The verdict or the reason.
    pub decided: Decided,
    /// Where that is written.
    pub span: Span,
}

/// A verdict as a test names it.
#[derive(Debug)]
pub enum Decided {
    /// `fired`, `already-fired`, `unmet`, …
    Verdict(VerdictWord),
    /// The reason in words, as `explain` shows it; it did not fire.
    Reason(Pattern),
}

/// Deliveries that must have been made.
#[derive(Debug)]
pub struct ExpectedDeliveries {
    /// Where the list is written.
    pub span: Span,
    /// In the order of the saves that make them.
    pub items: Vec<ExpectedDelivery>,
    /// Whether there may be no others: not with `{"$contains": […]}`.
    pub exact: bool,
}

/// One delivery. What is not said of it may be anything.
#[derive(Debug)]
pub struct ExpectedDelivery {
    /// Where it is written: its first key.
    pub span: Span,
    /// The event type.
    pub event: Spanned<String>,
    /// The id of the object it is about.
    pub object: Option<Spanned<String>>,
    /// The endpoint's name.
    pub endpoint: Option<Spanned<String>>,
    /// The method.
    pub method: Option<Pattern>,
    /// The URL.
    pub url: Option<Pattern>,
    /// The headers of the template, and any other that is named.
    pub headers: Option<ExpectedHeaders>,
    /// The body: as JSON when that is its content type, otherwise as text.
    pub body: Option<Pattern>,
    /// `pending`, `delivered`, `diverted` or `failed`.
    pub state: Option<Pattern>,
    /// Why it is diverted, or why it was not sent.
    pub reason: Option<Pattern>,
    /// `signature: valid`
    pub signature: Option<Span>,
    /// The attempts so far.
    pub attempts: Option<(Span, ExpectedAttempts)>,
}

/// The headers of a request.
#[derive(Debug)]
pub struct ExpectedHeaders {
    /// Where they are written.
    pub span: Span,
    /// By name, in lower case.
    pub items: Vec<(Spanned<String>, Pattern)>,
}

/// Attempts at a delivery.
#[derive(Debug)]
pub enum ExpectedAttempts {
    /// So many.
    Count(u64),
    /// These, and no others.
    List(Vec<ExpectedAttempt>),
}

/// One attempt.
#[derive(Debug)]
pub struct ExpectedAttempt {
    /// Where it is written.
    pub span: Span,
    /// When it begins, counted from the making of the delivery.
    pub after: Option<Spanned<Duration>>,
    /// When it begins.
    pub at: Option<Spanned<Timestamp>>,
    /// What comes of it.
    pub answer: Option<Spanned<AttemptOutcome>>,
}

impl ExpectedStep {
    pub(super) fn of(node: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Self> {
        let mut table = Table::of(node, "`expect` of a step", out)?;
        let refused = table.take("refused").map(|field| Pattern::of(field.node, out));
        let webhooks = table.take("webhooks").map(|field| decisions(field, context, out));
        let deliveries = table.take("deliveries").and_then(|field| ExpectedDeliveries::of(field, context, out));
        table.finish(out);
        Some(Self { span: node.span, refused, webhooks, deliveries })
    }
}

fn decisions(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> Vec<ExpectedDecision> {
    let entries = field.entries(out).iter();
    entries
        .map(|entry| {
            let (name, object) = match entry.key.value.split_once('/') {
                Some((name, object)) => (name.to_owned(), Some(object.to_owned())),
                None => (entry.key.value.clone(), None),
            };
            let webhook = Spanned::new(name, entry.key.span);
            context.check_event(&webhook, out);
            let word = if let Content::Text(text) = &entry.value.content { verdict(text) } else { None };
            let decided = word.map_or_else(|| Decided::Reason(Pattern::of(&entry.value, out)), Decided::Verdict);
            ExpectedDecision { webhook, object, decided, span: entry.value.span }
        })
        .collect()
}

fn verdict(word: &str) -> Option<VerdictWord> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

impl ExpectedDeliveries {
    /// A list, or `{"$contains": […]}` where there may be others.
    pub(super) fn of(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> Option<Self> {
        let (items, exact) = match &field.node.content {
            Content::List(items) => (items, true),
            Content::Map(entries) => match entries.as_slice() {
                [only] if only.key.value == "$contains" && matches!(only.value.content, Content::List(_)) => match &only.value.content {
                    Content::List(items) => (items, false),
                    Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::Map(_) => return None,
                },
                _ => {
                    field.mismatch("a list, or `{\"$contains\": [...]}`", out);
                    return None;
                }
            },
            Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => {
                field.mismatch("a list, or `{\"$contains\": [...]}`", out);
                return None;
            }
        };
        let items = items.iter().filter_map(|item| ExpectedDelivery::of(item, context, out)).collect();
        Some(Self { span: field.key_span, items, exact })
    }
}

impl ExpectedDelivery {
    fn of(node: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Self> {
        let mut table = Table::of(node, "a delivery", out)?;
        let span = table.start();
        let event = table.require("event", out).and_then(|field| field.text(out));
        let object = table.take("object").and_then(|field| field.text(out));
        let endpoint = table.take("endpoint").and_then(|field| field.text(out));
        let mut pattern = |key| table.take(key).map(|field| Pattern::of(field.node, out));
        let (method, url, body, reason) = (pattern("method"), pattern("url"), pattern("body"), pattern("reason"));
        let state = table.take("state").and_then(|field| word(field, &["pending", "delivered", "diverted", "failed"], out));
        let state = state.map(|word| Pattern::exactly(word.value.into(), word.span));
        let signature = table.take("signature").and_then(|field| word(field, &["valid"], out)).map(|word| word.span);
        let headers = table.take("headers").map(|field| ExpectedHeaders { span: field.key_span, items: headers(field, out) });
        let attempts = table.take("attempts").and_then(|field| Some((field.key_span, attempts(field, out)?)));
        table.finish(out);
        let event = event?;
        context.check_event(&event, out);
        if let Some(endpoint) = &endpoint {
            context.check_endpoint(endpoint, out);
        }
        Some(Self { span, event, object, endpoint, method, url, headers, body, state, reason, signature, attempts })
    }
}

/// One of a few words.
fn word(field: Field<'_>, words: &[&'static str], out: &mut Diagnostics) -> Option<Spanned<&'static str>> {
    let text = field.text(out)?;
    let found = words.iter().find(|word| **word == text.value);
    if found.is_none() {
        let message = format!("`{}` is `{}`, expected {}", field.key, text.value, one_of(words.iter().copied()));
        let wrong = Diagnostic::new(Code::BadTestValue, text.span, message);
        let near = suggestion(&text.value, words.iter().copied());
        out.push(wrong.maybe_help(near.map(|near| format!("did you mean `{near}`?"))));
    }
    found.map(|word| Spanned::new(*word, text.span))
}

fn headers(field: Field<'_>, out: &mut Diagnostics) -> Vec<(Spanned<String>, Pattern)> {
    let entries = field.entries(out).iter();
    entries.map(|entry| (Spanned::new(entry.key.value.to_lowercase(), entry.key.span), Pattern::of(&entry.value, out))).collect()
}

fn attempts(field: Field<'_>, out: &mut Diagnostics) -> Option<ExpectedAttempts> {
    match &field.node.content {
        Content::Number(number) if number.is_u64() => number.as_u64().map(ExpectedAttempts::Count),
        Content::List(items) => Some(ExpectedAttempts::List(items.iter().filter_map(|item| attempt(item, out)).collect())),
        Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::Map(_) => {
            field.mismatch("how many, or a list", out);
            None
        }
    }
}

/// A map of `after` or `at` and `answer`, or the answer alone.
fn attempt(node: &Node, out: &mut Diagnostics) -> Option<ExpectedAttempt> {
    let answer = |node: &Node, out: &mut Diagnostics| Answer::of(node, out).map(|answer| Spanned::new(answer.outcome, node.span));
    if !matches!(node.content, Content::Map(_)) {
        return Some(ExpectedAttempt { span: node.span, after: None, at: None, answer: Some(answer(node, out)?) });
    }
    let mut table = Table::of(node, "an attempt", out)?;
    let span = table.start();
    let after = table.take("after").and_then(|field| Some(Spanned::new(duration(field, out)?, field.node.span)));
    let at = table.take("at").and_then(|field| Some(Spanned::new(time(field, out)?, field.node.span)));
    let answer = table.take("answer").and_then(|field| answer(field.node, out));
    table.finish(out);
    Some(ExpectedAttempt { span, after, at, answer })
}

/// An RFC 3339 time.
pub(super) fn time(field: Field<'_>, out: &mut Diagnostics) -> Option<Timestamp> {
    let text = field.text(out)?;
    let time = text.value.parse().ok();
    if time.is_none() {
        let message = format!("`{}` is `{}`, expected a time such as `2026-01-31T09:30:00Z`", field.key, text.value);
        out.push(Diagnostic::new(Code::BadTestValue, text.span, message));
    }
    time
}
