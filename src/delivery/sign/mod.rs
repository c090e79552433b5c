//! Signatures of a request: Standard Webhooks always, the `journey` profile of seed `004_d9f0e04048f8d44d.txt` where asked. The time is
//! an argument; keys are made from random bytes that are handed in, but for RSA keys, which the crypto provider makes alone.

mod rsa;
mod secret;

pub use rsa::{KeyError, RsaKey};
pub use secret::{Secret, SecretError};

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
    /// The one in force, then those that are still valid after a rotation.
    secrets: Vec<Secret>,
    journey: Option<Arc<RsaKey>>,
}

impl Signer {
    /// Signs with `current`, and with the secrets that were in force before, as long as receivers may still hold them.
    #[must_use]
    pub fn new(current: Secret, earlier: Vec<Secret>) -> Self {
        Self { secrets: std::iter::once(current).chain(earlier).collect(), journey: None }
    }

    /// Adds the headers of the `journey` profile.
    #[must_use]
    pub fn with_journey(self, key: Arc<RsaKey>) -> Self {
        Self { journey: Some(key), ..self }
    }

    /// The signature headers of a request, names in lower case. `at` is the time of the attempt, to the second.
    ///
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, one `v1,…` per secret. The `journey` profile signs
    /// the body alone; its HMAC uses the bytes of the endpoint's secret in force.
    #[must_use]
    pub fn sign(&self, message: MessageId, at: Timestamp, body: &[u8]) -> Vec<(&'static str, String)> {
        let id = message.to_string();
        let timestamp = at.as_second().to_string();
        let signature = standard(&self.secrets, &id, &timestamp, body);
        let mut headers = vec![("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        if let Some(key) = &self.journey {
            if let Some(secret) = self.secrets.first() {
                headers.push(("x-journey-signature", hex(hmac::sign(&secret.hmac_key(), body).as_ref())));
            }
            headers.push(("x-journey-signature-rsa-sha256", STANDARD.encode(key.sign(body))));
            headers.push(("x-journey-signature-rsa-sha256-key-id", key.id().to_owned()));
        }
        headers
    }

    /// Whether headers and body are signed with the secret in force, as a receiver that holds it finds out; with the `journey` profile,
    /// its HMAC too.
    #[must_use]
    pub fn verifies(&self, headers: &[(String, String)], body: &[u8]) -> bool {
        let header = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let (Some(secret), Some(id), Some(timestamp)) = (self.secrets.first(), header("webhook-id"), header("webhook-timestamp")) else {
            return false;
        };
        let key = secret.hmac_key();
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let mut signatures = header("webhook-signature").unwrap_or_default().split(' ').filter_map(|part| part.strip_prefix("v1,"));
        let standard =
            signatures.any(|signature| STANDARD.decode(signature).is_ok_and(|signature| hmac::verify(&key, &signed, &signature).is_ok()));
        let journey = self.journey.is_none() || header("x-journey-signature") == Some(&hex(hmac::sign(&key, body).as_ref()));
        standard && journey
    }
}

/// `webhook-signature`: a signature of `id.timestamp.body` per secret, separated by spaces.
fn standard(secrets: &[Secret], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut signatures = String::new();
    for secret in secrets {
        let mut context = hmac::Context::with_key(&secret.hmac_key());
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        if !signatures.is_empty() {
            signatures.push(' ');
        }
        signatures.push_str("v1,");
        STANDARD.encode_string(context.sign(), &mut signatures);
    }
    signatures
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
