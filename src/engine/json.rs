//! One JSON value of a body, read without losing what is wrong with it: a key that stands twice is reported instead of overwritten.
//! Depth is bounded by the JSON reader (128).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::engine::mistake::{Mistakes, Place};
use crate::program::quoted;

/// Reads one value that stands at `at`.
pub(super) struct Json<'a> {
    pub(super) at: Place<'a>,
    pub(super) mistakes: &'a mut Mistakes,
}

impl<'de> DeserializeSeed<'de> for Json<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Json { at: Place::Item(&self.at, list.len()), mistakes: self.mistakes })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let at = Place::Key(&self.at, &key);
            let value = entries.next_value_seed(Json { at, mistakes: self.mistakes })?;
            if object.contains_key(&key) {
                self.mistakes.push("duplicate-key", at, format!("{at} stands more than once, expected one value"), None);
            } else {
                object.insert(key, value);
            }
        }
        Ok(Value::Object(object))
    }
}

/// Whether a body is to be an object, as it begins.
pub(super) fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'{')
}

/// What a body is that should have been an object.
pub(super) fn kind_of_document(body: &[u8]) -> String {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => "empty".to_owned(),
        Some(b'[') => "a list".to_owned(),
        Some(b'"') => "a string".to_owned(),
        Some(_) => format!("`{}`", quoted(String::from_utf8_lossy(body).trim())),
    }
}
