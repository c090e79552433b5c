//! One step of a scenario: a save, in the words of `POST …/saves`, or time that passes.

use std::time::Duration;

use super::answer::duration;
use super::expected::ExpectedStep;
use super::file::Context;
use super::node::{Content, Node};
use super::table::{Field, Table};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::engine::{Refused, Save, Verb, parse_save};
use crate::text::Span;

/// A step and what is expected of it.
#[derive(Debug)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// Where the action is written.
    pub span: Span,
    /// What must come of it.
    pub expect: Option<ExpectedStep>,
}

/// What happens in a step.
#[derive(Debug)]
pub enum Action {
    /// A save that the data model allows.
    Save(Save),
    /// A save that the data model refuses, and the step expects that.
    Refused(Vec<Refused>),
    /// So much time passes; deliveries that become due are sent.
    Advance(Duration),
}

/// The keys that say what a step does.
const ACTIONS: [&str; 5] = ["save", "patch", "uploaded", "delete", "advance"];

impl Step {
    pub(super) fn of(node: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Self> {
        let mut table = Table::of(node, "a step", out)?;
        let found: Vec<Field<'_>> = ACTIONS.iter().filter_map(|action| table.take(action)).collect();
        let expect = table.take("expect");
        let start = table.start();
        table.finish(out);
        let expect = expect.and_then(|field| ExpectedStep::of(field.node, context, out));
        let [field] = found.as_slice() else {
            let seen = if found.is_empty() { "does nothing" } else { "does several things" };
            let message = format!("a step {seen}, expected exactly one of {}", one_of(ACTIONS).replace(" or ", " and "));
            out.push(Diagnostic::new(Code::BadTestValue, found.get(1).map_or(start, |field| field.key_span), message));
            return None;
        };
        let refusal_expected = expect.as_ref().is_some_and(|expect| expect.refused.is_some());
        let action = match field.key {
            "advance" => Action::Advance(duration(*field, out)?),
            _ => match (save_of(*field, context, out)?, refusal_expected) {
                (Ok(save), _) => Action::Save(save),
                (Err(refused), true) => Action::Refused(refused),
                (Err(refused), false) => {
                    report(&refused, field.node, out);
                    return None;
                }
            },
        };
        Some(Self { action, span: field.key_span, expect })
    }
}

/// A save as `POST …/saves` takes it; the key of the step is its verb, `save` leaves the verb to the item.
fn save_of(field: Field<'_>, context: Context<'_>, out: &mut Diagnostics) -> Option<Result<Save, Vec<Refused>>> {
    let mut table = Table::of(field.node, "a save", out)?;
    let model = table.require("model", out).and_then(|field| field.text(out));
    let id = table.require("id", out).and_then(|field| field.text(out));
    let verb = match field.key {
        "patch" => Some("patch"),
        "uploaded" => Some("upload"),
        "delete" => Some("delete"),
        "given" => Some("put"),
        _ => table.take("verb").map_or(Some("put"), |field| verb_of(field, out)),
    };
    let attachment = match verb {
        Some("upload") => Some(table.require("field", out).and_then(|field| field.text(out))?.value),
        _ => None,
    };
    let fields = match verb {
        Some("delete") => None,
        Some("upload") => table.take("fields"),
        _ => table.require("fields", out),
    };
    table.finish(out);
    let (model, id, verb) = (model?, id?, verb?);
    let verb = match (verb, attachment.as_deref()) {
        ("upload", Some(attachment)) => Verb::Upload(attachment),
        ("patch", _) => Verb::Patch,
        ("delete", _) => Verb::Delete,
        _ => Verb::Put,
    };
    let body = match (verb, fields) {
        (Verb::Delete, _) | (Verb::Upload(_), None) => String::new(),
        (_, fields) => fields?.node.to_json().to_string(),
    };
    Some(parse_save(context.rules, &model.value, &id.value, verb, body.as_bytes()))
}

fn verb_of(field: Field<'_>, out: &mut Diagnostics) -> Option<&'static str> {
    const VERBS: [&str; 4] = ["put", "patch", "upload", "delete"];
    let text = field.text(out)?;
    let verb = VERBS.into_iter().find(|verb| *verb == text.value);
    if verb.is_none() {
        let message = format!("`{}` is not a verb, expected {}", text.value, one_of(VERBS));
        let found = Diagnostic::new(Code::BadTestValue, text.span, message);
        out.push(found.maybe_help(suggestion(&text.value, VERBS).map(|near| format!("did you mean `{near}`?"))));
    }
    verb
}

/// An object that is there before the first step: like a `save`, but only what it leaves behind counts.
pub(super) fn given(node: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Save> {
    let entry = Field { key: "given", key_span: node.span, node };
    match save_of(entry, context, out)? {
        Ok(save) => Some(save),
        Err(refused) => {
            report(&refused, node, out);
            None
        }
    }
}

/// A save of a recording, as a step.
pub(super) fn recorded(node: &Node, context: Context<'_>, out: &mut Diagnostics) -> Option<Step> {
    match save_of(Field { key: "save", key_span: node.span, node }, context, out)? {
        Ok(save) => Some(Step { action: Action::Save(save), span: node.span, expect: None }),
        Err(refused) => {
            report(&refused, node, out);
            None
        }
    }
}

/// Says what the data model refuses, each at its place in the file.
fn report(refused: &[Refused], node: &Node, out: &mut Diagnostics) {
    for refused in refused {
        let span = match refused.kind {
            "unknown-model" => node.place("/model"),
            "invalid-id" if refused.pointer.is_empty() => node.place("/id"),
            "unknown-field" if refused.pointer.is_empty() => node.place("/field"),
            _ => match &node.content {
                Content::Map(entries) if entries.iter().any(|entry| entry.key.value == "fields") => {
                    key_of(node, &refused.pointer, refused.kind)
                }
                Content::Map(_) | Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => {
                    node.span
                }
            },
        };
        out.push(Diagnostic::new(Code::BadTestSave, span, &*refused.message).maybe_help(refused.help.clone()));
    }
}

/// The key, when it is the key that is wrong; otherwise the value.
fn key_of(node: &Node, pointer: &str, kind: &str) -> Span {
    let full = format!("/fields{pointer}");
    if !matches!(kind, "unknown-field" | "unknown-key") {
        return node.place(&full);
    }
    let (parent, key) = full.rsplit_once('/').unwrap_or(("", &full));
    let key = key.replace("~1", "/").replace("~0", "~");
    node.key_place(parent, &key).unwrap_or_else(|| node.place(&full))
}
