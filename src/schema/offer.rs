//! What the language allows at a place in a schema file, for who writes one: elements, their attributes, and the words that an attribute
//! may be. Read from the grammar; what a name refers to is said by the program. Everything is named as in dialect 3.1.

use super::dialect::Dialect;
use super::grammar::{Content, DATA_MODEL, Element, Value};

/// An element that is allowed somewhere.
#[derive(Clone, Copy, Debug)]
pub struct ElementOffer(&'static Element);

/// An attribute that is allowed on an element.
#[derive(Clone, Copy, Debug)]
pub struct AttributeOffer(&'static super::grammar::Attribute);

/// What an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// Text.
    Text,
    /// Other elements.
    Elements,
}

/// The element at the end of a path of names from the root, as a dialect calls them; `None` when there is none.
#[must_use]
pub fn element(dialect: Dialect, path: &[&str]) -> Option<ElementOffer> {
    let (root, below) = path.split_first()?;
    let mut found: &'static Element = &DATA_MODEL;
    if dialect.element(root) != found.name {
        return None;
    }
    for name in below {
        let name = dialect.element(name);
        found = found.content.groups().iter().flat_map(|group| group.elements).find(|element| element.name == name)?;
    }
    Some(ElementOffer(found))
}

/// The root element.
#[must_use]
pub fn root() -> ElementOffer {
    ElementOffer(&DATA_MODEL)
}

impl ElementOffer {
    /// Its name in 3.1.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Its name, unique among all elements.
    #[must_use]
    pub fn kind(self) -> &'static str {
        self.0.kind
    }

    /// What it is for, one sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.0.about
    }

    /// What stands in it.
    #[must_use]
    pub fn holds(self) -> Holds {
        match self.0.content {
            Content::Text => Holds::Text,
            Content::Groups(_) => Holds::Elements,
            Content::Nothing => Holds::Nothing,
        }
    }

    /// The elements that may stand in it.
    pub fn children(self) -> impl Iterator<Item = Self> {
        self.0.content.groups().iter().flat_map(|group| group.elements).map(|element| Self(element))
    }

    /// Its attributes, those that mean nothing any more left out.
    pub fn attributes(self) -> impl Iterator<Item = AttributeOffer> {
        self.0.attributes.iter().filter(|attribute| attribute.deprecated.is_none()).map(AttributeOffer)
    }

    /// The attribute of this name in 3.1.
    #[must_use]
    pub fn attribute(self, name: &str) -> Option<AttributeOffer> {
        self.0.attributes.iter().find(|attribute| attribute.name == name).map(AttributeOffer)
    }
}

impl AttributeOffer {
    /// Its name in 3.1.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it says, one sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.0.about
    }

    /// Whether it must be there.
    #[must_use]
    pub fn is_required(self) -> bool {
        self.0.required
    }

    /// The words that it may be; none when any text, or a name, stands there.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        match self.0.value {
            Value::List(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Value::Words(_) | Value::FieldType | Value::Text | Value::Name | Value::Path | Value::Limit => self.0.value.words(),
        }
    }

    /// Whether it is a list of words, with spaces or commas between.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self.0.value, Value::List(_))
    }
}
