//! Our values as `PostgreSQL` keeps them: times in milliseconds, states as small numbers, texts with secrets as JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Trouble;
use crate::ids::{DeliveryId, MessageId, ORDINAL_BITS};
use crate::store::{DeliveryState, StoreError};

/// What stands in a column.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Trouble> {
    Ok(row.try_get(column)?)
}

/// A text in a column.
pub(super) fn text(row: &Row, column: usize) -> Result<Box<str>, Trouble> {
    get::<&str>(row, column).map(Into::into)
}

/// A text, if any, in a column.
pub(super) fn text_if_any(row: &Row, column: usize) -> Result<Option<Box<str>>, Trouble> {
    Ok(get::<Option<&str>>(row, column)?.map(Into::into))
}

/// An unsigned number in a column.
pub(super) fn count<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<T, Trouble> {
    T::try_from(get::<i64>(row, column)?).map_err(|_| unreadable("a number is out of range"))
}

/// The status of an answer, if any, in a column.
pub(super) fn status_if_any(row: &Row, column: usize) -> Result<Option<u16>, Trouble> {
    Ok(get::<Option<i32>>(row, column)?.and_then(|status| u16::try_from(status).ok()))
}

/// A database error for a stored value that is not what this program writes.
pub(super) fn unreadable(why: impl std::fmt::Display) -> Trouble {
    Trouble::Store(StoreError::Failed(format!("a stored value cannot be read: {why}")))
}

/// A time.
pub(super) fn timestamp(milliseconds: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_millisecond(milliseconds).map_err(unreadable)
}

/// A time in a column.
pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp, Trouble> {
    timestamp(get(row, column)?)
}

/// A time, if any, in a column.
pub(super) fn time_if_any(row: &Row, column: usize) -> Result<Option<Timestamp>, Trouble> {
    get::<Option<i64>>(row, column)?.map(timestamp).transpose()
}

/// JSON in a column.
pub(super) fn from_json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, Trouble> {
    serde_json::from_str(get(row, column)?).map_err(unreadable)
}

/// JSON for a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Store(StoreError::Failed(error.to_string())))
}

/// A text from the network: `PostgreSQL` takes every character but NUL.
pub(super) fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// The number of a state. Those below 2 are not settled; the partial indexes rely on it.
pub(super) fn state_number(state: DeliveryState) -> i16 {
    match state {
        DeliveryState::Pending => 0,
        DeliveryState::Sending => 1,
        DeliveryState::Delivered => 2,
        DeliveryState::Diverted => 3,
        DeliveryState::Failed => 4,
    }
}

/// A state in a column.
pub(super) fn state(row: &Row, column: usize) -> Result<DeliveryState, Trouble> {
    let number: i16 = get(row, column)?;
    DeliveryState::ALL.into_iter().find(|state| state_number(*state) == number).ok_or_else(|| unreadable("no such state"))
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
    DeliveryId::of(message, u32::try_from(row & ((1 << ORDINAL_BITS) - 1)).unwrap_or_default())
}

/// The number of a delivery among its message's; -1, which none has, when the id is not one of ours.
pub(super) fn ordinal(id: DeliveryId) -> i64 {
    id.ordinal().map_or(-1, i64::from)
}

/// Locks for the order of deliveries: enough that two objects are seldom in each other's way, few enough for the server's lock table.
const BUCKETS: u64 = 1024;

/// The number of the lock for the order of deliveries about one object in a lane. The same on every node, whatever its version (FNV-1a).
pub(super) fn bucket(lane: i64, model: &str, object: &str) -> i32 {
    let bytes = lane.to_be_bytes().into_iter().chain(model.bytes()).chain([0]).chain(object.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    i32::try_from(hash % BUCKETS).unwrap_or_default()
}

/// The first number of these locks: `whkc`.
pub(super) const BUCKET_LOCK: i32 = 0x7768_6b63;
