//! What templates may say at a place: variables, what values have, filters, tests, keywords; in a schema, in a template file, and in
//! `webhookc.toml`.

use std::ops::Range;

use lsp_types::CompletionItemKind;

use super::super::lookup;
use super::super::place::Place;
use super::super::template_place::{self, Form, TemplatePlace, TemplateSpot, source};
use super::super::world::View;
use super::{Choice, Choices};
use crate::check::Rules;
use crate::program::{Kind, RequestSource, Webhook};
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
    choices(view, Subject { rules, webhook, form: Form::Xml }, range, cursor)
}

/// In an expression without delimiters.
pub(super) fn in_expression(view: View<'_>, place: &Place<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let Some((rules, webhook)) = lookup::webhook_around(view, place) else { return Choices::default() };
    choices(view, Subject { rules, webhook, form: Form::Expression }, range, cursor)
}

/// In a template file: as the first webhook sees it that uses it.
pub(super) fn in_file(view: View<'_>, text: &str, cursor: usize) -> Choices {
    let file = view.snapshot.file(&view.document.path);
    let name = view.snapshot.templates.iter().find(|(_, known)| Some(*known) == file).map(|(name, _)| name.as_str());
    let found = name.and_then(|name| using(view, name));
    let Some((rules, webhook)) = found else { return Choices::default() };
    choices(view, Subject { rules, webhook, form: Form::Plain }, 0..text.len(), cursor)
}

/// In a string of the project file with `{{ … }}`: as the first webhook sees it that the endpoint gets.
pub(super) fn in_project_file(view: View<'_>, text: &str, cursor: usize) -> Choices {
    let before = text.get(..cursor).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(cursor..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| cursor + length);
    // The name in the table around the cursor says who is called.
    let table = before.rfind("\n[[").max(before.rfind("\n[receivers.")).unwrap_or(0);
    let table = text.get(table..).unwrap_or_default().trim_start();
    let table = table.find("\n[").and_then(|length| table.get(..length)).unwrap_or(table);
    let Some(rules) = lookup::rules(view) else { return Choices::default() };
    let is_own = |name: &str| {
        let by_key = table.lines().any(|line| {
            line.split_once('=').is_some_and(|(key, value)| key.trim() == "name" && value.trim().trim_matches(['"', '\'']) == name)
        });
        by_key || table.starts_with(&format!("[receivers.{name}]"))
    };
    let own = rules.endpoints.iter().find(|endpoint| is_own(&endpoint.name.value));
    let webhook = own.and_then(|endpoint| lookup::first_subscribed(rules, endpoint)).or_else(|| rules.program.webhooks.first());
    let Some(webhook) = webhook else { return Choices::default() };
    choices(view, Subject { rules, webhook, form: Form::Plain }, line..end, cursor)
}

/// The first webhook that sends a template file.
fn using<'w>(view: View<'w>, name: &str) -> Option<(&'w Rules, &'w Webhook)> {
    let rules = lookup::rules(view)?;
    let sends = |request: &RequestSource| {
        let file = request.body.as_ref().and_then(|body| body.file.as_ref());
        file.is_some_and(|file| *file.value == *name)
    };
    let own = rules.program.webhooks.iter().find(|webhook| webhook.request.as_ref().is_some_and(sends));
    let called = || rules.endpoints.iter().find(|endpoint| sends(&endpoint.request));
    let webhook = own.or_else(|| lookup::first_subscribed(rules, called()?))?;
    Some((rules, webhook))
}

/// What a template is about.
#[derive(Clone, Copy)]
struct Subject<'w> {
    rules: &'w Rules,
    webhook: &'w Webhook,
    form: Form,
}

fn choices(view: View<'_>, subject: Subject<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let text = view.document.text.get(range.clone()).unwrap_or_default();
    let Some(within) = cursor.checked_sub(range.start) else { return Choices::default() };
    let TemplatePlace { spot, typed, around } = template_place::place(text, within, subject.form);
    let Rules { program, settings, .. } = subject.rules;
    let scope = Scope { program, webhook: subject.webhook, settings, when: When::Absent, uses: None };
    let typed = range.start + typed.start..range.start + typed.end;
    let list = match spot {
        TemplateSpot::Text => Vec::new(),
        TemplateSpot::Name => offer::names(scope, &around).into_iter().map(choice).collect(),
        TemplateSpot::Member(of) => offer::members(scope, &around, &source(&of)).into_iter().map(choice).collect(),
        TemplateSpot::Filter => offer::filters().into_iter().map(choice).collect(),
        TemplateSpot::Test => offer::tests().into_iter().map(choice).collect(),
        TemplateSpot::Keyword => KEYWORDS.iter().map(|(word, about)| Choice::new(*word, CompletionItemKind::KEYWORD, *about)).collect(),
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
