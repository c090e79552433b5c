//! Names for things, as types: indexes into the compiled tables, and the identities that leave the process. No generation of
//! randomness here: whoever makes an id hands in the bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            /// The position in its table.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A source file: an index into the [`SourceMap`](crate::text::SourceMap).
    FileId(u32)
);
index!(
    /// A model: an index into `Program::models`.
    ModelId(u32)
);
index!(
    /// A stored property of a model, a field or a belongs-to: an index into `Model::properties` and into every record of the model.
    PropertyId(u16)
);
index!(
    /// A has-many of a model: an index into `Model::has_many`.
    HasManyId(u16)
);
index!(
    /// A webhook: an index into `Program::webhooks`.
    WebhookId(u32)
);

/// A program that was in force: its row in the store, counted from 1. Reading an earlier text again gives the earlier number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub i64);

/// Why a string is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{seen}` is not an id; expected `{prefix}` and 32 hexadecimal digits")]
pub struct ParseIdError {
    seen: String,
    prefix: &'static str,
}

/// A lane: the way of one tenant's deliveries to one endpoint. Its row in the store, and unknown outside of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub i64);

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = || ParseIdError { seen: text.to_owned(), prefix: $prefix };
                let digits = text.strip_prefix($prefix).ok_or_else(error)?;
                if digits.len() != 32 {
                    return Err(error());
                }
                Uuid::try_parse(digits).map($name).map_err(|_| error())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": concat!("^", $prefix, "[0-9a-f]{32}$") })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

identity!(
    /// A message: one firing of one webhook for one save. UUID v7, so ids sort by time. Sent as `webhook-id`. Its last 20 bits are zero.
    MessageId,
    "msg_"
);
identity!(
    /// A delivery: one message to one endpoint. The id of the message with the delivery's number in the last 20 bits, so that a delivery is
    /// found by way of its message and needs no index of its own.
    DeliveryId,
    "dlv_"
);
identity!(
    /// A resend: deliveries that are sent again by one order. UUID v7.
    ResendId,
    "rsd_"
);

/// The bits of a [`DeliveryId`] that number the deliveries of a message.
pub const ORDINAL_BITS: u32 = 20;
/// The deliveries that a message can have.
pub const MAX_DELIVERIES: usize = (1 << ORDINAL_BITS) - 1;
const ORDINAL_MASK: u128 = (1 << ORDINAL_BITS) - 1;

impl MessageId {
    /// The id that begins as a UUID does.
    #[must_use]
    pub fn new(uuid: Uuid) -> Self {
        Self(Uuid::from_u128(uuid.as_u128() & !ORDINAL_MASK))
    }
}

impl DeliveryId {
    /// The id of a message's delivery; `ordinal` counts from 0 and is less than [`MAX_DELIVERIES`].
    #[must_use]
    pub fn of(message: MessageId, ordinal: u32) -> Self {
        Self(Uuid::from_u128(message.0.as_u128() | (u128::from(ordinal) + 1) & ORDINAL_MASK))
    }

    /// Its message.
    #[must_use]
    pub fn message(self) -> MessageId {
        MessageId::new(self.0)
    }

    /// Which of the message's deliveries it is; `None` when the id is that of no delivery.
    #[must_use]
    pub fn ordinal(self) -> Option<u32> {
        u32::try_from(self.0.as_u128() & ORDINAL_MASK).ok()?.checked_sub(1)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that has been checked where it came in.
            #[must_use]
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A tenant: the owner of objects, endpoints and deliveries; `account_id` in the payload.
    Tenant
);
name!(
    /// An endpoint, `ep_…`: opaque outside, unique in a tenant.
    EndpointId
);

/// Why a text cannot be the name of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a tenant, expected 1 to 64 of `A-Z a-z 0-9 _ . -`, and not `.` or `..`")]
pub struct ParseTenantError(String);

impl Tenant {
    /// The tenant of this name.
    ///
    /// # Errors
    /// When it has characters that a path, a log or a look-alike could make something else of.
    pub fn parse(name: &str) -> Result<Self, ParseTenantError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        if plain && (1..=64).contains(&name.len()) && !matches!(name, "." | "..") {
            return Ok(Self::new(name));
        }
        Err(ParseTenantError(name.to_owned()))
    }
}

/// The tenant of a node that has not been told of any other.
pub const DEFAULT_TENANT: &str = "default";

/// The position of a save among all saves of its tenant; strictly growing in commit order, greater than 2^53, less than 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Sequence(pub i64);

impl Sequence {
    /// The number after `last` (0 for none) at `unix_seconds`: `max(last + 1, unix_seconds << 32)`, so that it grows even when the
    /// clock steps back, and jumps forward after a restored backup.
    #[must_use]
    pub fn after(last: i64, unix_seconds: i64) -> Self {
        Self(last.saturating_add(1).max(unix_seconds.clamp(0, i64::from(i32::MAX)) << 32))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_print_and_parse_back() {
        let id = MessageId(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "msg_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse(), Ok(id));
        let error = "dlv_7".parse::<MessageId>().unwrap_err();
        assert_eq!(error.to_string(), "`dlv_7` is not an id; expected `msg_` and 32 hexadecimal digits");
    }

    #[test]
    fn a_delivery_knows_its_message() {
        let message = MessageId::new(Uuid::max());
        for ordinal in [0, 1, 999_999] {
            let delivery = DeliveryId::of(message, ordinal);
            assert_eq!((delivery.message(), delivery.ordinal()), (message, Some(ordinal)));
        }
        assert_eq!(DeliveryId(message.0).ordinal(), None);
    }

    #[test]
    fn a_sequence_grows_through_clock_steps_and_stays_above_what_a_double_can_hold() {
        let first = Sequence::after(0, 1_464_967_971);
        assert_eq!(first.0, 6_291_989_525_132_476_416);
        assert!(first.0 > 1 << 53);
        assert_eq!(Sequence::after(first.0, 1).0, first.0 + 1);
        assert!(Sequence::after(first.0, 1_464_967_972) > Sequence::after(first.0, 1_464_967_971));
    }
}
