//! What a webhook's templates may see → the default body of RUNTIME §2, written straight into one buffer, keys in alphabetical order at
//! each level, as in seed `004_d9f0e04048f8d44d.txt`.
//!
//! The payload of a webhook always has the same keys: what is unset is null. An attachment that is set has `fullscreen`, `original`,
//! `state` and `thumbnail`, null where not known, and one that is listed with `embed="false"` is there as `NAME_id` alone; a location
//! has all its five parts; a relation is there as `NAME_id`, and if it is embedded, as `NAME` too.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::ids::PropertyId;
use crate::program::{Embed, Model, PayloadValue, Program, Record};
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

fn object(body: &mut Body<'_>, snapshot: &Snapshot, embeds: &[Embed], by_id: &[PropertyId]) {
    let program = body.program;
    let model = program.model(snapshot.record.model);
    let mut related: Vec<_> = embeds.iter().enumerate().map(|(index, embed)| (embed, snapshot.embedded.get(index))).collect();
    related.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut related = related.into_iter().peekable();
    let mut before = "{";
    for key in model.payload_keys().iter() {
        while let Some((embed, found)) = related.next_if(|(embed, _)| *embed.name < *key.name()) {
            related_object(body, before, embed, found);
            before = ",";
        }
        let is_left_out = match key.value {
            PayloadValue::Attachment(property) => by_id.contains(&property),
            // A key stands once, and here a relation has it.
            PayloadValue::UpdatedAt => embeds.iter().any(|embed| *embed.name == *key.name()),
            PayloadValue::Id
            | PayloadValue::Type
            | PayloadValue::Plain(_)
            | PayloadValue::AttachmentId(_)
            | PayloadValue::Location(_)
            | PayloadValue::Track(_) => false,
        };
        if is_left_out {
            continue;
        }
        body.text(before);
        body.text(key.written);
        property(body, model, &snapshot.record, key.value);
        before = ",";
    }
    for (embed, found) in related {
        related_object(body, before, embed, found);
        before = ",";
    }
    body.text("}");
}

fn property(body: &mut Body<'_>, model: &Model, record: &Record, value: PayloadValue) {
    match value {
        PayloadValue::Id => body.value(&record.id),
        PayloadValue::Type => body.value(&model.name),
        PayloadValue::UpdatedAt => body.value(&record.updated_at),
        PayloadValue::Plain(property) => body.value(record.value(property)),
        PayloadValue::AttachmentId(property) => body.value(record.value(property).get("id").unwrap_or(&Value::Null)),
        PayloadValue::Attachment(property) => parts(body, record.value(property), &ATTACHMENT_KEYS),
        PayloadValue::Location(property) => parts(body, record.value(property), &LOCATION_KEYS),
        PayloadValue::Track(property) => match record.value(property).as_array() {
            None => body.text("null"),
            Some(points) => list(body, points, |body, point| parts(body, point, &LOCATION_KEYS)),
        },
    }
}

fn related_object(body: &mut Body<'_>, before: &str, embed: &Embed, found: Option<&Embedded>) {
    body.text(before);
    body.value(&embed.name);
    body.text(":");
    match found {
        Some(Embedded::One(Some(related))) => object(body, related, &embed.embeds, &[]),
        Some(Embedded::Many(items)) => list(body, items, |body, item| object(body, item, &embed.embeds, &[])),
        Some(Embedded::One(None)) | None => body.text("null"),
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
