//! The key of a store, for the verbs that open its secrets.

use std::sync::Arc;

use super::failure::Failure;
use super::stored::unusable;
use crate::config::Config;
use crate::store::{self, Glance};
use crate::time::SystemEntropy;
use crate::vault::{Beside, Found, KeySourceError, Vault};

/// The key of the store at `url`, which is made if it is a new store and nothing else is said.
pub(super) async fn key_of_store(config: &Config, url: &str) -> Result<Found, Failure> {
    let Glance { path, is_sealed, .. } = store::glance(url).await.map_err(|error| unusable(&error))?;
    let beside = Beside { database: path.as_deref(), is_sealed };
    Found::find(config.store_key.as_ref(), &config.folder, beside, &SystemEntropy).map_err(|error| no_key(&error))
}

/// A vault with these keys.
pub(super) fn vault(found: &Found) -> Vault {
    Vault::new(found.keys.clone(), Arc::new(SystemEntropy))
}

fn no_key(error: &KeySourceError) -> Failure {
    let mut failure = Failure::new(error.to_string());
    failure = std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .fold(failure, |failure, cause| failure.cause(cause.to_string()));
    let help = match error {
        KeySourceError::Gone(_) => "put the file back, or give the key in `WEBHOOKC_KEY`; without it the secrets cannot be read",
        KeySourceError::NotGiven => "every node of the store needs the same key: `openssl rand -hex 32` makes one",
        KeySourceError::Unusable { .. } => "`openssl rand -hex 32` makes a key",
        KeySourceError::Missing(_) | KeySourceError::File { .. } | KeySourceError::Fixed(_) => {
            "the key is in `WEBHOOKC_KEY`, where `key` of `[store]` says, or in a file beside the store"
        }
    };
    failure.help(help)
}
