//! The fields of a request, whatever that API calls them and wherever they stand in it, → a [`Definition`]. A field that is not there
//! leaves the definition as it is; one that is null sets it back.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::definition::{Definition, Profile};
use super::document::{Field, Mistake, Object};
use super::failure::{FailureRules, interval};
use super::hidden::stay_where_given;
use super::interest::{add_headers, headers, read_body, read_conditions, read_events, read_scope};
use super::names::{LONGEST_QUANTITY, MAX_NAME, MAX_URL};
use crate::check::{Part, Wants};
use crate::delivery::{Rate, RateError, Secret, parse_duration};

/// Characters of a comment.
const MAX_COMMENT: usize = 1_000;
/// Requests under way at once.
const MOST_AT_ONCE: u32 = 1_000;
/// Milliseconds of a deadline: a lease must outlive it.
const TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=120_000;
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];
const PROFILES: [&str; 3] = ["standard", "asymmetric", "journey"];

/// What was submitted, each field with its place.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// A text.
    pub name: Option<Field>,
    /// A text.
    pub comment: Option<Field>,
    /// True or false.
    pub enabled: Option<Field>,
    /// A list of names.
    pub event_types: Option<Field>,
    /// An object with `model` and `object`.
    pub scope: Option<Field>,
    /// A list of objects with `path` and `accepted_values`.
    pub conditions: Option<Field>,
    /// A text.
    pub url: Option<Field>,
    /// A text.
    pub method: Option<Field>,
    /// A map of lists, or a list of `name` and `value`.
    pub headers: Option<Field>,
    /// A JSON value, or a text.
    pub body: Option<Field>,
    /// The body as it was written, when it is not a text.
    pub body_text: Option<String>,
    /// A text.
    pub content_type: Option<Field>,
    /// A time.
    pub timeout: Option<Field>,
    /// The same as a whole number of milliseconds, as it is shown.
    pub timeout_ms: Option<Field>,
    /// A number.
    pub concurrency: Option<Field>,
    /// A text such as `100/s`.
    pub rate_limit: Option<Field>,
    /// `none` or `object`.
    pub order: Option<Field>,
    /// A list of profiles.
    pub signatures: Option<Field>,
    /// A text.
    pub secret: Option<Field>,
    /// An object.
    pub failure_handling: Option<Field>,
    /// What may be said about failures.
    pub failure_rules: FailureRules,
}

/// What was read besides the definition.
#[derive(Debug, Default)]
pub struct Read {
    /// The signing secret that was wanted.
    pub secret: Option<Secret>,
    /// Where the parts of the endpoint stand that were submitted.
    pub places: Vec<(Part, String)>,
    /// Where it stands who is to be told of trouble.
    pub alert: Option<String>,
    /// The headers whose values were written.
    pub(super) said: Vec<(Box<str>, Box<str>)>,
}

impl Draft {
    /// The fields as this node's own API calls them. `text` is the document that `object` was read from.
    pub fn own(object: &mut Object, text: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Raw<'t> {
            #[serde(borrow, default)]
            body: Option<&'t RawValue>,
        }
        let body_text = serde_json::from_slice::<Raw<'_>>(text).ok().and_then(|raw| raw.body.map(|body| body.get().to_owned()));
        Self {
            name: object.take_nullable("name"),
            comment: object.take_nullable("comment"),
            enabled: object.take_nullable("enabled"),
            event_types: object.take_nullable("event_types"),
            scope: object.take_nullable("scope"),
            conditions: object.take_nullable("conditions"),
            url: object.take_nullable("url"),
            method: object.take_nullable("method"),
            headers: object.take_nullable("headers"),
            body: object.take_nullable("body"),
            body_text,
            content_type: object.take_nullable("content_type"),
            timeout: object.take_nullable("timeout"),
            timeout_ms: object.take_nullable("timeout_ms"),
            concurrency: object.take_nullable("concurrency"),
            rate_limit: object.take_nullable("rate_limit"),
            order: object.take_nullable("order"),
            signatures: object.take_nullable("signatures"),
            secret: object.take_nullable("secret"),
            failure_handling: object.take_nullable("failure_handling"),
            failure_rules: FailureRules::default(),
        }
    }

    /// A definition of which nothing is said yet.
    #[must_use]
    pub fn blank() -> Definition {
        let wants = Wants {
            event_types: Vec::new(),
            about: Vec::new(),
            model: None,
            object: None,
            conditions: Vec::new(),
            url: "".into(),
            method: "POST".into(),
            headers: Vec::new(),
            body: None,
            content_type: None,
        };
        Definition {
            name: String::new(),
            comment: None,
            enabled: true,
            wants,
            timeout_ms: None,
            concurrency: None,
            rate_limit: None,
            ordered: false,
            signatures: Vec::new(),
            failure_handling: None,
            dialect: None,
        }
    }

    /// Reads what is there into the definition. A value that is not shown goes nowhere else than it was given for.
    pub fn apply(self, to: &mut Definition, out: &mut Vec<Mistake>) -> Read {
        let before = to.wants.url.clone();
        let read = self.read(to, out);
        stay_where_given(&before, &to.wants, &read, out);
        read
    }

    /// The same, without asking where the values go.
    pub(super) fn read(self, to: &mut Definition, out: &mut Vec<Mistake>) -> Read {
        let mut read = Read::default();
        if let Some(name) = given(self.name).and_then(|field| field.text_within(1..=MAX_NAME, out)) {
            to.name = name;
        }
        if let Some(field) = self.comment {
            to.comment = if field.value.is_null() { None } else { field.text_within(0..=MAX_COMMENT, out) };
        }
        if let Some(field) = self.enabled {
            to.enabled = if field.value.is_null() { true } else { field.boolean(out).unwrap_or(to.enabled) };
        }
        if let Some(field) = given(self.event_types) {
            read_events(field, &mut to.wants, &mut read, out);
        }
        if let Some(field) = self.scope {
            read_scope(field, &mut to.wants, &mut read, out);
        }
        if let Some(field) = self.conditions {
            read_conditions(field, &mut to.wants, &mut read, out);
        }
        if let Some(field) = given(self.url) {
            read.places.push((Part::Url, field.pointer.clone()));
            to.wants.url = field.text_within(1..=MAX_URL, out).unwrap_or_default().into();
        }
        if let Some(field) = self.method {
            to.wants.method = method(&field, out).unwrap_or("POST").into();
        }
        if let Some(field) = self.headers {
            let before = std::mem::take(&mut to.wants.headers);
            if !field.value.is_null() {
                add_headers(headers(field, &before, out), &mut to.wants, &mut read);
            }
        }
        read_body(self.body, self.body_text, self.content_type, &mut to.wants, &mut read, out);
        if let (Some(field), Some(_)) = (&self.timeout_ms, &self.timeout) {
            field.wrong("invalid-value", "and `timeout` say the same thing, expected one of them", out);
        } else if let Some(field) = self.timeout_ms {
            to.timeout_ms = if field.value.is_null() { None } else { field.whole(TIMEOUT_MS, out).map(u64::from) };
        }
        if let Some(field) = self.timeout {
            to.timeout_ms = if field.value.is_null() { None } else { timeout(&field, out) };
        }
        if let Some(field) = self.concurrency {
            to.concurrency = if field.value.is_null() { None } else { field.whole(1..=MOST_AT_ONCE, out) };
        }
        if let Some(field) = self.rate_limit {
            to.rate_limit = if field.value.is_null() { None } else { rate(field, out) };
        }
        if let Some(field) = self.order {
            to.ordered = ordered(&field, out);
        }
        if let Some(field) = self.signatures {
            to.signatures = profiles(field, out);
        }
        read.secret = given(self.secret).and_then(|field| secret(field, out));
        if let Some(field) = self.failure_handling {
            let base = to.failure_handling.take();
            let object = if field.value.is_null() { None } else { field.object(out) };
            read.alert = object.as_ref().map(|object| object.place_of("alert_endpoint"));
            to.failure_handling = object.map(|object| self.failure_rules.read(object, base.as_ref(), out));
        }
        read
    }
}

fn given(field: Option<Field>) -> Option<Field> {
    field.filter(|field| !field.value.is_null())
}

fn method(field: &Field, out: &mut Vec<Mistake>) -> Option<&'static str> {
    if let Value::String(text) = &field.value
        && let Some(known) = METHODS.iter().find(|known| known.eq_ignore_ascii_case(text))
    {
        return Some(known);
    }
    if !field.value.is_null() {
        field.unknown_word(&METHODS, out);
    }
    None
}

fn timeout(field: &Field, out: &mut Vec<Mistake>) -> Option<u64> {
    let place = field.place();
    let text = interval(field, out)?;
    let milliseconds = parse_duration(&text).ok().and_then(|time| u32::try_from(time.as_millis()).ok()).unwrap_or(u32::MAX);
    if TIMEOUT_MS.contains(&milliseconds) {
        return Some(milliseconds.into());
    }
    place.wrong("invalid-value", format!("is {milliseconds} ms, expected 100 ms to 2 min"), out);
    None
}

fn rate(field: Field, out: &mut Vec<Mistake>) -> Option<String> {
    let place = field.clone();
    let text = field.text_within(1..=LONGEST_QUANTITY, out)?;
    let read: Result<Rate, RateError> = text.parse();
    match read {
        Ok(_) => Some(text),
        Err(error) => {
            place.wrong("invalid-value", format!("cannot be read: {error}"), out);
            None
        }
    }
}

fn ordered(field: &Field, out: &mut Vec<Mistake>) -> bool {
    match field.value.as_str() {
        Some("object") => return true,
        Some("none") => {}
        Some(_) | None if field.value.is_null() => {}
        Some(_) | None => field.unknown_word(&["none", "object"], out),
    }
    false
}

/// The signatures that are asked for besides the standard ones.
fn profiles(field: Field, out: &mut Vec<Mistake>) -> Vec<Profile> {
    let mut profiles = Vec::new();
    if field.value.is_null() {
        return profiles;
    }
    for item in field.list(PROFILES.len(), out).unwrap_or_default() {
        match item.value.as_str() {
            Some("standard") => {}
            Some("journey") => profiles.push(Profile::Journey),
            Some("asymmetric") => profiles.push(Profile::Asymmetric),
            Some(_) | None => item.unknown_word(&PROFILES, out),
        }
    }
    profiles
}

fn secret(field: Field, out: &mut Vec<Mistake>) -> Option<Secret> {
    let place = field.place();
    match field.text(out)?.parse() {
        Ok(secret) => Some(secret),
        Err(error) => {
            let error: crate::delivery::SecretError = error;
            place.wrong("invalid-secret", format!("cannot be used: {error}"), out);
            None
        }
    }
}
