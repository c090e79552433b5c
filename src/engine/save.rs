//! The body of a request → a save, checked against the data model: one pass over the JSON text, every value straight into the slot of
//! its property. Every mistake is reported. Whether the object exists is not known here.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::check::{Rules, Valid};
use crate::diagnostics::{one_of, suggestion};
use crate::engine::canonical::{Given, attachment, canonical};
use crate::engine::json::{Json, is_object, kind_of_document};
use crate::engine::mistake::{Mistakes, Place, Refused, property_key, shown};
use crate::ids::{ModelId, PropertyId};
use crate::program::{Kind, Model, Program, quoted};

/// The largest body of a save, in bytes. A payload with its embeds must still fit into memory many times over.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// The longest object id, in characters.
const MAX_ID_CHARACTERS: usize = 255;

/// A save, checked against the data model: what to do to which object.
#[derive(Clone, Debug, PartialEq)]
pub struct Save {
    /// The model.
    pub model: ModelId,
    /// The object's id.
    pub id: Box<str>,
    /// What changes.
    pub change: Change,
}

/// What a save changes. Values are canonical, as in [`Record`](crate::program::Record).
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Replaces the object: one value per property, unset ones null.
    Put(Vec<Value>),
    /// Merges into an object that exists; null unsets.
    Patch(Vec<(PropertyId, Value)>),
    /// The data of this attachment has arrived: the canonical attachment, to be merged over the stored one. Its `id` may be missing.
    Upload(PropertyId, Value),
    /// Removes the object.
    Delete,
    /// The object is now this row of a table, as far as the row says.
    Row(Box<Row>),
    /// The row of the object is gone; as it last was, where that is known.
    RowGone(Vec<(PropertyId, Value)>),
}

/// A row of somebody's table. It makes the object if need be, and leaves alone what it says nothing about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// What it says.
    pub values: Vec<(PropertyId, Value)>,
    /// What it said before, where that is told: it is believed of an object that is not stored.
    pub before: Vec<(PropertyId, Value)>,
    /// The id it had before: what it says nothing about is as it was there.
    pub renamed_from: Option<Box<str>>,
}

/// How the body of a save is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb<'a> {
    /// `PUT`: all fields.
    Put,
    /// `PATCH`: some fields.
    Patch,
    /// `PUT …/attachments/{field}`: an attachment, `uploaded` unless it says otherwise. An empty body is an empty object.
    Upload(&'a str),
    /// `DELETE`: no body; one that is there is not looked at.
    Delete,
}

/// Reads a save from the body of a request: JSON text. Every mistake in it is reported, up to a hundred.
///
/// `id` and `type` may stand in the body when they agree with the object's; `updated_at` may stand there and is not looked at.
///
/// # Errors
/// The reasons for refusing it, never empty.
pub fn parse_save(rules: &Valid<Rules>, model: &str, id: &str, verb: Verb<'_>, body: &[u8]) -> Result<Save, Vec<Refused>> {
    let program = &rules.program;
    let Some(model_id) = program.model_named(model) else {
        return Err(vec![unknown_model(program, model)]);
    };
    let mut mistakes = Mistakes::default();
    if let Some(why) = wrong_id(id) {
        mistakes.add(Refused::whole("invalid-id", format!("the object's id {why}"), None));
    }
    if body.len() > MAX_BODY_BYTES {
        let message = format!("the body has {} bytes, expected at most {MAX_BODY_BYTES}", body.len());
        mistakes.add(Refused::whole("too-large", message, None));
        return mistakes.or(Save { model: model_id, id: id.into(), change: Change::Delete });
    }
    let target = Target { program, model: program.model(model_id), id };
    let change = match verb {
        Verb::Put => Change::Put(read_fields(target, body, &mut mistakes).into_iter().map(Option::unwrap_or_default).collect()),
        Verb::Patch => {
            let slots = (0_u16..).zip(read_fields(target, body, &mut mistakes));
            Change::Patch(slots.filter_map(|(index, value)| Some((PropertyId(index), value?))).collect())
        }
        Verb::Upload(field) => read_upload(target, field, body, &mut mistakes),
        Verb::Delete => Change::Delete,
    };
    mistakes.or(Save { model: model_id, id: id.into(), change })
}

fn unknown_model(program: &Program, seen: &str) -> Refused {
    let names = || program.models.iter().map(|model| &*model.name);
    let help = suggestion(seen, names()).map_or_else(
        || format!("the data model has {}", one_of(names()).replace(" or ", " and ")),
        |name| format!("did you mean `{name}`?"),
    );
    Refused::whole("unknown-model", format!("`{}` is not a model of the data model", quoted(seen)), Some(help))
}

/// What is wrong with an object's id, if anything.
fn wrong_id(id: &str) -> Option<String> {
    let seen = || quoted(id);
    if id.is_empty() {
        Some("is empty, expected 1 to 255 characters".to_owned())
    } else if id.chars().nth(MAX_ID_CHARACTERS).is_some() {
        Some(format!("`{}` has {} characters, expected at most {MAX_ID_CHARACTERS}", seen(), id.chars().count()))
    } else if id.contains('/') {
        Some(format!("`{}` contains `/`, expected an id without it", seen()))
    } else if id.contains(char::is_control) {
        Some(format!("`{}` contains a control character, expected an id without one", seen()))
    } else {
        None
    }
}

/// The object that a body is about.
#[derive(Clone, Copy)]
struct Target<'a> {
    program: &'a Program,
    model: &'a Model,
    id: &'a str,
}

/// One slot per property: what the body says about it.
fn read_fields(target: Target<'_>, body: &[u8], mistakes: &mut Mistakes) -> Vec<Option<Value>> {
    let mut slots = vec![None; target.model.properties.len()];
    let mut reader = serde_json::Deserializer::from_slice(body);
    let fields = Fields { target, slots: &mut slots, mistakes };
    if let Err(error) = reader.deserialize_map(fields).and_then(|()| reader.end()) {
        mistakes.add(not_json(&error, body));
    }
    slots
}

fn not_json(error: &serde_json::Error, body: &[u8]) -> Refused {
    if is_object(body) {
        return Refused::whole("invalid-json", format!("the body is not JSON: {error}"), None);
    }
    let kind = if error.is_data() { "wrong-type" } else { "invalid-json" };
    Refused::whole(kind, format!("the body is {}, expected a JSON object", kind_of_document(body)), None)
}

fn read_upload(target: Target<'_>, field: &str, body: &[u8], mistakes: &mut Mistakes) -> Change {
    let model = target.model;
    let Some(property) = model.property_named(field).filter(|&id| model.property(id).is_attachment()) else {
        let attachments = || model.properties.iter().filter(|property| property.is_attachment()).map(|property| &*property.name);
        let help = suggestion(field, attachments()).map(|name| format!("did you mean `{name}`?"));
        let expected =
            if attachments().next().is_none() { "which has none".to_owned() } else { format!("expected {}", one_of(attachments())) };
        let message = format!("`{}` is not an attachment of `{}`, {expected}", quoted(field), model.name);
        mistakes.add(Refused::whole("unknown-field", message, help));
        return Change::Delete;
    };
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Json { at: Place::Body, mistakes }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(value) => {
            let uploaded = attachment(value, Given::ByUpload, Place::Body, mistakes);
            Change::Upload(property, uploaded.unwrap_or_default())
        }
        Err(error) => {
            mistakes.add(Refused::whole("invalid-json", format!("the body is not JSON: {error}"), None));
            Change::Delete
        }
    }
}

/// Reads the object of a body.
struct Fields<'a> {
    target: Target<'a>,
    slots: &'a mut [Option<Value>],
    mistakes: &'a mut Mistakes,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { target, slots, mistakes } = self;
        while let Some(key) = entries.next_key_seed(KeyOf(target.model))? {
            match key {
                Key::Property(id) => {
                    let property = target.model.property(id);
                    let at = Place::Property(property);
                    let value = entries.next_value_seed(Json { at, mistakes })?;
                    let Some(slot) = slots.get_mut(id.index()) else { continue };
                    if slot.is_some() {
                        mistakes.push("duplicate-key", at, format!("{at} stands more than once, expected one value"), None);
                        continue;
                    }
                    let value = match &property.kind {
                        Kind::Field(field) => canonical(field, value, at, mistakes),
                        Kind::BelongsTo(relation) => related_id(target.program.model(relation.model), value, at, mistakes),
                    };
                    *slot = Some(value.unwrap_or_default());
                }
                Key::Id => same(&entries.next_value()?, target.id, ("id", "id-mismatch"), mistakes),
                Key::Type => same(&entries.next_value()?, &target.model.name, ("type", "type-mismatch"), mistakes),
                Key::UpdatedAt => drop(entries.next_value::<IgnoredAny>()?),
                Key::Unknown(key) => {
                    entries.next_value::<IgnoredAny>()?;
                    if !mistakes.is_full() {
                        unknown_field(target, &key, mistakes);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a key of a body stands for.
enum Key {
    Property(PropertyId),
    Id,
    Type,
    UpdatedAt,
    Unknown(String),
}

/// Looks up a key without copying it.
struct KeyOf<'a>(&'a Model);

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        let model = self.0;
        let relation = |id: &PropertyId| matches!(model.property(*id).kind, Kind::BelongsTo(_));
        if let Some(field) = model.property_named(key).filter(|id| !relation(id)) {
            return Ok(Key::Property(field));
        }
        if let Some(id) = key.strip_suffix("_id").and_then(|name| model.property_named(name)).filter(relation) {
            return Ok(Key::Property(id));
        }
        Ok(match key {
            "id" => Key::Id,
            "type" => Key::Type,
            "updated_at" => Key::UpdatedAt,
            _ => Key::Unknown(key.to_owned()),
        })
    }
}

fn related_id(model: &Model, value: Value, at: Place<'_>, mistakes: &mut Mistakes) -> Option<Value> {
    match &value {
        Value::Null => Some(value),
        Value::String(id) => match wrong_id(id) {
            None => Some(value),
            Some(why) => {
                mistakes.push("invalid-id", at, format!("{at} {why}"), None);
                None
            }
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let message = format!("{at} is {}, expected the id of {} `{}` or null", shown(&value), article(&model.name), model.name);
            mistakes.push("wrong-type", at, message, None);
            None
        }
    }
}

fn article(name: &str) -> &'static str {
    if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn same(seen: &Value, expected: &str, (key, kind): (&'static str, &'static str), mistakes: &mut Mistakes) {
    if seen.as_str() != Some(expected) {
        let message = format!("`{key}` is {}, expected `{}` as in the request", shown(seen), quoted(expected));
        mistakes.push(kind, Place::Key(&Place::Body, key), message, None);
    }
}

fn unknown_field(target: Target<'_>, key: &str, mistakes: &mut Mistakes) {
    let model = target.model;
    let known = model.property_named(key).or_else(|| key.strip_suffix("_id").and_then(|name| model.property_named(name)));
    let help = if let Some(id) = known {
        let property = model.property(id);
        match property.kind {
            Kind::BelongsTo(_) => format!("a relation is given by its id, as `{}`", property_key(property)),
            Kind::Field(_) => format!("did you mean `{}`?", property.name),
        }
    } else if let Some(many) = model.has_many.iter().find(|many| *many.name == *key) {
        format!("`{key}` is a has-many; save the `{}` objects that point here", target.program.model(many.model).name)
    } else {
        let keys: Vec<_> = model.properties.iter().map(property_key).collect();
        let names = || keys.iter().map(AsRef::as_ref);
        suggestion(key, names()).map_or_else(
            || format!("`{}` has {}", model.name, one_of(names()).replace(" or ", " and ")),
            |name| format!("did you mean `{name}`?"),
        )
    };
    let message = format!("`{}` is not a field of `{}`", quoted(key), model.name);
    mistakes.push("unknown-field", Place::Key(&Place::Body, key), message, Some(help));
}

#[cfg(test)]
mod tests;
