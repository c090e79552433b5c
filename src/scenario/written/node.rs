//! A YAML value that knows its bytes: what a test file is made of, before anything in it means something.

use serde_json::{Map, Number, Value};

use crate::text::{Span, Spanned};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub content: Content,
    pub span: Span,
}

/// A value of the core schema.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Spanned<String>,
    pub value: Node,
}

impl Node {
    /// The value without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Boolean(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.value.clone(), entry.value.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The place of what a JSON pointer (RFC 6901) names; of the deepest part that there is.
    pub(super) fn place(&self, pointer: &str) -> Span {
        let mut node = self;
        let mut span = self.span;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &node.content {
                Content::Map(entries) => entries.iter().find(|entry| entry.key.value == token).map(|entry| (entry.key.span, &entry.value)),
                Content::List(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item.span, item)),
                Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => None,
            };
            let Some((found, value)) = next else { return span };
            (span, node) = (found, value);
        }
        match &node.content {
            Content::List(_) | Content::Map(_) => span,
            Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => node.span,
        }
    }

    /// The place of a key in the map that a JSON pointer names.
    pub(super) fn key_place(&self, pointer: &str, key: &str) -> Option<Span> {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let Content::Map(entries) = &node.content else { return None };
            node = &entries.iter().find(|entry| entry.key.value == token)?.value;
        }
        let Content::Map(entries) = &node.content else { return None };
        entries.iter().find(|entry| entry.key.value == key).map(|entry| entry.key.span)
    }

    /// As a message names it: `a string`, `a list`.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Boolean(_) => "a boolean",
            Content::Number(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}
