//! Checked rules and their configuration → a [`Generation`]: who is called how, signed with what. Secrets are revealed here.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use secrecy::ExposeSecret as _;

use super::keyring::Keyring;
use crate::check::{Rules, Valid};
use crate::config::{Config, Endpoint, Keys, SecretError, SecretSource};
use crate::delivery::{Earlier, Key, KeyError, ParseKeyError, Policy, Secret, Signer, SigningKeyError};
use crate::generation::{Generation, Shared, Target};
use crate::ids::EndpointId;
use crate::program::{EndpointSource, Through};
use crate::store::{Store, StoreError};

/// Endpoints whose secrets are read from the store, and made there, at once: there may be very many, and what is read is needed only
/// until it has been put in its place.
const ENDPOINTS_TOGETHER: usize = 1024;

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
        source: ParseKeyError,
    },
    /// The RSA key of the store.
    #[error("the key of the journey signatures cannot be used")]
    JourneyKey(#[source] KeyError),
    /// The Ed25519 key of the store.
    #[error("the key of the asymmetric signatures cannot be used")]
    AsymmetricKey(#[source] SigningKeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    let configured_by_id: FxHashMap<_, _> = config.endpoints.iter().map(|configured| (&configured.source.id, configured)).collect();
    let keys_of = |id: &EndpointId| configured_by_id.get(id).and_then(|configured| configured.keys.as_deref());
    let has_secret = |id: &EndpointId| keys_of(id).is_some_and(|keys| keys.secret.is_some());
    // A disabled one is no target: what it has is held.
    let enabled: Vec<&EndpointSource> = rules.endpoints.iter().map(|endpoint| &**endpoint).filter(|endpoint| endpoint.enabled).collect();
    let usual_policy = Arc::new(Policy::default());
    let mut kept = BTreeSet::new();
    let mut targets = FxHashMap::with_capacity_and_hasher(enabled.len(), rustc_hash::FxBuildHasher);
    for part in enabled.chunks(ENDPOINTS_TOGETHER) {
        let without: Vec<EndpointId> = part.iter().map(|endpoint| &endpoint.id).filter(|id| !has_secret(id)).cloned().collect();
        let mut kept_secrets = keyring.endpoint_secrets(without.clone()).await?;
        kept.extend(without);
        for endpoint in part {
            let configured = configured_by_id.get(&endpoint.id).copied();
            let name = endpoint.name.value.to_string();
            let policy = Arc::clone(configured.map_or(&usual_policy, |configured| &configured.policy));
            let keys = EndpointKeys { name: &name, configured, config, keyring };
            let signer = keys.signer(&policy, kept_secrets.remove(&endpoint.id)).await?;
            targets.insert(endpoint.id.clone(), Arc::new(Target { name, policy, signer, secrets: None }));
        }
    }
    index_children(&rules, keyring.store()).await?;
    keyring.keeps(kept);
    Ok((
        Generation {
            number,
            shared: Shared::default(),
            rules: Arc::new(rules),
            targets,
            secrets,
            own: keyring.directory(),
            origin: Arc::default(),
        },
        warnings,
    ))
}

/// Where the keys of an endpoint come from.
struct EndpointKeys<'a> {
    name: &'a str,
    configured: Option<&'a Endpoint>,
    config: &'a Config,
    keyring: &'a Keyring,
}

impl EndpointKeys<'_> {
    /// Its own keys where they are configured, and those that the store keeps where not: `kept` is its secret there.
    async fn signer(&self, policy: &Policy, kept: Option<(Secret, Vec<Earlier>)>) -> Result<Signer, BuildError> {
        let none = Keys::default();
        let keys = self.configured.and_then(|configured| configured.keys.as_deref()).unwrap_or(&none);
        let (secret, mut earlier) = match (&keys.secret, kept) {
            (Some(source), _) => (self.parsed(source)?, Vec::new()),
            (None, Some(kept)) => kept,
            (None, None) => return Err(StoreError::Failed(format!("the store keeps no secret of the endpoint `{}`", self.name)).into()),
        };
        for previous in &keys.previous {
            earlier.push(Earlier { key: self.parsed::<Key>(&previous.secret)?, until: previous.until });
        }
        let asymmetric = match &keys.signing_key {
            Some(source) => Some(Arc::new(self.parsed(source)?)),
            None if policy.asymmetric => {
                let (key, before) = self.keyring.asymmetric_key().await?;
                earlier.extend(before);
                Some(key)
            }
            None => None,
        };
        let journey = if policy.journey {
            let (key, before) = self.keyring.journey_key().await?;
            earlier.extend(before);
            Some(key)
        } else {
            None
        };
        let signer = Signer::new(secret, earlier);
        let signer = asymmetric.into_iter().fold(signer, Signer::with_asymmetric);
        Ok(journey.into_iter().fold(signer, Signer::with_journey))
    }

    /// A secret or key from where it is.
    fn parsed<K: FromStr<Err: Into<ParseKeyError>>>(&self, source: &SecretSource) -> Result<K, BuildError> {
        let name = || self.name.to_owned();
        let text = source.reveal(&self.config.folder).map_err(|source| BuildError::SigningSecret { name: name(), source })?;
        let parsed = text.expose_secret().trim().parse::<K>();
        parsed.map_err(|error| BuildError::BadSigningSecret { name: name(), source: error.into() })
    }
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
