//! An object as it is stored: one value for each property of its model.

use serde::Serializer as _;
use serde_json::{Map, Value};

use crate::ids::{ModelId, PropertyId};
use crate::program::{Kind, Program};

/// An object of a model. Values are in canonical form: an attachment is null or an object with at least `id` and `state`; a
/// belongs-to is null or the related id; a choice is its key; a date is `2026-01-31`; a datetime is RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its model.
    pub model: ModelId,
    /// Its id, unique in the model and tenant.
    pub id: Box<str>,
    /// When it was last saved, RFC 3339 in UTC.
    pub updated_at: Box<str>,
    /// One value per property, in their order.
    pub values: Vec<Value>,
}

static NULL: Value = Value::Null;

/// What most stored objects fit into, in bytes.
const USUAL_SIZE: usize = 1024;

impl Record {
    /// An object of which nothing is set.
    #[must_use]
    pub fn empty(program: &Program, model: ModelId, id: &str, updated_at: &str) -> Self {
        Self { model, id: id.into(), updated_at: updated_at.into(), values: vec![Value::Null; program.model(model).properties.len()] }
    }

    /// The value of a property; null when it is unset or of another program.
    #[must_use]
    pub fn value(&self, property: PropertyId) -> &Value {
        self.values.get(property.index()).unwrap_or(&NULL)
    }

    /// Whether a property is *set*: present, not null, not an empty string, not an empty list. `false` and `0` are set.
    #[must_use]
    pub fn is_set(&self, property: PropertyId) -> bool {
        match self.value(property) {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
        }
    }

    /// The related id of a belongs-to.
    #[must_use]
    pub fn related(&self, property: PropertyId) -> Option<&str> {
        self.value(property).as_str().filter(|id| !id.is_empty())
    }

    /// Reads the stored form. What the data model no longer has is left out; what it has got since is null.
    #[must_use]
    pub fn from_stored(program: &Program, model: ModelId, id: &str, updated_at: &str, mut stored: Map<String, Value>) -> Self {
        let values =
            program.model(model).properties.iter().map(|property| stored.remove(stored_name(property).as_ref()).unwrap_or(Value::Null));
        Self { model, id: id.into(), updated_at: updated_at.into(), values: values.collect() }
    }

    /// The stored form: one JSON object of what is not null, fields by name, relations by `NAME_id`.
    #[must_use]
    pub fn to_stored(&self, program: &Program) -> String {
        let set = program.model(self.model).properties.iter().zip(&self.values).filter(|(_, value)| !value.is_null());
        let mut set: Vec<_> = set.map(|(property, value)| (stored_name(property), value)).collect();
        set.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut text = Vec::with_capacity(USUAL_SIZE);
        let written = serde_json::Serializer::new(&mut text).collect_map(set);
        debug_assert!(written.is_ok(), "strings, numbers and JSON values can always be written to memory");
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The name under which a property is stored and saved: of a relation with `_id`.
pub(crate) fn stored_name(property: &crate::program::Property) -> std::borrow::Cow<'_, str> {
    match property.kind {
        Kind::Field(_) => std::borrow::Cow::Borrowed(&property.name),
        Kind::BelongsTo(_) => std::borrow::Cow::Owned(format!("{}_id", property.name)),
    }
}
