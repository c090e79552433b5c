//! Why a save is refused: the mistakes of its body, each with a JSON pointer. Nothing is decided here about what a mistake is.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::program::{Kind, Property, quoted};

/// Mistakes reported of one body. More would help nobody, and a hostile body must not buy much work.
const MAX_MISTAKES: usize = 100;

/// The kind of a refusal: the object that the save is about is not there.
pub const NO_SUCH_OBJECT: &str = "no-such-object";

/// Why a save is refused. Nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Kebab-case kind: `unknown-model`, `unknown-field`, `wrong-type`, `out-of-range`, `invalid-value`, `unknown-option`,
    /// `duplicate-key`, `duplicate-option`, `missing-key`, `id-mismatch`, `type-mismatch`, `invalid-json`, `invalid-id`, `too-large`,
    /// `no-such-object`, `no-such-attachment`, `other-attachment`, `too-many-waiting`.
    pub kind: &'static str,
    /// JSON pointer into the body, empty for all of it.
    pub pointer: String,
    /// One sentence: what was seen, what was expected.
    pub message: String,
    /// Did-you-mean, or the names that exist.
    pub help: Option<String>,
}

impl Refused {
    /// A refusal of the whole save.
    pub(super) fn whole(kind: &'static str, message: String, help: Option<String>) -> Self {
        Self { kind, pointer: String::new(), message, help }
    }
}

/// The mistakes of one body, in reading order.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Refused>);

impl Mistakes {
    /// Whether more would be dropped.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_MISTAKES
    }

    pub(super) fn push(&mut self, kind: &'static str, at: Place<'_>, message: String, help: Option<String>) {
        self.add(Refused { kind, pointer: at.pointer(), message, help });
    }

    pub(super) fn add(&mut self, refused: Refused) {
        if !self.is_full() {
            self.0.push(refused);
        }
    }

    /// `Err` when there is a mistake.
    pub(super) fn or<T>(self, value: T) -> Result<T, Vec<Refused>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// A place in a body, written out only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// The whole body.
    Body,
    /// A property, under the key that stands for it.
    Property(&'a Property),
    /// A key of an object.
    Key(&'a Place<'a>, &'a str),
    /// An item of a list, from 0.
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    /// RFC 6901.
    pub(super) fn pointer(self) -> String {
        match self {
            Self::Body => String::new(),
            Self::Property(property) => format!("/{}", property_key(property)),
            Self::Key(parent, key) => format!("{}/{}", parent.pointer(), key.replace('~', "~0").replace('/', "~1")),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// As people say it, in backticks: `place.latitude`, `tags[2]`, or "the body".
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn write_path(place: Place<'_>, out: &mut String) {
            match place {
                Place::Body => {}
                Place::Property(property) => out.push_str(&property_key(property)),
                Place::Key(parent, key) => {
                    write_path(*parent, out);
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(&quoted(key));
                }
                Place::Item(parent, index) => {
                    write_path(*parent, out);
                    // Writing to a string cannot fail.
                    let _written = write!(out, "[{index}]");
                }
            }
        }
        let mut path = String::new();
        write_path(*self, &mut path);
        if path.is_empty() { f.write_str("the body") } else { write!(f, "`{path}`") }
    }
}

/// The key of a property in a body: its name, or `NAME_id` for a relation.
pub(super) fn property_key(property: &Property) -> std::borrow::Cow<'_, str> {
    match property.kind {
        Kind::Field(_) => std::borrow::Cow::Borrowed(&property.name),
        Kind::BelongsTo(_) => std::borrow::Cow::Owned(format!("{}_id", property.name)),
    }
}

/// A value as people say it: `"open"`, `3`, `true`, `null`, `a list`, `an object`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", quoted(text)),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
