//! What an endpoint asks for, as submitted: event types, scope, conditions, headers and body → [`Wants`]. Whether names exist and templates
//! compile is not asked here.

use serde_json::Value;

use super::document::{Field, Mistake, Object, quoted};
use super::draft::Read;
use super::hidden::keep_hidden;
use super::names::{MAX_HEADER, MAX_NAME, is_media_type, is_path};
use crate::check::{ALL_EVENTS, Accepts, Part, Wants};

/// Event types of an endpoint.
const MOST_EVENTS: usize = 1_000;
/// Headers of an endpoint.
const MOST_HEADERS: usize = 64;
/// Conditions of an endpoint.
const MOST_CONDITIONS: usize = 16;
/// Values of a condition.
const MOST_VALUES: usize = 256;

/// A header and where it stands.
pub(super) struct Header {
    pub name: Box<str>,
    pub value: Box<str>,
    pub pointer: String,
    /// Whether the value is one that is not shown, and was kept.
    pub is_kept: bool,
}

pub(super) fn read_events(field: Field, wants: &mut Wants, read: &mut Read, out: &mut Vec<Mistake>) {
    let place = field.place();
    let Some(items) = (if field.value.is_string() { Some(vec![field]) } else { field.list(MOST_EVENTS, out) }) else { return };
    wants.event_types.clear();
    if items.is_empty() {
        place.wrong("invalid-value", format!("is an empty list, expected at least one event type, or `{ALL_EVENTS}`"), out);
    }
    for item in items {
        let pointer = item.pointer.clone();
        if let Some(name) = item.text(out) {
            add_event(name, pointer, wants, read);
        }
    }
}

/// Adds an event type that is not there.
pub(super) fn add_event(name: String, pointer: String, wants: &mut Wants, read: &mut Read) {
    if wants.event_types.iter().any(|known| **known == *name) {
        return;
    }
    let index = u32::try_from(wants.event_types.len()).unwrap_or(u32::MAX);
    read.places.push((Part::EventType(index), pointer));
    wants.event_types.push(name.into());
}

pub(super) fn read_scope(field: Field, wants: &mut Wants, read: &mut Read, out: &mut Vec<Mistake>) {
    (wants.model, wants.object) = (None, None);
    if field.value.is_null() {
        return;
    }
    let place = field.place();
    let Some(mut object) = field.object(out) else { return };
    if let Some(model) = object.take("model") {
        read.places.push((Part::Model, model.pointer.clone()));
        wants.model = model.text(out).map(Into::into);
    }
    wants.object = object.take("object").and_then(|field| field.text_within(1..=MAX_NAME, out)).map(Into::into);
    object.finish(out);
    if wants.object.is_some() && wants.model.is_none() {
        place.wrong("missing-field", "has an `object` and no `model`, expected the model of the object too", out);
    }
}

pub(super) fn read_conditions(field: Field, wants: &mut Wants, read: &mut Read, out: &mut Vec<Mistake>) {
    wants.conditions.clear();
    if field.value.is_null() {
        return;
    }
    for (index, item) in (0..).zip(field.list(MOST_CONDITIONS, out).unwrap_or_default()) {
        let place = item.place();
        let Some(mut object) = item.object(out) else { continue };
        let (path, values) = (object.take("path"), object.take("accepted_values"));
        object.finish(out);
        for (missing, name) in [(path.is_none(), "path"), (values.is_none(), "accepted_values")] {
            if missing {
                place.wrong("missing-field", format!("has no `{name}`"), out);
            }
        }
        let (Some(path), Some(values)) = (path, values) else { continue };
        let path_place = path.clone();
        let Some(path) = path.text(out) else { continue };
        if !is_path(&path) {
            path_place.wrong("invalid-value", "is not a path, expected names with dots between them, such as `object.status`", out);
            continue;
        }
        let values_place = values.clone();
        let items = values.list(MOST_VALUES, out).unwrap_or_default();
        if items.is_empty() {
            values_place.wrong("invalid-value", "has no items, expected at least one value that is accepted", out);
        }
        let mut accepted_values = Vec::new();
        for item in items {
            match &item.value {
                Value::Array(_) | Value::Object(_) => item.mismatch("a text, a number, true, false or null", out),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => accepted_values.push(item.value),
            }
        }
        read.places.push((Part::Path(index), path_place.pointer));
        wants.conditions.push(Accepts { path: path.into(), accepted_values });
    }
}

/// Headers of either form; `before` are those that there were.
pub(super) fn headers(field: Field, before: &[(Box<str>, Box<str>)], out: &mut Vec<Mistake>) -> Vec<Header> {
    let mut headers = written(field, out);
    keep_hidden(&mut headers, before, out);
    headers
}

fn written(field: Field, out: &mut Vec<Mistake>) -> Vec<Header> {
    let mut headers = Vec::new();
    let place = field.place();
    if field.value.is_array() {
        for item in field.list(MOST_HEADERS, out).unwrap_or_default() {
            let pointer = item.pointer.clone();
            let at = item.place();
            let Some(mut object) = item.object(out) else { continue };
            let (name, value) = (object.take("name"), object.take("value"));
            object.finish(out);
            for (missing, what) in [(name.is_none(), "name"), (value.is_none(), "value")] {
                if missing {
                    at.wrong("missing-field", format!("has no `{what}`"), out);
                }
            }
            let (Some(name), Some(value)) = (name, value) else { continue };
            if let (Some(name), Some(value)) = (name.text_within(1..=MAX_NAME, out), value.text_within(0..=MAX_HEADER, out)) {
                headers.push(Header { name: name.into(), value: value.into(), pointer, is_kept: false });
            }
        }
        return headers;
    }
    for (name, field) in field.object(out).map(Object::into_fields).unwrap_or_default() {
        for item in field.one_or_many() {
            let pointer = item.pointer.clone();
            if let Some(value) = item.text_within(0..=MAX_HEADER, out) {
                headers.push(Header { name: name.as_str().into(), value: value.into(), pointer, is_kept: false });
            }
        }
    }
    if headers.len() > MOST_HEADERS {
        place.wrong("invalid-value", format!("has {} values, expected at most {MOST_HEADERS}", headers.len()), out);
    }
    headers
}

pub(super) fn add_headers(headers: Vec<Header>, wants: &mut Wants, read: &mut Read) {
    for Header { name, value, pointer, is_kept } in headers {
        if !is_kept {
            read.said.push((name.clone(), value.clone()));
        }
        let index = u32::try_from(wants.headers.len()).unwrap_or(u32::MAX);
        read.places.push((Part::HeaderName(index), pointer.clone()));
        read.places.push((Part::HeaderValue(index), pointer));
        wants.headers.push((name, value));
    }
}

pub(super) fn read_body(
    body: Option<Field>,
    text: Option<String>,
    content_type: Option<Field>,
    wants: &mut Wants,
    read: &mut Read,
    out: &mut Vec<Mistake>,
) {
    let mut structural = false;
    if let Some(field) = body {
        read.places.push((Part::Body, field.pointer.clone()));
        wants.body = match field.value {
            Value::Null => None,
            Value::String(template) => Some(template.into()),
            value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                structural = true;
                Some(text.unwrap_or_else(|| value.to_string()).into())
            }
        };
        if wants.body.is_none() {
            wants.content_type = None;
        }
    }
    let Some(field) = content_type else { return };
    if field.value.is_null() {
        wants.content_type = None;
        return;
    }
    let place = field.clone();
    read.places.push((Part::ContentType, field.pointer.clone()));
    let Some(media) = field.text(out) else { return };
    if !is_media_type(&media) {
        place.wrong("invalid-value", format!("is `{}`, expected a media type such as `application/json`", quoted(&media)), out);
    } else if wants.body.is_none() {
        place.wrong("invalid-value", "is given without a `body`: the default body is always application/json", out);
    } else if structural && !media.contains("json") {
        place.wrong("invalid-value", format!("is `{media}`, but the body is JSON: write the body as a text, or leave this out"), out);
    } else {
        wants.content_type = Some(media.into());
    }
}
