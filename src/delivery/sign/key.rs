//! Any of the keys that an endpoint's deliveries can be signed with.

use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use super::ed25519::PREFIX;
use super::{RsaKey, Secret, SecretError, SigningKey, SigningKeyError};

/// A key of one of the three kinds.
#[derive(Clone, Debug)]
pub enum Key {
    /// `whsec_`: for `v1`, and the HMAC of the `journey` profile.
    Secret(Secret),
    /// `whsk_`: for `v1a`.
    Ed25519(Arc<SigningKey>),
    /// For the RSA signature of the `journey` profile.
    Rsa(Arc<RsaKey>),
}

/// A key that was in force before a rotation.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// The key.
    pub key: Key,
    /// The end of its grace time.
    pub until: Timestamp,
}

/// Why a text is neither a secret nor a signing key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// It looks like a secret, or like nothing that is known.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It looks like a signing key.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        if text.starts_with(PREFIX) { Ok(Self::Ed25519(Arc::new(text.parse()?))) } else { Ok(Self::Secret(text.parse()?)) }
    }
}
