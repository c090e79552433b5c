//! What the names in templates stand for, noted while they are typed, for who looks names up: an editor. Nothing is noted unless asked.
//! Absent: names that could not be resolved, which are diagnostics.

use std::cell::RefCell;

use crate::ids::{HasManyId, ModelId, PropertyId};
use crate::text::Span;

/// Where notes are kept; a compilation is asked for them by handing this in.
#[derive(Debug, Default)]
pub struct Uses(RefCell<Vec<Use>>);

impl Uses {
    /// What has been noted, in no order; a place that was typed for several webhooks is noted for each.
    #[must_use]
    pub fn into_noted(self) -> Vec<Use> {
        self.0.into_inner()
    }

    pub(super) fn note(&self, noted: Use) {
        self.0.borrow_mut().push(noted);
    }
}

/// A name in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What it stands for.
    pub named: Named,
    /// The name alone.
    pub span: Span,
    /// It may be null here.
    pub null: bool,
    /// It may be undefined here.
    pub undefined: bool,
}

/// What a name can stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// The saved object, under its model's own name.
    Model(ModelId),
    /// A field, or the object of a belongs-to.
    Property(ModelId, PropertyId),
    /// The id of a belongs-to or attachment, `x_id`.
    IdOf(ModelId, PropertyId),
    /// The objects of a has-many.
    HasMany(ModelId, HasManyId),
    /// The key of an option.
    Option(ModelId, PropertyId, Box<str>),
    /// `vars.x`
    Variable(Box<str>),
    /// `secret.x`
    Secret(Box<str>),
    /// A filter, a test or a function.
    Tool(Tool, Box<str>),
    /// A value of the save, the variable of a loop, a part of a value: what it is, in words.
    Value(Box<str>, Box<str>),
}

/// What works on values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// After `|`.
    Filter,
    /// After `is`.
    Test,
    /// Before `(`.
    Function,
}
