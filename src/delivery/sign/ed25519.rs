//! The key of asymmetric Standard Webhooks signatures, `v1a`: Ed25519, written `whsk_` and base64 of 32 bytes (the seed of RFC 8032) or
//! of 64 (the seed and the public key), both of which are in use. Receivers need only its public half, `whpk_`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::Verifier;
use super::secret::reason;

/// What every private key begins with.
pub(super) const PREFIX: &str = "whsk_";
/// What every public key begins with.
const PUBLIC_PREFIX: &str = "whpk_";
/// Bytes of a seed, and of a public key.
const SEED_BYTES: usize = 32;

/// A key pair. Debug output shows its id alone.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: String,
}

/// Why a text is not a signing key. The text itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// Another start.
    #[error("the signing key does not begin with `whsk_`, expected `whsk_` and base64 of 32 or 64 bytes")]
    Prefix,
    /// Not base64.
    #[error("the signing key is not base64 after `whsk_`: {0}")]
    Base64(String),
    /// Too few or too many bytes.
    #[error("the signing key has {0} bytes, expected 32, or 64 with the public key")]
    Length(usize),
    /// The second half is not the public key of the first.
    #[error("the two halves of the signing key do not belong together")]
    Halves,
}

impl SigningKey {
    /// The key of these unpredictable bytes.
    ///
    /// # Errors
    /// When they are not 32, or 64 of which the last 32 are the public key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        let (seed, public) = bytes.split_at_checked(SEED_BYTES).ok_or(SigningKeyError::Length(bytes.len()))?;
        if !public.is_empty() && public.len() != SEED_BYTES {
            return Err(SigningKeyError::Length(bytes.len()));
        }
        // Any 32 bytes are a seed.
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SigningKeyError::Length(bytes.len()))?;
        if !public.is_empty() && public != pair.public_key().as_ref() {
            return Err(SigningKeyError::Halves);
        }
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(Self { pair, id })
    }

    /// The key's id: the thumbprint of its public half (RFC 7638, RFC 8037).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as receivers are told: `whpk_…`.
    #[must_use]
    pub fn public_text(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.pair.public_key().as_ref()))
    }

    /// The public key as a JSON Web Key (RFC 8037), for the set under `/.well-known`.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id, "x": x })
    }

    /// The public key as receivers check with it.
    pub(super) fn verifier(&self) -> Verifier {
        Verifier::Ed25519(self.pair.public_key().as_ref().to_vec())
    }

    pub(super) fn sign(&self, content: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.pair.sign(content)
    }
}

impl FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, SigningKeyError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SigningKeyError::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|error| SigningKeyError::Base64(reason(&error, PREFIX)))?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}
