//! The elements of dialect 3.1 with their attributes and what may stand in them, as one table: what an editor is told. Only form; what
//! a name refers to, which names are reserved, and what options a type wants are not said here. The reading in `model` and `webhook`
//! is more patient than this table, and a test holds the two together.

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    /// Unique among all elements, unlike the name.
    pub(super) kind: &'static str,
    pub(super) about: &'static str,
    pub(super) attributes: &'static [Attribute],
    pub(super) content: Content,
}

/// What may stand in an element.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Text,
    /// Elements, group behind group.
    Groups(&'static [Group]),
}

/// Elements in any mutual order.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) elements: &'static [&'static Element],
    pub(super) times: Times,
}

/// How often a group may be chosen from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times {
    Once,
    AtLeastOnce,
    Any,
}

/// An attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) value: Value,
    pub(super) about: &'static str,
}

/// What an attribute may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// Text that is not blank.
    Text,
    /// A letter, then letters, digits, underscores.
    Name,
    /// Names with dots between.
    Path,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A list of these words, with spaces or commas between.
    List(&'static [&'static str]),
    /// A number from 1 to 10,000.
    Limit,
}

const BOOLEAN: Value = Value::Words(&["true", "false"]);

const fn required(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute { name, required: true, value, about }
}

const fn optional(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute { name, required: false, value, about }
}

/// The types of fields, with the formats of text.
const TYPES: Value = Value::Words(&[
    "text",
    "text:email",
    "text:address",
    "text:name",
    "text:url",
    "text:paragraph",
    "text:signed-number",
    "text:number",
    "text:south-african-id",
    "text:phone-number",
    "text:decimal-number",
    "text:password",
    "number",
    "integer",
    "boolean",
    "date",
    "datetime",
    "location",
    "track",
    "photo",
    "signature",
    "attachment",
    "single-choice",
    "multiple-choice",
    "single-choice-integer",
    "multiple-choice-integer",
]);

const DEPRECATED: &str = "Deprecated: means nothing.";

/// The root.
pub(super) const DATA_MODEL: Element = Element {
    name: "data-model",
    kind: "data-model",
    about: "Models of objects, and the webhooks that tell others of them.",
    attributes: &[],
    content: Content::Groups(&[Group { elements: &[&MODEL], times: Times::AtLeastOnce }]),
};

const MODEL: Element = Element {
    name: "model",
    kind: "model",
    about: "A kind of object: its fields, then its relations, then everything else.",
    attributes: &[
        required("name", Value::Name, "The name of the model, unique in the data model."),
        required("label", Value::Text, "What people call it."),
        optional("classification", Value::Words(&["standard", "sensitive"]), "Sensitive objects are never sent in clear text."),
    ],
    content: Content::Groups(&[
        Group { elements: &[&FIELD], times: Times::Any },
        Group { elements: &[&BELONGS_TO, &HAS_MANY], times: Times::Any },
        Group { elements: &[&INDEX, &NOTIFY_USER, &WEBHOOK], times: Times::Any },
        Group { elements: &[&DISPLAY], times: Times::Once },
        Group { elements: &[&INDEX, &NOTIFY_USER, &WEBHOOK], times: Times::Any },
    ]),
};

const FIELD: Element = Element {
    name: "field",
    kind: "field",
    about: "A value that an object stores.",
    attributes: &[
        required("name", Value::Name, "The name of the field, unique in the model."),
        required("label", Value::Text, "What people call it."),
        required("type", TYPES, "What it holds."),
        optional("media", Value::Text, "The media type of an attachment, such as image/png, or any."),
        optional("auto-download", BOOLEAN, "Whether devices fetch the attachment unasked."),
        optional("spec", Value::Text, DEPRECATED),
        optional("deprecated-spec", Value::Text, DEPRECATED),
        optional("minValue", Value::Text, DEPRECATED),
        optional("maxValue", Value::Text, DEPRECATED),
    ],
    content: Content::Groups(&[Group { elements: &[&OPTION], times: Times::Any }]),
};

const OPTION: Element = Element {
    name: "option",
    kind: "option",
    about: "A choice; its text is what people see.",
    attributes: &[optional("key", Value::Text, "What is stored.")],
    content: Content::Text,
};

const BELONGS_TO: Element = Element {
    name: "belongs-to",
    kind: "belongs-to",
    about: "A relation to one object.",
    attributes: &[
        required("model", Value::Name, "The model of the related object."),
        optional("name", Value::Name, "The name of the relation; by default that of the model."),
    ],
    content: Content::Nothing,
};

const HAS_MANY: Element = Element {
    name: "has-many",
    kind: "has-many",
    about: "The other side of a belongs-to.",
    attributes: &[
        required("model", Value::Name, "The model of the related objects."),
        required("name", Value::Name, "The name of the relation."),
        optional("inverse-of", Value::Name, "The belongs-to of that model that points back here."),
    ],
    content: Content::Nothing,
};

const INDEX: Element = Element {
    name: "index",
    kind: "index",
    about: "What objects are looked up by.",
    attributes: &[
        required("on", Value::Text, "Fields and belongs-to relations with commas between; a hyphen before one is descending."),
        optional("name", Value::Text, "The name of the index."),
        optional("database", Value::List(&["app", "cloud"]), "Where the index is kept."),
    ],
    content: Content::Nothing,
};

const DISPLAY: Element = Element {
    name: "display",
    kind: "display",
    about: "How an object is shown in one line, such as {name}.",
    attributes: &[optional("format", Value::Text, "The line, unless it is the text of the element.")],
    content: Content::Text,
};

const NOTIFY_USER: Element = Element {
    name: "notify-user",
    kind: "notify-user",
    about: "A notification to the user that an object belongs to.",
    attributes: &[
        required("message", Value::Text, "The text, with {path}s."),
        required("received-field", Value::Name, "Where it is noted that the notification has arrived."),
        required("recipient-field", Value::Name, "The relation to the user."),
        optional("badge-count-field", Value::Name, "The field of the user that counts what is unread."),
    ],
    content: Content::Nothing,
};

const WEBHOOK: Element = Element {
    name: "webhook",
    kind: "webhook",
    about: "A message to others when an object is saved and all conditions hold.",
    attributes: &[
        required("type", Value::Words(&["ready", "update"]), "Ready: once for an object, ever. Update: at each save."),
        optional("name", Value::Text, "The event type, unique in the data model."),
        optional("receiver", Value::Text, "Who is meant to receive it, such as cloudcode."),
        optional("action", Value::Text, "The task of the receiver."),
        optional("when", Value::Text, "A template expression that must be true."),
        optional("on", Value::List(&["create", "update", "delete"]), "The operations it fires on; create and update by default."),
        optional("order", Value::Words(&["none", "object"]), "Object: a later save is never sent before an earlier one."),
    ],
    content: Content::Groups(&[Group { elements: &[&WEBHOOK_FIELD, &REQUEST], times: Times::Any }]),
};

const WEBHOOK_FIELD: Element = Element {
    name: "field",
    kind: "webhook-field",
    about: "A condition on a field or relation, and whether a relation is put into the payload.",
    attributes: &[
        required("name", Value::Path, "A field or relation of the model, or a path through relations."),
        optional("required", BOOLEAN, "Whether it must be set; true by default."),
        optional("embed", BOOLEAN, "Whether the related object is in the payload; true by default."),
        optional("state", Value::Words(&["present", "uploaded"]), "What an attachment must be; present by default."),
        optional("equals", Value::Text, "The value it must have."),
        optional("one-of", Value::Text, "The values of which it must have one, with commas between."),
        optional("changed", BOOLEAN, "Whether it must differ from the previous save."),
        optional("limit", Value::Limit, "The most objects of a has-many; 100 by default."),
    ],
    content: Content::Nothing,
};

const REQUEST: Element = Element {
    name: "request",
    kind: "request",
    about: "Where and how the webhook is sent.",
    attributes: &[
        required("url", Value::Text, "The URL, a template."),
        optional("method", Value::Text, "The HTTP method; POST by default."),
    ],
    content: Content::Groups(&[Group { elements: &[&HEADER, &BODY], times: Times::Any }]),
};

const HEADER: Element = Element {
    name: "header",
    kind: "header",
    about: "A header of the request; its text is a template.",
    attributes: &[required("name", Value::Text, "The name of the header.")],
    content: Content::Text,
};

const BODY: Element = Element {
    name: "body",
    kind: "body",
    about: "The body of the request, a template, as text or in a file.",
    attributes: &[
        optional("template", Value::Text, "The file of the template."),
        optional("content-type", Value::Text, "The media type; application/json by default, which makes the template structural."),
    ],
    content: Content::Text,
};
