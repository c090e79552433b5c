//! A JSON value and the type of its field → the canonical value that a [`Record`](crate::program::Record) holds, or mistakes.
//!
//! Canonical: an integer is exact, and `3.0` is `3`; a number is a double, written without fraction when it has none; a date is
//! `2026-01-31`; a datetime is in UTC; a choice is its key; a location holds the parts that are known; an attachment is `id`, `state`
//! and the URLs that are known. Texts are kept as they are: their format is advice to people, not a rule.

use serde_json::{Map, Number, Value};

use crate::diagnostics::{one_of, suggestion};
use crate::engine::mistake::{Mistakes, Place, shown};
use crate::program::{Choice, FieldType};

/// The parts of a location, latitude and longitude first.
pub(super) const LOCATION_PARTS: [&str; 5] = ["latitude", "longitude", "altitude", "horizontal_accuracy", "vertical_accuracy"];

/// The URLs under which an attachment's data can be had, as far as they are known.
pub(super) const ATTACHMENT_URLS: [&str; 3] = ["original", "fullscreen", "thumbnail"];

/// Integers below here, 2^53, are the same as a double; what was written as a double from here on may have been another integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The first whole number that is no integer of 64 bits, 2^63.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// The canonical value; `None` when there is a mistake, which has been added to `out`.
pub(super) fn canonical(field: &FieldType, value: Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    if value.is_null() {
        return Some(value);
    }
    match field {
        FieldType::Text(_) if value.is_string() => Some(value),
        FieldType::Text(_) => wrong_type(&value, "a string", at, out),
        FieldType::Number => number(&value, at, out).map(Value::Number),
        FieldType::Integer => integer(&value, at, out).map(Value::from),
        FieldType::Boolean if value.is_boolean() => Some(value),
        FieldType::Boolean => wrong_type(&value, "`true` or `false`", at, out),
        FieldType::Date => date(&value, at, out),
        FieldType::Datetime => datetime(&value, at, out),
        FieldType::Location => location(value, at, out),
        FieldType::Track => {
            let points = items(value, "a list of locations", at, out)?;
            each(points, at, out, location)
        }
        FieldType::Attachment(_) => attachment(value, Given::WithSave, at, out),
        FieldType::SingleChoice(options) => text_key(options, value, at, out),
        FieldType::SingleChoiceInteger(options) => integer_key(options, &value, at, out),
        FieldType::MultipleChoice(options) => {
            let keys = items(value, "a list of keys", at, out)?;
            distinct(each(keys, at, out, |key, at, out| text_key(options, key, at, out))?, at, out)
        }
        FieldType::MultipleChoiceInteger(options) => {
            let keys = items(value, "a list of integer keys", at, out)?;
            distinct(each(keys, at, out, |key, at, out| integer_key(options, &key, at, out))?, at, out)
        }
    }
}

fn wrong_type<T>(seen: &Value, expected: &str, at: Place<'_>, out: &mut Mistakes) -> Option<T> {
    out.push("wrong-type", at, format!("{at} is {}, expected {expected}", shown(seen)), None);
    None
}

fn number(value: &Value, at: Place<'_>, out: &mut Mistakes) -> Option<Number> {
    let Some(double) = value.as_f64() else { return wrong_type(value, "a number", at, out) };
    Some(plain_number(double))
}

/// A double, without a fraction when it has none, so that `3` and `3.0` are one value.
#[expect(clippy::cast_possible_truncation, reason = "a whole double below 2^53 is an i64")]
fn plain_number(double: f64) -> Number {
    if double.fract() == 0.0 && double.abs() < EXACT {
        Number::from(double as i64)
    } else {
        Number::from_f64(double).unwrap_or_else(|| Number::from(0))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a whole double below 2^53 is an i64")]
fn integer(value: &Value, at: Place<'_>, out: &mut Mistakes) -> Option<i64> {
    let Value::Number(seen) = value else { return wrong_type(value, "an integer", at, out) };
    if let Some(exact) = seen.as_i64() {
        return Some(exact);
    }
    match seen.as_f64() {
        Some(double) if double.fract() != 0.0 => wrong_type(value, "an integer, without a fraction", at, out),
        Some(double) if double.abs() < EXACT => Some(double as i64),
        Some(double) if double.abs() < TOO_LARGE => wrong_type(value, "an integer in digits alone, which are exact", at, out),
        Some(_) | None => {
            let range = format!("an integer between {} and {}", i64::MIN, i64::MAX);
            out.push("out-of-range", at, format!("{at} is {seen}, expected {range}"), None);
            None
        }
    }
}

fn date(value: &Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    let Value::String(text) = value else { return wrong_type(value, "a date such as `2026-01-31`", at, out) };
    // Ten characters leave only the form `YYYY-MM-DD`, of all that the parser knows.
    match text.parse::<jiff::civil::Date>() {
        Ok(date) if text.len() == 10 => Some(Value::String(date.to_string())),
        Ok(_) | Err(_) => invalid(value, "a date such as `2026-01-31`", at, out),
    }
}

fn datetime(value: &Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    const EXPECTED: &str = "a date and time with offset such as `2026-01-31T09:30:00Z`";
    let Value::String(text) = value else { return wrong_type(value, EXPECTED, at, out) };
    match text.parse::<jiff::Timestamp>() {
        Ok(instant) => Some(Value::String(instant.to_string())),
        Err(_) => invalid(value, EXPECTED, at, out),
    }
}

fn invalid<T>(seen: &Value, expected: &str, at: Place<'_>, out: &mut Mistakes) -> Option<T> {
    out.push("invalid-value", at, format!("{at} is {}, expected {expected}", shown(seen)), None);
    None
}

fn location(value: Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    const EXPECTED: &str = "a location: an object with `latitude` and `longitude`";
    if !value.is_object() {
        return wrong_type(&value, EXPECTED, at, out);
    }
    let mut whole = true;
    let mut parts = Map::new();
    for (key, part) in entries(value) {
        if out.is_full() {
            return None;
        }
        let place = Place::Key(&at, &key);
        if !LOCATION_PARTS.contains(&key.as_str()) {
            whole = false;
            unknown_key(place, &key, &LOCATION_PARTS, "a location", out);
        } else if !part.is_null() {
            match number(&part, place, out).filter(|number| in_range(&key, number, place, out)) {
                Some(number) => drop(parts.insert(key, Value::Number(number))),
                None => whole = false,
            }
        }
    }
    for key in ["latitude", "longitude"] {
        if whole && !parts.contains_key(key) {
            out.push("missing-key", at, format!("{at} has no `{key}`, expected {EXPECTED}"), None);
            return None;
        }
    }
    whole.then_some(Value::Object(parts))
}

fn in_range(part: &str, number: &Number, at: Place<'_>, out: &mut Mistakes) -> bool {
    let (low, high, words) = match part {
        "latitude" => (-90.0, 90.0, "a number from -90 to 90"),
        "longitude" => (-180.0, 180.0, "a number from -180 to 180"),
        "horizontal_accuracy" | "vertical_accuracy" => (0.0, f64::MAX, "metres, not negative"),
        _ => return true,
    };
    let fits = number.as_f64().is_some_and(|value| (low..=high).contains(&value));
    if !fits {
        out.push("out-of-range", at, format!("{at} is {number}, expected {words}"), None);
    }
    fits
}

fn unknown_key(at: Place<'_>, key: &str, known: &[&'static str], what: &str, out: &mut Mistakes) {
    let help = suggestion(key, known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    let message = format!("{at} is not known, expected {} in {what}", one_of(known.iter().copied()));
    out.push("unknown-key", at, message, help);
}

/// How an attachment comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// As a field of an object: it has an id, and is pending unless it says otherwise.
    WithSave,
    /// As news about the stored one: its id may be left out, and it is uploaded unless it says otherwise.
    ByUpload,
}

/// An attachment: its id, or an object with `id`, `state` and URLs.
pub(super) fn attachment(value: Value, given: Given, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    const EXPECTED: &str = "an attachment: its id, or an object with `id`, `state` and URLs";
    let value = if value.is_string() { Value::Object(Map::from_iter([("id".to_owned(), value)])) } else { value };
    if !value.is_object() {
        return wrong_type(&value, EXPECTED, at, out);
    }
    let mut whole = true;
    let mut parts = Map::new();
    for (key, part) in entries(value) {
        if out.is_full() {
            return None;
        }
        let place = Place::Key(&at, &key);
        let fits = match key.as_str() {
            "id" => attachment_id(&part, place, out),
            "state" => attachment_state(&part, place, out),
            url if ATTACHMENT_URLS.contains(&url) => part.is_null() || attachment_url(&part, place, out),
            other => {
                unknown_key(place, other, &["id", "state", "original", "fullscreen", "thumbnail"], "an attachment", out);
                false
            }
        };
        whole &= fits;
        if fits && !part.is_null() {
            parts.insert(key, part);
        }
    }
    if whole && given == Given::WithSave && !parts.contains_key("id") {
        out.push("missing-key", at, format!("{at} has no `id`, expected {EXPECTED}"), None);
        return None;
    }
    let state = match given {
        Given::WithSave => "pending",
        Given::ByUpload => "uploaded",
    };
    parts.entry("state").or_insert_with(|| Value::from(state));
    whole.then_some(Value::Object(parts))
}

fn attachment_id(part: &Value, at: Place<'_>, out: &mut Mistakes) -> bool {
    let fits = part.as_str().is_some_and(|id| !id.is_empty());
    if !fits {
        out.push("wrong-type", at, format!("{at} is {}, expected the attachment's id, a string that is not empty", shown(part)), None);
    }
    fits
}

fn attachment_state(part: &Value, at: Place<'_>, out: &mut Mistakes) -> bool {
    let fits = part.as_str().is_some_and(|state| matches!(state, "pending" | "uploaded"));
    if !fits {
        let help = part.as_str().and_then(|seen| suggestion(seen, ["pending", "uploaded"])).map(|name| format!("did you mean `{name}`?"));
        out.push("invalid-value", at, format!("{at} is {}, expected `pending` or `uploaded`", shown(part)), help);
    }
    fits
}

fn attachment_url(part: &Value, at: Place<'_>, out: &mut Mistakes) -> bool {
    let fits = part.as_str().is_some_and(|text| url::Url::parse(text).is_ok());
    if !fits {
        out.push("invalid-value", at, format!("{at} is {}, expected an absolute URL", shown(part)), None);
    }
    fits
}

fn text_key(options: &[Choice<Box<str>>], value: Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    let Value::String(seen) = &value else { return wrong_type(&value, "the key of an option, a string", at, out) };
    if options.iter().any(|option| *option.key == **seen) {
        return Some(value);
    }
    let keys = || options.iter().map(|option| &*option.key);
    let by_label = options.iter().find(|option| option.label.eq_ignore_ascii_case(seen)).map(|option| &*option.key);
    let help = by_label.or_else(|| suggestion(seen, keys())).map(|key| format!("did you mean `{key}`?"));
    unknown_option(&value, &one_of(keys()), help, at, out)
}

fn integer_key(options: &[Choice<i64>], value: &Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    let by_label = value.as_str().and_then(|seen| options.iter().find(|option| option.label.eq_ignore_ascii_case(seen)));
    if by_label.is_none() {
        let key = integer(value, at, out)?;
        if options.iter().any(|option| option.key == key) {
            return Some(Value::from(key));
        }
    }
    let keys: Vec<String> = options.iter().map(|option| option.key.to_string()).collect();
    let help = by_label.map(|option| format!("did you mean `{}`?", option.key));
    unknown_option(value, &one_of(keys.iter().map(String::as_str)), help, at, out)
}

fn unknown_option<T>(seen: &Value, keys: &str, help: Option<String>, at: Place<'_>, out: &mut Mistakes) -> Option<T> {
    out.push("unknown-option", at, format!("{at} is {}, expected {keys}", shown(seen)), help);
    None
}

/// The entries of an object; none of anything else.
fn entries(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

/// The items of a list.
fn items(value: Value, expected: &str, at: Place<'_>, out: &mut Mistakes) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { wrong_type(&value, expected, at, out) }
}

/// A list of which every item is canonical.
fn each(
    items: Vec<Value>,
    at: Place<'_>,
    out: &mut Mistakes,
    mut canonical: impl FnMut(Value, Place<'_>, &mut Mistakes) -> Option<Value>,
) -> Option<Value> {
    let count = items.len();
    let mut whole = Vec::with_capacity(count);
    for (index, item) in items.into_iter().enumerate() {
        if out.is_full() {
            return None;
        }
        whole.extend(canonical(item, Place::Item(&at, index), out));
    }
    (whole.len() == count).then_some(Value::Array(whole))
}

/// Keys of which none stands twice. There are at most as many distinct ones as options, so the search is short.
fn distinct(keys: Value, at: Place<'_>, out: &mut Mistakes) -> Option<Value> {
    let items = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen: Vec<&Value> = Vec::new();
    for (index, key) in items.iter().enumerate() {
        if seen.contains(&key) {
            let place = Place::Item(&at, index);
            out.push("duplicate-option", place, format!("{place} is {} again, expected each key once", shown(key)), None);
            return None;
        }
        seen.push(key);
    }
    Some(keys)
}
