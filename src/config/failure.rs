//! `timeout`, `concurrency`, `signatures` and `failure_handling` of an endpoint → [`Policy`].

use std::time::Duration;

use toml::de::DeValue;

use super::document::{Mistake, Table, Value};
use crate::delivery::{FailureHandling, Policy, Retry, Trigger};
use crate::diagnostics::{one_of, suggestion};

/// The longest deadline of one exchange: a lease must outlive it.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most attempts of a delivery.
const MOST_ATTEMPTS: u32 = 100;
/// The most requests to one endpoint at once.
const MOST_AT_ONCE: u32 = 1_000;

const TRIGGERS: [&str; 4] = ["4xx", "5xx", "timeout", "connection"];
const PATTERNS: [&str; 3] = ["schedule", "linear", "exponential"];
const PROFILES: [&str; 2] = ["standard", "journey"];

/// Takes the keys of the runtime's side from an endpoint's table.
pub(super) fn policy(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Policy {
    let mut policy = Policy::default();
    if let Some(timeout) = table.take("timeout").and_then(|value| duration(&value, LONGEST_TIMEOUT, out)) {
        policy.timeout = timeout;
    }
    if let Some(concurrency) = table.take("concurrency").and_then(|value| value.integer(1, MOST_AT_ONCE, out)) {
        policy.concurrency = concurrency;
    }
    if let Some(signatures) = table.take("signatures") {
        for profile in signatures.strings(out) {
            match profile.value.as_str() {
                "standard" => {}
                "journey" => policy.journey = true,
                seen => out.push(unknown("signature profile", seen, &PROFILES, profile.span)),
            }
        }
    }
    if let Some(mut handling) = table.take("failure_handling").and_then(|value| value.table("`failure_handling`".to_owned(), out)) {
        policy.failure_handling = failure_handling(&mut handling, out);
        handling.finish(out);
    }
    policy
}

fn failure_handling(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> FailureHandling {
    let mut handling = FailureHandling::default();
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
    if let DeValue::Integer(_) = value.raw() {
        return value.integer(100, 599, out).and_then(|status| u16::try_from(status).ok()).map(Trigger::Status);
    }
    let text = value.string(out)?;
    match text.value.as_str() {
        "4xx" => Some(Trigger::ClientError),
        "5xx" => Some(Trigger::ServerError),
        "timeout" => Some(Trigger::Timeout),
        "connection" => Some(Trigger::Connection),
        seen => {
            if let Some(status) = seen.parse().ok().filter(|status| (100..=599).contains(status)) {
                return Some(Trigger::Status(status));
            }
            out.push(unknown("trigger", seen, &TRIGGERS, text.span));
            None
        }
    }
}

/// `{ pattern = "linear", interval = "1s", max_attempts = 5 }`, or `{ schedule = ["0s", "5s"] }`. The first attempt is at once.
fn retry(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Option<Retry> {
    let before = out.len();
    let schedule = table.take("schedule");
    let pattern = table.take("pattern").and_then(|value| value.string(out));
    let interval = table.take("interval").and_then(|value| duration(&value, LONGEST_WAIT, out));
    let attempts = table.take("max_attempts").and_then(|value| value.integer(1, MOST_ATTEMPTS, out));
    if let Some(pattern) = &pattern
        && !PATTERNS.contains(&pattern.value.as_str())
    {
        out.push(unknown("retry pattern", &pattern.value, &PATTERNS, pattern.span));
    }
    if out.len() > before {
        return None;
    }
    let word = pattern.as_ref().map_or(if schedule.is_some() { "schedule" } else { "linear" }, |pattern| pattern.value.as_str());
    let place = pattern.as_ref().map_or(table.span, |pattern| pattern.span);
    if word == "schedule" {
        let Some(schedule) = schedule else {
            out.push(Mistake::new(
                place,
                "the retry pattern `schedule` has no `schedule`, expected a list such as `[\"0s\", \"5s\", \"5m\"]`",
            ));
            return None;
        };
        let mut waits: Vec<Duration> = schedule.list(out)?.iter().filter_map(|value| duration(value, LONGEST_WAIT, out)).collect();
        if let Some(most) = attempts {
            waits.truncate(most as usize);
        }
        if waits.is_empty() && out.len() == before {
            out.push(Mistake::new(schedule.span(), "`schedule` is empty, expected at least one wait"));
        }
        return (!waits.is_empty()).then_some(Retry { waits });
    }
    let interval = interval.unwrap_or(Duration::from_secs(60));
    let steps = 1..attempts.unwrap_or(5);
    let wait = |step: u32| if word == "linear" { interval } else { interval.saturating_mul(2_u32.saturating_pow(step - 1)) };
    let waits = std::iter::once(Duration::ZERO).chain(steps.map(|step| wait(step).min(LONGEST_WAIT)));
    Some(Retry { waits: waits.collect() })
}

/// `"1s"`, `"5m"`, `"2h 30m"`, or a whole number of seconds.
fn duration(value: &Value<'_>, longest: Duration, out: &mut Vec<Mistake>) -> Option<Duration> {
    let read = match value.raw() {
        DeValue::Integer(number) => number.as_str().parse().ok().map(Duration::from_secs),
        DeValue::String(text) => text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    };
    match read {
        None => value.mismatch("a duration such as `\"30s\"`, `\"5m\"` or `\"2h\"`", out),
        Some(duration) if duration > longest => out.push(Mistake::new(
            value.span(),
            format!("`{}` is {} seconds, expected at most {}", value.key, duration.as_secs(), longest.as_secs()),
        )),
        Some(duration) => return Some(duration),
    }
    None
}

fn unknown(what: &str, seen: &str, known: &[&'static str], span: crate::text::Span) -> Mistake {
    let mistake = Mistake::new(span, format!("unknown {what} `{seen}`, expected {}", one_of(known.iter().copied())));
    match suggestion(seen, known.iter().copied()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake,
    }
}
