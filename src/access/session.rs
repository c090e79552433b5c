//! A session: that a browser has shown a key, remembered by a cookie. It is worth what its key is worth at the time of each call, and ends
//! with it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use super::token::{digits, hex};
use super::{Key, KeyId};
use crate::time::Entropy;

/// How long a session lasts at most: a day's work.
const LONGEST: Duration = Duration::from_hours(12);
/// Bytes that nobody can guess.
const SECRET_BYTES: usize = 32;

/// What a browser keeps of a session. Debug does not show it.
#[derive(Clone)]
pub struct SessionToken([u8; SECRET_BYTES]);

/// A session as it is kept. Its secret is not in it, only a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of what the browser keeps.
    pub hash: [u8; 32],
    /// The key or link that was shown.
    pub key: KeyId,
    /// From when on it is of no use, whatever becomes of the key.
    pub expires_at: Timestamp,
}

/// Why a text is no session. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not what a browser keeps of a session")]
pub struct ParseSessionError;

impl SessionToken {
    /// A new one.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut secret = [0; SECRET_BYTES];
        entropy.fill(&mut secret);
        Self(secret)
    }

    /// As the browser keeps it.
    #[must_use]
    pub fn reveal(&self) -> String {
        digits(&self.0)
    }

    /// What is stored of it, and what it is found by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        hash
    }
}

impl FromStr for SessionToken {
    type Err = ParseSessionError;

    fn from_str(text: &str) -> Result<Self, ParseSessionError> {
        hex(text).map(Self).ok_or(ParseSessionError)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl Session {
    /// The session of a browser that shows this key at `now`.
    #[must_use]
    pub fn begin(token: &SessionToken, key: &Key, now: Timestamp) -> Self {
        let end = now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        Self { hash: token.hash(), key: key.id, expires_at: key.expires_at.map_or(end, |at| at.min(end)) }
    }
}
