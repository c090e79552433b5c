// Checks the signature of a webhook, HMAC or Ed25519, with the crates `aws-lc-rs` (or `ring`, which has the same interface) and `base64`.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Seconds that the clocks may be apart, and that a request may be under way.
const TOLERANCE: u64 = 5 * 60;

/// The headers of a request that are signed, or sign it.
pub struct Headers<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signatures: &'a str,
}

/// Checks that one of the signatures is made with one of the keys, `whsec_…` or `whpk_…`, and that the request is recent. `body` is what
/// was received, byte for byte, before anything parses it.
///
/// # Errors
/// Why the request must not be believed; answer 401.
pub fn verify(headers: &Headers<'_>, body: &[u8], keys: &[&str], now: u64) -> Result<(), &'static str> {
    let Headers { id, timestamp, signatures } = headers;
    if id.is_empty() || timestamp.is_empty() || signatures.is_empty() {
        return Err("a header is missing");
    }
    let recent = timestamp.parse::<u64>().is_ok_and(|at| now.abs_diff(at) <= TOLERANCE);
    if !recent {
        return Err("too old, or the clocks differ");
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let held = signatures.split(' ').filter_map(|signature| signature.split_once(',')).any(|(version, encoded)| {
        let seen = STANDARD.decode(encoded);
        seen.is_ok_and(|seen| keys.iter().any(|key| holds(version, &seen, &signed, key)))
    });
    if held { Ok(()) } else { Err("no signature fits") }
}

fn holds(version: &str, seen: &[u8], signed: &[u8], key: &str) -> bool {
    let Some((prefix, encoded)) = key.split_once('_') else { return false };
    let Ok(material) = STANDARD.decode(encoded) else { return false };
    match (version, prefix) {
        // Both compare in constant time.
        ("v1", "whsec") => hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &material), signed, seen).is_ok(),
        ("v1a", "whpk") => UnparsedPublicKey::new(&ED25519, material).verify(signed, seen).is_ok(),
        _ => false,
    }
}
