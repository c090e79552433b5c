//! The receivers' side of signatures: the keys that a receiver holds, the headers and body of a request → what holds of each kind of
//! signature. Absent: how old a request may be, and why a signature does not hold.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Content, Secret, hex};

/// A kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `webhook-signature: v1,…`, HMAC-SHA256 of id, timestamp and body.
    V1,
    /// `webhook-signature: v1a,…`, Ed25519 of the same.
    V1a,
    /// `x-journey-signature`, HMAC-SHA256 of the body.
    JourneyHmac,
    /// `x-journey-signature-rsa-sha256`, RSA of the body.
    JourneyRsa,
}

impl Scheme {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::V1, Self::V1a, Self::JourneyHmac, Self::JourneyRsa];

    /// Its name in answers and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
            Self::JourneyHmac => "journey-hmac",
            Self::JourneyRsa => "journey-rsa",
        }
    }
}

/// What a receiver checks requests with.
#[derive(Clone, Debug)]
pub enum Verifier {
    /// `whsec_…`: for `v1` and the HMAC of the `journey` profile.
    Secret(Secret),
    /// The public half of an Ed25519 key, `whpk_…`: for `v1a`.
    Ed25519(Vec<u8>),
    /// The public half of an RSA key, as DER (`RSAPublicKey`, or `SubjectPublicKeyInfo`).
    Rsa(Vec<u8>),
}

/// What there is to say of one kind of signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A signature fits the request and a key.
    Held,
    /// There are signatures, and none fits.
    Failed,
    /// There are signatures, and none is of the form that it must have.
    Malformed,
    /// There are signatures, and no key for them.
    NoKey,
    /// There is no signature, although there is a key for one.
    Missing,
    /// There is neither.
    Absent,
}

impl Verdict {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Malformed => "malformed",
            Self::NoKey => "no-key",
            Self::Missing => "missing",
            Self::Absent => "absent",
        }
    }
}

/// A request as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Names in any case.
    pub headers: &'a [(String, String)],
    /// The very bytes.
    pub body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The signatures of a kind, as they are written, without their version.
    #[must_use]
    pub fn signatures(&self, scheme: Scheme) -> Vec<&'a str> {
        let standard = |version: &str| {
            let all = self.header("webhook-signature").unwrap_or_default().split_ascii_whitespace();
            all.filter_map(|signature| signature.strip_prefix(version)).collect()
        };
        match scheme {
            Scheme::V1 => standard("v1,"),
            Scheme::V1a => standard("v1a,"),
            Scheme::JourneyHmac => self.header("x-journey-signature").into_iter().collect(),
            Scheme::JourneyRsa => self.header("x-journey-signature-rsa-sha256").into_iter().collect(),
        }
    }

    /// Whether the signatures of this kind hold.
    #[must_use]
    pub fn judge(&self, scheme: Scheme, verifiers: &[Verifier]) -> Verdict {
        let keys: Vec<&Verifier> = verifiers.iter().filter(|verifier| verifier.serves(scheme)).collect();
        let signatures = self.signatures(scheme);
        match (signatures.is_empty(), keys.is_empty()) {
            (true, true) => return Verdict::Absent,
            (true, false) => return Verdict::Missing,
            (false, true) => return Verdict::NoKey,
            (false, false) => {}
        }
        let decoded: Vec<Vec<u8>> = signatures.iter().filter_map(|signature| decode(scheme, signature)).collect();
        if decoded.is_empty() {
            return Verdict::Malformed;
        }
        let content = self.signed(scheme);
        let held = decoded.iter().any(|signature| keys.iter().any(|key| key.verifies(&content, signature)));
        if held { Verdict::Held } else { Verdict::Failed }
    }

    /// The bytes that a signature of this kind is made over.
    #[must_use]
    pub fn signed(&self, scheme: Scheme) -> Vec<u8> {
        match scheme {
            Scheme::V1 | Scheme::V1a => {
                let header = |name| self.header(name).unwrap_or_default();
                Content { id: header("webhook-id"), timestamp: header("webhook-timestamp"), body: self.body }.parts().concat()
            }
            Scheme::JourneyHmac | Scheme::JourneyRsa => self.body.to_vec(),
        }
    }
}

impl Verifier {
    /// Whether it is for signatures of this kind.
    #[must_use]
    pub fn serves(&self, scheme: Scheme) -> bool {
        match self {
            Self::Secret(_) => matches!(scheme, Scheme::V1 | Scheme::JourneyHmac),
            Self::Ed25519(_) => scheme == Scheme::V1a,
            Self::Rsa(_) => scheme == Scheme::JourneyRsa,
        }
    }

    fn verifies(&self, content: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(secret) => hmac::verify(&secret.hmac_key(), content, signature).is_ok(),
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(content, signature).is_ok(),
            Self::Rsa(key) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(content, signature).is_ok(),
        }
    }
}

/// The bytes of a signature as it is written: base64, or hex in lower case for the HMAC of the `journey` profile.
fn decode(scheme: Scheme, text: &str) -> Option<Vec<u8>> {
    match scheme {
        Scheme::V1 | Scheme::V1a | Scheme::JourneyRsa => STANDARD.decode(text).ok(),
        Scheme::JourneyHmac => {
            let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
            let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
            bytes.filter(|bytes| hex(bytes) == text)
        }
    }
}
