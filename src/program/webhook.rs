//! A webhook, resolved: what must hold, what is embedded, and its templates as text.

use std::fmt;

use crate::ids::{HasManyId, ModelId, PropertyId};
use crate::program::{RequestSource, TemplateSource};
use crate::schema::FieldSlot;
use crate::text::Span;

/// A webhook of a model. Its effective name is the event type.
#[derive(Debug)]
pub struct Webhook {
    /// The effective name: `name`, or `<model>_<type>`, or `<receiver>_<model>_<type>_<action>`.
    pub name: Box<str>,
    /// The model whose saves it is evaluated at.
    pub model: ModelId,
    /// Once, or each time.
    pub kind: WebhookType,
    /// Who is meant to receive it, such as `cloudcode`.
    pub receiver: Option<Box<str>>,
    /// The receiver's task.
    pub action: Option<Box<str>>,
    /// The operations it fires on (ext `on`).
    pub operations: Operations,
    /// Whether deliveries about one object keep their order (ext `order`).
    pub order: Order,
    /// What must hold, in the order of the file.
    pub conditions: Vec<Condition>,
    /// A template expression that must be true (ext `when`).
    pub when: Option<TemplateSource>,
    /// A `when` is written, be it one that cannot be read.
    pub has_when: bool,
    /// Its name is not known: one is written that cannot be read.
    pub is_nameless: bool,
    /// Related objects that the payload holds.
    pub embeds: Vec<Embed>,
    /// Attachments of which only `NAME_id` is in the payload (`embed="false"`).
    pub attachments_by_id: Vec<PropertyId>,
    /// Where and how it is sent (ext `request`).
    pub request: Option<RequestSource>,
    /// Where a further `<field>` can be written; `None` in `<webhook/>`.
    pub field_slot: Option<FieldSlot>,
    /// Where its name is written, or the element's name when it has none.
    pub span: Span,
}

impl Webhook {
    /// Calls `visit` with every embed, parents first.
    pub fn each_embed(&self, visit: &mut dyn FnMut(&Embed)) {
        fn walk(embeds: &[Embed], visit: &mut dyn FnMut(&Embed)) {
            for embed in embeds {
                visit(embed);
                walk(&embed.embeds, visit);
            }
        }
        walk(&self.embeds, visit);
    }
}

/// When a webhook fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookType {
    /// Once per object, ever.
    Ready,
    /// At each save for which the conditions hold.
    Update,
}

/// What a save did to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// The object did not exist before.
    Create,
    /// It did.
    Update,
    /// It is gone.
    Delete,
}

impl Operation {
    /// `create`, `update`, `delete`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A set of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Contains [`Operation::Create`].
    pub create: bool,
    /// Contains [`Operation::Update`].
    pub update: bool,
    /// Contains [`Operation::Delete`].
    pub delete: bool,
}

impl Default for Operations {
    fn default() -> Self {
        Self { create: true, update: true, delete: false }
    }
}

impl fmt::Display for Operations {
    /// `create or update`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.create, "create"), (self.update, "update"), (self.delete, "delete")];
        let words: Vec<_> = words.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect();
        f.write_str(&words.join(" or "))
    }
}

impl Operations {
    /// Whether the operation is in the set.
    #[must_use]
    pub fn contains(self, operation: Operation) -> bool {
        match operation {
            Operation::Create => self.create,
            Operation::Update => self.update,
            Operation::Delete => self.delete,
        }
    }
}

/// The order of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// None.
    #[default]
    None,
    /// A later save of an object is never sent before an earlier one.
    Object,
}

/// One thing that must hold, with its place in the source for explanations.
#[derive(Debug)]
pub struct Condition {
    /// What is looked at.
    pub subject: Subject,
    /// The name as written in the source, such as `room.building`.
    pub name: Box<str>,
    /// What must be true of it.
    pub test: Test,
    /// The attribute or name that asks for it.
    pub span: Span,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A property of the saved object.
    Property(PropertyId),
    /// The end of a path through embedded relations, as indexes into `embeds` of each level; never empty.
    Embed(Vec<usize>),
}

/// What must be true.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Present, not null, not an empty string, not an empty list. For an embedded belongs-to also: the object exists, else the webhook waits.
    Set,
    /// The attachment's data has arrived.
    Uploaded,
    /// Equal to the value (ext).
    Equals(Literal),
    /// Equal to one of the values (ext).
    OneOf(Vec<Literal>),
    /// Differs from the previous save; true on create (ext).
    Changed,
}

impl Test {
    /// The values that it allows, when it lists them.
    #[must_use]
    pub fn values(&self) -> Option<&[Literal]> {
        match self {
            Self::Equals(value) => Some(std::slice::from_ref(value)),
            Self::OneOf(values) => Some(values),
            Self::Set | Self::Uploaded | Self::Changed => None,
        }
    }
}

/// A value written in a condition, already of the field's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text, a choice's key, a date (as `2026-01-31`), or a datetime (as stored, UTC).
    Text(Box<str>),
    /// An integer or an integer key.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
}

/// A relation whose objects are put into the payload.
#[derive(Debug)]
pub struct Embed {
    /// The relation's name, the key in the payload.
    pub name: Box<str>,
    /// The relation, in the model of the level above.
    pub through: Through,
    /// The model of the related objects.
    pub model: ModelId,
    /// Whether the webhook needs it: a belongs-to that is set but whose object does not exist makes the webhook wait.
    pub required: bool,
    /// The most objects of a has-many (ext `limit`, 100).
    pub limit: u32,
    /// Further relations along a dotted path.
    pub embeds: Vec<Embed>,
    /// The name in the source.
    pub span: Span,
}

/// How an embedded object is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// By the id in this property.
    BelongsTo(PropertyId),
    /// All that point back, ordered by id.
    HasMany(HasManyId),
}
