//! An element as this stage sees it: named as in dialect 3.1, whatever its file calls it, and aware of the written words for what is
//! said about it.

use std::borrow::Cow;

use super::declared::Text;
use super::dialect::Dialect;
use crate::syntax::{Attribute, Element};
use crate::text::{SourceText, Span};

/// An element and the dialect of its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'t, 's> {
    pub(super) element: Element<'t, 's>,
    dialect: Dialect,
}

impl<'t, 's> Node<'t, 's> {
    pub(super) fn new(element: Element<'t, 's>, dialect: Dialect) -> Self {
        Self { element, dialect }
    }

    /// Its name in 3.1.
    pub(super) fn name(self) -> &'s str {
        self.dialect.element(self.element.name())
    }

    /// Its name as written.
    pub(super) fn written(self) -> &'s str {
        self.element.name()
    }

    /// What its dialect calls an element of 3.1.
    pub(super) fn element_word(self, ours: &'static str) -> &'static str {
        self.dialect.element_word(ours)
    }

    /// What its dialect calls an attribute that it has in 3.1, unless it is written in the words of 3.1 here.
    pub(super) fn attribute_word(self, ours: &str) -> &str {
        let current = self.element.attributes().any(|attribute| attribute.name == ours);
        if current { ours } else { self.dialect.attribute_word(self.name(), ours) }
    }

    /// A field's type in the words of 3.1.
    pub(super) fn field_type(self, written: Text<'s>) -> Text<'s> {
        match self.dialect.field_type(&written.value) {
            Some(ours) => Text { value: Cow::Borrowed(ours), ..written },
            None => written,
        }
    }

    /// Its attributes, named as in 3.1.
    pub(super) fn attributes(self) -> impl Iterator<Item = Attribute<'s>> + use<'t, 's> {
        let Self { element, dialect } = self;
        element.attributes().map(move |mut attribute| {
            attribute.name = dialect.attribute(element, attribute.name);
            attribute
        })
    }

    /// The elements right below it, in order.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        self.element.children().map(move |element| Self { element, dialect: self.dialect })
    }

    pub(super) fn name_span(self) -> Span {
        self.element.name_span()
    }

    pub(super) fn span(self) -> Span {
        self.element.span()
    }

    pub(super) fn tag_span(self) -> Span {
        self.element.tag_span()
    }

    pub(super) fn is_open(self) -> bool {
        self.element.is_open()
    }

    pub(super) fn indentation(self) -> Option<&'s str> {
        self.element.indentation()
    }

    pub(super) fn text(self) -> Cow<'s, str> {
        self.element.text()
    }

    pub(super) fn text_span(self) -> Option<Span> {
        self.element.text_span()
    }

    pub(super) fn source_text(self) -> SourceText {
        self.element.source_text()
    }
}
