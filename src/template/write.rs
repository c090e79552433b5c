//! Values → text and JSON, in our own spelling: `true`, `3`, ISO dates, exact integers. Every text has a limit, so that no template
//! can fill the memory.

use std::fmt::Write as _;

use super::value::{List, Map, Object, Value};
use crate::program::{Kind, Program};

/// Text that may not grow beyond a limit.
#[derive(Debug)]
pub(super) struct Bounded {
    /// What has been written.
    pub text: String,
    limit: usize,
}

/// Why a value cannot be written; one sentence.
pub(super) type Refusal = String;

impl Bounded {
    /// Empty; `limit` in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// Appends text.
    ///
    /// # Errors
    /// When the limit would be passed.
    pub(super) fn push(&mut self, text: &str) -> Result<(), Refusal> {
        if self.text.len() + text.len() > self.limit {
            return Err(format!("the text would be longer than {} bytes", self.limit));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Appends a value as text.
    ///
    /// # Errors
    /// When it is missing, a list, a map, an object or a secret, or when the limit would be passed.
    pub(super) fn print(&mut self, value: &Value<'_>) -> Result<(), Refusal> {
        match value {
            Value::Text(text) => self.push(text),
            Value::Boolean(boolean) => self.push(if *boolean { "true" } else { "false" }),
            Value::Integer(integer) => self.integer(*integer),
            Value::Number(number) => self.number(*number),
            Value::Undefined | Value::Null | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Secret(_) => {
                Err(format!("the value is {}, which cannot be printed", value.describe()))
            }
        }
    }

    /// Appends a value as JSON.
    ///
    /// # Errors
    /// When it holds a secret, or when the limit would be passed.
    pub(super) fn json(&mut self, value: &Value<'_>, program: &Program) -> Result<(), Refusal> {
        match value {
            Value::Undefined | Value::Null => self.push("null"),
            Value::Boolean(_) | Value::Integer(_) | Value::Number(_) => self.print(value),
            Value::Text(text) => self.json_string(text),
            Value::List(list) => self.json_list(list, program),
            Value::Map(map) => self.json_map(map, program),
            Value::Object(object) => self.json_object(*object, program),
            Value::Secret(_) => Err("a secret cannot be part of JSON".to_owned()),
        }
    }

    fn json_list(&mut self, list: &List<'_>, program: &Program) -> Result<(), Refusal> {
        self.push("[")?;
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                self.push(",")?;
            }
            self.json(&item, program)?;
        }
        self.push("]")
    }

    fn json_map(&mut self, map: &Map<'_>, program: &Program) -> Result<(), Refusal> {
        self.push("{")?;
        match map {
            Map::Json(entries) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.json_key(index == 0, key)?;
                    self.json(&Value::of_json(value), program)?;
                }
            }
            Map::Made(entries) => {
                // Of a key that stands twice the last one counts.
                let counts = |index: usize, key: &str| !entries.iter().skip(index + 1).any(|(later, _)| *later == key);
                let mut first = true;
                for (_, (key, value)) in entries.iter().enumerate().filter(|(index, (key, _))| counts(*index, key)) {
                    self.json_key(first, key)?;
                    self.json(value, program)?;
                    first = false;
                }
            }
        }
        self.push("}")
    }

    /// The members that a template can name, in the order of the model: `id`, `type`, `updated_at` unless a field or an embed has that name,
    /// properties, embeds.
    fn json_object(&mut self, object: Object<'_>, program: &Program) -> Result<(), Refusal> {
        let record = object.record;
        let model = program.model(record.model);
        self.push("{")?;
        self.json_key(true, "id")?;
        self.json_string(&record.id)?;
        self.json_key(false, "type")?;
        self.json_string(&model.name)?;
        if model.tells_time_of_save(object.embeds.iter().map(|embed| &*embed.name)) {
            self.json_key(false, "updated_at")?;
            self.json_string(&record.updated_at)?;
        }
        for (property, value) in model.properties.iter().zip(&record.values) {
            match &property.kind {
                Kind::BelongsTo(_) => self.json_key(false, &format!("{}_id", property.name))?,
                Kind::Field(_) => self.json_key(false, &property.name)?,
            }
            self.json(&Value::of_json(value), program)?;
            if property.is_attachment() {
                self.json_key(false, &format!("{}_id", property.name))?;
                let id = value.get("id").map_or(Value::Null, Value::of_json);
                self.json(&id, program)?;
            }
        }
        for (index, embed) in object.embeds.iter().enumerate() {
            self.json_key(false, &embed.name)?;
            self.json(&object.embedded(index), program)?;
        }
        self.push("}")
    }

    fn json_key(&mut self, first: bool, key: &str) -> Result<(), Refusal> {
        if !first {
            self.push(",")?;
        }
        self.json_string(key)?;
        self.push(":")
    }

    /// Appends text as a JSON string.
    ///
    /// # Errors
    /// When the limit would be passed.
    pub(super) fn json_string(&mut self, text: &str) -> Result<(), Refusal> {
        self.push("\"")?;
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}')) {
            self.push(rest.get(..at).unwrap_or_default())?;
            match c {
                '"' => self.push("\\\"")?,
                '\\' => self.push("\\\\")?,
                '\n' => self.push("\\n")?,
                '\r' => self.push("\\r")?,
                '\t' => self.push("\\t")?,
                control => self.push(&format!("\\u{:04x}", u32::from(control)))?,
            }
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        self.push(rest)?;
        self.push("\"")
    }

    fn integer(&mut self, integer: i64) -> Result<(), Refusal> {
        // Writing to a string cannot fail, and 20 digits do not matter to the limit.
        let _ = write!(self.text, "{integer}");
        self.push("")
    }

    fn number(&mut self, number: f64) -> Result<(), Refusal> {
        let text = serde_json::Number::from_f64(number).map(|number| number.to_string()).unwrap_or_default();
        let plain = text.strip_suffix(".0").unwrap_or(&text);
        self.push(if plain == "-0" { "0" } else { plain })
    }
}
