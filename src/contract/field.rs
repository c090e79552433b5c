//! The type of a field → the schema of its value in a payload, as far as a webhook's conditions narrow it down.

use serde_json::{Map, Value, json};

use crate::program::{Choice, FieldType, Literal, Media, Test};

/// The smallest and the largest whole number that a field can hold.
const INTEGERS: (i64, i64) = (i64::MIN, i64::MAX);

/// What the conditions of a webhook say of one value.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// It is not null and not empty.
    pub is_set: bool,
    /// It is one of these.
    pub values: Option<Vec<Value>>,
    /// The data of the attachment has arrived.
    pub is_uploaded: bool,
}

impl Known {
    /// Another condition holds too.
    pub(super) fn learn(&mut self, test: &Test) {
        match test {
            Test::Set => self.is_set = true,
            Test::Uploaded => (self.is_set, self.is_uploaded) = (true, true),
            Test::Equals(_) | Test::OneOf(_) => {
                self.is_set = true;
                let allowed: Vec<Value> = test.values().unwrap_or_default().iter().map(literal).collect();
                let both = |known: Vec<Value>| known.into_iter().filter(|value| allowed.contains(value)).collect();
                self.values = Some(self.values.take().map_or_else(|| allowed.clone(), both));
            }
            // On create it holds whatever the value is.
            Test::Changed => {}
        }
    }
}

fn literal(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => Value::from(&**text),
        Literal::Integer(number) => Value::from(*number),
        Literal::Number(number) => Value::from(*number),
        Literal::Boolean(flag) => Value::from(*flag),
    }
}

/// The value of a field that is no attachment.
pub(super) fn value(field: &FieldType, known: &Known) -> Value {
    if let Some(values) = &known.values {
        return json!({ "enum": values });
    }
    let schema = match field {
        FieldType::Text(_) if known.is_set => json!({ "type": "string", "minLength": 1 }),
        FieldType::Text(_) => json!({ "type": "string" }),
        FieldType::Number => json!({ "type": "number" }),
        FieldType::Integer => json!({ "type": "integer", "minimum": INTEGERS.0, "maximum": INTEGERS.1 }),
        FieldType::Boolean => json!({ "type": "boolean" }),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Datetime => json!({ "type": "string", "format": "date-time" }),
        FieldType::Location => json!({ "$ref": "#/$defs/location" }),
        FieldType::Track => list(&json!({ "$ref": "#/$defs/location" }), known),
        FieldType::Attachment(_) => json!({ "$ref": "#/$defs/attachment" }),
        FieldType::SingleChoice(options) => keys(options),
        FieldType::SingleChoiceInteger(options) => keys(options),
        FieldType::MultipleChoice(options) => list(&keys(options), known),
        FieldType::MultipleChoiceInteger(options) => list(&keys(options), known),
    };
    if known.is_set { schema } else { or_null(schema) }
}

/// An attachment as it is embedded.
pub(super) fn attachment(media: &Media, known: &Known) -> Value {
    let mut schema = json!({ "$ref": "#/$defs/attachment" });
    if known.is_uploaded {
        schema = json!({ "allOf": [schema], "properties": { "state": { "const": "uploaded" } } });
    }
    let mut schema = if known.is_set { schema } else { or_null(schema) };
    if let (Media::Type(media), Some(object)) = (media, schema.as_object_mut()) {
        object.insert("contentMediaType".to_owned(), Value::from(&**media));
    }
    schema
}

/// The id of something.
pub(super) fn id(known: &Known) -> Value {
    let schema = json!({ "type": "string", "minLength": 1 });
    if known.is_set { schema } else { or_null(schema) }
}

fn list(items: &Value, known: &Known) -> Value {
    let mut schema = json!({ "type": "array", "items": items });
    if let Some(object) = schema.as_object_mut().filter(|_| known.is_set) {
        object.insert("minItems".to_owned(), Value::from(1));
    }
    schema
}

/// The keys of options; what people call them is a remark.
fn keys<K: serde::Serialize>(options: &[Choice<K>]) -> Value {
    let values: Vec<Value> = options.iter().map(|option| json!(option.key)).collect();
    let words: Vec<String> =
        values.iter().zip(options).map(|(key, option)| format!("{}: {}", key.to_string().trim_matches('"'), option.label)).collect();
    json!({ "enum": values, "description": words.join("\n") })
}

/// The same, or null.
pub(super) fn or_null(schema: Value) -> Value {
    let Value::Object(mut object) = schema else { return schema };
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.push(Value::Null);
    } else if let Some(Value::String(kind)) = object.get("type") {
        let kinds = json!([kind, "null"]);
        object.insert("type".to_owned(), kinds);
    } else {
        return json!({ "anyOf": [object, { "type": "null" }] });
    }
    Value::Object(object)
}

/// What payloads refer to.
pub(super) fn definitions() -> Map<String, Value> {
    let text_or_null = json!({ "type": ["string", "null"] });
    let number_or_null = json!({ "type": ["number", "null"] });
    let attachment = json!({
        "type": "object",
        "description": "A file. What is not known of it is null.",
        "properties": {
            "fullscreen": text_or_null, "original": text_or_null, "state": { "enum": ["pending", "uploaded"] }, "thumbnail": text_or_null,
        },
        "required": ["fullscreen", "original", "state", "thumbnail"],
        "additionalProperties": false,
    });
    let location = json!({
        "type": "object",
        "description": "A place: degrees, and metres. What is not known of it is null.",
        "properties": {
            "altitude": number_or_null, "horizontal_accuracy": number_or_null,
            "latitude": { "type": "number", "minimum": -90, "maximum": 90 },
            "longitude": { "type": "number", "minimum": -180, "maximum": 180 },
            "vertical_accuracy": number_or_null,
        },
        "required": ["altitude", "horizontal_accuracy", "latitude", "longitude", "vertical_accuracy"],
        "additionalProperties": false,
    });
    Map::from_iter([("attachment".to_owned(), attachment), ("location".to_owned(), location)])
}
