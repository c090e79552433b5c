//! A key that the store's secrets are encrypted with: 32 bytes, written in hexadecimal or base64. Several stand one after the other: the
//! first is in force, the others are those before it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretBox};

use crate::time::Entropy;

/// Bytes of a key.
const LENGTH: usize = 32;
/// Keys that are read from one text: the one in force and those of rotations that did not end.
const MOST: usize = 8;

/// Which key: the first bytes of a hash of it. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultKeyId(pub [u8; 8]);

/// A key. Debug does not show it.
pub struct VaultKey {
    id: VaultKeyId,
    bytes: SecretBox<[u8; LENGTH]>,
}

/// The key in force and those before it; at least one.
#[derive(Clone, Debug)]
pub struct VaultKeys {
    /// What is sealed with from now on.
    pub current: VaultKey,
    /// What may still be opened.
    pub earlier: Vec<VaultKey>,
}

/// Why a text is no key. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultKeyError {
    /// Nothing in it.
    #[error("there is no key in it, expected 32 bytes in hexadecimal (64 digits) or base64")]
    Empty,
    /// Something else.
    #[error("key {place} in it has {length} characters and is not 32 bytes in hexadecimal (64 digits) or base64")]
    Shape {
        /// Counted from 1.
        place: usize,
        /// Characters of it.
        length: usize,
    },
    /// A list of keys.
    #[error("there are more than {MOST} keys in it")]
    Many,
}

impl fmt::Display for VaultKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl VaultKey {
    /// The key of these bytes, which must be unpredictable.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let hash = digest(&SHA256, &[b"webhookc vault key".as_slice(), &bytes].concat());
        let mut id = [0; 8];
        for (byte, hashed) in id.iter_mut().zip(hash.as_ref()) {
            *byte = *hashed;
        }
        Self { id: VaultKeyId(id), bytes: SecretBox::new(Box::new(bytes)) }
    }

    /// A new key.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; LENGTH];
        entropy.fill(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> VaultKeyId {
        self.id
    }

    /// As it is written into a file: hexadecimal digits.
    #[must_use]
    pub fn reveal(&self) -> String {
        use fmt::Write as _;
        let mut text = String::with_capacity(2 * LENGTH);
        for byte in self.bytes.expose_secret() {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
        text
    }

    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        self.bytes.expose_secret()
    }
}

impl Clone for VaultKey {
    fn clone(&self) -> Self {
        Self { id: self.id, bytes: SecretBox::new(Box::new(*self.bytes.expose_secret())) }
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({}…)", self.id)
    }
}

impl VaultKeys {
    /// One key.
    #[must_use]
    pub fn of(current: VaultKey) -> Self {
        Self { current, earlier: Vec::new() }
    }

    /// One before the other, the one in force first.
    pub fn iter(&self) -> impl Iterator<Item = &VaultKey> {
        std::iter::once(&self.current).chain(&self.earlier)
    }
}

impl FromStr for VaultKeys {
    type Err = VaultKeyError;

    /// Reads keys with spaces, line breaks or commas between them; a line that begins with `#` says something about them.
    fn from_str(text: &str) -> Result<Self, VaultKeyError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let words = lines.flat_map(|line| line.split([',', ' ', '\t'])).filter(|word| !word.is_empty());
        let read = |(at, word): (usize, &str)| one(word).ok_or(VaultKeyError::Shape { place: at + 1, length: word.chars().count() });
        let mut keys = words.enumerate().map(read).collect::<Result<Vec<_>, _>>()?.into_iter();
        let current = keys.next().ok_or(VaultKeyError::Empty)?;
        if keys.len() >= MOST {
            return Err(VaultKeyError::Many);
        }
        Ok(Self { earlier: keys.filter(|key| key.id != current.id).collect(), current })
    }
}

fn one(word: &str) -> Option<VaultKey> {
    let bytes = if word.len() == 2 * LENGTH {
        let (pairs, _) = word.as_bytes().as_chunks::<2>();
        let pair = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'))?, 16).ok();
        pairs.iter().map(pair).collect::<Option<Vec<u8>>>()?
    } else {
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|engine| engine.decode(word).ok())?
    };
    bytes.try_into().ok().map(VaultKey::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_hexadecimal_and_in_base64() {
        let key = VaultKey::from_bytes([7; 32]);
        let hex = key.reveal();
        for text in [hex.clone(), hex.to_uppercase(), STANDARD.encode([7; 32]), URL_SAFE_NO_PAD.encode([7; 32]), format!("# note\n{hex}\n")]
        {
            let keys: VaultKeys = text.parse().unwrap();
            assert_eq!((keys.current.id(), keys.current.bytes()), (key.id(), &[7; 32]), "{text}");
        }
        let two: VaultKeys = format!("{hex}\n{}", VaultKey::from_bytes([8; 32]).reveal()).parse().unwrap();
        assert_eq!((two.current.id(), two.earlier.len()), (key.id(), 1));
        assert_eq!(format!("{hex},{hex}").parse::<VaultKeys>().unwrap().earlier.len(), 0, "the same twice is one");
    }

    #[test]
    fn what_is_no_key_is_not_repeated_and_debug_shows_none() {
        let hex = VaultKey::from_bytes([7; 32]).reveal();
        for (text, said) in
            [("", "there is no key"), ("# only a note", "there is no key"), (&hex[1..], "63 characters"), ("hunter2", "7 characters")]
        {
            let error = text.parse::<VaultKeys>().unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", hex.parse::<VaultKeys>().unwrap());
        assert!(!shown.contains("0707") && !shown.contains("7, 7"), "{shown}");
    }
}
