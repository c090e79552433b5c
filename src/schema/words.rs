//! Attributes whose value is one of a few words, or a small number.

use super::declared::{On, State, WebhookKind};
use super::shape::whole;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::syntax::Attribute;
use crate::text::{Span, Spanned};

/// The most related objects that one embed may ask for; a payload of more is a download, not a message.
const MAX_LIMIT: u32 = 10_000;

/// `true` or `false`.
pub(super) fn boolean(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<Spanned<bool>> {
    let attribute = attribute?;
    let word = one(&attribute, Code::BadBoolean, [("true", true), ("false", false)], out)?;
    Some(Spanned::new(word, whole(&attribute)))
}

/// `present` or `uploaded`.
pub(super) fn state(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<Spanned<State>> {
    let attribute = attribute?;
    let word = one(&attribute, Code::BadState, [("present", State::Present), ("uploaded", State::Uploaded)], out)?;
    Some(Spanned::new(word, whole(&attribute)))
}

/// `ready` or `update`.
pub(super) fn webhook_kind(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<WebhookKind> {
    one(&attribute?, Code::WebhookType, [("ready", WebhookKind::Ready), ("update", WebhookKind::Update)], out)
}

/// A word that means yes among words of which the others mean no.
pub(super) fn is_last<const N: usize>(attribute: Option<Attribute<'_>>, words: [&str; N], out: &mut Diagnostics) -> bool {
    let mut index = 0;
    let numbered = words.map(|word| {
        index += 1;
        (word, index == N)
    });
    attribute.and_then(|attribute| one(&attribute, Code::InvalidValue, numbered, out)).unwrap_or(false)
}

/// A list of `create`, `update`, `delete`, separated by spaces or commas.
pub(super) fn operations(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) -> Option<On> {
    let attribute = attribute?;
    let mut on = On::default();
    for (word, span) in words(&attribute) {
        match word.as_str() {
            "create" => on.create = true,
            "update" => on.update = true,
            "delete" => on.delete = true,
            _ => out.push(invalid(Code::InvalidValue, attribute.name, &word, span, &["create", "update", "delete"])),
        }
    }
    Some(on)
}

/// A list of `app` and `cloud`.
pub(super) fn databases(attribute: Option<Attribute<'_>>, out: &mut Diagnostics) {
    let Some(attribute) = attribute else {
        return;
    };
    for (word, span) in words(&attribute) {
        if !matches!(word.as_str(), "app" | "cloud") {
            out.push(invalid(Code::BadDatabase, attribute.name, &word, span, &["app", "cloud"]));
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

fn one<T: Copy, const N: usize>(attribute: &Attribute<'_>, code: Code, words: [(&str, T); N], out: &mut Diagnostics) -> Option<T> {
    let value = attribute.value();
    let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let names = words.map(|(word, _)| word);
        out.push(invalid(code, attribute.name, &value, attribute.value_span, &names));
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

/// The words of a list with their places.
fn words(attribute: &Attribute<'_>) -> Vec<(String, Span)> {
    let text = attribute.source_text();
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.text.split([' ', ',']) {
        if !part.is_empty() {
            found.push((part.to_owned(), text.span(start..start + part.len())));
        }
        start += part.len() + 1;
    }
    found
}
