//! `timeout`, `concurrency`, `rate_limit`, `order`, `signatures` and `failure_handling` of an endpoint → [`Policy`]. Whether its alert endpoint exists
//! is not known here.

use std::time::Duration;

use toml::de::DeValue;

use super::document::{Mistake, Table, Value};
use crate::delivery::{FailureHandling, MAX_ATTEMPTS, Pattern, Policy, RateError, Retry, RetryError, Trigger, parse_duration};
use crate::diagnostics::{one_of, suggestion};
use crate::program::Order;
use crate::text::Spanned;

/// The longest deadline of one exchange: a lease must outlive it.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(2);
/// The shortest.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
/// The most requests to one endpoint at once.
const MOST_AT_ONCE: u32 = 1_000;

const PROFILES: [&str; 3] = ["standard", "asymmetric", "journey"];

/// Takes the keys of the runtime's side from an endpoint's table; with the name of its alert endpoint, if it has one.
pub(super) fn policy(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> (Policy, Option<Spanned<String>>) {
    let mut policy = Policy::default();
    let mut alert = None;
    if let Some(timeout) = table.take("timeout").and_then(|value| timeout(&value, out)) {
        policy.timeout = timeout;
    }
    if let Some(concurrency) = table.take("concurrency").and_then(|value| value.integer(1, MOST_AT_ONCE, out)) {
        policy.concurrency = concurrency;
    }
    if let Some(rate) = table.take("rate_limit").and_then(|value| value.string(out)) {
        let read = rate.value.parse().map_err(|error: RateError| out.push(Mistake::new(rate.span, error.to_string())));
        policy.rate_limit = read.ok();
    }
    if let Some(order) = table.take("order").and_then(|value| value.string(out)) {
        match order.value.as_str() {
            "none" => {}
            "object" => policy.order = Order::Object,
            seen => out.push(Mistake::new(order.span, format!("unknown order `{seen}`, expected `none` or `object`"))),
        }
    }
    if let Some(signatures) = table.take("signatures") {
        for profile in signatures.strings(out) {
            match profile.value.as_str() {
                "standard" => {}
                "asymmetric" => policy.asymmetric = true,
                "journey" => policy.journey = true,
                _ => out.push(unknown_profile(&profile)),
            }
        }
    }
    if let Some(mut handling) = table.take("failure_handling").and_then(|value| value.table("`failure_handling`".to_owned(), out)) {
        policy.failure_handling = failure_handling(&mut handling, out);
        alert = handling.take("alert_endpoint").and_then(|value| value.string(out));
        handling.finish(out);
    }
    (policy, alert)
}

fn failure_handling(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> FailureHandling {
    let mut handling = FailureHandling::default();
    if let Some(divert) = table.take("divert").and_then(|value| value.boolean(out)) {
        handling.divert = divert;
    }
    if let Some(suspend) = table.take("suspend").and_then(|value| value.boolean(out)) {
        handling.suspend = suspend;
    }
    if let Some(triggers) = table.take("triggers") {
        handling.triggers = triggers.one_or_many().iter().filter_map(|value| trigger(value, out)).collect();
    }
    if let Some(mut table) = table.take("retry").and_then(|value| value.table("`retry`".to_owned(), out)) {
        if let Some(retry) = retry(&mut table, out) {
            handling.retry = retry;
        }
        table.finish(out);
    }
    handling
}

fn trigger(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Trigger> {
    let text = match value.raw() {
        DeValue::Integer(status) => Spanned::new(status.as_str().to_owned(), value.span()),
        DeValue::String(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            value.string(out)?
        }
    };
    text.value.parse().map_err(|error: crate::delivery::TriggerError| out.push(Mistake::new(text.span, error.to_string()))).ok()
}

/// `{ pattern = "linear", interval = "1s", max_attempts = 5 }`, where the first attempt is at once; or `{ schedule = ["0s", "5s", "1 min"] }`,
/// the wait before each attempt.
fn retry(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Option<Retry> {
    let before = out.len();
    let pattern = table.take("pattern").and_then(|value| {
        let word = value.string(out)?;
        let read = word.value.parse::<Pattern>();
        read.map_err(|error| out.push(Mistake::new(word.span, error.to_string()))).ok()
    });
    let interval = table.take("interval").and_then(|value| duration(&value, out));
    let attempts = table.take("max_attempts").and_then(|value| value.integer(1, MAX_ATTEMPTS, out));
    let schedule = table.take("schedule").and_then(|value| value.list(out));
    let schedule: Option<Vec<Duration>> = schedule.map(|waits| waits.iter().filter_map(|wait| duration(wait, out)).collect());
    if out.len() > before {
        return None;
    }
    let pattern = pattern.unwrap_or(if interval.is_some() { Pattern::Linear } else { Pattern::Schedule });
    let retry = match (pattern, schedule, interval) {
        (_, None, interval) => Retry::new(pattern, interval, attempts),
        (Pattern::Schedule, Some(waits), None) => Retry::of_schedule(waits, attempts),
        (Pattern::Schedule, Some(_), Some(_)) => Err(RetryError::ScheduleInterval),
        (Pattern::Linear | Pattern::Exponential, Some(_), _) => Err(RetryError::OwnSchedule),
    };
    retry.map_err(|error| out.push(Mistake::new(table.span, error.to_string()))).ok()
}

/// `"1s"`, `"5 min"`, `"2h"`.
fn duration(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Duration> {
    if let DeValue::String(text) = value.raw() {
        return parse_duration(text).map_err(|error| out.push(Mistake::new(value.span(), error.to_string()))).ok();
    }
    value.mismatch("a time such as `\"30 s\"` or `\"5 min\"`", out);
    None
}

fn timeout(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<Duration> {
    let timeout = duration(value, out)?;
    if (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&timeout) {
        return Some(timeout);
    }
    out.push(Mistake::new(value.span(), format!("the timeout is {} ms, expected 100 ms to 2 min", timeout.as_millis())));
    None
}

fn unknown_profile(seen: &Spanned<String>) -> Mistake {
    let expected = one_of(PROFILES);
    let mistake = Mistake::new(seen.span, format!("unknown signature profile `{}`, expected {expected}", seen.value));
    match suggestion(&seen.value, PROFILES) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake,
    }
}
