//! Key material by name: made once, kept, rotated. It is encrypted before it is written, and opened after it was read, so that neither the
//! database nor a copy of it gives any away.

use jiff::Timestamp;

use super::{KeptKey, RetiredKey, Store, StoreError};
use crate::vault::{Place, Vault};

/// Which row of which table.
pub(super) enum Where {
    Key(String),
    Retired(String, i64),
}

impl Where {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Key(name) | Self::Retired(name, _) => name,
        }
    }

    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Key(name) => Place::Key(name),
            Self::Retired(name, until) => Place::Retired(name, *until),
        }
    }
}

impl Store {
    /// The key material under `name`; `make` is called and its result stored when there is none yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key(&self, name: &str, make: impl FnOnce() -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, StoreError> {
        verb!(self, key(name, make))
    }

    /// The key material under each of `names`, in their order, with what was in force before. `make` is called for each that has none, and
    /// what is made is stored in a few transactions.
    ///
    /// # Errors
    /// When the store fails; some may have been stored then.
    pub async fn keys(&self, names: Vec<String>, make: impl FnMut() -> Vec<u8> + Send + 'static) -> Result<Vec<KeptKey>, StoreError> {
        verb!(self, keys(names, make))
    }

    /// Puts new key material in force under `name`. What was in force is kept as retired until `until`.
    ///
    /// # Errors
    /// When the store fails; the old material stays in force then.
    pub async fn rotate_key(&self, name: &str, material: Vec<u8>, until: Timestamp) -> Result<(), StoreError> {
        verb!(self, rotate_key(name, material, until))
    }

    /// What was in force under `name` before, as far as its grace time is not over at `now`; the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retired_keys(&self, name: &str, now: Timestamp) -> Result<Vec<RetiredKey>, StoreError> {
        verb!(self, retired_keys(name, now))
    }

    /// From now on secrets are encrypted with the key in force of `vault`, and all that there are, anew; how many that were. What is being
    /// written meanwhile is, too. The vault must have every key that something is encrypted with.
    ///
    /// # Errors
    /// When the store fails or is not open with keys; those that are done are done, and a repetition goes on.
    pub async fn rekey(&self, vault: Vault) -> Result<u64, StoreError> {
        verb!(self, rekey(vault))
    }
}
