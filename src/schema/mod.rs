//! Tree → what a file declares, as written: names are still text with their places, closed sets of words are already enums. What is
//! wrong with the form of an element is said here: unknown, missing, blank, misspelt, in the wrong order. Absent: what a name refers
//! to, and anything about other files. The older dialects differ in words, which
//! `dialect` translates as the elements are read (LANGUAGE §1).

mod declared;
mod dialect;
mod model;
mod node;
mod shape;
mod webhook;
mod words;

pub use declared::{
    BelongsTo, Body, Display, Field, FieldOption, HasMany, Header, Index, Model, NotifyUser, On, Request, Schema, State, Text, Webhook,
    WebhookField, WebhookKind,
};

pub use dialect::Dialect;

use node::Node;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, suggestion};
use crate::syntax::{Element, Tree};

/// Reads what a file declares, in the dialect that its root element shows, or the one that is given. Total: what is wrong is
/// reported and left out.
pub fn declare<'s>(tree: &Tree<'s>, dialect: Option<Dialect>, out: &mut Diagnostics) -> Schema<'s> {
    let mut schema = Schema::default();
    let Some(root) = tree.root() else {
        return schema;
    };
    let shown = Dialect::of(root);
    let Some(dialect) = dialect.or(shown).filter(|dialect| root.name() == dialect.root()) else {
        out.push(wrong_root(root, dialect));
        schema.partial = true;
        return schema;
    };
    let root = Node::new(root, dialect);
    shape::no_text(root, out);
    for element in root.children() {
        if element.name() == "model" {
            schema.models.push(model::read(element, out));
        } else {
            // It may be a model whose name is misspelt.
            schema.partial = true;
            out.push(shape::unknown_element(element, root, &["model"]));
        }
    }
    if schema.models.is_empty() {
        let message = format!("the data model holds no `{}`; expected one or more", root.element_word("model"));
        out.push(Diagnostic::new(Code::NoModel, root.name_span(), message));
    }
    schema
}

fn wrong_root(root: Element<'_, '_>, asked: Option<Dialect>) -> Diagnostic {
    let name = root.name();
    let expected = asked.unwrap_or_default().root();
    let message = match (asked, Dialect::of(root)) {
        (Some(asked), Some(shown)) => {
            let (asked, shown) = (asked.as_str(), shown.as_str());
            format!("the root element is `{name}`, which is dialect {shown}; expected `{expected}` of dialect {asked}")
        }
        _ => format!("the root element is `{name}`; expected `{expected}`"),
    };
    let diagnostic = Diagnostic::new(Code::WrongRoot, root.name_span(), message);
    match name {
        "model" | "object" => diagnostic.help(format!("put the `{name}` into a `<{expected}>`")),
        _ if suggestion(name, [expected]).is_some() => {
            diagnostic.fix(Fix::replace(format!("rename to `{expected}` (its closing tag too)"), root.name_span(), expected))
        }
        _ => diagnostic,
    }
}
