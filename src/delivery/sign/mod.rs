//! Signatures of a request: Standard Webhooks always, asymmetric ones and the `journey` profile of seed `004_d9f0e04048f8d44d.txt` where
//! asked. The time is an argument; keys are made from random bytes that are handed in, but for RSA keys, which the crypto provider
//! makes alone.
//!
//! A rotation puts a new key in force and keeps the one before for a grace time. `webhook-signature` has room for the signatures of
//! both; the headers of the `journey` profile hold one each, made with the key in force, and name the RSA key, of which the public half
//! stays published for the grace time.

mod check;
mod ed25519;
mod key;
mod rsa;
mod secret;
mod told;
mod verifier;
mod diagnosis;

pub use check::{Checked, KeyName};
pub use diagnosis::{Diagnosis, Occasion, Signature, diagnose};
pub use ed25519::{SigningKey, SigningKeyError};
pub use key::{Earlier, Key, ParseKeyError};
pub use rsa::{KeyError, RsaKey};
pub use secret::{Secret, SecretError};
pub use told::ToldError;
pub use verifier::{Received, Scheme, Verdict, Verifier};

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::ids::MessageId;

/// The keys of an endpoint. Debug output never shows them.
#[derive(Clone, Debug)]
pub struct Signer {
    secret: Secret,
    asymmetric: Option<Arc<SigningKey>>,
    journey: Option<Arc<RsaKey>>,
    /// Those that were in force before, the latest first.
    earlier: Vec<Earlier>,
}

impl Signer {
    /// Signs with `current`, and with the keys that were in force before, each until the end of its grace time.
    #[must_use]
    pub fn new(current: Secret, earlier: Vec<Earlier>) -> Self {
        Self { secret: current, asymmetric: None, journey: None, earlier }
    }

    /// Adds asymmetric signatures.
    #[must_use]
    pub fn with_asymmetric(self, key: Arc<SigningKey>) -> Self {
        Self { asymmetric: Some(key), ..self }
    }

    /// Adds the headers of the `journey` profile.
    #[must_use]
    pub fn with_journey(self, key: Arc<RsaKey>) -> Self {
        Self { journey: Some(key), ..self }
    }

    /// The same with a new key in force; the one of its kind that was in force is used until `until`. Without a key of this kind,
    /// nothing changes.
    #[must_use]
    pub fn rotated(&self, new: Key, until: Timestamp) -> Self {
        let mut next = self.clone();
        let before = match new {
            Key::Secret(secret) => Some(Key::Secret(std::mem::replace(&mut next.secret, secret))),
            Key::Ed25519(key) => next.asymmetric.as_mut().map(|current| Key::Ed25519(std::mem::replace(current, key))),
            Key::Rsa(key) => next.journey.as_mut().map(|current| Key::Rsa(std::mem::replace(current, key))),
        };
        next.earlier.splice(..0, before.map(|key| Earlier { key, until }));
        next
    }

    /// The key of the asymmetric signatures.
    #[must_use]
    pub fn asymmetric(&self) -> Option<&SigningKey> {
        self.asymmetric.as_deref()
    }

    /// The public keys that receivers may need at `at`, as JSON Web Keys: first those in force.
    #[must_use]
    pub fn public_keys(&self, at: Timestamp) -> Vec<serde_json::Value> {
        let in_force = self.journey.iter().map(|key| key.public_jwk()).chain(self.asymmetric.iter().map(|key| key.public_jwk()));
        let earlier = self.valid(at).filter_map(|key| match key {
            Key::Secret(_) => None,
            Key::Ed25519(key) => Some(key.public_jwk()),
            Key::Rsa(key) => Some(key.public_jwk()),
        });
        in_force.chain(earlier).collect()
    }

    /// The signature headers of a request, names in lower case. `at` is the time of the attempt, to the second.
    ///
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, one `v1,…` per secret and one `v1a,…` per asymmetric
    /// key, separated by spaces. The `journey` profile signs the body alone; its HMAC uses the bytes of the endpoint's secret in force.
    #[must_use]
    pub fn sign(&self, message: MessageId, at: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        let id = message.to_string();
        let timestamp = at.as_second().to_string();
        let signature = self.standard(&Content { id: &id, timestamp: &timestamp, body }, at);
        let mut headers = vec![("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        if let Some(key) = &self.journey {
            headers.push(("x-journey-signature", hex(hmac::sign(&self.secret.hmac_key(), body).as_ref())));
            headers.push(("x-journey-signature-rsa-sha256", STANDARD.encode(key.sign(body))));
            headers.push(("x-journey-signature-rsa-sha256-key-id", key.id().to_owned()));
        }
        headers
    }

    /// Whether headers and body are signed with the keys in force, as a receiver that holds them finds out: the secret, the asymmetric
    /// key and the RSA key if there are any, and the HMAC of the `journey` profile if that is on.
    #[must_use]
    pub fn verifies(&self, headers: &[(String, String)], body: &[u8]) -> bool {
        let received = Received { headers, body };
        let in_force = Self { earlier: Vec::new(), ..self.clone() }.verifiers(Timestamp::UNIX_EPOCH);
        self.schemes().all(|scheme| received.judge(scheme, &in_force) == Verdict::Held)
    }

    /// The kinds of signature that a request gets.
    pub fn schemes(&self) -> impl Iterator<Item = Scheme> {
        let has = |scheme: &Scheme| match scheme {
            Scheme::V1 => true,
            Scheme::V1a => self.asymmetric.is_some(),
            Scheme::JourneyHmac | Scheme::JourneyRsa => self.journey.is_some(),
        };
        Scheme::ALL.into_iter().filter(has)
    }

    /// What receivers hold at `at` to check signatures with: first the keys in force.
    #[must_use]
    pub fn verifiers(&self, at: Timestamp) -> Vec<Verifier> {
        let secret = std::iter::once(Verifier::Secret(self.secret.clone()));
        let asymmetric = self.asymmetric.iter().map(|key| key.verifier());
        let journey = self.journey.iter().map(|key| key.verifier());
        let earlier = self.valid(at).map(|key| match key {
            Key::Secret(secret) => Verifier::Secret(secret.clone()),
            Key::Ed25519(key) => key.verifier(),
            Key::Rsa(key) => key.verifier(),
        });
        secret.chain(asymmetric).chain(journey).chain(earlier).collect()
    }

    /// `webhook-signature`.
    fn standard(&self, content: &Content<'_>, at: Timestamp) -> String {
        let mut signatures = String::new();
        content.sign_v1(&self.secret, &mut signatures);
        if let Some(key) = &self.asymmetric {
            content.sign_v1a(key, &mut signatures);
        }
        for key in self.valid(at) {
            match key {
                Key::Secret(secret) => content.sign_v1(secret, &mut signatures),
                Key::Ed25519(key) => content.sign_v1a(key, &mut signatures),
                Key::Rsa(_) => {}
            }
        }
        signatures
    }

    /// The earlier keys whose grace time is not over.
    fn valid(&self, at: Timestamp) -> impl Iterator<Item = &Key> {
        self.earlier.iter().filter(move |earlier| earlier.until > at).map(|earlier| &earlier.key)
    }
}

/// What a Standard Webhooks signature is made of: `id.timestamp.body`.
struct Content<'a> {
    id: &'a str,
    timestamp: &'a str,
    body: &'a [u8],
}

impl Content<'_> {
    fn parts(&self) -> [&[u8]; 5] {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", self.body]
    }

    fn sign_v1(&self, secret: &Secret, signatures: &mut String) {
        let mut context = hmac::Context::with_key(&secret.hmac_key());
        for part in self.parts() {
            context.update(part);
        }
        push("v1,", context.sign().as_ref(), signatures);
    }

    /// Ed25519 reads what it signs twice, so that the parts have to be put together.
    fn sign_v1a(&self, key: &SigningKey, signatures: &mut String) {
        push("v1a,", key.sign(&self.parts().concat()).as_ref(), signatures);
    }
}

/// Adds a signature to those before it.
fn push(version: &str, signature: &[u8], signatures: &mut String) {
    if !signatures.is_empty() {
        signatures.push(' ');
    }
    signatures.push_str(version);
    STANDARD.encode_string(signature, signatures);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
