//! Exchanging the key that the store's secrets are encrypted with, while the node runs. The new key is in the file before anything is
//! encrypted with it, and the old one leaves the file when nothing is any more: whenever the process dies, the next start goes on.

use std::sync::Arc;

use crate::store::{Store, StoreError};
use crate::time::Entropy;
use crate::vault::{Found, KeySourceError, Vault, VaultKeyId, VaultKeys};

/// The key of a store, and where it is.
pub struct StoreKey {
    store: Store,
    entropy: Arc<dyn Entropy>,
    /// Held while it is exchanged.
    found: tokio::sync::Mutex<Found>,
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The key in force.
    pub key: VaultKeyId,
    /// Where it is, in words.
    pub place: String,
    /// Secrets that were encrypted anew.
    pub secrets: u64,
    /// Whether the keys before it are gone from the file; otherwise they have to be removed by hand.
    pub is_tidy: bool,
}

/// Why a key was not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// There is no new key.
    #[error(transparent)]
    Key(#[from] KeySourceError),
    /// The store failed; both keys are in the file, and a repetition goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreKey {
    /// The key that the store was opened with.
    #[must_use]
    pub fn new(store: Store, entropy: Arc<dyn Entropy>, found: Found) -> Self {
        Self { store, entropy, found: tokio::sync::Mutex::new(found) }
    }

    /// Makes a new key, or takes the one that stands in front of the present one in its file, and encrypts everything with it.
    ///
    /// # Errors
    /// When the key is in the environment, its file cannot be written, or the store fails. Nothing is lost then.
    pub async fn exchange(&self) -> Result<Exchanged, ExchangeError> {
        let mut found = self.found.lock().await;
        let next = found.next(&*self.entropy)?;
        let secrets = self.store.rekey(Vault::new(next.clone(), Arc::clone(&self.entropy))).await?;
        let is_tidy = found.forget_earlier(&next.current);
        let key = next.current.id();
        found.keys = if is_tidy { VaultKeys::of(next.current) } else { next };
        Ok(Exchanged { key, place: found.source.to_string(), secrets, is_tidy })
    }
}
