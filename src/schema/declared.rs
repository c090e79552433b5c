//! What can be declared. An `Option` is empty when it was not written, or when what was written has been reported as wrong.

use std::borrow::Cow;

use crate::text::{SourceText, Span, Spanned};

/// An attribute's value, or a name, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'s> {
    /// Decoded.
    pub value: Cow<'s, str>,
    /// Its bytes, without quotes.
    pub span: Span,
    /// Where the attribute's name begins.
    pub(super) attribute_start: u32,
}

impl Text<'_> {
    /// All of the attribute, from its name to the closing quote.
    #[must_use]
    pub fn attribute(&self) -> Span {
        Span { start: self.attribute_start, end: self.span.end.saturating_add(1), ..self.span }
    }
}

/// One file.
#[derive(Debug, Default)]
pub struct Schema<'s> {
    /// Its models, in order.
    pub models: Vec<Model<'s>>,
    /// There may be models in the file that could not be read.
    pub partial: bool,
}

/// `<model>`
#[derive(Debug)]
pub struct Model<'s> {
    /// `name`
    pub name: Option<Text<'s>>,
    /// `label`
    pub label: Option<Text<'s>>,
    /// `classification="sensitive"`
    pub sensitive: bool,
    /// `<field>`s
    pub fields: Vec<Field<'s>>,
    /// `<belongs-to>`s
    pub belongs_to: Vec<BelongsTo<'s>>,
    /// `<has-many>`s
    pub has_many: Vec<HasMany<'s>>,
    /// `<index>`es
    pub indexes: Vec<Index>,
    /// `<display>`s; there should be one.
    pub displays: Vec<Display>,
    /// `<notify-user>`s
    pub notify_users: Vec<NotifyUser<'s>>,
    /// `<webhook>`s
    pub webhooks: Vec<Webhook<'s>>,
    /// It holds something unknown, which may be a field whose element is misspelt.
    pub partial: bool,
    /// The word `model` of its opening tag.
    pub element: Span,
}

/// `<field>` of a model.
#[derive(Debug)]
pub struct Field<'s> {
    /// `name`
    pub name: Option<Text<'s>>,
    /// `label`
    pub label: Option<Text<'s>>,
    /// `type`
    pub kind: Option<Text<'s>>,
    /// `media`
    pub media: Option<Text<'s>>,
    /// A `media` has been written, though it may be wrong.
    pub has_media: bool,
    /// `<option>`s
    pub options: Vec<FieldOption<'s>>,
    /// The word `field` of its opening tag.
    pub element: Span,
}

/// `<option>` of a field.
#[derive(Debug)]
pub struct FieldOption<'s> {
    /// `key`
    pub key: Option<Text<'s>>,
    /// A `key` has been written, though it may be wrong.
    pub has_key: bool,
    /// The text.
    pub label: Cow<'s, str>,
    /// The word `option` of its opening tag.
    pub element: Span,
}

/// `<belongs-to>`
#[derive(Debug)]
pub struct BelongsTo<'s> {
    /// `model`
    pub model: Option<Text<'s>>,
    /// `name`, by default the name of the model.
    pub name: Option<Text<'s>>,
    /// A `name` is written, be it a wrong one.
    pub has_name: bool,
}

/// `<has-many>`
#[derive(Debug)]
pub struct HasMany<'s> {
    /// `model`
    pub model: Option<Text<'s>>,
    /// `name`
    pub name: Option<Text<'s>>,
    /// `inverse-of`
    pub inverse_of: Option<Text<'s>>,
    /// An `inverse-of` has been written, though it may be wrong.
    pub has_inverse_of: bool,
    /// The word `has-many` of its opening tag.
    pub element: Span,
}

/// `<index>`
#[derive(Debug)]
pub struct Index {
    /// `on`
    pub on: Option<SourceText>,
}

/// `<display>`
#[derive(Debug)]
pub struct Display {
    /// The string with its `{path}`s.
    pub format: Option<SourceText>,
    /// The word `display` of its opening tag.
    pub element: Span,
}

/// `<notify-user>`
#[derive(Debug)]
pub struct NotifyUser<'s> {
    /// `message`
    pub message: Option<SourceText>,
    /// `received-field`
    pub received_field: Option<Text<'s>>,
    /// `recipient-field`
    pub recipient_field: Option<Text<'s>>,
    /// `badge-count-field`
    pub badge_count_field: Option<Text<'s>>,
}

/// `<webhook>`
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says of another attribute whether it is written")]
pub struct Webhook<'s> {
    /// `type`
    pub kind: Option<WebhookKind>,
    /// `name`
    pub name: Option<Text<'s>>,
    /// A `name` is written, be it a wrong one.
    pub has_name: bool,
    /// `receiver`
    pub receiver: Option<Text<'s>>,
    /// A `receiver` is written, be it a wrong one.
    pub has_receiver: bool,
    /// An `action` is written, be it a wrong one.
    pub has_action: bool,
    /// `action`
    pub action: Option<Text<'s>>,
    /// `when`
    pub when: Option<SourceText>,
    /// A `when` is written, be it a wrong one.
    pub has_when: bool,
    /// `on`
    pub on: Option<On>,
    /// `order="object"`
    pub ordered: bool,
    /// `<field>`s
    pub fields: Vec<WebhookField<'s>>,
    /// `<request>`
    pub request: Option<Request<'s>>,
    /// Where a further `<field>` can be written; `None` in `<webhook/>`.
    pub field_slot: Option<FieldSlot>,
    /// The word `webhook` of its opening tag.
    pub element: Span,
}

/// Where an element can be inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSlot {
    /// The point.
    pub at: Span,
    /// The line break and indentation to write before it; empty where elements stand on one line.
    pub lead: Box<str>,
}

/// The words of a webhook's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// `ready`
    Ready,
    /// `update`
    Update,
}

/// The words of a webhook's `on`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct On {
    /// `create`
    pub create: bool,
    /// `update`
    pub update: bool,
    /// `delete`
    pub delete: bool,
}

/// `<field>` of a webhook.
#[derive(Debug)]
pub struct WebhookField<'s> {
    /// `name`; a path when it has dots.
    pub name: Option<Text<'s>>,
    /// `required`
    pub required: Option<Spanned<bool>>,
    /// `embed`, with all of the attribute as its place
    pub embed: Option<Spanned<bool>>,
    /// `state`, with all of the attribute as its place
    pub state: Option<Spanned<State>>,
    /// `equals`
    pub equals: Option<SourceText>,
    /// `one-of`
    pub one_of: Option<SourceText>,
    /// `changed`
    pub changed: Option<Spanned<bool>>,
    /// `limit`, with all of the attribute as its place
    pub limit: Option<Spanned<u32>>,
}

/// The words of an attachment's `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `present`
    Present,
    /// `uploaded`
    Uploaded,
}

/// `<request>` of a webhook.
#[derive(Debug)]
pub struct Request<'s> {
    /// `url`
    pub url: Option<SourceText>,
    /// `method`
    pub method: Option<Text<'s>>,
    /// `<header>`s
    pub headers: Vec<Header<'s>>,
    /// `<body>`
    pub body: Option<Body<'s>>,
    /// All of the element.
    pub span: Span,
    /// The word `request` of its opening tag.
    pub element: Span,
}

/// `<header>` of a request.
#[derive(Debug)]
pub struct Header<'s> {
    /// `name`
    pub name: Option<Text<'s>>,
    /// The text.
    pub value: SourceText,
}

/// `<body>` of a request.
#[derive(Debug)]
pub struct Body<'s> {
    /// `content-type`
    pub content_type: Option<Text<'s>>,
    /// `content-type` is written, though perhaps wrongly: then nobody knows how the text is to be read.
    pub has_content_type: bool,
    /// `template`
    pub template: Option<Text<'s>>,
    /// The text, when there is no `template`.
    pub text: SourceText,
    /// The word `body` of its opening tag.
    pub element: Span,
}
