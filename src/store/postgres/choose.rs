//! Which deliveries a filter means, in SQL: by the index that narrows them down most, in the order of time, newest or oldest first.

use std::fmt::Write as _;

use super::conditions::{Conditions, anywhere};
use super::failure::Trouble;
use super::link::Link;
use super::values::{delivery_row, get, state_number};
use crate::ids::{DeliveryId, MessageId};
use crate::store::filter::ceil_millisecond;
use crate::store::{DeliveryFilter, DeliveryState, Span};

/// Deliveries with their messages and lanes.
pub(super) const FROM: &str = "FROM deliveries d JOIN messages m ON m.tenant = d.tenant AND m.row = d.row >> 20
    JOIN endpoints e ON e.tenant = d.tenant AND e.row = d.endpoint";
/// By way of the tenant's messages.
const BY_MESSAGE: &str = "FROM messages m JOIN deliveries d ON d.tenant = m.tenant AND d.row >= m.row << 20 AND d.row < (m.row + 1) << 20
    JOIN endpoints e ON e.tenant = d.tenant AND e.row = d.endpoint";

/// The models that there are messages about, from one to the next in the index of objects: an object is found in it without its model, too.
/// The tenant is `$1`.
pub(super) const MODELS: &str = "WITH RECURSIVE known(model) AS ((SELECT min(n.model) FROM messages n WHERE n.tenant = $1)
    UNION ALL SELECT (SELECT min(n.model) FROM messages n WHERE n.tenant = $1 AND n.model > known.model) FROM known WHERE known.model IS NOT NULL)
    SELECT model FROM known WHERE model IS NOT NULL";

/// A place in the order of making: a time, and a row.
pub(super) type Place = (i64, i64);

/// The deliveries of a filter: tables `d`, `m` and `e`, the column of the time by which they are found in order, and the conditions, of which
/// those behind `within` must be true of each.
pub(super) struct Chosen {
    pub from: &'static str,
    pub at: &'static str,
    pub within: Conditions,
    pub fits: String,
}

impl Chosen {
    /// `None`: there can be none.
    pub(super) async fn of(link: &Link, tenant: i64, filter: &DeliveryFilter) -> Result<Option<Self>, Trouble> {
        let mut lane = None;
        if let Some(endpoint) = &filter.endpoint {
            let sql = "SELECT row FROM endpoints WHERE tenant = $1 AND name = $2";
            let Some(row) = link.first(sql, &[&tenant, &endpoint.as_str()]).await? else { return Ok(None) };
            lane = Some(get::<i64>(&row, 0)?);
        }
        let given_up = |state: &DeliveryState| matches!(state, DeliveryState::Diverted | DeliveryState::Failed);
        let all_given_up = !filter.states.is_empty() && filter.states.iter().all(given_up);
        let by_message = filter.message.is_some() || filter.object.is_some();
        let by_delivery = !by_message && (all_given_up || lane.is_some());
        let (from, at) = if by_delivery { (FROM, "d.created_at") } else { (BY_MESSAGE, "m.created_at") };
        let mut within = Conditions::of("d.tenant = $1 AND m.tenant = $1", tenant);
        if let Some(message) = filter.message {
            within.and("m.id = ?", message.0);
        }
        if all_given_up {
            within.sql.push_str(" AND d.state > 2");
        }
        if let Some(lane) = lane {
            within.and("d.endpoint = ?", lane);
        }
        within.text("m.model = ?", filter.model.as_deref());
        within.text("m.object = ?", filter.object.as_deref());
        if filter.object.is_some() && filter.model.is_none() {
            let _infallible = write!(within.sql, " AND m.model IN ({MODELS})");
        }
        within.span(at, filter.span);
        let mut fits = String::from("true");
        if let Some(event) = &filter.event {
            let place = within.value(event.clone());
            let _infallible = write!(fits, " AND m.event = {place}::text");
        }
        if !filter.states.is_empty() {
            let _infallible = write!(fits, " AND d.state IN ({})", numbers(&filter.states));
        }
        for (first, last) in &filter.answered {
            // Numbers, so that nothing of the user's stands in the statement.
            let _infallible = write!(fits, " AND coalesce(d.last_status BETWEEN {first} AND {last}, false)");
        }
        for text in &filter.text {
            let place = within.value(anywhere(text));
            let _infallible = write!(fits, " AND {}", CONTAINS.replace('?', &format!("{place}::text")));
        }
        Ok(Some(Self { from, at, within, fits }))
    }
}

/// The text in what is sent or in what was answered, letters of ASCII in either case. Bytes that are no text are compared as they are escaped.
const CONTAINS: &str = "coalesce(lower(d.url) LIKE lower(?)
    OR lower(encode(coalesce((SELECT body FROM bodies b WHERE b.tenant = d.tenant AND b.delivery = d.row), m.payload), 'escape'))
        LIKE lower(encode(convert_to(?, 'UTF8'), 'escape'))
    OR EXISTS (SELECT FROM attempts a WHERE a.tenant = d.tenant AND a.delivery = d.row
        AND lower(encode(a.response_body, 'escape')) LIKE lower(encode(convert_to(?, 'UTF8'), 'escape'))), false)";

impl Conditions {
    /// What was made in a time; `at` is the column.
    pub(super) fn span(&mut self, at: &str, span: Span) {
        for (compared, time) in [(">=", span.from), ("<", span.until)] {
            if let Some(time) = time {
                self.and(&format!("{at} {compared} ?"), ceil_millisecond(time));
            }
        }
    }

    /// What stands before a place in a list that begins with the newest, or behind one in a list that begins with the oldest; `row` and
    /// `at` are the columns.
    pub(super) fn beyond(&mut self, (at, row): (&str, &str), compared: &str, (time, number): Place) {
        let (time, number) = (self.value(time), self.value(number));
        let _infallible = write!(self.sql, " AND ({at}, {row}) {compared} ({time}::bigint, {number}::bigint)");
    }
}

/// The numbers of states with commas between them.
pub(super) fn numbers(states: &[DeliveryState]) -> String {
    states.iter().map(|state| state_number(*state).to_string()).collect::<Vec<_>>().join(", ")
}

/// When a message was made, and its row: its place in lists. `None`: it is not there any more.
pub(super) async fn place_of_message(link: &Link, tenant: i64, id: MessageId) -> Result<Option<Place>, Trouble> {
    let row = link.first("SELECT created_at, row FROM messages WHERE tenant = $1 AND id = $2", &[&tenant, &id.0]).await?;
    row.map(|row| Ok((get(&row, 0)?, get(&row, 1)?))).transpose()
}

/// When a delivery was made, and its row. `None`: its message is not there any more.
pub(super) async fn place_of_delivery(link: &Link, tenant: i64, id: DeliveryId) -> Result<Option<Place>, Trouble> {
    let Some(ordinal) = id.ordinal() else { return Ok(None) };
    Ok(place_of_message(link, tenant, id.message()).await?.map(|(at, row)| (at, delivery_row(row, ordinal))))
}
