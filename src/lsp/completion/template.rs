//! What templates may say at a place: variables, what values have, filters, tests, keywords; in a schema, in a template file, and in
//! `webhookc.toml`.

use std::ops::Range;

use lsp_types::CompletionItemKind;

use super::super::lookup;
use super::super::place::Place;
use super::super::template_place::{self, TemplatePlace, TemplateSpot, source};
use super::super::world::View;
use super::{Choice, Choices};
use crate::check::Rules;
use crate::program::{Events, Kind, Webhook};
use crate::template::offer::{self, Offer, OfferKind};
use crate::template::{Scope, When};

const KEYWORDS: [(&str, &str); 6] = [
    ("if", "what follows, if the expression is true"),
    ("elif", "otherwise, if this one is true"),
    ("else", "otherwise"),
    ("endif", "ends `if`"),
    ("for", "what follows for each item: `for item in list`"),
    ("endfor", "ends `for`"),
];

/// In a template that stands in `range` of a schema.
pub(super) fn in_text(view: View<'_>, place: &Place<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let Some((rules, webhook)) = lookup::webhook_around(view, place) else { return Choices::default() };
    choices(view, Subject { rules, webhook, expression: false }, range, cursor)
}

/// In an expression without delimiters.
pub(super) fn in_expression(view: View<'_>, place: &Place<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let Some((rules, webhook)) = lookup::webhook_around(view, place) else { return Choices::default() };
    choices(view, Subject { rules, webhook, expression: true }, range, cursor)
}

/// In a template file: as the first webhook sees it that uses it.
pub(super) fn in_file(view: View<'_>, text: &str, cursor: usize) -> Choices {
    let file = view.snapshot.file(&view.document.path);
    let name = view.snapshot.templates.iter().find(|(_, known)| Some(*known) == file).map(|(name, _)| name.as_str());
    let found = name.and_then(|name| using(view, name));
    let Some((rules, webhook)) = found else { return Choices::default() };
    choices(view, Subject { rules, webhook, expression: false }, 0..text.len(), cursor)
}

/// In a string of the project file with `{{ … }}`: as the first webhook sees it that the endpoint gets.
pub(super) fn in_project_file(view: View<'_>, text: &str, cursor: usize) -> Choices {
    let line = text.get(..cursor).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    // The table around the cursor says who is called.
    let table = text.get(..cursor).and_then(|before| before.rfind("\n[[").max(before.rfind("\n[receivers."))).unwrap_or(0);
    let found = lookup::rules(view).and_then(|rules| {
        let endpoints = rules.endpoints.iter().filter(|endpoint| !matches!(endpoint.events, Events::Unclaimed));
        let own = endpoints.filter(|endpoint| {
            let file = view.snapshot.file(&view.document.path);
            Some(endpoint.request.span.file) == file && endpoint.request.span.start as usize <= cursor
        });
        let own = own.max_by_key(|endpoint| endpoint.request.span.start).filter(|endpoint| endpoint.request.span.end as usize >= table)?;
        let index = rules.endpoints.iter().position(|endpoint| endpoint.id == own.id)?;
        let subscribed = rules.subscriptions.iter().position(|own| own.iter().any(|subscription| subscription.endpoint == index));
        Some((rules, rules.program.webhooks.get(subscribed?)?))
    });
    let any = || lookup::rules(view).and_then(|rules| Some((rules, rules.program.webhooks.first()?)));
    let Some((rules, webhook)) = found.or_else(any) else { return Choices::default() };
    let end = text.get(cursor..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| cursor + length);
    choices(view, Subject { rules, webhook, expression: false }, line..end, cursor)
}

/// The first webhook that sends a template file.
fn using<'w>(view: View<'w>, name: &str) -> Option<(&'w Rules, &'w Webhook)> {
    let rules = lookup::rules(view)?;
    let sends = |endpoint: usize| {
        let file = rules.endpoints.get(endpoint)?.request.body.as_ref()?.file.as_ref()?;
        Some(*file.value == *name)
    };
    let own = rules.program.webhooks.iter().find(|webhook| {
        let file = webhook.request.as_ref().and_then(|request| request.body.as_ref()?.file.as_ref());
        file.is_some_and(|file| *file.value == *name)
    });
    let subscribed = || {
        let found = rules.subscriptions.iter().position(|own| own.iter().any(|one| sends(one.endpoint) == Some(true)))?;
        rules.program.webhooks.get(found)
    };
    Some((rules, own.or_else(subscribed)?))
}

/// What a template is about.
#[derive(Clone, Copy)]
struct Subject<'w> {
    rules: &'w Rules,
    webhook: &'w Webhook,
    expression: bool,
}

fn choices(view: View<'_>, subject: Subject<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let text = view.document.text.get(range.clone()).unwrap_or_default();
    let Some(within) = cursor.checked_sub(range.start) else { return Choices::default() };
    let TemplatePlace { spot, typed, around } = template_place::place(text, within, subject.expression);
    let Rules { program, settings, .. } = subject.rules;
    let scope = Scope { program, webhook: subject.webhook, settings, when: When::Absent, uses: None };
    let typed = range.start + typed.start..range.start + typed.end;
    let list = match spot {
        TemplateSpot::Text => Vec::new(),
        TemplateSpot::Name => offer::names(scope, &around).into_iter().map(choice).collect(),
        TemplateSpot::Member(of) => offer::members(scope, &around, &source(&of)).into_iter().map(choice).collect(),
        TemplateSpot::Filter => offer::filters().into_iter().map(choice).collect(),
        TemplateSpot::Test => offer::tests().into_iter().map(choice).collect(),
        TemplateSpot::Keyword => {
            KEYWORDS.iter().map(|(word, about)| Choice::new(*word, CompletionItemKind::KEYWORD, *about)).collect()
        }
        TemplateSpot::FieldName => {
            let properties = &program.model(subject.webhook.model).properties;
            let names = properties.iter().map(|property| match &property.kind {
                Kind::Field(field) => Choice::new(&*property.name, CompletionItemKind::FIELD, lookup::type_name(field)),
                Kind::BelongsTo(_) => Choice::new(&*property.name, CompletionItemKind::REFERENCE, "a relation"),
            });
            names.collect()
        }
    };
    Choices { range: typed, list }
}

fn choice(offer: Offer) -> Choice {
    let kind = match offer.kind {
        OfferKind::Variable => CompletionItemKind::VARIABLE,
        OfferKind::Field => CompletionItemKind::FIELD,
        OfferKind::Relation => CompletionItemKind::REFERENCE,
        OfferKind::Setting => CompletionItemKind::CONSTANT,
        OfferKind::Tool => CompletionItemKind::FUNCTION,
    };
    let mut choice = Choice::new(offer.name, kind, offer.about);
    // The model's own before what every template has.
    choice.rank = u8::from(matches!(offer.kind, OfferKind::Variable));
    choice
}
