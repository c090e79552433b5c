//! A key as it is kept: whose it is, what it may do, until when.

use jiff::Timestamp;

use super::{KeyId, Kind, Permissions};
use crate::delivery::Rate;
use crate::ids::Tenant;

/// A key or link. Its secret is not in it, only a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub id: KeyId,
    /// Key or link.
    pub kind: Kind,
    /// Whose: one tenant's, or all.
    pub tenant: Option<Tenant>,
    /// What for, in the words of whoever made it.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Calls that it may make; the node's default when nothing is said.
    pub rate_limit: Option<Rate>,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// The key that made it. A link does not outlive it.
    pub made_by: Option<KeyId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Whether a key is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Active,
    /// Its time is over.
    Expired(Timestamp),
    /// It was taken back.
    Revoked(Timestamp),
}

impl KeyState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired(_) => "expired",
            Self::Revoked(_) => "revoked",
        }
    }
}

impl Key {
    /// Whether it is of use at `now`, as far as it can tell by itself.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.expires_at) {
            (Some(at), _) => KeyState::Revoked(at),
            (None, Some(at)) if at <= now => KeyState::Expired(at),
            (None, Some(_) | None) => KeyState::Active,
        }
    }
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever could reach the node while it asked for no key.
    Anybody,
    /// Whoever has the store's file.
    Operator,
    /// A key.
    Key(KeyId),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anybody => f.write_str("anybody"),
            Self::Operator => f.write_str("operator"),
            Self::Key(id) => id.fmt(f),
        }
    }
}
