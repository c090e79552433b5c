//! A map of a test file as it is read: each key is taken once, and what nobody has taken is reported with the key that was meant.

use serde_json::Number;

use super::node::{Content, Entry, Node};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::text::{Span, Spanned};

/// A map of which each key is taken once; what is left over at the end is unknown.
pub(super) struct Table<'n> {
    /// As a message names it: `a step`.
    name: &'static str,
    pub span: Span,
    entries: Vec<(&'n Entry, bool)>,
    known: Vec<&'static str>,
}

/// A value under its key.
#[derive(Clone, Copy)]
pub(super) struct Field<'n> {
    pub key: &'n str,
    pub key_span: Span,
    pub node: &'n Node,
}

impl<'n> Table<'n> {
    /// The node as a map; anything else is reported.
    pub(super) fn of(node: &'n Node, name: &'static str, out: &mut Diagnostics) -> Option<Self> {
        let Content::Map(entries) = &node.content else {
            out.push(Diagnostic::new(Code::BadTestValue, node.span, format!("{name} is {}, expected a map", node.kind())));
            return None;
        };
        Some(Self { name, span: node.span, entries: entries.iter().map(|entry| (entry, false)).collect(), known: Vec::new() })
    }

    /// The value under `key`, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.known.push(key);
        let (entry, taken) = self.entries.iter_mut().find(|(entry, _)| entry.key.value == key)?;
        *taken = true;
        Some(Field::of(entry))
    }

    /// The value under `key`, which must be there.
    pub(super) fn require(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Field<'n>> {
        let field = self.take(key);
        if field.is_none() {
            out.push(Diagnostic::new(Code::BadTestValue, self.start(), format!("{} has no `{key}`", self.name)));
        }
        field
    }

    /// Reports the keys that nobody has taken.
    pub(super) fn finish(self, out: &mut Diagnostics) {
        for (entry, _) in self.entries.iter().filter(|(_, taken)| !taken) {
            let message = format!("unknown key `{}` in {}", entry.key.value, self.name);
            let found = Diagnostic::new(Code::UnknownTestKey, entry.key.span, message);
            out.push(match suggestion(&entry.key.value, self.known.iter().copied()) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.help(format!("it may have {}", one_of(self.known.iter().copied()))),
            });
        }
    }

    /// A place that stands for the whole of it without underlining all of it: its first key, or the map when it is empty.
    pub(super) fn start(&self) -> Span {
        self.entries.first().map_or(self.span, |(entry, _)| entry.key.span)
    }
}

impl<'n> Field<'n> {
    pub(super) fn of(entry: &'n Entry) -> Self {
        Self { key: &entry.key.value, key_span: entry.key.span, node: &entry.value }
    }

    /// Reports that it should have been `expected`, such as "a string".
    pub(super) fn mismatch(self, expected: &str, out: &mut Diagnostics) {
        mismatch(self.node, self.key, expected, out);
    }

    /// Text; a number is taken as it is written, so that ids need no quotes.
    pub(super) fn text(self, out: &mut Diagnostics) -> Option<Spanned<String>> {
        let text = text_of(self.node);
        if text.is_none() {
            self.mismatch("a string", out);
        }
        text
    }

    pub(super) fn list(self, out: &mut Diagnostics) -> &'n [Node] {
        if let Content::List(items) = &self.node.content {
            return items;
        }
        self.mismatch("a list", out);
        &[]
    }

    pub(super) fn entries(self, out: &mut Diagnostics) -> &'n [Entry] {
        if let Content::Map(entries) = &self.node.content {
            return entries;
        }
        self.mismatch("a map", out);
        &[]
    }
}

/// Reports that the value under `key` should have been `expected`.
pub(super) fn mismatch(node: &Node, key: &str, expected: &str, out: &mut Diagnostics) {
    out.push(Diagnostic::new(Code::BadTestValue, node.span, format!("`{key}` is {}, expected {expected}", node.kind())));
}

/// The text of a string or a number.
pub(super) fn text_of(node: &Node) -> Option<Spanned<String>> {
    match &node.content {
        Content::Text(text) => Some(Spanned::new(text.clone(), node.span)),
        Content::Number(number) => Some(Spanned::new(number.to_string(), node.span)),
        Content::Null | Content::Boolean(_) | Content::List(_) | Content::Map(_) => None,
    }
}

/// A status of an answer, from 100 to 599.
pub(super) fn status(number: &Number) -> Option<u16> {
    number.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|status| (100..=599).contains(status))
}
