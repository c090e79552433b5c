//! Tree → what a file declares, as written: names are still text with their places, closed sets of words are already enums. What is
//! wrong with the form of an element is said here: unknown, missing, blank, misspelt, in the wrong order. Absent: what a name refers
//! to, and anything about other files. The older dialects differ in words, which
//! `dialect` translates as the elements are read (LANGUAGE §1).

mod declared;
mod dialect;
mod field_type;
mod grammar;
mod model;
mod node;
pub mod offer;
mod shape;
mod webhook;
mod words;
mod xsd;

pub use declared::{
    BelongsTo, Body, Display, Field, FieldOption, FieldSlot, HasMany, Header, Index, Model, NotifyUser, On, Request, Schema, State, Text,
    Webhook, WebhookField, WebhookKind,
};

pub use dialect::Dialect;
pub use field_type::{FIELD_TYPES, FieldTypeWord, MEDIA_TYPES, TEXT_FORMATS, TextFormat};
pub use xsd::xsd;

use grammar::DATA_MODEL;
use node::Node;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, suggestion};
use crate::syntax::{Element, Tree};

/// Reads what a file declares, in the dialect that its root element shows, or the one that is given. Total: what is wrong is
/// reported and left out.
pub fn declare<'s>(tree: &Tree<'s>, dialect: Option<Dialect>, out: &mut Diagnostics) -> Schema<'s> {
    let mut schema = Schema::default();
    let Some(root) = tree.root() else {
        return schema;
    };
    let Some(dialect) = dialect_of(root, dialect, out) else {
        schema.partial = true;
        return schema;
    };
    let root = Node::new(root, dialect);
    shape::form(root, DATA_MODEL.content, out);
    for element in root.children() {
        if shape::meant(element, root, DATA_MODEL.content, out).is_some() {
            schema.models.push(model::read(element, out));
        } else {
            // Whatever it is, it may hold models.
            schema.partial = true;
        }
    }
    // What is missing at the end of a file that is cut off is no second mistake.
    let is_cut_off = root.is_open() && root.element.names().count() < 2 && root.element.closed_as().is_none();
    schema.partial |= is_cut_off;
    if schema.models.is_empty() && !is_cut_off {
        let message = format!("the data model holds no `{}`; expected one or more", root.element_word("model"));
        out.push(Diagnostic::new(Code::NoModel, root.name_span(), message));
    }
    schema
}

/// The dialect of a root element, which has to be that which is asked for; reports a root that is none.
pub fn dialect_of(root: Element<'_, '_>, asked: Option<Dialect>, out: &mut Diagnostics) -> Option<Dialect> {
    let dialect = asked.or_else(|| Dialect::of(root)).filter(|dialect| root.name() == dialect.root());
    if dialect.is_none() {
        out.push(wrong_root(root, asked));
    }
    dialect
}

/// Whether a text begins with the root element of a data model, in any dialect.
#[must_use]
pub fn is_schema(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_ascii_start();
    while let Some(end) = [("<?", "?>"), ("<!--", "-->")].into_iter().find_map(|(open, close)| {
        let inside = rest.strip_prefix(open)?;
        inside.find(close).map(|at| open.len() + at + close.len())
    }) {
        rest = rest.get(end..).unwrap_or("").trim_ascii_start();
    }
    let name = rest.strip_prefix('<').and_then(|rest| rest.split(|character: char| !is_name_character(character)).next());
    name.is_some_and(|name| [Dialect::V3p1, Dialect::V2].iter().any(|dialect| dialect.root() == name))
}

fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | ':' | '.')
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
        _ if suggestion(name, [expected]).is_some() => diagnostic.fix(shape::rename(root, expected)),
        _ => diagnostic,
    }
}
