//! `[retention]`: how long things are kept after they have ended.

use std::time::Duration;

use toml::de::DeValue;

use super::document::{Mistake, Table, Value};
use crate::delivery::parse_duration;

/// What is written for no end.
const FOREVER: &str = "forever";
/// How long what went well is kept.
const WELL: Duration = Duration::from_hours(7 * 24);
/// How long failures are kept: somebody has to look at them.
const BADLY: Duration = Duration::from_hours(30 * 24);

/// How long it is kept who changed what: an unwelcome change may be noticed late.
const AUDIT: Duration = Duration::from_hours(365 * 24);

/// How long things are kept after they have ended; `None` is for ever. Objects, ready marks and what is not settled are always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Delivered deliveries with their attempts, after their settlement.
    pub delivered: Option<Duration>,
    /// Diverted ones, likewise.
    pub diverted: Option<Duration>,
    /// Failed ones, likewise.
    pub failed: Option<Duration>,
    /// Messages of which no delivery is left, after they were made.
    pub messages: Option<Duration>,
    /// The explanations of saves.
    pub traces: Option<Duration>,
    /// Entries of the audit log.
    pub audit: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            delivered: Some(WELL),
            diverted: Some(BADLY),
            failed: Some(BADLY),
            messages: Some(WELL),
            traces: Some(WELL),
            audit: Some(AUDIT),
        }
    }
}

/// Reads `[retention]`.
pub(super) fn retention(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Retention {
    let mut retention = Retention::default();
    let keys = [
        ("delivered", &mut retention.delivered),
        ("diverted", &mut retention.diverted),
        ("failed", &mut retention.failed),
        ("messages", &mut retention.messages),
        ("traces", &mut retention.traces),
        ("audit", &mut retention.audit),
    ];
    for (key, kept) in keys {
        if let Some(value) = table.take(key) {
            read(&value, kept, out);
        }
    }
    retention
}

/// Reads a span of time, or for ever, into `kept`.
fn read(value: &Value<'_>, kept: &mut Option<Duration>, out: &mut Vec<Mistake>) {
    match value.raw() {
        DeValue::String(text) if text == FOREVER => *kept = None,
        DeValue::String(text) => match parse_duration(text) {
            Ok(span) => *kept = Some(span),
            Err(error) => out.push(Mistake::new(value.span(), error.to_string()).help("write `\"forever\"` to keep them without end")),
        },
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            value.mismatch("a time such as `\"7d\"`, or `\"forever\"`", out);
        }
    }
}
