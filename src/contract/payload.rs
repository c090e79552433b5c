//! A webhook → the JSON Schema (2020-12) of its default payload.

use serde_json::{Map, Value, json};

use super::field::{Known, attachment, definitions, id, or_null, value};
use crate::ids::PropertyId;
use crate::program::{Embed, FieldType, Kind, Model, Program, Subject, Through, Webhook};

/// The dialect of JSON Schema.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of what a webhook sends unless an endpoint says otherwise. It has the same keys for every firing; none is left out, and none
/// is added.
#[must_use]
pub fn payload_schema(program: &Program, webhook: &Webhook) -> Value {
    let mut schema = envelope(program, webhook);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), Value::from(DIALECT));
        object.insert("$defs".to_owned(), Value::Object(used(definitions(), &schema_text(object))));
    }
    schema
}

/// All webhooks of a program as one schema, with the payload of each under its name in `$defs`; it allows any of them.
#[must_use]
pub fn bundle(program: &Program) -> Value {
    let mut defs = Map::new();
    for webhook in &program.webhooks {
        defs.insert(format!("event:{}", webhook.name), envelope(program, webhook));
    }
    let any: Vec<Value> =
        defs.keys().map(|name| json!({ "$ref": format!("#/$defs/{}", name.replace('~', "~0").replace('/', "~1")) })).collect();
    let text = schema_text(&defs);
    defs.extend(used(definitions(), &text));
    json!({ "$schema": DIALECT, "anyOf": any, "$defs": defs })
}

fn schema_text(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

/// Those that the text refers to.
fn used(mut definitions: Map<String, Value>, text: &str) -> Map<String, Value> {
    definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
    definitions
}

fn envelope(program: &Program, webhook: &Webhook) -> Value {
    let operations = webhook.operations;
    let words = [(operations.create, "create"), (operations.update, "update"), (operations.delete, "delete")];
    let words: Vec<&str> = words.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect();
    closed(
        &webhook.name,
        vec![
            ("account_id".to_owned(), json!({ "type": "string", "description": "the tenant" })),
            ("app".to_owned(), json!({ "type": "string" })),
            ("event".to_owned(), json!({ "const": webhook.name })),
            ("object".to_owned(), saved(program, webhook)),
            ("operation".to_owned(), json!({ "enum": words })),
            (
                "sequence".to_owned(),
                json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX, "description": "grows with each save of the tenant; greater than 2^53, which JavaScript rounds: see the header `webhook-sequence`" }),
            ),
            ("server".to_owned(), json!({ "type": "string" })),
        ],
    )
}

/// An object with exactly these keys.
fn closed(title: &str, properties: Vec<(String, Value)>) -> Value {
    let names: Vec<String> = properties.iter().map(|(name, _)| name.clone()).collect();
    json!({
        "title": title, "type": "object", "properties": Map::from_iter(properties), "required": names, "additionalProperties": false,
    })
}

/// The object that was saved.
fn saved(program: &Program, webhook: &Webhook) -> Value {
    let model = program.model(webhook.model);
    let known = |id: PropertyId| {
        let mut known = Known::default();
        for condition in &webhook.conditions {
            if condition.subject == Subject::Property(id) {
                known.learn(&condition.test);
            }
        }
        known
    };
    let must_be_there = |path: &[usize]| {
        let of_path = |subject: &Subject| matches!(subject, Subject::Embed(needed) if needed.starts_with(path));
        webhook.conditions.iter().any(|condition| of_path(&condition.subject))
    };
    let level = Level { program, path: Vec::new(), by_id: &webhook.attachments_by_id, known: &known, must_be_there: &must_be_there };
    level.object(model, &webhook.embeds)
}

/// One level of embedding.
struct Level<'a> {
    program: &'a Program,
    /// The embeds that lead here, by their place in the list of each level.
    path: Vec<usize>,
    by_id: &'a [PropertyId],
    /// What is known of a property of this level.
    known: &'a dyn Fn(PropertyId) -> Known,
    /// Whether the conditions need something at the end of a path, or behind it.
    must_be_there: &'a dyn Fn(&[usize]) -> bool,
}

impl Level<'_> {
    fn object(&self, model: &Model, embeds: &[Embed]) -> Value {
        let mut properties =
            vec![("id".to_owned(), json!({ "type": "string", "minLength": 1 })), ("type".to_owned(), json!({ "const": model.name }))];
        if model.tells_time_of_save(embeds.iter().map(|embed| &*embed.name)) {
            properties.push(("updated_at".to_owned(), json!({ "type": "string", "format": "date-time" })));
        }
        for (property_id, property) in (0..).map(PropertyId).zip(&model.properties) {
            let mut known = (self.known)(property_id);
            let name = &property.name;
            match &property.kind {
                Kind::BelongsTo(_) => {
                    known.is_set |= self.embeds_that(embeds, |embed| embed.through == Through::BelongsTo(property_id));
                    properties.push((format!("{name}_id"), id(&known)));
                }
                Kind::Field(FieldType::Attachment(media)) => {
                    properties.push((format!("{name}_id"), id(&known)));
                    if !self.by_id.contains(&property_id) {
                        properties.push((name.to_string(), attachment(media, &known)));
                    }
                }
                Kind::Field(field) => {
                    let mut schema = value(field, &known);
                    if let Some(object) = schema.as_object_mut().filter(|_| !property.label.is_empty()) {
                        object.insert("title".to_owned(), Value::from(&*property.label));
                    }
                    properties.push((name.to_string(), schema));
                }
            }
        }
        for (index, embed) in embeds.iter().enumerate() {
            properties.push((embed.name.to_string(), self.embedded(index, embed)));
        }
        properties.sort_by(|(a, _), (b, _)| a.cmp(b));
        closed(&model.label, properties)
    }

    /// Whether one of the embeds that fit is needed.
    fn embeds_that(&self, embeds: &[Embed], fits: impl Fn(&Embed) -> bool) -> bool {
        embeds.iter().enumerate().any(|(index, embed)| fits(embed) && (self.must_be_there)(&self.step(index)))
    }

    fn step(&self, index: usize) -> Vec<usize> {
        self.path.iter().copied().chain([index]).collect()
    }

    fn embedded(&self, index: usize, embed: &Embed) -> Value {
        let path = self.step(index);
        // One whose object is not there makes the webhook wait, when it needs it.
        let is_needed = match embed.through {
            Through::BelongsTo(id) => embed.required && ((self.known)(id).is_set || (self.must_be_there)(&path)),
            Through::HasMany(_) => (self.must_be_there)(&path),
        };
        let below = Level { path, by_id: &[], known: &|_| Known::default(), ..*self };
        let object = below.object(self.program.model(embed.model), &embed.embeds);
        match embed.through {
            Through::BelongsTo(_) if is_needed => object,
            Through::BelongsTo(_) => or_null(object),
            Through::HasMany(_) => {
                let least = u32::from(is_needed);
                json!({ "type": "array", "items": object, "minItems": least, "maxItems": embed.limit })
            }
        }
    }
}
