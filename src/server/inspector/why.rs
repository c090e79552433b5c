//! Why a webhook fired or did not: everything that was asked, in the order in which it is asked, with the value seen and the value
//! required.

use maud::{Markup, html};

use super::outcome::mark;
use super::received::{Received, Sentence};
use crate::engine::{Look, Replayed, TraceEntry, Verdict, VerdictWord, looks};
use crate::explain::Place;
use crate::generation::Generation;
use crate::graph::conditions;
use crate::program::{Operation, Program, Webhook, WebhookType};
use crate::scenario::asked;
use crate::template::RenderError;

/// What is known of a decision.
#[derive(Clone, Copy)]
pub(super) struct Decided<'a> {
    /// The program in force.
    pub generation: &'a Generation,
    /// Whether it is the one that decided.
    pub same_program: bool,
    /// `create`, `update`, `delete`; `None` where the save was another object's.
    pub operation: Option<&'a str>,
    /// The object around the save, where that is known.
    pub around: Option<&'a Replayed>,
    pub entry: &'a TraceEntry<'a>,
}

/// One question and its answer.
struct Question {
    asked: String,
    /// `None`: another answer had decided before.
    held: Option<bool>,
    seen: Option<String>,
    required: Option<String>,
    place: Option<Place>,
}

/// The questions of a decision as a list; a reason alone when the webhook is not in the program in force.
pub(super) fn tree(decided: Decided<'_>) -> Markup {
    let program = &decided.generation.rules.program;
    let known = program.webhook_named(&decided.entry.webhook).map(|id| program.webhook(id));
    let questions = known.and_then(|webhook| questions(decided, webhook));
    html! {
        @if let Some(questions) = questions {
            @if !decided.same_program { p.note { "Decided by an earlier program; the conditions are those of the one in force." } }
            ul.tree { @for question in &questions { (draw(question)) } }
        } @else {
            p.note {
                "The program in force has no such webhook any more. "
                @if decided.entry.verdict != VerdictWord::Fired { (Received(&decided.entry.to_string())) }
            }
        }
    }
}

/// The name of a webhook with its verdict, for a heading.
pub(super) fn verdict(entry: &TraceEntry<'_>) -> Markup {
    html! {
        (mark(entry.verdict)) " " strong { (Received(&entry.webhook)) } " "
        span.why { @if entry.verdict == VerdictWord::Fired { "fired" } @else { (Sentence(&entry.to_string())) } }
    }
}

fn draw(question: &Question) -> Markup {
    let (class, sign, words) = match question.held {
        Some(true) => ("yes", "✔", "holds"),
        Some(false) => ("no", "✘", "does not hold"),
        None => ("open", "·", "not asked"),
    };
    html! {
        li .(class) {
            span.mark .(class) { span aria-hidden="true" { (sign) } span.unseen { (words) } }
            span.asked { (Sentence(&question.asked)) }
            @if let Some(seen) = &question.seen { span.seen { "is " b { (Received(seen)) } } }
            @if let Some(required) = &question.required { span.required { "needs " b { (Received(required)) } } }
            @if question.held.is_none() { span.later { "not asked" } }
            @if let Some(place) = &question.place { span.place { (Received(&place.file)) ":" (place.line) } }
        }
    }
}

fn questions(decided: Decided<'_>, webhook: &Webhook) -> Option<Vec<Question>> {
    let entry = decided.entry;
    let verdict = verdict_of(&decided.generation.rules.program, entry)?;
    let mut questions = vec![operation(decided, webhook)];
    questions.extend(on_conditions(decided, webhook, &verdict));
    questions.extend(afterwards(webhook, &verdict, entry));
    Some(questions)
}

fn operation(decided: Decided<'_>, webhook: &Webhook) -> Question {
    let operations = webhook.operations;
    let words = [(operations.create, "create"), (operations.update, "update"), (operations.delete, "delete")];
    let words: Vec<&str> = words.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect();
    Question {
        asked: "operation".to_owned(),
        held: Some(decided.entry.verdict != VerdictWord::OtherOperation),
        seen: decided.operation.map(str::to_owned),
        required: Some(words.join(" or ")),
        place: None,
    }
}

fn on_conditions(decided: Decided<'_>, webhook: &Webhook, verdict: &Verdict) -> Vec<Question> {
    let (entry, origin) = (decided.entry, &decided.generation.origin);
    let known = asked(webhook, verdict);
    let looked: Vec<Option<Look>> =
        decided.around.map_or_else(Vec::new, |around| looks(&decided.generation.rules.program, webhook, around));
    let spans = webhook.conditions.iter().map(|condition| condition.span).chain(webhook.when.iter().map(crate::text::SourceText::whole));
    let held = known.conditions.into_iter().chain([known.when]);
    let questions = conditions(webhook).into_iter().zip(held).zip(spans).enumerate().map(|(index, ((asked, held), span))| {
        let stopped = held == Some(false);
        let look = looked.get(index).and_then(Option::as_ref);
        let seen = entry.seen.as_deref().filter(|_| stopped).map(str::to_owned);
        let required = entry.required.as_deref().filter(|_| stopped).map(str::to_owned);
        Question {
            asked,
            held,
            seen: seen.or_else(|| look.map(|look| look.seen.clone())),
            required: required.or_else(|| look.map(|look| look.required.clone())),
            place: origin.program.is_some().then(|| Place::of(&origin.sources, span)).filter(|place| !place.file.is_empty()),
        }
    });
    questions.collect()
}

/// What is asked when the conditions hold.
fn afterwards(webhook: &Webhook, verdict: &Verdict, entry: &TraceEntry<'_>) -> Vec<Question> {
    let plain = |asked: &str, held| Question { asked: asked.to_owned(), held, seen: None, required: None, place: None };
    let (subscribed, fresh) = match verdict {
        Verdict::Fired | Verdict::Waiting { .. } | Verdict::Failed(_) => (Some(true), Some(true)),
        Verdict::NoSubscriber => (Some(false), None),
        Verdict::AlreadyFired => (Some(true), Some(false)),
        Verdict::OtherOperation(_) | Verdict::Unmet { .. } => (None, None),
    };
    let mut questions = vec![plain("an endpoint subscribes", subscribed)];
    if webhook.kind == WebhookType::Ready {
        questions.push(plain("has not fired for this object before", fresh));
    }
    match entry.verdict {
        VerdictWord::Waiting => {
            let about = format!("{} exists", entry.name.as_deref().unwrap_or("the related object"));
            let seen = entry.seen.as_deref().map(|id| format!("not there: {id}"));
            questions.push(Question { seen, required: Some("an object".to_owned()), ..plain(&about, Some(false)) });
        }
        VerdictWord::Failed => {
            questions.push(Question { seen: entry.seen.as_deref().map(str::to_owned), ..plain("`when` can be evaluated", Some(false)) });
        }
        VerdictWord::Fired | VerdictWord::AlreadyFired | VerdictWord::NoSubscriber | VerdictWord::OtherOperation | VerdictWord::Unmet => {}
    }
    questions
}

/// The verdict that an entry was made of; `None` when it names what the program does not know.
fn verdict_of(program: &Program, entry: &TraceEntry<'_>) -> Option<Verdict> {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    Some(match entry.verdict {
        VerdictWord::Fired => Verdict::Fired,
        VerdictWord::AlreadyFired => Verdict::AlreadyFired,
        VerdictWord::NoSubscriber => Verdict::NoSubscriber,
        VerdictWord::OtherOperation => {
            let all = [Operation::Create, Operation::Update, Operation::Delete];
            Verdict::OtherOperation(all.into_iter().find(|operation| entry.seen.as_deref() == Some(operation.as_str()))?)
        }
        VerdictWord::Unmet => Verdict::Unmet {
            condition: entry.condition,
            name: text(&entry.name).into(),
            seen: text(&entry.seen),
            required: text(&entry.required),
        },
        VerdictWord::Waiting => Verdict::Waiting { model: program.model_named(entry.name.as_deref()?)?, id: text(&entry.seen).into() },
        VerdictWord::Failed => Verdict::Failed(RenderError { what: text(&entry.seen), span: None }),
    })
}
