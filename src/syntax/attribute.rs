//! An attribute as it stands in a tag: its name, its value as written and decoded, and their places.

use std::borrow::Cow;

use super::reference::{Place, decode, push_pieces};
use crate::text::{SourceText, Span};

/// An attribute of an element.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'s> {
    /// Its name.
    pub name: &'s str,
    /// Where the name stands.
    pub name_span: Span,
    /// The value without its quotes, not decoded.
    pub(super) raw: &'s str,
    /// The bytes between the quotes.
    pub value_span: Span,
    /// The value has been reported as wrong; nothing more is to be said about it.
    pub broken: bool,
    /// The quote behind the value, if there is one.
    pub(super) quote: Option<char>,
}

impl<'s> Attribute<'s> {
    /// The value without its quotes, as written.
    #[must_use]
    pub fn raw(&self) -> &'s str {
        self.raw
    }

    /// All of it, from its name to its closing quote, if it has one.
    #[must_use]
    pub fn span(&self) -> Span {
        let value = self.value_span;
        self.name_span.to(Span { end: value.end + u32::from(self.quote.is_some()), ..value })
    }

    /// The value, decoded.
    #[must_use]
    pub fn value(&self) -> Cow<'s, str> {
        decode(self.raw, Place::Attribute)
    }

    /// Whether the value is nothing but whitespace.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.raw.trim_ascii().is_empty()
    }

    /// The value, decoded, with the place of every byte.
    #[must_use]
    pub fn source_text(&self) -> SourceText {
        let mut text = SourceText::empty(self.value_span);
        if let Some(quote) = self.quote {
            text.stands_in(quote);
        }
        push_pieces(&mut text, self.raw, Place::Attribute, self.value_span);
        text
    }
}
