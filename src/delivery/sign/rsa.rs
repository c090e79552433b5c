//! The RSA key of the `journey` profile: 2048 bits, PKCS#1 v1.5 over SHA-256, and its public half for receivers.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::Verifier;

/// Characters of a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// A key pair. Debug output shows its id alone.
pub struct RsaKey {
    pair: KeyPair,
    id: String,
    modulus: String,
    exponent: String,
}

/// What can be wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key.
    #[error("the RSA key cannot be read: {0}, expected PKCS#8 DER")]
    Unreadable(String),
    /// Another size.
    #[error("the RSA key has {0} bits, expected 2048")]
    Size(usize),
    /// The crypto provider failed.
    #[error("the crypto provider could not {0}")]
    Provider(&'static str),
}

impl RsaKey {
    /// Makes a new key; takes a tenth of a second or more. The crypto provider uses the operating system's random numbers.
    ///
    /// # Errors
    /// When the provider fails.
    pub fn generate() -> Result<Self, KeyError> {
        Self::new(KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Provider("make an RSA key"))?)
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// When it is not PKCS#8 DER of an RSA key of 2048 bits.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::new(KeyPair::from_pkcs8(der).map_err(|error| KeyError::Unreadable(error.to_string()))?)
    }

    fn new(pair: KeyPair) -> Result<Self, KeyError> {
        let bits = pair.public_modulus_len() * 8;
        if bits != 2048 {
            return Err(KeyError::Size(bits));
        }
        let (modulus, exponent) = integers(pair.public_key().as_ref()).ok_or(KeyError::Provider("encode the public key"))?;
        let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Ok(Self { pair, id, modulus, exponent })
    }

    /// The private key as PKCS#8 DER, for the encrypted store.
    ///
    /// # Errors
    /// When the provider fails.
    pub fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der<'static> = self.pair.as_der().map_err(|_| KeyError::Provider("encode the private key"))?;
        Ok(der.as_ref().to_vec())
    }

    /// The key's id: the thumbprint of its public half (RFC 7638), so that it is the same wherever the key is.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as PEM (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// When the provider fails.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        let der: PublicKeyX509Der<'static> = self.pair.public_key().as_der().map_err(|_| KeyError::Provider("encode the public key"))?;
        let encoded = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        let mut rest = encoded.as_str();
        while let Some((line, after)) = rest.split_at_checked(PEM_LINE.min(rest.len())).filter(|(line, _)| !line.is_empty()) {
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem)
    }

    /// The public key as a JSON Web Key (RFC 7517), for the set under `/.well-known`.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": self.modulus, "e": self.exponent,
        })
    }

    /// The public key as receivers check with it.
    pub(super) fn verifier(&self) -> Verifier {
        Verifier::Rsa(self.pair.public_key().as_ref().to_vec())
    }

    /// Signs; empty when the provider fails, which no receiver takes for a signature.
    pub(super) fn sign(&self, body: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        match self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body, &mut signature) {
            Ok(()) => signature,
            Err(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017): a DER sequence of two integers, each without leading zeros.
fn integers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((without_zeros(modulus), without_zeros(exponent)))
}

/// The content of the DER element with this tag at the start, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&seen, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(3))?;
        (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
    };
    if seen == tag { rest.split_at_checked(length) } else { None }
}

fn without_zeros(mut integer: &[u8]) -> &[u8] {
    while let Some((0, rest)) = integer.split_first() {
        integer = rest;
    }
    integer
}
