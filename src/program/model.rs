//! Models, fields and relations, resolved.

use std::sync::OnceLock;

use super::PayloadKeys;
use super::names::TIME_OF_SAVE;
use crate::ids::{ModelId, PropertyId, WebhookId};
use crate::schema::TextFormat;
use crate::text::Span;

/// A model of the data model.
#[derive(Debug)]
pub struct Model {
    /// Its name, unique in the data model.
    pub name: Box<str>,
    /// What people call it.
    pub label: Box<str>,
    /// `sensitive` objects are masked, and never sent in clear text.
    pub classification: Classification,
    /// What an object stores: fields, then belongs-to relations, each in the order of the file. A record has one value for each.
    pub properties: Vec<Property>,
    /// The other side of belongs-to relations of other models.
    pub has_many: Vec<HasMany>,
    /// Its webhooks, in the order of the file.
    pub webhooks: Vec<WebhookId>,
    /// Where its name is written.
    pub span: Span,
    /// The properties in the order of their names: a table of 2 bytes each, no second copy of the names.
    by_name: Box<[PropertyId]>,
    /// Made for the first payload with an object of it: of most models that are checked none is ever written.
    payload_keys: OnceLock<PayloadKeys>,
}

impl Model {
    /// A model without webhooks; the first property of a name wins.
    #[must_use]
    pub fn new(
        name: &str,
        label: &str,
        classification: Classification,
        span: Span,
        properties: Vec<Property>,
        has_many: Vec<HasMany>,
    ) -> Self {
        let mut named: Vec<(&str, PropertyId)> = properties.iter().map(|property| &*property.name).zip((0..).map(PropertyId)).collect();
        named.sort_unstable();
        named.dedup_by_key(|(name, _)| *name);
        let by_name = named.into_iter().map(|(_, id)| id).collect();
        Self {
            name: name.into(),
            label: label.into(),
            classification,
            properties,
            has_many,
            webhooks: Vec::new(),
            span,
            by_name,
            payload_keys: OnceLock::new(),
        }
    }

    /// The keys that the payload has for an object of this model, besides those of related objects.
    #[must_use]
    pub fn payload_keys(&self) -> &PayloadKeys {
        self.payload_keys.get_or_init(|| PayloadKeys::of(&self.properties))
    }

    /// The field or belongs-to of this name (not `x_id`).
    #[must_use]
    pub fn property_named(&self, name: &str) -> Option<PropertyId> {
        let name_of = |id: &PropertyId| self.properties.get(id.index()).map_or("", |property| &*property.name);
        let found = self.by_name.binary_search_by(|id| name_of(id).cmp(name)).ok()?;
        self.by_name.get(found).copied()
    }

    /// Whether a payload with these related objects tells under `updated_at` when an object was saved: a field or relation of that name
    /// stands there instead.
    #[must_use]
    pub fn tells_time_of_save<'a>(&self, mut embeds: impl Iterator<Item = &'a str>) -> bool {
        let is_field = |property: &Property| property.field().is_some() && *property.name == *TIME_OF_SAVE;
        !self.properties.iter().any(is_field) && !embeds.any(|name| name == TIME_OF_SAVE)
    }
}

/// Who may see a model's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Classification {
    /// No special care.
    #[default]
    Standard,
    /// Personal or secret.
    Sensitive,
}

/// Something an object stores under a name.
#[derive(Debug)]
pub struct Property {
    /// Its name, unique in the model. A belongs-to stores its id under this name; outside it is called `NAME_id`.
    pub name: Box<str>,
    /// What people call it; empty for a relation.
    pub label: Box<str>,
    /// What it holds.
    pub kind: Kind,
    /// Where its name is written.
    pub span: Span,
}

impl Property {
    /// The type, when this is a field.
    #[must_use]
    pub fn field(&self) -> Option<&FieldType> {
        match &self.kind {
            Kind::Field(field) => Some(field),
            Kind::BelongsTo(_) => None,
        }
    }

    /// Whether this is an attachment (photo and signature too).
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        matches!(self.kind, Kind::Field(FieldType::Attachment(_)))
    }
}

/// What a property holds.
#[derive(Debug)]
pub enum Kind {
    /// A value.
    Field(FieldType),
    /// The id of an object of another model.
    BelongsTo(BelongsTo),
}

/// The target of a belongs-to.
#[derive(Clone, Copy, Debug)]
pub struct BelongsTo {
    /// The model of the related object.
    pub model: ModelId,
}

/// The other side of one belongs-to.
#[derive(Debug)]
pub struct HasMany {
    /// Its name, unique in the model.
    pub name: Box<str>,
    /// The model of the related objects.
    pub model: ModelId,
    /// The belongs-to of that model which points back here.
    pub inverse: PropertyId,
    /// Where its name is written.
    pub span: Span,
}

/// The type of a field, all dialects' spellings folded together.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldType {
    /// `text`, `text:…`
    Text(TextFormat),
    /// `number` (double precision)
    Number,
    /// `integer` (64 bits)
    Integer,
    /// `boolean`
    Boolean,
    /// `date`: `2026-01-31`
    Date,
    /// `datetime`: RFC 3339, stored in UTC
    Datetime,
    /// `location`: latitude, longitude, altitude, accuracies
    Location,
    /// `track`: a list of locations
    Track,
    /// `attachment`, `photo`, `signature`
    Attachment(Media),
    /// `single-choice`: one of the keys
    SingleChoice(Vec<Choice<Box<str>>>),
    /// `multiple-choice`: a list of keys
    MultipleChoice(Vec<Choice<Box<str>>>),
    /// `single-choice-integer`
    SingleChoiceInteger(Vec<Choice<i64>>),
    /// `multiple-choice-integer`
    MultipleChoiceInteger(Vec<Choice<i64>>),
}

impl FieldType {
    /// The options of a choice whose keys are texts.
    #[must_use]
    pub fn text_options(&self) -> Option<&[Choice<Box<str>>]> {
        match self {
            Self::SingleChoice(options) | Self::MultipleChoice(options) => Some(options),
            Self::Text(_)
            | Self::Number
            | Self::Integer
            | Self::Boolean
            | Self::Date
            | Self::Datetime
            | Self::Location
            | Self::Track
            | Self::Attachment(_)
            | Self::SingleChoiceInteger(_)
            | Self::MultipleChoiceInteger(_) => None,
        }
    }
}

/// An option of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<K> {
    /// What is stored.
    pub key: K,
    /// What people see.
    pub label: Box<str>,
}

/// The media type of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// `any`
    Any,
    /// A MIME type such as `image/jpeg`.
    Type(Box<str>),
}
