//! What a webhook's templates may see → the default body of RUNTIME §2, written straight into one buffer, keys in alphabetical order at
//! each level, as in seed `004_d9f0e04048f8d44d.txt`.
//!
//! The payload of a webhook always has the same keys: what is unset is null. An attachment that is set has `fullscreen`, `original`,
//! `state` and `thumbnail`, null where not known, and one that is listed with `embed="false"` is there as `NAME_id` alone; a location
//! has all its five parts; a relation is there as `NAME_id`, and if it is embedded, as `NAME` too.

use std::cmp::Ordering;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::ids::PropertyId;
use crate::program::{Embed, FieldType, Kind, Program, Property};
use crate::template::{Data, Embedded, Snapshot};

/// What most payloads fit into, in bytes.
const USUAL_SIZE: usize = 1024;

/// Parts of an attachment and of a location, in the order of the payload.
const ATTACHMENT_KEYS: [&str; 4] = ["fullscreen", "original", "state", "thumbnail"];
const LOCATION_KEYS: [&str; 5] = ["altitude", "horizontal_accuracy", "latitude", "longitude", "vertical_accuracy"];

/// The default body of a firing.
pub(super) fn payload(data: &Data<'_>) -> Bytes {
    let mut body = Body { program: data.program, bytes: Vec::with_capacity(USUAL_SIZE) };
    body.key("{", "account_id", data.tenant);
    body.key(",", "app", &data.settings.app);
    body.key(",", "event", &data.webhook.name);
    body.text(",\"object\":");
    object(&mut body, data.object, &data.webhook.embeds, &data.webhook.attachments_by_id);
    body.key(",", "operation", data.operation.as_str());
    body.key(",", "sequence", &data.sequence);
    body.key(",", "server", &data.settings.server);
    body.text("}");
    Bytes::from(body.bytes)
}

/// The buffer, and the model of what is written into it.
struct Body<'a> {
    program: &'a Program,
    bytes: Vec<u8>,
}

impl Body<'_> {
    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        let written = serde_json::to_writer(&mut self.bytes, value);
        debug_assert!(written.is_ok(), "strings, numbers and JSON values can always be written to memory");
    }

    fn key(&mut self, before: &str, key: &str, value: &(impl Serialize + ?Sized)) {
        self.text(before);
        self.value(key);
        self.text(":");
        self.value(value);
    }
}

/// A key of an object: a name, or a name with `_id` after it, which is never put together in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key<'a> {
    name: &'a str,
    is_id: bool,
}

impl Key<'_> {
    fn suffix(self) -> &'static str {
        if self.is_id { "_id" } else { "" }
    }

    fn order(self, other: Self) -> Ordering {
        // As far as both names go first: comparing whole slices is several times faster than byte by byte.
        let both = self.name.len().min(other.name.len());
        let ((own, rest), (others, others_rest)) = (self.name.as_bytes().split_at(both), other.name.as_bytes().split_at(both));
        let whole = |rest, suffix: &'static str| <[u8]>::iter(rest).chain(suffix.as_bytes());
        own.cmp(others).then_with(|| whole(rest, self.suffix()).cmp(whole(others_rest, other.suffix())))
    }
}

/// What stands under a key.
#[derive(Clone, Copy)]
enum Entry<'a> {
    Text(&'a str),
    Value(&'a Value),
    AttachmentId(&'a Value),
    Attachment(&'a Value),
    Location(&'a Value),
    Track(&'a Value),
    Embed(&'a Embed, Option<&'a Embedded>),
}

fn object(body: &mut Body<'_>, snapshot: &Snapshot, embeds: &[Embed], by_id: &[PropertyId]) {
    let record = &snapshot.record;
    let model = body.program.model(record.model);
    let mut entries: Vec<(Key<'_>, Entry<'_>)> = Vec::with_capacity(model.properties.len() * 2 + embeds.len() + 3);
    let named = |name, entry| (Key { name, is_id: false }, entry);
    entries.push(named("id", Entry::Text(&record.id)));
    entries.push(named("type", Entry::Text(&model.name)));
    if model.property_named("updated_at").is_none() {
        entries.push(named("updated_at", Entry::Text(&record.updated_at)));
    }
    for (id, property) in (0_u16..).map(PropertyId).zip(&model.properties) {
        let value = record.value(id);
        if by_id.contains(&id) {
            entries.push((Key { name: &property.name, is_id: true }, Entry::AttachmentId(value)));
        } else {
            property_entries(&mut entries, property, value);
        }
    }
    for (index, embed) in embeds.iter().enumerate() {
        entries.push(named(&embed.name, Entry::Embed(embed, snapshot.embedded.get(index))));
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.order(*b));

    let mut before = "{\"";
    for (key, entry) in entries {
        // Names are made of ASCII letters, digits and underscores: nothing to escape.
        body.text(before);
        body.text(key.name);
        body.text(key.suffix());
        body.text("\":");
        write(body, entry);
        before = ",\"";
    }
    body.text("}");
}

fn property_entries<'a>(entries: &mut Vec<(Key<'a>, Entry<'a>)>, property: &'a Property, value: &'a Value) {
    let name = Key { name: &property.name, is_id: false };
    let id = Key { name: &property.name, is_id: true };
    match &property.kind {
        Kind::BelongsTo(_) => entries.push((id, Entry::Value(value))),
        Kind::Field(FieldType::Attachment(_)) => {
            entries.push((id, Entry::AttachmentId(value)));
            entries.push((name, Entry::Attachment(value)));
        }
        Kind::Field(FieldType::Location) => entries.push((name, Entry::Location(value))),
        Kind::Field(FieldType::Track) => entries.push((name, Entry::Track(value))),
        Kind::Field(
            FieldType::Text(_)
            | FieldType::Number
            | FieldType::Integer
            | FieldType::Boolean
            | FieldType::Date
            | FieldType::Datetime
            | FieldType::SingleChoice(_)
            | FieldType::MultipleChoice(_)
            | FieldType::SingleChoiceInteger(_)
            | FieldType::MultipleChoiceInteger(_),
        ) => entries.push((name, Entry::Value(value))),
    }
}

fn write(body: &mut Body<'_>, entry: Entry<'_>) {
    match entry {
        Entry::Text(text) => body.value(text),
        Entry::Value(value) => body.value(value),
        Entry::AttachmentId(attachment) => body.value(attachment.get("id").unwrap_or(&Value::Null)),
        Entry::Attachment(attachment) => parts(body, attachment, &ATTACHMENT_KEYS),
        Entry::Location(location) => parts(body, location, &LOCATION_KEYS),
        Entry::Track(track) => match track.as_array() {
            None => body.text("null"),
            Some(points) => list(body, points, |body, point| parts(body, point, &LOCATION_KEYS)),
        },
        Entry::Embed(embed, Some(Embedded::One(Some(related)))) => object(body, related, &embed.embeds, &[]),
        Entry::Embed(embed, Some(Embedded::Many(items))) => {
            list(body, items, |body, item| object(body, item, &embed.embeds, &[]));
        }
        Entry::Embed(_, Some(Embedded::One(None)) | None) => body.text("null"),
    }
}

fn parts(body: &mut Body<'_>, value: &Value, keys: &[&str]) {
    let Some(object) = value.as_object() else { return body.text("null") };
    let mut before = "{";
    for key in keys {
        body.key(before, key, object.get(*key).unwrap_or(&Value::Null));
        before = ",";
    }
    body.text("}");
}

fn list<T>(body: &mut Body<'_>, items: &[T], write: impl Fn(&mut Body<'_>, &T)) {
    body.text("[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.text(",");
        }
        write(body, item);
    }
    body.text("]");
}
