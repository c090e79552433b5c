//! A JSON document read field by field: what is wrong is noted with its place, and reading goes on. A key that stands twice, and one that
//! nobody asked for, are mistakes.

use std::fmt;

use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

use super::strict::Strict;
use crate::diagnostics::{one_of, suggestion};

/// Mistakes that are kept of one document.
const MOST: usize = 100;
/// Characters of a user's text that a message repeats.
const QUOTED: usize = 60;

/// Something wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// JSON pointer (RFC 6901).
    pub pointer: String,
    /// Kebab-case kind.
    pub code: &'static str,
    /// One sentence: what was seen, what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How the keys of a document are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `max_attempts`
    Snake,
    /// `maxAttempts`
    Camel,
}

impl Style {
    /// The key for a name that is written with `_`.
    fn key(self, name: &str) -> String {
        match self {
            Self::Snake => name.to_owned(),
            Self::Camel => {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |mut key, word| {
                    let mut letters = word.chars();
                    key.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
                    key.push_str(letters.as_str());
                    key
                })
            }
        }
    }
}

/// Notes a mistake, unless there are too many.
pub(super) fn note(out: &mut Vec<Mistake>, mistake: Mistake) {
    if out.len() < MOST {
        out.push(mistake);
    }
}

/// Reads a whole document, which must be an object.
///
/// # Errors
/// When it is not JSON, or no object.
pub fn document(text: &[u8], style: Style, out: &mut Vec<Mistake>) -> Option<Object> {
    let whole = |message: String| Mistake { pointer: String::new(), code: "invalid-json", message, help: None };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Strict { pointer: "", out }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(Value::Object(entries)) => Some(Object { pointer: String::new(), entries, style, known: Vec::new() }),
        Ok(other) => {
            note(out, whole(format!("the body is {}, expected an object", shown(&other))));
            None
        }
        Err(_) if text.iter().all(u8::is_ascii_whitespace) => {
            note(out, whole("the body is empty, expected a JSON object".to_owned()));
            None
        }
        Err(error) => {
            note(out, whole(format!("the body cannot be read: {error}")));
            None
        }
    }
}

/// An object, of which each key is taken once.
#[derive(Clone, Debug)]
pub struct Object {
    pointer: String,
    entries: Map<String, Value>,
    style: Style,
    /// The keys that were asked for.
    known: Vec<String>,
}

impl Object {
    /// Where it stands.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Whether there is a value for a name, and it is not null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.get(&self.style.key(name)).is_some_and(|value| !value.is_null())
    }

    /// Where the value of a name would stand.
    #[must_use]
    pub fn place_of(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, escaped(&self.style.key(name)))
    }

    /// The value of a name, written as the style of the document wants it. Null is as if it were not there, where `take_nullable` is not used.
    pub fn take(&mut self, name: &str) -> Option<Field> {
        self.take_nullable(name).filter(|field| !field.value.is_null())
    }

    /// The value of a name, also when it is null.
    pub fn take_nullable(&mut self, name: &str) -> Option<Field> {
        let key = self.style.key(name);
        let value = self.entries.remove(&key);
        let pointer = format!("{}/{}", self.pointer, escaped(&key));
        self.known.push(key);
        Some(Field { pointer, value: value?, style: self.style })
    }

    /// Takes out the fields that only tell how a thing stands, with `/` in the names of those within others: an answer may be sent back with a
    /// change in it. One that tells something else is a mistake. `stands` is the answer.
    pub fn take_told(&mut self, names: &[&str], stands: &Value, out: &mut Vec<Mistake>) {
        for name in names {
            let keys: Vec<String> = name.split('/').map(|name| self.style.key(name)).collect();
            let Some(value) = take_within(&mut self.entries, &keys) else { continue };
            let place = format!("/{}", keys.join("/"));
            let stands = stands.pointer(&place).unwrap_or(&Value::Null);
            if value != *stands {
                let field = Field { pointer: format!("{}{place}", self.pointer), value, style: self.style };
                let what = match (&field.value, stands) {
                    (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => "is not what it is here".to_owned(),
                    (seen, stands) => format!("is {}, expected {}", shown(seen), shown(stands)),
                };
                field.wrong("read-only-field", format!("{what}, and cannot be changed so"), out);
            }
        }
    }

    /// Everything that is left.
    #[must_use]
    pub fn into_fields(self) -> Vec<(String, Field)> {
        let Self { pointer, entries, style, .. } = self;
        let field = |(key, value): (String, Value)| {
            let field = Field { pointer: format!("{pointer}/{}", escaped(&key)), value, style };
            (key, field)
        };
        entries.into_iter().map(field).collect()
    }

    /// Reports what nobody has asked for.
    pub fn finish(self, out: &mut Vec<Mistake>) {
        for key in self.entries.keys() {
            let near = suggestion(key, self.known.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("the fields here are {}", one_of(self.known.iter().map(String::as_str))),
                |near| format!("did you mean `{near}`?"),
            );
            let pointer = format!("{}/{}", self.pointer, escaped(key));
            note(
                out,
                Mistake { pointer, code: "unknown-field", message: format!("there is no field `{}`", quoted(key)), help: Some(help) },
            );
        }
    }
}

/// The value at the end of these keys, taken out.
fn take_within(entries: &mut Map<String, Value>, keys: &[String]) -> Option<Value> {
    match keys {
        [] => None,
        [key] => entries.remove(key),
        [key, rest @ ..] => take_within(entries.get_mut(key)?.as_object_mut()?, rest),
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Field {
    /// JSON pointer.
    pub pointer: String,
    /// The value.
    pub value: Value,
    /// How keys are written in it.
    pub style: Style,
}

impl Field {
    /// Its place, with no value there.
    #[must_use]
    pub fn place(&self) -> Self {
        Self { pointer: self.pointer.clone(), value: Value::Null, style: self.style }
    }

    /// Its place as people say it: names with dots between them.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.pointer.trim_start_matches('/').replace('/', ".");
        path.replace("~1", "/").replace("~0", "~")
    }

    /// A mistake at this place; the message begins with its name.
    pub fn wrong(&self, code: &'static str, what: impl fmt::Display, out: &mut Vec<Mistake>) {
        let message = format!("`{}` {what}", self.name());
        note(out, Mistake { pointer: self.pointer.clone(), code, message, help: None });
    }

    /// It is not what was expected.
    pub fn mismatch(&self, expected: &str, out: &mut Vec<Mistake>) {
        self.wrong("wrong-type", format!("is {}, expected {expected}", shown(&self.value)), out);
    }

    /// It is one of no words that are known.
    pub fn unknown_word(&self, words: &[&str], out: &mut Vec<Mistake>) {
        let Value::String(seen) = &self.value else { return self.mismatch("a text", out) };
        let message = format!("`{}` is `{}`, expected {}", self.name(), quoted(seen), one_of(words.iter().copied()));
        let help = suggestion(seen, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        note(out, Mistake { pointer: self.pointer.clone(), code: "invalid-value", message, help });
    }

    /// A text.
    pub fn text(self, out: &mut Vec<Mistake>) -> Option<String> {
        if let Value::String(text) = &self.value
            && text.contains('\0')
        {
            self.wrong("invalid-value", "has the character U+0000, expected a text without it".to_owned(), out);
            return None;
        }
        if let Value::String(text) = self.value {
            return Some(text);
        }
        self.mismatch("a text", out);
        None
    }

    /// A text of so many characters.
    pub fn text_within(self, length: std::ops::RangeInclusive<usize>, out: &mut Vec<Mistake>) -> Option<String> {
        let copy = self.clone();
        let text = self.text(out)?;
        let seen = text.chars().count();
        if length.contains(&seen) && !text.trim().is_empty() | (*length.start() == 0) {
            return Some(text);
        }
        let (least, most) = (length.start(), length.end());
        let what = if *least == 0 { "" } else { " that are not all white space" };
        copy.wrong("invalid-value", format!("has {seen} characters, expected {least} to {most}{what}"), out);
        None
    }

    /// True or false.
    pub fn boolean(self, out: &mut Vec<Mistake>) -> Option<bool> {
        if let Value::Bool(flag) = self.value {
            return Some(flag);
        }
        self.mismatch("true or false", out);
        None
    }

    /// A whole number within bounds.
    pub fn whole(self, bounds: std::ops::RangeInclusive<u32>, out: &mut Vec<Mistake>) -> Option<u32> {
        let read = self.value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| bounds.contains(number));
        if read.is_none() {
            self.mismatch(&format!("a whole number from {} to {}", bounds.start(), bounds.end()), out);
        }
        read
    }

    /// The items of a list of at most so many.
    pub fn list(self, most: usize, out: &mut Vec<Mistake>) -> Option<Vec<Self>> {
        let Value::Array(items) = self.value else {
            self.mismatch("a list", out);
            return None;
        };
        if items.len() > most {
            let place = Self { pointer: self.pointer, value: Value::Null, style: self.style };
            place.wrong("invalid-value", format!("has {} items, expected at most {most}", items.len()), out);
            return None;
        }
        let place = |(index, value)| Self { pointer: format!("{}/{index}", self.pointer), value, style: self.style };
        Some(items.into_iter().enumerate().map(place).collect())
    }

    /// One value, or the items of a list.
    #[must_use]
    pub fn one_or_many(self) -> Vec<Self> {
        if let Value::Array(items) = self.value {
            let place = |(index, value)| Self { pointer: format!("{}/{index}", self.pointer), value, style: self.style };
            return items.into_iter().enumerate().map(place).collect();
        }
        vec![self]
    }

    /// An object.
    pub fn object(self, out: &mut Vec<Mistake>) -> Option<Object> {
        if let Value::Object(entries) = self.value {
            return Some(Object { pointer: self.pointer, entries, style: self.style, known: Vec::new() });
        }
        self.mismatch("an object", out);
        None
    }
}

pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The user's text, cut to a length that fits into a sentence.
pub(super) fn quoted(text: &str) -> String {
    let cut = text.char_indices().nth(QUOTED).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let ellipsis = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", cut.escape_debug())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
