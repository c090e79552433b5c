//! Keys and links as text: `whk_` or `whl_`, 16 hexadecimal digits that say which one it is, `_`, and 64 that nobody can guess. Of the
//! latter only the SHA-256 is ever stored: what has 256 random bits needs no slow hash.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Serialize, Serializer};

use crate::time::Entropy;

/// Digits that say which key it is.
const ID_DIGITS: usize = 16;
/// Bytes that nobody can guess.
const SECRET_BYTES: usize = 32;

/// Which key or link: `key_` and 16 hexadecimal digits. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program's key.
    Key,
    /// A link that shows one tenant's page for a while.
    Link,
}

/// A key or link as it is shown once, and handed in with each call. Debug does not show its secret.
#[derive(Clone)]
pub struct Token {
    /// What for.
    pub kind: Kind,
    /// Which.
    pub id: KeyId,
    secret: [u8; SECRET_BYTES],
}

/// Why a text is no token. It is not repeated: it may be a secret of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {0} bytes and is not of the form `whk_…`: `whk_`, 16 hexadecimal digits, `_` and 64 hexadecimal digits")]
pub struct ParseTokenError(usize);

/// Why a text is not the id of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a key, expected `key_` and 16 hexadecimal digits")]
pub struct ParseKeyIdError(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key_{:016x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = ParseKeyIdError;

    fn from_str(text: &str) -> Result<Self, ParseKeyIdError> {
        let digits = text.strip_prefix("key_").filter(|digits| digits.len() == ID_DIGITS);
        digits.and_then(hex).map(|bytes| Self(u64::from_be_bytes(bytes))).ok_or_else(|| ParseKeyIdError(text.to_owned()))
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Link => "link",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Key => "whk_",
            Self::Link => "whl_",
        }
    }
}

impl Token {
    /// A new one.
    #[must_use]
    pub fn random(kind: Kind, entropy: &dyn Entropy) -> Self {
        let (mut id, mut secret) = ([0; 8], [0; SECRET_BYTES]);
        entropy.fill(&mut id);
        entropy.fill(&mut secret);
        Self { kind, id: KeyId(u64::from_be_bytes(id)), secret }
    }

    /// As it is handed out.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}{:016x}_{}", self.kind.prefix(), self.id.0, digits(&self.secret))
    }

    /// What is stored of its secret.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.secret).as_ref());
        hash
    }

    /// Whether it is the one of which this was stored; as fast for one that is nearly right as for any other.
    #[must_use]
    pub fn is_of(&self, hash: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.hash(), hash).is_ok()
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        let read = || {
            let kind = [Kind::Key, Kind::Link].into_iter().find(|kind| text.starts_with(kind.prefix()))?;
            let (id, secret) = text.strip_prefix(kind.prefix())?.split_once('_')?;
            Some(Self { kind, id: KeyId(u64::from_be_bytes(hex(id)?)), secret: hex(secret)? })
        };
        read().ok_or(ParseTokenError(text.len()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}{:016x}_…)", self.kind.prefix(), self.id.0)
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// Exactly so many bytes from lower-case hexadecimal digits.
pub(super) fn hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SeededEntropy;

    #[test]
    fn a_token_is_read_as_it_is_shown_and_no_other_is_it() {
        let entropy = SeededEntropy::new(7);
        let (one, two) = (Token::random(Kind::Key, &entropy), Token::random(Kind::Link, &entropy));
        let again: Token = one.reveal().parse().unwrap();
        assert_eq!((again.kind, again.id, again.reveal()), (Kind::Key, one.id, one.reveal()));
        assert!(again.is_of(&one.hash()) && !two.is_of(&one.hash()));
        assert!(two.reveal().starts_with("whl_"));
        assert_eq!(one.id.to_string().parse(), Ok(one.id));
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_secret() {
        let token = Token::random(Kind::Key, &SeededEntropy::new(7));
        let shown = token.reveal();
        let secret = shown.rsplit_once('_').unwrap().1;
        assert!(!format!("{token:?}").contains(secret));
        for wrong in [&shown[1..], &format!("{shown}0"), &shown[..shown.len() - 1], &shown.to_uppercase(), "whk_", "", "whk_é_"] {
            let error = wrong.parse::<Token>().unwrap_err().to_string();
            assert!(error.starts_with("it has") && !error.contains(secret), "{error}");
        }
    }
}
