//! Checked rules and their configuration → a [`Generation`]: who is called how, signed with what. Secrets are revealed here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use secrecy::ExposeSecret as _;

use crate::check::{Rules, Valid};
use crate::config::{Config, SecretError, SecretSource};
use crate::delivery::{KeyError, Policy, RsaKey, Secret, Signer};
use crate::generation::{Generation, Target};
use crate::ids::EndpointId;
use crate::program::Through;
use crate::store::{Store, StoreError};
use crate::time::Entropy;

/// Why a generation could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A secret of `[secrets]`.
    #[error("the secret `{name}` cannot be had")]
    Secret {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// The signing secret of an endpoint cannot be had.
    #[error("the signing secret of the endpoint `{name}` cannot be had")]
    SigningSecret {
        /// The endpoint's name.
        name: String,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// The signing secret of an endpoint is none.
    #[error("the signing secret of the endpoint `{name}` cannot be used")]
    BadSigningSecret {
        /// The endpoint's name.
        name: String,
        /// Why.
        #[source]
        source: crate::delivery::SecretError,
    },
    /// The RSA key of the store.
    #[error("the key of the journey signatures cannot be used")]
    JourneyKey(#[source] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keys that are made once and kept in the store.
pub struct Keyring {
    store: Store,
    entropy: Arc<dyn Entropy>,
    journey: Mutex<Option<Arc<RsaKey>>>,
}

impl Keyring {
    /// The keys of this store.
    #[must_use]
    pub fn new(store: Store, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, entropy, journey: Mutex::new(None) }
    }

    /// The public keys in use, as JSON Web Keys.
    #[must_use]
    pub fn public_keys(&self) -> Vec<serde_json::Value> {
        self.known_journey_key().iter().map(|key| key.public_jwk()).collect()
    }

    async fn endpoint_secret(&self, id: &EndpointId) -> Result<Vec<u8>, StoreError> {
        let entropy = Arc::clone(&self.entropy);
        let make = move || {
            let mut bytes = vec![0; 32];
            entropy.fill(&mut bytes);
            bytes
        };
        self.store.key(&format!("endpoint/{id}"), make).await
    }

    /// The RSA key, made when it is first needed.
    async fn journey_key(&self) -> Result<Arc<RsaKey>, BuildError> {
        if let Some(key) = self.known_journey_key() {
            return Ok(key);
        }
        // A provider that makes no key leaves nothing, which cannot be read as a key below.
        let make = || RsaKey::generate().and_then(|key| key.to_pkcs8()).unwrap_or_default();
        let der = self.store.key("journey-rsa", make).await?;
        let key = Arc::new(RsaKey::from_pkcs8(&der).map_err(BuildError::JourneyKey)?);
        *self.journey.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&key));
        Ok(key)
    }

    fn known_journey_key(&self) -> Option<Arc<RsaKey>> {
        self.journey.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a generation is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// A secret that cannot be had is an error.
    Refused,
    /// It is left out with a warning: what needs it will not be sent.
    LeftOut,
}

/// Builds a generation; the second value holds warnings.
///
/// # Errors
/// When a secret cannot be had or used, or the store fails.
pub async fn build(
    rules: Valid<Rules>,
    config: &Config,
    keyring: &Keyring,
    number: u64,
    absent: Absent,
) -> Result<(Generation, Vec<String>), BuildError> {
    let mut warnings = Vec::new();
    let mut secrets = BTreeMap::new();
    for (name, source) in &config.secrets {
        match (source.reveal(&config.folder), absent) {
            (Ok(value), _) => {
                secrets.insert(name.clone(), value);
            }
            (Err(source), Absent::Refused) => return Err(BuildError::Secret { name: name.clone(), source }),
            (Err(error), Absent::LeftOut) => {
                warnings.push(format!("the secret `{name}` cannot be had: {error}; what needs it is not sent"));
            }
        }
    }
    let mut targets = FxHashMap::default();
    // A disabled one is no target: what it has is held.
    for endpoint in rules.endpoints.iter().filter(|endpoint| endpoint.enabled) {
        let configured = config.endpoint(&endpoint.id);
        let name = endpoint.name.value.to_string();
        let policy = configured.map_or_else(Policy::default, |configured| configured.policy.clone());
        let secret = match configured.and_then(|configured| configured.secret.as_ref()) {
            Some(source) => own_secret(source, config, &name)?,
            None => Secret::from_bytes(&keyring.endpoint_secret(&endpoint.id).await?)
                .map_err(|source| BuildError::BadSigningSecret { name: name.clone(), source })?,
        };
        let mut signer = Signer::new(secret, Vec::new());
        if policy.journey {
            signer = signer.with_journey(keyring.journey_key().await?);
        }
        targets.insert(endpoint.id.clone(), Arc::new(Target { name, policy, signer }));
    }
    index_children(&rules, &keyring.store).await?;
    Ok((Generation { number, rules: Arc::new(rules), targets, secrets }, warnings))
}

fn own_secret(source: &SecretSource, config: &Config, name: &str) -> Result<Secret, BuildError> {
    let text = source.reveal(&config.folder).map_err(|source| BuildError::SigningSecret { name: name.to_owned(), source })?;
    text.expose_secret().trim().parse().map_err(|source| BuildError::BadSigningSecret { name: name.to_owned(), source })
}

/// Has the store find the objects of embedded has-many relations by index.
async fn index_children(rules: &Rules, store: &Store) -> Result<(), StoreError> {
    let mut wanted = std::collections::BTreeSet::new();
    for webhook in &rules.program.webhooks {
        webhook.each_embed(&mut |embed| {
            if let Through::HasMany(_) = embed.through {
                wanted.insert(embed.model);
            }
        });
    }
    for model in &rules.program.models {
        for has_many in model.has_many.iter().filter(|has_many| wanted.contains(&has_many.model)) {
            let child = rules.program.model(has_many.model);
            store.index_children(&child.name, &format!("{}_id", child.property(has_many.inverse).name)).await?;
        }
    }
    Ok(())
}
