//! The dialects of the language: for each of the older ones a table of the words that differ, and what they are called in 3.1.
//! Absent: anything about meaning, which is the same in all of them.
//!
//! Decided (2026-11-20), where the reference is silent. Words of 3.1 are read in older files too: they mean nothing else there, and a
//! fix may then always be written in them. A file is of dialect 3.0 when its `data-model` holds any `object`. The choices of dialect 2
//! are integer choices, as in the language's own parser. Types are called in messages what they are called in 3.1.

use crate::syntax::Element;

/// A dialect of the schema language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// 3.1, the current one: `data-model`, `model`, `field`.
    #[default]
    V3p1,
    /// 3.0: `data-model` with `object`.
    V3p0,
    /// 2: `schema`, `object`, `attribute`, `belongs_to`.
    V2,
}

/// The words that differ from 3.1, as pairs of theirs and ours.
struct Words {
    elements: &'static [(&'static str, &'static str)],
    /// The element, as 3.1 calls it, and the pair.
    attributes: &'static [(&'static str, &'static str, &'static str)],
    types: &'static [(&'static str, &'static str)],
}

const CURRENT: Words = Words { elements: &[], attributes: &[], types: &[] };

const VERSION_3_0: Words = Words {
    elements: &[("object", "model")],
    attributes: &[("belongs-to", "type", "model"), ("has-many", "type", "model"), ("option", "value", "key")],
    types: &[("decimal", "number")],
};

const VERSION_2: Words = Words {
    elements: &[
        ("schema", "data-model"),
        ("object", "model"),
        ("attribute", "field"),
        ("belongs_to", "belongs-to"),
        ("has_many", "has-many"),
    ],
    attributes: &[
        ("belongs-to", "type", "model"),
        ("has-many", "type", "model"),
        ("has-many", "inverse_of", "inverse-of"),
        ("option", "value", "key"),
    ],
    types: &[
        ("int", "integer"),
        ("string", "text"),
        ("enum", "single-choice-integer"),
        ("enum_set", "multiple-choice-integer"),
        ("decimal", "number"),
    ],
};

impl Dialect {
    /// The dialect that a root element shows; `None` when it is the root of none.
    #[must_use]
    pub fn of(root: Element<'_, '_>) -> Option<Self> {
        match root.name() {
            "schema" => Some(Self::V2),
            "data-model" if root.children().any(|child| child.name() == "object") => Some(Self::V3p0),
            "data-model" => Some(Self::V3p1),
            _ => None,
        }
    }

    /// `3.1`, `3.0`, `2`
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3p1 => "3.1",
            Self::V3p0 => "3.0",
            Self::V2 => "2",
        }
    }

    /// The name of its root element.
    #[must_use]
    pub fn root(self) -> &'static str {
        self.element_word("data-model")
    }

    /// What 3.1 calls an element.
    #[must_use]
    pub fn element(self, written: &str) -> &str {
        self.words().elements.iter().find(|(theirs, _)| *theirs == written).map_or(written, |(_, ours)| *ours)
    }

    /// What 3.1 calls an attribute of an element. A word is not translated beside its translation.
    #[must_use]
    pub fn attribute<'s>(self, element: Element<'_, '_>, written: &'s str) -> &'s str {
        let words = self.words();
        if words.attributes.is_empty() {
            return written;
        }
        let name = self.element(element.name());
        let pair = words.attributes.iter().find(|(of, theirs, _)| *of == name && *theirs == written);
        let pair = pair.filter(|(_, _, ours)| !element.attributes().any(|other| other.name == *ours));
        pair.map_or(written, |(_, _, ours)| *ours)
    }

    /// What 3.1 calls the type of a field; `None` when it calls it the same.
    #[must_use]
    pub fn field_type(self, written: &str) -> Option<&'static str> {
        self.words().types.iter().find(|(theirs, _)| *theirs == written).map(|(_, ours)| *ours)
    }

    /// What this dialect calls an element of 3.1.
    #[must_use]
    pub fn element_word(self, ours: &'static str) -> &'static str {
        self.words().elements.iter().find(|(_, known)| *known == ours).map_or(ours, |(theirs, _)| *theirs)
    }

    /// What this dialect calls an attribute of an element, both named as in 3.1.
    #[must_use]
    pub fn attribute_word<'a>(self, element: &str, ours: &'a str) -> &'a str {
        self.words().attributes.iter().find(|(of, _, known)| *of == element && *known == ours).map_or(ours, |(_, theirs, _)| *theirs)
    }

    fn words(self) -> &'static Words {
        match self {
            Self::V3p1 => &CURRENT,
            Self::V3p0 => &VERSION_3_0,
            Self::V2 => &VERSION_2,
        }
    }
}
