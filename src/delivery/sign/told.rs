//! What receivers are told → what they check with: `whsec_…`, `whpk_…`, a PEM file, a JSON Web Key set. Errors never repeat a key.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::ed25519::PREFIX as PRIVATE_PREFIX;
use super::secret::reason;
use super::{Secret, SecretError, SigningKey, SigningKeyError, Verifier};

/// What every public key of asymmetric signatures begins with.
const PUBLIC_PREFIX: &str = "whpk_";
/// What every secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of an Ed25519 public key.
const ED25519_BYTES: usize = 32;

/// Why a text is nothing to check with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToldError {
    /// It looks like nothing that is known.
    #[error(
        "it is none of the keys that receivers are told, expected `whsec_…`, `whpk_…`, PEM of an RSA public key, or a JSON Web Key set"
    )]
    Unknown,
    /// A secret with a mistake.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A private key with a mistake.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    /// A public key that is not base64.
    #[error("the public key is not base64 after `whpk_`: {0}")]
    Base64(String),
    /// A public key of another length.
    #[error("the public key has {0} bytes, expected 32")]
    Length(usize),
    /// PEM with a mistake.
    #[error("the PEM text is not an RSA public key of 2048 bits or more (`-----BEGIN PUBLIC KEY-----`)")]
    Pem,
    /// JSON with a mistake.
    #[error("the JSON is not a set of RSA and Ed25519 public keys: {0}")]
    WebKeys(String),
}

impl Verifier {
    /// Reads whatever receivers are told; a JSON Web Key set has several.
    ///
    /// # Errors
    /// When it is none of that.
    pub fn read(text: &str) -> Result<Vec<Self>, ToldError> {
        let text = text.trim();
        if text.starts_with(SECRET_PREFIX) {
            return Ok(vec![Self::Secret(text.parse()?)]);
        }
        if text.starts_with(PRIVATE_PREFIX) {
            return Ok(vec![text.parse::<SigningKey>()?.verifier()]);
        }
        if let Some(encoded) = text.strip_prefix(PUBLIC_PREFIX) {
            let bytes = STANDARD.decode(encoded).map_err(|error| ToldError::Base64(reason(&error, PUBLIC_PREFIX)))?;
            return if bytes.len() == ED25519_BYTES { Ok(vec![Self::Ed25519(bytes)]) } else { Err(ToldError::Length(bytes.len())) };
        }
        if text.starts_with("-----BEGIN") {
            return Ok(vec![pem(text).and_then(rsa).ok_or(ToldError::Pem)?]);
        }
        if text.starts_with('{') {
            return web_keys(text);
        }
        Err(ToldError::Unknown)
    }

    /// The verifier of a secret that somebody uses as text, as happens: for finding out that it did.
    pub(super) fn of_text(secret: &Secret) -> Vec<Self> {
        let whole = secret.reveal();
        let encoded = whole.strip_prefix(SECRET_PREFIX).unwrap_or_default();
        [&whole, encoded].into_iter().filter_map(|text| Secret::from_bytes(text.as_bytes()).ok()).map(Self::Secret).collect()
    }
}

fn pem(text: &str) -> Option<Vec<u8>> {
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
    STANDARD.decode(body).ok()
}

/// An RSA key that the crypto provider can read.
fn rsa(der: Vec<u8>) -> Option<Verifier> {
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der).ok().map(|_| Verifier::Rsa(der))
}

fn web_keys(text: &str) -> Result<Vec<Verifier>, ToldError> {
    let wrong = |why: &str| ToldError::WebKeys(why.to_owned());
    let set: Value = serde_json::from_str(text).map_err(|error| ToldError::WebKeys(error.to_string()))?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or_else(|| wrong("there is no list `keys`"))?;
    let mut verifiers = Vec::new();
    for key in keys {
        let part = |name: &str| URL_SAFE_NO_PAD.decode(key.get(name)?.as_str()?).ok();
        let verifier = match key.get("kty").and_then(Value::as_str) {
            Some("OKP") => part("x").filter(|x| x.len() == ED25519_BYTES).map(Verifier::Ed25519),
            Some("RSA") => part("n").zip(part("e")).and_then(|(n, e)| rsa(sequence(&[integer(&n), integer(&e)].concat()))),
            Some(_) | None => None,
        };
        verifiers.push(verifier.ok_or_else(|| wrong("one of them is neither an RSA nor an Ed25519 key"))?);
    }
    if verifiers.is_empty() { Err(wrong("it is empty")) } else { Ok(verifiers) }
}

/// DER of a non-negative integer.
fn integer(bytes: &[u8]) -> Vec<u8> {
    // A leading bit would make it negative.
    let sign: &[u8] = if bytes.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    element(0x02, &[sign, bytes].concat())
}

fn sequence(content: &[u8]) -> Vec<u8> {
    element(0x30, content)
}

/// A DER element; its length in as few bytes as can be.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = length.iter().position(|byte| *byte != 0).and_then(|first| length.get(first..)).unwrap_or_default();
    let mut der = vec![tag];
    match (content.len(), u8::try_from(digits.len())) {
        (short @ 0..0x80, _) => der.push(u8::try_from(short).unwrap_or_default()),
        (_, Ok(count)) => {
            der.push(0x80 | count);
            der.extend(digits);
        }
        (_, Err(_)) => {}
    }
    der.extend(content);
    der
}
