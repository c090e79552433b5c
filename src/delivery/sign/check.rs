//! Whether a `webhook-signature` was made with a key of the endpoint, and with which: what a receiver does, for whoever looks back.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{Content, Key, Secret, Signer, hex};

/// Bytes of a fingerprint: enough to tell an endpoint's few secrets apart, and too few to find one by trying.
const FINGERPRINT: usize = 4;

/// A key, without anything of it that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// `v1`, `v1a` or `rsa`.
    pub version: &'static str,
    /// The start of the SHA-256 of a secret, in hexadecimal; the key id of another key.
    pub id: String,
    /// The end of its grace time; `None` for the key in force.
    pub until: Option<Timestamp>,
}

/// One signature of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// As it stands there: `v1,…`.
    pub signature: String,
    /// The key that made it; `None` when none of those that are known did.
    pub key: Option<KeyName>,
}

impl Secret {
    /// Tells secrets apart without showing them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(digest(&SHA256, self.as_bytes()).as_ref().get(..FINGERPRINT).unwrap_or_default())
    }
}

impl Signer {
    /// The secret in force.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The keys of this endpoint, those in force first.
    #[must_use]
    pub fn key_names(&self) -> Vec<KeyName> {
        self.keys().map(|(key, until)| name(&key, until)).collect()
    }

    /// Checks each signature of a `webhook-signature` over `id.timestamp.body` against every key that is known, also those whose grace time
    /// is over.
    #[must_use]
    pub fn check(&self, (id, timestamp): (&str, &str), body: &[u8], header: &str) -> Vec<Checked> {
        let content = Content { id, timestamp, body }.parts().concat();
        let made_by = |signature: &str| self.keys().find(|(key, _)| made(key, &content, signature)).map(|(key, until)| name(&key, until));
        header.split(' ').filter(|part| !part.is_empty()).map(|part| Checked { signature: part.to_owned(), key: made_by(part) }).collect()
    }

    fn keys(&self) -> impl Iterator<Item = (Key, Option<Timestamp>)> + '_ {
        let asymmetric = self.asymmetric.iter().map(|key| Key::Ed25519(key.clone()));
        let journey = self.journey.iter().map(|key| Key::Rsa(key.clone()));
        let in_force = std::iter::once(Key::Secret(self.secret.clone())).chain(asymmetric).chain(journey).map(|key| (key, None));
        in_force.chain(self.earlier.iter().map(|earlier| (earlier.key.clone(), Some(earlier.until))))
    }
}

fn name(key: &Key, until: Option<Timestamp>) -> KeyName {
    let (version, id) = match key {
        Key::Secret(secret) => ("v1", secret.fingerprint()),
        Key::Ed25519(key) => ("v1a", key.id().to_owned()),
        Key::Rsa(key) => ("rsa", key.id().to_owned()),
    };
    KeyName { version, id, until }
}

fn made(key: &Key, content: &[u8], signature: &str) -> bool {
    let of = |version: &str| signature.strip_prefix(version).and_then(|text| STANDARD.decode(text).ok());
    match key {
        Key::Secret(secret) => of("v1,").is_some_and(|signature| hmac::verify(&secret.hmac_key(), content, &signature).is_ok()),
        // Ed25519 gives the same signature each time.
        Key::Ed25519(key) => of("v1a,").is_some_and(|signature| signature == key.sign(content).as_ref()),
        Key::Rsa(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::super::{Earlier, SigningKey};
    use super::*;
    use crate::ids::MessageId;

    #[test]
    fn a_signature_is_known_by_the_key_that_made_it() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let (old, new) = (Secret::from_random([1; 32]), Secret::from_random([2; 32]));
        let before = Signer::new(old.clone(), Vec::new());
        let after = Signer::new(new.clone(), vec![Earlier { key: Key::Secret(old.clone()), until: at }])
            .with_asymmetric(Arc::new(SigningKey::from_bytes(&[3; 32]).unwrap()));
        let message = MessageId::new(Uuid::from_u128(7 << 64));
        let signature =
            |signer: &Signer| signer.sign(message, at, b"{}").into_iter().find(|(name, _)| *name == "webhook-signature").unwrap().1;
        let check = |header: &str, body: &[u8]| after.check((&message.to_string(), "1700000000"), body, header);
        let keys = |header: &str, body: &[u8]| check(header, body).into_iter().map(|found| found.key.map(|key| key.id)).collect::<Vec<_>>();
        assert_eq!(keys(&signature(&before), b"{}"), [Some(old.fingerprint())]);
        let own = after.asymmetric().unwrap().id().to_owned();
        assert_eq!(keys(&signature(&after), b"{}"), [Some(new.fingerprint()), Some(own)]);
        assert_eq!(keys(&signature(&after), b"{ }"), [None, None]);
        assert_eq!(keys("v1,AAAA nonsense", b"{}"), [None, None]);
        assert_eq!(
            after.key_names().iter().map(|key| (key.version, key.until)).collect::<Vec<_>>(),
            [("v1", None), ("v1a", None), ("v1", Some(at))]
        );
    }
}
