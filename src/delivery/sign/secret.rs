//! The secret of an endpoint: `whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks has it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// A symmetric secret. Neither Debug nor an error ever shows it; [`reveal`](Secret::reveal) does.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

/// Why a text is not a secret. The text itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Another start.
    #[error("the secret does not begin with `whsec_`, expected `whsec_` and base64 of 24 to 64 bytes")]
    Prefix,
    /// Not base64.
    #[error("the secret is not base64 after `whsec_`: {0}")]
    Base64(String),
    /// Too few or too many bytes.
    #[error("the secret has {0} bytes, expected 24 to 64")]
    Length(usize),
}

impl Secret {
    /// A secret of these bytes.
    ///
    /// # Errors
    /// When there are not 24 to 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(SecretError::Length(bytes.len())) }
    }

    /// A new secret of 32 bytes; they must be unpredictable.
    #[must_use]
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(Box::new(random))
    }

    /// The secret as receivers are told: `whsec_…`.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The bytes, for the encrypted store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn hmac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|error| SecretError::Base64(reason(&error, PREFIX)))?;
        Self::from_bytes(&bytes)
    }
}

/// What is wrong with base64 after a prefix, without any of its characters.
pub(super) fn reason(error: &base64::DecodeError, prefix: &str) -> String {
    match error {
        base64::DecodeError::InvalidByte(at, _) => format!("character {} is not of its alphabet", at + prefix.len() + 1),
        base64::DecodeError::InvalidLength(_) => "its length is not a multiple of 4".to_owned(),
        base64::DecodeError::InvalidLastSymbol { .. } => "its last character is cut off".to_owned(),
        base64::DecodeError::InvalidPadding => "the `=` at its end are missing or too many".to_owned(),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
