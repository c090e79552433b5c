//! Which deliveries a filter means, in SQL: by the index that narrows them down most, in the order of time, newest or oldest first.

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use crate::ids::{DeliveryId, MessageId};
use crate::store::filter::ceil_millisecond;
use crate::store::sqlite::endpoints;
use crate::store::sqlite::values::{delivery_row, state_number};
use crate::store::{DeliveryFilter, DeliveryState, Span};

/// By way of the tenant's messages, whose rows are in the same order as those of their deliveries.
macro_rules! by_message {
    ($index:literal) => {
        concat!(
            "FROM messages m ",
            $index,
            " CROSS JOIN deliveries d ON d.row BETWEEN m.row << 20 AND (m.row + 1 << 20) - 1 JOIN endpoints e ON e.row = d.endpoint"
        )
    };
}

/// By way of the deliveries, which an index names.
macro_rules! by_delivery {
    ($index:literal) => {
        concat!(
            "FROM deliveries d INDEXED BY ",
            $index,
            " CROSS JOIN messages m ON m.row = d.row >> 20 JOIN endpoints e ON e.row = d.endpoint"
        )
    };
}

/// The way to messages whose ids are known.
pub(super) const BY_MESSAGE: &str = by_message!("");
const BY_TIME: &str = by_message!("INDEXED BY messages_time");
const BY_OBJECT: &str = by_message!("INDEXED BY messages_object");
const BY_ENDPOINT: &str = by_delivery!("deliveries_endpoint");
const GIVEN_UP: &str = by_delivery!("deliveries_given_up");

/// The models that there are messages about, from one to the next in the index of objects: an object is found in it without its model, too.
pub(super) const MODELS: &str = "WITH RECURSIVE known(model) AS (SELECT min(model) FROM messages WHERE tenant = ?
    UNION ALL SELECT (SELECT min(n.model) FROM messages n WHERE n.tenant = ? AND n.model > known.model) FROM known WHERE known.model IS NOT NULL)
    SELECT model FROM known WHERE model IS NOT NULL";

/// Conditions with their values, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// All of them.
    pub sql: String,
    /// What the question marks stand for.
    pub values: Vec<Value>,
}

/// The deliveries of a filter.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Tables `d`, `m` and `e`.
    pub from: &'static str,
    /// The column of the time by which they are found in order.
    pub at: &'static str,
    /// What the way is narrowed down by.
    pub within: Conditions,
    /// What else must be true of each.
    pub fits: Conditions,
}

impl Chosen {
    /// `None`: there can be none.
    pub(super) fn of(connection: &Connection, tenant: i64, filter: &DeliveryFilter) -> rusqlite::Result<Option<Self>> {
        let lane = match &filter.endpoint {
            None => None,
            Some(endpoint) => match endpoints::lane(connection, tenant, endpoint)? {
                Some(lane) => Some(lane),
                None => return Ok(None),
            },
        };
        let (mut within, mut fits) = (Conditions::default(), Conditions::default());
        let about = filter.model.as_deref().zip(filter.object.as_deref());
        let given_up = !filter.states.is_empty() && filter.states.iter().all(|state| is_given_up(*state));
        let (from, at) = if let Some(message) = filter.message {
            within.and("m.id = ? AND m.tenant = ?", [blob(message.0), Value::Integer(tenant)]);
            (BY_MESSAGE, "m.created_at")
        } else if let Some((model, object)) = about {
            within.and("m.tenant = ? AND m.model = ? AND m.object = ?", [Value::Integer(tenant), text(model), text(object)]);
            (BY_OBJECT, "m.created_at")
        } else if let Some(object) = &filter.object {
            let tenants = || Value::Integer(tenant);
            within
                .and(&format!("m.tenant = ? AND m.model IN ({MODELS}) AND m.object = ?"), [tenants(), tenants(), tenants(), text(object)]);
            (BY_OBJECT, "m.created_at")
        } else if given_up {
            within.and("d.state > 2 AND d.tenant = ?", [Value::Integer(tenant)]);
            (GIVEN_UP, "d.created_at")
        } else if let Some(lane) = lane {
            within.and("d.endpoint = ?", [Value::Integer(lane.0)]);
            (BY_ENDPOINT, "d.created_at")
        } else {
            within.and("m.tenant = ?", [Value::Integer(tenant)]);
            (BY_TIME, "m.created_at")
        };
        within.time(at, filter.span);
        fits.and("d.tenant = ?", [Value::Integer(tenant)]);
        fits.and_if("m.event = ?", filter.event.as_deref().map(text));
        fits.and_if("d.endpoint = ?", lane.map(|lane| Value::Integer(lane.0)));
        fits.states(&filter.states);
        fits.and_if("m.model = ?", filter.model.as_deref().map(text));
        fits.and_if("m.object = ?", filter.object.as_deref().map(text));
        if !filter.answered.is_empty() {
            let ranges: Vec<String> =
                filter.answered.iter().map(|(first, last)| format!("d.last_status BETWEEN {first} AND {last}")).collect();
            fits.and(&ranges.join(" AND "), []);
        }
        for text in &filter.text {
            fits.contains(text);
        }
        Ok(Some(Self { from, at, within, fits }))
    }
}

/// Whether it has an index of its own.
fn is_given_up(state: DeliveryState) -> bool {
    match state {
        DeliveryState::Diverted | DeliveryState::Failed => true,
        DeliveryState::Pending | DeliveryState::Sending | DeliveryState::Delivered => false,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn blob(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

impl Conditions {
    pub(super) fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    pub(super) fn and_if(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.and(condition, [value]);
        }
    }

    /// What was made in a time; `at` is the column.
    pub(super) fn time(&mut self, at: &str, span: Span) {
        for (compared, time) in [(">=", span.from), ("<", span.until)] {
            if let Some(time) = time {
                self.and(&format!("{at} {compared} ?"), [Value::Integer(ceil_millisecond(time))]);
            }
        }
    }

    /// What stands before a place in a list that begins with the newest; `row` and `at` are the columns.
    pub(super) fn before(&mut self, (at, row): (&str, &str), (time, number): (i64, i64)) {
        let [time, number] = [time, number].map(Value::Integer);
        self.and(&format!("{at} <= ? AND ({at} < ? OR {row} < ?)"), [time.clone(), time, number]);
    }

    /// What stands behind a place in a list that begins with the oldest; `row` and `at` are the columns.
    pub(super) fn after(&mut self, (at, row): (&str, &str), (time, number): (i64, i64)) {
        let [time, number] = [time, number].map(Value::Integer);
        self.and(&format!("{at} >= ? AND ({at} > ? OR {row} > ?)"), [time.clone(), time, number]);
    }

    fn states(&mut self, states: &[DeliveryState]) {
        if !states.is_empty() {
            self.and(&format!("d.state IN ({})", numbers(states)), []);
        }
    }

    /// The text in what is sent or in what was answered.
    fn contains(&mut self, searched: &str) {
        let mut pattern = String::from("%");
        for character in searched.chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        let pattern = Value::Text(pattern);
        self.and(
            "(d.url LIKE ? ESCAPE '\\'
              OR CAST(coalesce((SELECT body FROM bodies WHERE delivery = d.row), m.payload) AS TEXT) LIKE ? ESCAPE '\\'
              OR EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = d.row AND CAST(a.response_body AS TEXT) LIKE ? ESCAPE '\\'))",
            [pattern.clone(), pattern.clone(), pattern],
        );
    }
}

/// The numbers of states with commas between them, to be written out: indexes of some states can only be used so.
pub(super) fn numbers(states: &[DeliveryState]) -> String {
    let mut list = String::new();
    for state in states {
        let comma = if list.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _infallible = write!(list, "{comma}{}", state_number(*state));
    }
    list
}

/// When a message was made, and its row: its place in lists. `None`: it is not there any more.
pub(super) fn place_of_message(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached("SELECT created_at, row FROM messages WHERE id = ?1")?
        .query_row(params![id.0.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// When a delivery was made, and its row. `None`: its message is not there any more.
pub(super) fn place_of_delivery(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Option<(i64, i64)>> {
    let Some(ordinal) = id.ordinal() else { return Ok(None) };
    Ok(place_of_message(connection, id.message())?.map(|(at, row)| (at, delivery_row(row, ordinal))))
}
