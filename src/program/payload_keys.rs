//! The keys that the payload has for an object of a model, before anything is embedded: which, in which order, and what stands under each.
//! They follow from the model alone, so that nothing is put in order when an object is saved. Absent: the keys of related objects, which
//! differ from webhook to webhook.

use super::names::TIME_OF_SAVE;
use super::{FieldType, Kind, Property};
use crate::ids::PropertyId;

/// What stands under a key of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadValue {
    /// The object's id.
    Id,
    /// The model's name.
    Type,
    /// When the object was saved; unless a field or relation has that name.
    UpdatedAt,
    /// The value of a field as it is, or the id that a relation holds.
    Plain(PropertyId),
    /// The id of an attachment.
    AttachmentId(PropertyId),
    /// The parts of an attachment.
    Attachment(PropertyId),
    /// The parts of a location.
    Location(PropertyId),
    /// The locations of a track.
    Track(PropertyId),
}

/// The keys of a model's objects, in alphabetical order.
#[derive(Debug)]
pub struct PayloadKeys {
    /// `"KEY":` of every key, one after the other. Names are ASCII letters, digits and underscores: there is nothing to escape.
    text: Box<str>,
    /// Where in it each key ends, and what stands under it.
    keys: Box<[(u32, PayloadValue)]>,
}

/// A key with what stands under it.
#[derive(Clone, Copy, Debug)]
pub struct PayloadKey<'a> {
    /// As it is written: `"KEY":`.
    pub written: &'a str,
    /// What stands under it.
    pub value: PayloadValue,
}

impl PayloadKeys {
    pub(super) fn of(properties: &[Property]) -> Self {
        let mut keys = vec![("id".to_owned(), PayloadValue::Id), ("type".to_owned(), PayloadValue::Type)];
        if !properties.iter().any(|property| property.field().is_some() && *property.name == *TIME_OF_SAVE) {
            keys.push(("updated_at".to_owned(), PayloadValue::UpdatedAt));
        }
        for (id, property) in (0..).map(PropertyId).zip(properties) {
            let (name, id_name) = (|| property.name.to_string(), || format!("{}_id", property.name));
            match &property.kind {
                Kind::BelongsTo(_) => keys.push((id_name(), PayloadValue::Plain(id))),
                Kind::Field(FieldType::Attachment(_)) => {
                    keys.push((id_name(), PayloadValue::AttachmentId(id)));
                    keys.push((name(), PayloadValue::Attachment(id)));
                }
                Kind::Field(FieldType::Location) => keys.push((name(), PayloadValue::Location(id))),
                Kind::Field(FieldType::Track) => keys.push((name(), PayloadValue::Track(id))),
                Kind::Field(
                    FieldType::Text(_)
                    | FieldType::Number
                    | FieldType::Integer
                    | FieldType::Boolean
                    | FieldType::Date
                    | FieldType::Datetime
                    | FieldType::SingleChoice(_)
                    | FieldType::MultipleChoice(_)
                    | FieldType::SingleChoiceInteger(_)
                    | FieldType::MultipleChoiceInteger(_),
                ) => keys.push((name(), PayloadValue::Plain(id))),
            }
        }
        keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut text = String::new();
        let written = keys.into_iter().map(|(key, value)| {
            text.extend(["\"", &key, "\":"]);
            (u32::try_from(text.len()).unwrap_or(u32::MAX), value)
        });
        let keys = written.collect();
        Self { text: text.into(), keys }
    }

    /// The keys, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = PayloadKey<'_>> {
        self.keys.iter().scan(0, |begin, (end, value)| {
            let end = *end as usize;
            let written = self.text.get(*begin..end)?;
            *begin = end;
            Some(PayloadKey { written, value: *value })
        })
    }
}

impl<'a> PayloadKey<'a> {
    /// The key itself.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.written.strip_prefix('"').and_then(|rest| rest.strip_suffix("\":")).unwrap_or(self.written)
    }
}
