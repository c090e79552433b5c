//! Tree → what a file declares, as written: names are still text with their places, closed sets of words are already enums. What is
//! wrong with the form of an element is said here: unknown, missing, blank, misspelt, in the wrong order. Absent: what a name refers
//! to, and anything about other files. Dialect 3.1 is read; the older ones are recognized by their root (LANGUAGE §1).

mod declared;
mod model;
mod shape;
mod webhook;
mod words;

pub use declared::{
    BelongsTo, Body, Display, Field, FieldOption, HasMany, Header, Index, Model, NotifyUser, On, Request, Schema, State, Text, Webhook,
    WebhookField, WebhookKind,
};

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, suggestion};
use crate::syntax::{Element, Tree};

const ROOT: &str = "data-model";

/// Reads what a file declares. Total: what is wrong is reported and left out.
pub fn declare<'s>(tree: &Tree<'s>, out: &mut Diagnostics) -> Schema<'s> {
    let mut schema = Schema::default();
    let Some(root) = tree.root() else {
        return schema;
    };
    if root.name() != ROOT || root.children().any(|child| child.name() == "object") {
        out.push(wrong_root(root));
        schema.partial = true;
        return schema;
    }
    shape::no_text(root, out);
    for element in root.children() {
        if shape::meant(element, ROOT, &["model"], out).is_some() {
            schema.models.push(model::read(element, out));
        } else {
            // Whatever it is, it may hold models.
            schema.partial = true;
        }
    }
    if schema.models.is_empty() {
        let message = "the data model holds no `model`; expected one or more";
        out.push(Diagnostic::new(Code::NoModel, root.name_span(), message));
    }
    schema
}

fn wrong_root(root: Element<'_, '_>) -> Diagnostic {
    let name = root.name();
    let message = match name {
        ROOT => "the data model holds `object` elements, which is dialect 3.0; expected `model` elements, dialect 3.1".to_owned(),
        "schema" => "the root element is `schema`, which is dialect 2; expected `data-model` of dialect 3.1".to_owned(),
        _ => format!("the root element is `{name}`; expected `data-model`"),
    };
    let diagnostic = Diagnostic::new(Code::WrongRoot, root.name_span(), message);
    match name {
        ROOT | "schema" => diagnostic.help("rewrite the file in dialect 3.1; the other dialects are not read"),
        "model" => diagnostic.help("put the `model` into a `<data-model>`"),
        _ if suggestion(name, [ROOT]).is_some() => {
            diagnostic.fix(Fix::replace(format!("rename to `{ROOT}` (its closing tag too)"), root.name_span(), ROOT))
        }
        _ => diagnostic,
    }
}
