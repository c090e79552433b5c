//! What an expression is at run time: scalars, and borrowed views of records. Nothing is copied out of a record unless a filter
//! changes it. Absent: types, which have been checked.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::Value as Json;

use super::data::{Embedded, Snapshot};
use crate::program::{Embed, Record};

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Undefined,
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
    List(List<'a>),
    Map(Map<'a>),
    Object(Object<'a>),
    Secret(&'a str),
}

/// A list.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Json(&'a [Json]),
    Objects(&'a [Snapshot], &'a [Embed]),
    Made(Rc<[Value<'a>]>),
}

/// Values by name.
#[derive(Clone, Debug)]
pub(super) enum Map<'a> {
    Json(&'a serde_json::Map<String, Json>),
    Made(Rc<[(&'a str, Value<'a>)]>),
}

/// An object, with what is embedded in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    pub record: &'a Record,
    pub embedded: &'a [Embedded],
    pub embeds: &'a [Embed],
}

impl<'a> Object<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, embeds: &'a [Embed]) -> Self {
        Self { record: &snapshot.record, embedded: &snapshot.embedded, embeds }
    }

    /// The object or list that was embedded at this index.
    pub(super) fn embedded(self, index: usize) -> Value<'a> {
        let embeds = self.embeds.get(index).map_or(&[][..], |embed| &embed.embeds);
        match self.embedded.get(index) {
            Some(Embedded::One(Some(snapshot))) => Value::Object(Self::new(snapshot, embeds)),
            Some(Embedded::Many(snapshots)) => Value::List(List::Objects(snapshots, embeds)),
            Some(Embedded::One(None)) | None => Value::Null,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Objects(items, _) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.get(index).map(Value::of_json),
            Self::Objects(items, embeds) => items.get(index).map(|item| Value::Object(Object::new(item, embeds))),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Value<'a>> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index).unwrap_or(Value::Undefined))
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(entries) => entries.len(),
            Self::Made(entries) => entries.len(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Json(entries) => entries.get(name).filter(|part| !part.is_null()).map(Value::of_json),
            Self::Made(entries) => entries.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
        }
    }
}

impl<'a> Value<'a> {
    /// Text that lives as long as the data.
    pub(super) fn borrowed(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Text that was made.
    pub(super) fn text(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// A stored value.
    pub(super) fn of_json(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(boolean) => Self::Boolean(*boolean),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(number)) => Self::Number(number),
                (None, None) => Self::Null,
            },
            Json::String(text) => Self::borrowed(text),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(entries) => Self::Map(Map::Json(entries)),
        }
    }

    /// A number that JSON can hold: what is too large becomes the largest.
    pub(super) fn number(number: f64) -> Self {
        Self::Number(if number.is_nan() { 0.0 } else { number.clamp(f64::MIN, f64::MAX) })
    }

    /// Null or undefined.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// What a condition makes of it: missing, false, 0 and empty are false.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Boolean(boolean) => *boolean,
            Self::Integer(integer) => *integer != 0,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => list.len() > 0,
            Self::Map(map) => map.len() > 0,
            Self::Object(_) | Self::Secret(_) => true,
        }
    }

    /// As a double, if it is a number.
    #[expect(clippy::cast_precision_loss, reason = "a number is a double here")]
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number),
            Self::Undefined
            | Self::Null
            | Self::Boolean(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Object(_)
            | Self::Secret(_) => None,
        }
    }

    /// As text, if it is text.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What it is, for a failure.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Secret(_) => "a secret",
        }
    }

    /// Whether two values are the same; null and undefined are.
    #[expect(clippy::float_cmp, reason = "equality of the language is exact")]
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined | Self::Null, Self::Undefined | Self::Null) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::List(one), Self::List(other)) => {
                one.len() == other.len() && one.iter().zip(other.iter()).all(|(one, other)| one.equals(&other))
            }
            (Self::Map(Map::Json(one)), Self::Map(Map::Json(other))) => one == other,
            (Self::Map(Map::Made(one)), Self::Map(map)) | (Self::Map(map), Self::Map(Map::Made(one))) => {
                one.len() == map.len() && one.iter().all(|(key, value)| map.get(key).is_some_and(|other| value.equals(&other)))
            }
            (Self::Object(one), Self::Object(other)) => one.record.model == other.record.model && one.record.id == other.record.id,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Integer(integer), Self::Number(number)) | (Self::Number(number), Self::Integer(integer)) => {
                beside(*integer, *number) == Some(Ordering::Equal)
            }
            _ => false,
        }
    }

    /// The order of two numbers or two texts; `None` for anything else.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(other)),
            // Each by a key of its own, also beside what is no time: an order in which three texts go round is none.
            (Self::Text(one), Self::Text(other)) => Some(ordered_by(one).cmp(ordered_by(other)).then_with(|| one.cmp(other))),
            (Self::Integer(integer), Self::Number(number)) => beside(*integer, *number),
            (Self::Number(number), Self::Integer(integer)) => beside(*integer, *number).map(Ordering::reverse),
            (one, other) => one.as_number()?.partial_cmp(&other.as_number()?),
        }
    }
}

/// The order of an integer and a number, exactly: as doubles, different integers beyond 2^53 would be the same.
#[expect(clippy::cast_possible_truncation, reason = "a whole double between the bounds is an i64")]
fn beside(integer: i64, number: f64) -> Option<Ordering> {
    /// The doubles between these are integers of 64 bits.
    const INTEGERS: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if INTEGERS.contains(&number) {
        let whole = number.trunc();
        return Some(integer.cmp(&(whole as i64)).then(0.0.partial_cmp(&(number - whole))?));
    }
    0.0.partial_cmp(&number)
}

/// What orders a text: a canonical time, `2026-01-31T09:30:00Z` or `2026-01-31T09:30:00.5Z`, by when it was, since what there is without its
/// `Z` is the beginning of what has a fraction.
fn ordered_by(text: &str) -> &str {
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let is_time = |time: &&str| marks.iter().all(|(at, mark)| time.as_bytes().get(*at) == Some(mark));
    text.strip_suffix('Z').filter(is_time).unwrap_or(text)
}
