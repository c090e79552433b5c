//! What a document says about failures → [`Handling`]. The numbers that may be asked for, and what is meant when nothing is said, differ
//! from API to API.

use serde_json::Value;

use super::definition::{AlertTo, Handling, RetryPlan};
use super::document::{Field, Mistake, Object};
use super::hidden::{goes_elsewhere, of_another_place};
use super::interest::headers;
use super::names::{LONGEST_QUANTITY, MAX_URL};
use crate::delivery::{Trigger, TriggerError, parse_duration};
use crate::ids::EndpointId;

/// The way to wait that has its own list.
const SCHEDULE: &str = "schedule";
/// Waits of such a list.
const MOST_WAITS: usize = 100;
/// Triggers that may be listed: all statuses, and the words.
const MOST_TRIGGERS: usize = 310;

/// The failure of a connection, as a trigger.
pub const CONNECTION: &str = "connection";
/// That an answer did not come in time, as a trigger.
const TIMEOUT: &str = "timeout";

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
    /// The triggers that are words. Where `connection` is none of them, `timeout` means it too.
    pub words: &'static [&'static str],
    /// The ways to wait.
    pub patterns: &'static [&'static str],
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
            patterns: &["schedule", "linear", "exponential"],
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
        if let Some(field) = object.take("triggers") {
            handling.triggers = self.triggers(field, out);
        }
        if let Some(field) = object.take_nullable("retry") {
            let before = handling.retry.take().filter(|before| Some(before) != self.retry.as_ref());
            handling.retry = if field.value.is_null() { self.retry.clone() } else { self.retry(field, before, out) };
        }
        if let Some(field) = object.take_nullable("alert_endpoint") {
            let before = handling.alert_endpoint.take();
            handling.alert_endpoint = if field.value.is_null() { None } else { alert(field, before.as_ref(), out) };
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

    fn triggers(&self, field: Field, out: &mut Vec<Mistake>) -> Vec<String> {
        let place = field.place();
        let items = field.list(MOST_TRIGGERS, out).unwrap_or_default();
        if items.is_empty() && !self.triggers.is_empty() && !out.iter().any(|mistake| mistake.pointer == place.pointer) {
            place.wrong("invalid-value", "is an empty list, expected at least one kind of failure; leave it out for all of them", out);
        }
        let mut triggers: Vec<String> = items.into_iter().filter_map(|field| self.trigger(&field, out)).collect();
        if !self.words.contains(&CONNECTION) && triggers.iter().any(|word| word == TIMEOUT) {
            triggers.push(CONNECTION.to_owned());
        }
        triggers
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

    /// Reads a retry; where nothing is said, what `before` had stays, and then what is meant by that.
    fn retry(&self, field: Field, before: Option<RetryPlan>, out: &mut Vec<Mistake>) -> Option<RetryPlan> {
        let mistakes = out.len();
        let mut place = field.place();
        let mut object = field.object(out)?;
        let pattern = object.take("pattern").and_then(|field| {
            let word = field.clone().text(out)?;
            if self.patterns.contains(&word.as_str()) {
                return Some(word);
            }
            field.unknown_word(self.patterns, out);
            None
        });
        let every = object.take("interval");
        if let Some(field) = &every {
            place = field.place();
        }
        let every = every.and_then(|field| interval(&field, out));
        let max_attempts = object.take("max_attempts").and_then(|field| field.whole(1..=self.most_attempts, out));
        let mut schedule = Vec::new();
        if self.patterns.contains(&SCHEDULE) {
            let waits = object.take("schedule").and_then(|field| field.list(MOST_WAITS, out)).unwrap_or_default();
            schedule = waits.into_iter().filter_map(|field| interval(&field, out)).collect();
        }
        object.finish(out);
        if out.len() > mistakes {
            return None;
        }
        let of_schedule = !schedule.is_empty() || pattern.as_deref() == Some(SCHEDULE);
        // A schedule and an interval have nothing in common that could stay.
        let before = before.filter(|before| !of_schedule && before.schedule.is_empty() && before.pattern.as_deref() != Some(SCHEDULE));
        let before = before.unwrap_or_default();
        let plan = RetryPlan {
            pattern: pattern.or(before.pattern),
            interval: every.or(before.interval).or_else(|| self.interval.filter(|_| !of_schedule).map(str::to_owned)),
            max_attempts: max_attempts.or(before.max_attempts).or(self.attempts),
            schedule,
        };
        if let Err(why) = plan.retry() {
            place.wrong("invalid-value", format!("cannot be done: {why}"), out);
        }
        Some(plan)
    }
}

/// `"30 s"`, or a number of seconds.
pub(super) fn interval(field: &Field, out: &mut Vec<Mistake>) -> Option<String> {
    let text = match &field.value {
        Value::String(_) => field.clone().text_within(1..=LONGEST_QUANTITY, out)?,
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

/// The id of another endpoint, or a place of its own. `before` is what there was.
fn alert(field: Field, before: Option<&AlertTo>, out: &mut Vec<Mistake>) -> Option<AlertTo> {
    let (before_url, before_headers) = match before {
        Some(AlertTo::Place { url, headers }) => (&**url, headers.as_slice()),
        Some(AlertTo::Endpoint(_)) | None => ("", &[][..]),
    };
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
            let url_place = object.place_of("url");
            let url = url.and_then(|field| field.text_within(1..=MAX_URL, out));
            let headers = object.take("headers").map(|field| headers(field, before_headers, out)).unwrap_or_default();
            object.finish(out);
            if url.as_ref().is_some_and(|url| goes_elsewhere(before_url, url)) {
                for header in headers.iter().filter(|header| header.is_kept) {
                    out.push(of_another_place(&header.name, url_place.clone()));
                }
            }
            let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
            Some(AlertTo::Place { url: url?.into(), headers })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            field.mismatch("the id of another endpoint, or an object with a `url`", out);
            None
        }
    }
}
