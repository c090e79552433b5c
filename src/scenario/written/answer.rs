//! How a receiver answers in a scenario: a status, or the ways in which there is none.

use std::time::Duration;

use super::node::{Content, Node};
use super::table::{Field, Table, mismatch, status};
use crate::delivery::{AttemptOutcome, parse_duration};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, suggestion};

/// One answer of a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it takes. Past the endpoint's deadline it counts as none.
    pub delay: Duration,
    /// What comes then.
    pub outcome: AttemptOutcome,
}

impl Answer {
    /// `200`, at once: what every endpoint answers that a scenario says nothing about.
    #[must_use]
    pub fn ok() -> Self {
        Self::status(200)
    }

    fn status(status: u16) -> Self {
        Self { delay: Duration::ZERO, outcome: AttemptOutcome::Answered { status, retry_after: None } }
    }

    /// A status, `timeout`, `refused`, or a map of `status`, `retry_after` and `delay`.
    pub(super) fn of(node: &Node, out: &mut Diagnostics) -> Option<Self> {
        match &node.content {
            Content::Number(number) => {
                let status = status(number);
                if status.is_none() {
                    out.push(Diagnostic::new(Code::BadTestValue, node.span, format!("`{number}` is not a status, expected 100 to 599")));
                }
                status.map(Self::status)
            }
            Content::Text(word) => word_of(word, node, out),
            Content::Map(_) => of_map(Table::of(node, "an answer", out)?, out),
            Content::Null | Content::Boolean(_) | Content::List(_) => {
                mismatch(node, "answers", "a status, `timeout`, `refused` or a map", out);
                None
            }
        }
    }
}

fn word_of(word: &str, node: &Node, out: &mut Diagnostics) -> Option<Answer> {
    let outcome = match word {
        "timeout" => AttemptOutcome::TimedOut,
        "refused" => AttemptOutcome::ConnectionFailed("connection refused".to_owned()),
        _ => {
            let found = Diagnostic::new(
                Code::BadTestValue,
                node.span,
                format!("`{word}` is not an answer, expected a status, `timeout` or `refused`"),
            );
            out.push(found.maybe_help(suggestion(word, ["timeout", "refused"]).map(|near| format!("did you mean `{near}`?"))));
            return None;
        }
    };
    // A timeout comes when the endpoint's deadline does; the runner knows it.
    let delay = if outcome == AttemptOutcome::TimedOut { Duration::MAX } else { Duration::ZERO };
    Some(Answer { delay, outcome })
}

fn of_map(mut table: Table<'_>, out: &mut Diagnostics) -> Option<Answer> {
    let status = table.require("status", out).and_then(|field| Answer::of(field.node, out));
    let retry_after = table.take("retry_after").and_then(|field| duration(field, out));
    let delay = table.take("delay").and_then(|field| duration(field, out));
    table.finish(out);
    let mut answer = status?;
    if let AttemptOutcome::Answered { retry_after: after, .. } = &mut answer.outcome {
        *after = retry_after;
    }
    answer.delay = delay.unwrap_or(answer.delay);
    Some(answer)
}

/// A span of time such as `5 s`.
pub(super) fn duration(field: Field<'_>, out: &mut Diagnostics) -> Option<Duration> {
    let text = field.text(out)?;
    match parse_duration(&text.value) {
        Ok(duration) => Some(duration),
        Err(error) => {
            out.push(Diagnostic::new(Code::BadTestValue, text.span, error.to_string()));
            None
        }
    }
}
