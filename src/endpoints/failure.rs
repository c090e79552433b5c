//! What a document says about failures → [`Handling`]. The numbers that may be asked for, and what is meant when nothing is said, differ
//! from API to API.

use serde_json::Value;

use super::definition::{AlertTo, Handling, RetryPlan};
use super::document::{Field, Mistake, Object};
use super::interest::headers;
use super::names::MAX_URL;
use crate::delivery::{Trigger, TriggerError, parse_duration};
use crate::ids::EndpointId;

/// Triggers that may be listed: all statuses, and the words.
const MOST_TRIGGERS: usize = 310;

/// What an API allows, and what it means when nothing is said.
#[derive(Clone, Debug)]
pub struct FailureRules {
    /// The most attempts.
    pub most_attempts: u32,
    /// Attempts when a retry says nothing about them.
    pub attempts: Option<u32>,
    /// The interval when a retry says nothing about it.
    pub interval: Option<&'static str>,
    /// The retry when there is none.
    pub retry: Option<RetryPlan>,
    /// The triggers when there are none.
    pub triggers: &'static [&'static str],
    /// Whether what is given up is kept when nothing is said.
    pub divert: bool,
    /// The triggers that are words.
    pub words: &'static [&'static str],
}

impl Default for FailureRules {
    fn default() -> Self {
        Self {
            most_attempts: 100,
            attempts: None,
            interval: None,
            retry: None,
            triggers: &[],
            divert: true,
            words: &["4xx", "5xx", "timeout", "connection"],
        }
    }
}

impl FailureRules {
    /// What is meant when nothing is said at all.
    #[must_use]
    pub fn nothing_said(&self) -> Handling {
        let triggers = self.triggers.iter().map(|word| (*word).to_owned()).collect();
        Handling { triggers, retry: self.retry.clone(), alert_endpoint: None, divert: self.divert, suspend: false }
    }

    /// Reads it; what was said before, `base`, stays where nothing is said.
    pub(super) fn read(&self, mut object: Object, base: Option<&Handling>, out: &mut Vec<Mistake>) -> Handling {
        let mut handling = base.cloned().unwrap_or_else(|| self.nothing_said());
        if let Some(triggers) = object.take("triggers").and_then(|field| field.list(MOST_TRIGGERS, out)) {
            handling.triggers = triggers.into_iter().filter_map(|field| self.trigger(&field, out)).collect();
        }
        if let Some(field) = object.take_nullable("retry") {
            handling.retry = if field.value.is_null() { self.retry.clone() } else { self.retry(field, out) };
        }
        if let Some(field) = object.take_nullable("alert_endpoint") {
            let before = match handling.alert_endpoint.take() {
                Some(AlertTo::Place { headers, .. }) => headers,
                Some(AlertTo::Endpoint(_)) | None => Vec::new(),
            };
            handling.alert_endpoint = if field.value.is_null() { None } else { alert(field, &before, out) };
        }
        if let Some(divert) = object.take("divert").and_then(|field| field.boolean(out)) {
            handling.divert = divert;
        }
        if let Some(suspend) = object.take("suspend").and_then(|field| field.boolean(out)) {
            handling.suspend = suspend;
        }
        object.finish(out);
        handling
    }

    fn trigger(&self, field: &Field, out: &mut Vec<Mistake>) -> Option<String> {
        let word = match &field.value {
            Value::String(word) => word.clone(),
            Value::Number(status) => status.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                field.mismatch("a kind of failure, such as `5xx`, or a status", out);
                return None;
            }
        };
        let read: Result<Trigger, TriggerError> = word.parse();
        match read {
            Ok(Trigger::Status(_)) => Some(word),
            Ok(_) if self.words.contains(&word.as_str()) => Some(word),
            Ok(_) => {
                field.unknown_word(self.words, out);
                None
            }
            Err(error) => {
                field.wrong("invalid-value", format!("cannot be read: {error}"), out);
                None
            }
        }
    }

    fn retry(&self, field: Field, out: &mut Vec<Mistake>) -> Option<RetryPlan> {
        let before = out.len();
        let place = field.place();
        let mut object = field.object(out)?;
        let pattern = object.take("pattern").and_then(|field| {
            let known = ["schedule", "linear", "exponential"];
            let word = field.clone().text(out)?;
            if known.contains(&word.as_str()) {
                return Some(word);
            }
            field.unknown_word(&known, out);
            None
        });
        let every = object.take("interval").and_then(|field| interval(&field, out));
        let max_attempts = object.take("max_attempts").and_then(|field| field.whole(1..=self.most_attempts, out)).or(self.attempts);
        let schedule = object.take("schedule").and_then(|field| field.list(100, out)).unwrap_or_default();
        let schedule: Vec<String> = schedule.into_iter().filter_map(|field| interval(&field, out)).collect();
        object.finish(out);
        let interval = every.or_else(|| {
            let wanted = schedule.is_empty() && pattern.as_deref() != Some("schedule");
            self.interval.filter(|_| wanted).map(str::to_owned)
        });
        let plan = RetryPlan { pattern, interval, max_attempts, schedule };
        if out.len() > before {
            return None;
        }
        if let Err(why) = plan.retry() {
            place.wrong("invalid-value", format!("cannot be done: {why}"), out);
        }
        Some(plan)
    }
}

/// `"30 s"`, or a number of seconds.
pub(super) fn interval(field: &Field, out: &mut Vec<Mistake>) -> Option<String> {
    let text = match &field.value {
        Value::String(text) => text.clone(),
        Value::Number(seconds) if seconds.is_u64() => format!("{seconds} s"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            field.mismatch("a time such as `30 s`, or a whole number of seconds", out);
            return None;
        }
    };
    match parse_duration(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            field.wrong("invalid-value", format!("cannot be read: {error}"), out);
            None
        }
    }
}

/// The id of another endpoint, or a place of its own. `before` are the headers of the one that there was.
fn alert(field: Field, before: &[(Box<str>, Box<str>)], out: &mut Vec<Mistake>) -> Option<AlertTo> {
    match &field.value {
        Value::String(id) => Some(AlertTo::Endpoint(EndpointId::new(id.as_str()))),
        Value::Object(_) => {
            let place = field.clone();
            let mut object = field.object(out)?;
            let url = object.take("url");
            if url.is_none() {
                let message = format!("`{}.url` is missing, expected where to send alerts", place.name());
                out.push(Mistake { pointer: object.place_of("url"), code: "missing-field", message, help: None });
            }
            let url = url.and_then(|field| field.text_within(1..=MAX_URL, out));
            let headers = object.take("headers").map(|field| headers(field, before, out)).unwrap_or_default();
            object.finish(out);
            let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
            Some(AlertTo::Place { url: url?.into(), headers })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            field.mismatch("the id of another endpoint, or an object with a `url`", out);
            None
        }
    }
}
