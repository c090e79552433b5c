//! Our values as SQLite keeps them: times in milliseconds, ids in 16 bytes, states as small numbers, texts with secrets as JSON.

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::ids::{DeliveryId, MessageId, ORDINAL_BITS};
use crate::store::DeliveryState;

/// A database error for a stored value that is not what this program writes.
pub(super) fn unreadable(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Null, Box::new(why))
}

/// A UUID in a column.
pub(super) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// A time in a column.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|error| unreadable(column, error))
}

/// A time, if any, in a column.
pub(super) fn time_if_any(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?
        .map(|milliseconds| Timestamp::from_millisecond(milliseconds).map_err(|error| unreadable(column, error)))
        .transpose()
}

/// JSON in a column.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| unreadable(column, error))?;
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

/// JSON for a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// The number of a state. Those below 2 are not settled; the partial indexes rely on it.
pub(super) fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => 0,
        DeliveryState::Sending => 1,
        DeliveryState::Delivered => 2,
        DeliveryState::Diverted => 3,
        DeliveryState::Failed => 4,
    }
}

/// A state in a column.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    let number: i64 = row.get(column)?;
    DeliveryState::ALL
        .into_iter()
        .find(|state| state_number(*state) == number)
        .ok_or_else(|| unreadable(column, FromSqlError::OutOfRange(number)))
}

/// A count for `LIMIT`.
pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

// The statements have the number in them.
const _: () = assert!(ORDINAL_BITS == 20);

/// The row of a delivery: its message's, and its number among the message's deliveries.
pub(super) fn delivery_row(message_row: i64, ordinal: u32) -> i64 {
    message_row << ORDINAL_BITS | i64::from(ordinal)
}

/// The id of the delivery in a row, whose message has this id.
pub(super) fn delivery_id(message: MessageId, row: i64) -> DeliveryId {
    // The bits below cannot be negative.
    let ordinal = u32::try_from(row & ((1 << ORDINAL_BITS) - 1)).unwrap_or_default();
    DeliveryId::of(message, ordinal)
}
