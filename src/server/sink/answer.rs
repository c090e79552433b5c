//! How the receiver answers: names and values, from the query of a URL or from JSON → an [`Answer`], with every bound checked.

use std::time::Duration;

use serde::Serialize;

use super::Turn;
use crate::delivery::{DurationError, parse_duration};
use crate::diagnostics::{one_of, suggestion};

/// The longest delay: four times the default deadline of a request.
const LONGEST_DELAY: Duration = Duration::from_mins(1);
/// The longest `Retry-After` that a worker obeys.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);
/// Bytes of a body: as much as is kept of an answer.
const LONGEST_BODY: usize = 64 << 10;
/// The largest N.
const MOST: u64 = 1_000;
/// The status of a failure when nothing is said.
const FAILURE: u16 = 503;

/// What may be said.
const NAMES: [&str; 7] = ["status", "delay", "body", "retry_after", "drop", "first", "one_in"];

/// How to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::server) struct Answer {
    /// Not sent when the connection is dropped.
    pub(in crate::server) status: u16,
    /// Waited before.
    #[serde(rename = "delay_ms", serialize_with = "milliseconds")]
    pub(in crate::server) delay: Duration,
    /// What is said when nothing else is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) body: Option<String>,
    /// The header, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) retry_after: Option<u64>,
    /// Whether the connection is dropped instead.
    pub(in crate::server) drop: bool,
    /// Which requests are answered so.
    #[serde(flatten)]
    pub(in crate::server) to: Selector,
}

/// Which requests are answered as told; the others get 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum Selector {
    /// All of them.
    #[serde(rename = "all")]
    All,
    /// The first so many of each message.
    First(u64),
    /// Every so manieth to the path.
    OneIn(u64),
}

/// Why an answer cannot be given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum AnswerError {
    /// Not one of [`NAMES`].
    #[error("`{name}` is nothing that the receiver can be told, expected {expected}{near}", expected = one_of(NAMES), near = near(.name))]
    Unknown { name: String },
    /// The same name twice.
    #[error("`{0}` is said twice, expected once")]
    Twice(&'static str),
    /// A number that is none, or out of bounds.
    #[error("`{name}` is `{seen}`, expected {expected}")]
    Value { name: &'static str, seen: String, expected: String },
    /// A span of time that is none.
    #[error("`{name}`: {error}")]
    Time { name: &'static str, error: DurationError },
    /// Both ways to choose requests.
    #[error("`first` and `one_in` are both said, expected one of them")]
    Both,
}

fn near(name: &str) -> String {
    suggestion(name, NAMES).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default()
}

fn milliseconds<S: serde::Serializer>(delay: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(delay.as_millis())
}

impl Answer {
    /// The answer that these names and values say; `None` when they say nothing.
    pub(in crate::server) fn read(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Option<Self>, AnswerError> {
        let mut said: [Option<String>; NAMES.len()] = Default::default();
        for (name, value) in pairs {
            let slot = NAMES.iter().zip(&mut said).find(|(known, _)| **known == name);
            let Some((known, slot)) = slot else { return Err(AnswerError::Unknown { name: shortened(&name) }) };
            if slot.replace(value).is_some() {
                return Err(AnswerError::Twice(known));
            }
        }
        if said.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [status, delay, body, retry_after, drop, first, one_in] = said;
        let to = match (first, one_in) {
            (None, None) => Selector::All,
            (Some(first), None) => Selector::First(number("first", &first, 1, MOST)?),
            (None, Some(one_in)) => Selector::OneIn(number("one_in", &one_in, 1, MOST)?),
            (Some(_), Some(_)) => return Err(AnswerError::Both),
        };
        let drop = drop.map(|value| truth("drop", &value)).transpose()?.unwrap_or_default();
        let delay = delay.map(|value| time("delay", &value, LONGEST_DELAY)).transpose()?.unwrap_or_default();
        let retry_after = retry_after.map(|value| time("retry_after", &value, LONGEST_RETRY_AFTER)).transpose()?;
        let status = match status {
            Some(status) => u16::try_from(number("status", &status, 200, 599)?).unwrap_or(FAILURE),
            // A failure is meant where some requests are picked out, and nothing else is said that tells them apart.
            None if to != Selector::All && delay.is_zero() && body.is_none() || retry_after.is_some() => FAILURE,
            None => 200,
        };
        let body = body.map(|body| if body.len() > LONGEST_BODY { Err(too_long(&body)) } else { Ok(body) }).transpose()?;
        Ok(Some(Self { status, delay, body, retry_after: retry_after.map(|time| time.as_secs()), drop, to }))
    }

    /// Whether the request whose turn it is gets this answer.
    pub(in crate::server) fn is_for(&self, turn: Turn) -> bool {
        match self.to {
            Selector::All => true,
            Selector::First(first) => turn.of_message <= first,
            Selector::OneIn(n) => turn.of_path.is_multiple_of(n),
        }
    }
}

fn number(name: &'static str, seen: &str, least: u64, most: u64) -> Result<u64, AnswerError> {
    let number = seen.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| AnswerError::Value { name, seen: shortened(seen), expected: format!("a whole number from {least} to {most}") })
}

/// A name alone, as in `?drop`, is said.
fn truth(name: &'static str, seen: &str) -> Result<bool, AnswerError> {
    match seen {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(AnswerError::Value { name, seen: shortened(seen), expected: "`true` or `false`".to_owned() }),
    }
}

fn time(name: &'static str, seen: &str, longest: Duration) -> Result<Duration, AnswerError> {
    let time = parse_duration(seen).map_err(|error| AnswerError::Time { name, error })?;
    if time <= longest {
        return Ok(time);
    }
    let expected = format!("at most `{} s`", longest.as_secs());
    Err(AnswerError::Value { name, seen: shortened(seen), expected })
}

fn too_long(body: &str) -> AnswerError {
    let expected = format!("at most {} KiB, it has {} bytes", LONGEST_BODY >> 10, body.len());
    AnswerError::Value { name: "body", seen: shortened(body), expected }
}

/// Enough of a value to know it again.
fn shortened(seen: &str) -> String {
    const SHOWN: usize = 40;
    let mut text: String = seen.chars().take(SHOWN).collect();
    if text.len() < seen.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Option<Answer>, AnswerError> {
        Answer::read(url::form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    fn answer(query: &str) -> Answer {
        read(query).unwrap().unwrap()
    }

    #[test]
    fn what_is_said_is_read() {
        assert_eq!(read(""), Ok(None));
        let all = Answer { status: 200, delay: Duration::ZERO, body: None, retry_after: None, drop: false, to: Selector::All };
        assert_eq!(answer("status=503"), Answer { status: 503, ..all.clone() });
        assert_eq!(answer("drop"), Answer { drop: true, ..all.clone() });
        assert_eq!(
            answer("delay=2s&body=so+it+is"),
            Answer { delay: Duration::from_secs(2), body: Some("so it is".to_owned()), ..all.clone() }
        );
        assert_eq!(answer("first=2"), Answer { status: 503, to: Selector::First(2), ..all.clone() });
        assert_eq!(answer("first=2&delay=1s"), Answer { delay: Duration::from_secs(1), to: Selector::First(2), ..all.clone() });
        assert_eq!(answer("retry_after=5s"), Answer { status: 503, retry_after: Some(5), ..all });
    }

    #[test]
    fn who_is_meant_gets_it() {
        let turns = |answer: &Answer, of_path: u64, of_message: u64| answer.is_for(Turn { of_path, of_message });
        let first = answer("first=2");
        assert!(turns(&first, 9, 1) && turns(&first, 9, 2) && !turns(&first, 9, 3));
        let one_in = answer("one_in=3");
        assert_eq!((1..=6).filter(|&n| turns(&one_in, n, 1)).collect::<Vec<_>>(), [3, 6]);
        assert!(turns(&answer("status=410"), 7, 7));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        let refused = |query: &str| read(query).unwrap_err().to_string();
        assert_eq!(
            refused("stauts=500"),
            "`stauts` is nothing that the receiver can be told, expected `status`, `delay`, `body`, `retry_after`, `drop`, `first` or `one_in`; did you mean `status`?"
        );
        for status in ["99", "101", "600", "abc", "", "-1", "200.5", "99999999999999999999"] {
            assert_eq!(refused(&format!("status={status}")), format!("`status` is `{status}`, expected a whole number from 200 to 599"));
        }
        assert_eq!(refused("delay=61s"), "`delay` is `61s`, expected at most `60 s`");
        assert!(refused("delay=2").contains("has no unit") && refused("retry_after=x").contains("whole number"));
        assert_eq!(refused("first=0"), "`first` is `0`, expected a whole number from 1 to 1000");
        assert_eq!(refused("one_in=1001"), "`one_in` is `1001`, expected a whole number from 1 to 1000");
        assert_eq!(refused("first=1&one_in=2"), "`first` and `one_in` are both said, expected one of them");
        assert_eq!(refused("drop=maybe"), "`drop` is `maybe`, expected `true` or `false`");
        assert_eq!(refused("status=500&status=501"), "`status` is said twice, expected once");
        assert!(refused(&format!("body={}", "x".repeat(LONGEST_BODY + 1))).contains("expected at most 64 KiB"));
    }
}
