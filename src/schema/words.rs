//! Attributes whose value is one of a few words, or a small number.

use super::declared::{On, State, WebhookKind};
use super::grammar::{BOOLEANS, DATABASES, MAX_LIMIT, OPERATIONS, STATES, WEBHOOK_TYPES};
use super::shape::whole;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::syntax::Attribute;
use crate::text::{Span, Spanned};

/// `true` or `false`.
pub(super) fn boolean(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<Spanned<bool>> {
    let attribute = attribute?;
    let word = one(Some(attribute), Code::BadBoolean, BOOLEANS, [true, false], out)?;
    Some(Spanned::new(word, whole(&attribute)))
}

/// `present` or `uploaded`.
pub(super) fn state(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<Spanned<State>> {
    let attribute = attribute?;
    let word = one(Some(attribute), Code::BadState, STATES, [State::Present, State::Uploaded], out)?;
    Some(Spanned::new(word, whole(&attribute)))
}

/// `ready` or `update`.
pub(super) fn webhook_kind(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<WebhookKind> {
    one(attribute, Code::WebhookType, WEBHOOK_TYPES, [WebhookKind::Ready, WebhookKind::Update], out)
}

/// A list of `create`, `update`, `delete`, separated by spaces or commas.
pub(super) fn operations(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<On> {
    let attribute = attribute?;
    let mut on = On::default();
    for (word, span) in listed(&attribute, &OPERATIONS, out) {
        match word.as_str() {
            "create" => on.create = true,
            "update" => on.update = true,
            "delete" => on.delete = true,
            _ => out.push(invalid(Code::InvalidValue, attribute.name, &word, span, &OPERATIONS)),
        }
    }
    Some(on)
}

/// A list of `app` and `cloud`.
pub(super) fn databases(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) {
    let Some(attribute) = attribute else {
        return;
    };
    for (word, span) in listed(&attribute, &DATABASES, out) {
        if !DATABASES.contains(&word.as_str()) {
            out.push(invalid(Code::BadDatabase, attribute.name, &word, span, &DATABASES));
        }
    }
}

/// A count from 1 to [`MAX_LIMIT`].
pub(super) fn limit(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<Spanned<u32>> {
    let attribute = attribute?;
    let value = attribute.value();
    match value.trim_ascii().parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Some(Spanned::new(limit, whole(&attribute))),
        Ok(_) | Err(_) => {
            let message = format!("`{value}` is not a limit; expected a number from 1 to {MAX_LIMIT}");
            out.push(Diagnostic::new(Code::InvalidValue, attribute.value_span, message));
            None
        }
    }
}

/// What a word means among those that an attribute may be.
pub(super) fn one<T: Copy, const N: usize>(
    attribute: Option<Attribute<'_>>,
    code: Code,
    words: [&'static str; N],
    meanings: [T; N],
    out: &mut Diagnostics,
) -> Option<T> {
    let attribute = attribute?;
    let value = attribute.value();
    let found = words.into_iter().zip(meanings).find(|(word, _)| *word == value).map(|(_, meaning)| meaning);
    if found.is_none() {
        out.push(invalid(code, attribute.name, &value, attribute.value_span, &words));
    }
    found
}

fn invalid(code: Code, attribute: &str, seen: &str, span: Span, allowed: &[&str]) -> Diagnostic {
    let message = format!("`{seen}` is not a value of `{attribute}`; expected {}", one_of(allowed.iter().copied()));
    let diagnostic = Diagnostic::new(code, span, message);
    match suggestion(seen, allowed.iter().copied()) {
        Some(near) => diagnostic.fix(Fix::replace(format!("write `{near}`"), span, near)),
        None => diagnostic,
    }
}

/// The words of a list with their places. A list of separators alone is reported.
fn listed(attribute: &Attribute<'_>, allowed: &[&str], out: &mut Diagnostics) -> Vec<(String, Span)> {
    let text = attribute.source_text();
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.text.split([' ', ',']) {
        if !part.is_empty() {
            found.push((part.to_owned(), text.span(start..start + part.len())));
        }
        start += part.len() + 1;
    }
    if found.is_empty() {
        out.push(invalid(Code::InvalidValue, attribute.name, &attribute.value(), attribute.value_span, allowed));
    }
    found
}
