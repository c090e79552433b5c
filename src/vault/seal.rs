//! Sealing: AES-256-GCM with a random nonce, the place of the row as associated data. What is sealed names its key:
//! one byte for the form, 8 for the key, 12 of nonce, then the text with its tag. With 2^32 random nonces under one key two are the same
//! with a chance of 2^-32; a store seals a few for each endpoint.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{VaultKeyId, VaultKeys};
use crate::time::Entropy;

/// The only form that there is.
const FORM: u8 = 1;
/// Bytes of a key's id.
const ID_LEN: usize = 8;

/// Where something sealed stands: what is moved to another place cannot be opened there.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Key material in force, by its name.
    Key(&'a str),
    /// Key material from before a rotation, by its name and the end of its grace time in milliseconds.
    Retired(&'a str, i64),
    /// What a tenant has said of an endpoint, by the endpoint's id.
    Endpoint(&'a str),
}

/// Why something cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Its key is not here.
    #[error("it is encrypted with the key {0}, which was not given")]
    OtherKey(VaultKeyId),
    /// It was changed, or moved here from another row.
    #[error("it was changed, or stood elsewhere when it was encrypted")]
    Changed,
}

/// Keys at work. Debug shows their ids.
#[derive(Clone)]
pub struct Vault {
    keys: VaultKeys,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.keys.fmt(f)
    }
}

impl Vault {
    /// A vault with these keys.
    #[must_use]
    pub fn new(keys: VaultKeys, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }

    /// The key in force.
    #[must_use]
    pub fn current(&self) -> VaultKeyId {
        self.keys.current.id()
    }

    /// Which keys it has, the one in force first.
    pub fn ids(&self) -> impl Iterator<Item = VaultKeyId> {
        self.keys.iter().map(super::key::VaultKey::id)
    }

    /// Whether it has this key.
    #[must_use]
    pub fn has(&self, id: VaultKeyId) -> bool {
        self.keys.iter().any(|key| key.id() == id)
    }

    /// Seals with the key in force.
    #[must_use]
    pub fn seal(&self, place: Place<'_>, open: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&self.keys.current.id().0);
        sealed.extend_from_slice(&nonce);
        let mut text = open.to_vec();
        let cipher = cipher(self.keys.current.bytes());
        let done = cipher.and_then(|cipher| {
            cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.bytes()), &mut text).ok()
        });
        debug_assert!(done.is_some(), "32 bytes are a key, and a secret is short");
        // Without a cipher nothing may be stored: what is empty cannot be opened, and is found by the first who tries.
        if done.is_some() {
            sealed.extend_from_slice(&text);
        }
        sealed
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When its key is not here, or it is not what was sealed.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let id = key_of(sealed).ok_or(UnsealError::Changed)?;
        let key = self.keys.iter().find(|key| key.id() == id).ok_or(UnsealError::OtherKey(id))?;
        let rest = sealed.get(1 + ID_LEN..).unwrap_or_default();
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError::Changed)?;
        let mut text = text.to_vec();
        let cipher = cipher(key.bytes()).ok_or(UnsealError::Changed)?;
        let open = cipher.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place.bytes()), &mut text);
        let length = open.map_err(|_| UnsealError::Changed)?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// The key that something was sealed with; `None` if it is not sealed in a form that is known.
#[must_use]
pub fn key_of(sealed: &[u8]) -> Option<VaultKeyId> {
    let (&form, rest) = sealed.split_first()?;
    let id = rest.first_chunk::<ID_LEN>()?;
    (form == FORM).then_some(VaultKeyId(*id))
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

impl Place<'_> {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Key(name) => format!("keys\0{name}").into_bytes(),
            Self::Retired(name, until) => format!("retired_keys\0{name}\0{until}").into_bytes(),
            Self::Endpoint(id) => format!("own_endpoints\0{id}").into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SeededEntropy;
    use crate::vault::VaultKey;

    fn vault(keys: &[u8]) -> Vault {
        let mut keys = keys.iter().map(|byte| VaultKey::from_bytes([*byte; 32]));
        let keys = VaultKeys { current: keys.next().unwrap(), earlier: keys.collect() };
        Vault::new(keys, Arc::new(SeededEntropy::new(1)))
    }

    #[test]
    fn what_is_sealed_is_opened_in_its_place_and_nowhere_else() {
        let (vault, here) = (vault(&[1]), Place::Key("endpoint/ep_a"));
        let sealed = vault.seal(here, b"secret");
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, vault.seal(here, b"secret"), "another nonce each time");
        assert_eq!(vault.open(here, &sealed).unwrap(), b"secret");
        for elsewhere in [Place::Key("endpoint/ep_b"), Place::Retired("endpoint/ep_a", 0)] {
            assert_eq!(vault.open(elsewhere, &sealed), Err(UnsealError::Changed));
        }
        assert_eq!(vault.open(Place::Retired("a", 1), &vault.seal(Place::Retired("a", 2), b"x")), Err(UnsealError::Changed));
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let (vault, here) = (vault(&[1]), Place::Key("k"));
        let sealed = vault.seal(here, b"secret");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(vault.open(here, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(vault.open(here, &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_key_from_before_opens_and_does_not_seal() {
        let here = Place::Key("k");
        let old = vault(&[1]).seal(here, b"secret");
        let both = vault(&[2, 1]);
        assert_eq!(both.open(here, &old).unwrap(), b"secret");
        assert_eq!(key_of(&both.seal(here, b"secret")), Some(both.current()));
        assert_eq!(vault(&[2]).open(here, &old), Err(UnsealError::OtherKey(vault(&[1]).current())));
    }
}
