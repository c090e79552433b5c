//! The elements of dialect 3.1 with their attributes and what may stand in them, as one table: readers, "did you mean", the order of
//! elements and the XML Schema are made from it. Only form; what a name refers to, which names are reserved, and what options a type
//! wants are not said here.

use super::field_type::{FIELD_TYPES, MEDIA_TYPES, TEXT_FORMATS};

/// An element. Readers name one by its exact type, which holds the number of its attributes; in the table all are of one type.
#[derive(Debug)]
pub(super) struct Element<A: ?Sized = [Attribute]> {
    pub(super) name: &'static str,
    /// Unique among all elements, unlike the name.
    pub(super) kind: &'static str,
    pub(super) about: &'static str,
    pub(super) content: Content,
    pub(super) attributes: A,
}

/// What may stand in an element.
#[derive(Clone, Copy, Debug)]
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
    AtLeastOnce,
    Any,
    /// Any, but exactly one of the element of this kind.
    AnyWithOne(&'static str),
    /// Any, but at most one of the element of this kind.
    AnyWithOneAtMost(&'static str),
}

impl Content {
    /// The groups of elements; none in what holds text or nothing.
    pub(super) fn groups(self) -> &'static [Group] {
        match self {
            Self::Groups(groups) => groups,
            Self::Nothing | Self::Text => &[],
        }
    }

    /// The names of the elements that may stand in it.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        self.groups().iter().flat_map(|group| group.elements).map(|element| element.name)
    }

    /// The number of the group that an element belongs to.
    pub(super) fn rank(self, name: &str) -> Option<usize> {
        self.groups().iter().position(|group| group.elements.iter().any(|element| element.name == name))
    }
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// Without it something else of the element may be wrong, so that a misspelt one is read as what it was meant to be.
    pub(super) depended_on: bool,
    /// It means nothing any more; the advice says what to do instead.
    pub(super) deprecated: Option<&'static str>,
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
    /// A type of a field, with a format if it is text.
    FieldType,
    /// A number from 1 to [`MAX_LIMIT`].
    Limit,
}

impl Value {
    /// The words that it may be; none when they cannot be listed.
    pub(super) fn words(self) -> Vec<String> {
        match self {
            Self::Words(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Self::FieldType => {
                let formats = TEXT_FORMATS.iter().map(|(format, _)| format!("text:{format}"));
                FIELD_TYPES.iter().map(|(word, _)| (*word).to_owned()).chain(formats).collect()
            }
            Self::Text | Self::Name | Self::Path | Self::List(_) | Self::Limit => Vec::new(),
        }
    }
}

pub(super) const BOOLEANS: [&str; 2] = ["true", "false"];
pub(super) const CLASSIFICATIONS: [&str; 2] = ["standard", "sensitive"];
pub(super) const DATABASES: [&str; 2] = ["app", "cloud"];
pub(super) const OPERATIONS: [&str; 3] = ["create", "update", "delete"];
pub(super) const ORDERS: [&str; 2] = ["none", "object"];
pub(super) const STATES: [&str; 2] = ["present", "uploaded"];
pub(super) const WEBHOOK_TYPES: [&str; 2] = ["ready", "update"];
/// The most related objects that one embed may ask for; a payload of more is a download, not a message.
pub(super) const MAX_LIMIT: u32 = 10_000;

const BOOLEAN: Value = Value::Words(&BOOLEANS);

/// The elements in which one of this name may stand.
pub(super) fn parents(name: &str) -> Vec<&'static str> {
    fn walk(element: &'static Element, name: &str, found: &mut Vec<&'static str>) {
        if element.content.names().any(|child| child == name) {
            found.push(element.name);
        }
        for child in element.content.groups().iter().flat_map(|group| group.elements) {
            walk(child, name, found);
        }
    }
    let mut found = Vec::new();
    walk(&DATA_MODEL, name, &mut found);
    found
}

/// An attribute that must be there.
const fn required(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute { name, required: true, depended_on: true, deprecated: None, value, about }
}

/// An attribute that may be there, and that others may need.
const fn depended_on(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute { name, required: false, depended_on: true, deprecated: None, value, about }
}

/// An attribute that may be there.
const fn optional(name: &'static str, value: Value, about: &'static str) -> Attribute {
    Attribute { name, required: false, depended_on: false, deprecated: None, value, about }
}

/// An attribute that means nothing any more.
const fn deprecated(name: &'static str, advice: &'static str) -> Attribute {
    let about = "Deprecated: means nothing.";
    Attribute { name, required: false, depended_on: false, deprecated: Some(advice), value: Value::Text, about }
}

/// The root.
pub(super) const DATA_MODEL: Element<[Attribute; 0]> = Element {
    name: "data-model",
    kind: "data-model",
    about: "Models of objects, and the webhooks that tell others of them.",
    content: Content::Groups(&[Group { elements: &[&MODEL], times: Times::AtLeastOnce }]),
    attributes: [],
};

pub(super) const MODEL: Element<[Attribute; 3]> = Element {
    name: "model",
    kind: "model",
    about: "A kind of object: its fields, then its relations, then everything else.",
    content: Content::Groups(&[
        Group { elements: &[&FIELD], times: Times::Any },
        Group { elements: &[&BELONGS_TO, &HAS_MANY], times: Times::Any },
        Group { elements: &[&INDEX, &DISPLAY, &NOTIFY_USER, &WEBHOOK], times: Times::AnyWithOne("display") },
    ]),
    attributes: [
        required("name", Value::Name, "The name of the model, unique in the data model."),
        required("label", Value::Text, "What people call it."),
        optional("classification", Value::Words(&CLASSIFICATIONS), "Sensitive objects are never sent in clear text."),
    ],
};

pub(super) const FIELD: Element<[Attribute; 9]> = Element {
    name: "field",
    kind: "field",
    about: "A value that an object stores.",
    content: Content::Groups(&[Group { elements: &[&OPTION], times: Times::Any }]),
    attributes: [
        required("name", Value::Name, "The name of the field, unique in the model."),
        required("label", Value::Text, "What people call it."),
        required("type", Value::FieldType, "What it holds."),
        depended_on("media", Value::Words(&MEDIA_TYPES), "The media type of an attachment, such as image/png, or any."),
        optional("auto-download", BOOLEAN, "Whether devices fetch the attachment unasked."),
        deprecated("spec", "write the format into the type, as in `type=\"text:email\"`"),
        deprecated("deprecated-spec", "write the format into the type, as in `type=\"text:email\"`"),
        deprecated("minValue", "check the value where it is entered"),
        deprecated("maxValue", "check the value where it is entered"),
    ],
};

pub(super) const OPTION: Element<[Attribute; 1]> = Element {
    name: "option",
    kind: "option",
    about: "A choice; its text is what people see.",
    content: Content::Text,
    attributes: [depended_on("key", Value::Text, "What is stored.")],
};

pub(super) const BELONGS_TO: Element<[Attribute; 2]> = Element {
    name: "belongs-to",
    kind: "belongs-to",
    about: "A relation to one object.",
    content: Content::Nothing,
    attributes: [
        required("model", Value::Name, "The model of the related object."),
        depended_on("name", Value::Name, "The name of the relation; by default that of the model."),
    ],
};

pub(super) const HAS_MANY: Element<[Attribute; 3]> = Element {
    name: "has-many",
    kind: "has-many",
    about: "The other side of a belongs-to.",
    content: Content::Nothing,
    attributes: [
        required("model", Value::Name, "The model of the related objects."),
        required("name", Value::Name, "The name of the relation."),
        depended_on("inverse-of", Value::Name, "The belongs-to of that model that points back here."),
    ],
};

pub(super) const INDEX: Element<[Attribute; 3]> = Element {
    name: "index",
    kind: "index",
    about: "What objects are looked up by.",
    content: Content::Nothing,
    attributes: [
        required("on", Value::Text, "Fields and belongs-to relations with commas between; a hyphen before one is descending."),
        optional("name", Value::Text, "The name of the index."),
        optional("database", Value::List(&DATABASES), "Where the index is kept."),
    ],
};

pub(super) const DISPLAY: Element<[Attribute; 1]> = Element {
    name: "display",
    kind: "display",
    about: "How an object is shown in one line, such as {name}.",
    content: Content::Text,
    attributes: [depended_on("format", Value::Text, "The line, unless it is the text of the element.")],
};

pub(super) const NOTIFY_USER: Element<[Attribute; 4]> = Element {
    name: "notify-user",
    kind: "notify-user",
    about: "A notification to the user that an object belongs to.",
    content: Content::Nothing,
    attributes: [
        required("message", Value::Text, "The text, with {path}s."),
        required("received-field", Value::Name, "Where it is noted that the notification has arrived."),
        required("recipient-field", Value::Name, "The relation to the user."),
        optional("badge-count-field", Value::Name, "The field of the user that counts what is unread."),
    ],
};

pub(super) const WEBHOOK: Element<[Attribute; 7]> = Element {
    name: "webhook",
    kind: "webhook",
    about: "A message to others when an object is saved and all conditions hold.",
    content: Content::Groups(&[Group { elements: &[&WEBHOOK_FIELD, &REQUEST], times: Times::AnyWithOneAtMost("request") }]),
    attributes: [
        required("type", Value::Words(&WEBHOOK_TYPES), "Ready: once for an object, ever. Update: at each save."),
        depended_on("name", Value::Text, "The event type, unique in the data model."),
        depended_on("receiver", Value::Text, "Who is meant to receive it, such as cloudcode."),
        depended_on("action", Value::Text, "The task of the receiver."),
        optional("when", Value::Text, "A template expression that must be true."),
        optional("on", Value::List(&OPERATIONS), "The operations it fires on; create and update by default."),
        optional("order", Value::Words(&ORDERS), "Object: a later save is never sent before an earlier one."),
    ],
};

pub(super) const WEBHOOK_FIELD: Element<[Attribute; 8]> = Element {
    name: "field",
    kind: "webhook-field",
    about: "A condition on a field or relation, and whether a relation is put into the payload.",
    content: Content::Nothing,
    attributes: [
        required("name", Value::Path, "A field or relation of the model, or a path through relations."),
        optional("required", BOOLEAN, "Whether it must be set; true by default."),
        optional("embed", BOOLEAN, "Whether the related object is in the payload; true by default."),
        optional("state", Value::Words(&STATES), "What an attachment must be; present by default."),
        optional("equals", Value::Text, "The value it must have."),
        optional("one-of", Value::Text, "The values of which it must have one, with commas between."),
        optional("changed", BOOLEAN, "Whether it must differ from the previous save."),
        optional("limit", Value::Limit, "The most objects of a has-many; 100 by default."),
    ],
};

pub(super) const REQUEST: Element<[Attribute; 2]> = Element {
    name: "request",
    kind: "request",
    about: "Where and how the webhook is sent.",
    content: Content::Groups(&[Group { elements: &[&HEADER, &BODY], times: Times::AnyWithOneAtMost("body") }]),
    attributes: [
        required("url", Value::Text, "The URL, a template."),
        optional("method", Value::Text, "The HTTP method; POST by default."),
    ],
};

pub(super) const HEADER: Element<[Attribute; 1]> = Element {
    name: "header",
    kind: "header",
    about: "A header of the request; its text is a template.",
    content: Content::Text,
    attributes: [required("name", Value::Text, "The name of the header.")],
};

pub(super) const BODY: Element<[Attribute; 2]> = Element {
    name: "body",
    kind: "body",
    about: "The body of the request, a template, as text or in a file.",
    content: Content::Text,
    attributes: [
        depended_on("template", Value::Text, "The file of the template."),
        depended_on("content-type", Value::Text, "The media type; application/json by default, which makes the template structural."),
    ],
};
