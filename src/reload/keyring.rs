//! Keys that are made once and kept in the store: a secret for each endpoint that has none of its own, and two keys of the node, RSA for
//! the `journey` profile and Ed25519 for asymmetric signatures. A rotation is in force from the next attempt on, whatever state the
//! files are in: it swaps the generation for one that differs in its signatures only.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::build::BuildError;
use crate::delivery::{Earlier, Key, RsaKey, Secret, SecretError, Signer, SigningKey};
use crate::generation::{Directory, Generation, Live, Target};
use crate::ids::EndpointId;
use crate::store::{KeptKey, RetiredKey, Store, StoreError};
use crate::time::Entropy;

/// Where the store keeps the key of the `journey` profile.
const JOURNEY: &str = "journey-rsa";
/// Where it keeps the key of asymmetric signatures.
const ASYMMETRIC: &str = "asymmetric-ed25519";

/// Keys that are made once and kept in the store.
pub struct Keyring {
    store: Store,
    entropy: Arc<dyn Entropy>,
    journey: Mutex<Option<Rotating<RsaKey>>>,
    asymmetric: Mutex<Option<Rotating<SigningKey>>>,
    /// The endpoints of the program in force whose secret is kept here.
    endpoints: Mutex<BTreeSet<EndpointId>>,
    changing: tokio::sync::Mutex<()>,
    /// The endpoints of tenants, whose secrets are all kept here.
    pub(super) directory: Arc<Directory>,
    /// Endpoints that each tenant may make.
    pub(super) most: usize,
}

/// Endpoints that a tenant may make when nothing is said: more than anybody manages by hand, and a program that makes endpoints without end is
/// stopped before they fill the memory, about 2 KiB each.
pub const ENDPOINTS_PER_TENANT: usize = 100_000;

/// A key with those before it.
type Rotating<K> = (Arc<K>, Vec<Earlier>);
/// The secrets of endpoints, each with those before it.
pub(super) type EndpointSecrets = FxHashMap<EndpointId, (Secret, Vec<Earlier>)>;

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// No such endpoint in the program in force.
    #[error("there is no endpoint `{0}`")]
    Unknown(EndpointId),
    /// The secret is not the store's.
    #[error("the secret of the endpoint `{0}` is configured in `webhookc.toml`")]
    Configured(EndpointId),
    /// No endpoint uses the node's keys.
    #[error("no endpoint is signed for with a key of the node")]
    Unused,
    /// A key could not be made or kept.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl From<StoreError> for RotateError {
    fn from(error: StoreError) -> Self {
        Self::Build(error.into())
    }
}

impl Keyring {
    /// The keys of this store.
    #[must_use]
    pub fn new(store: Store, entropy: Arc<dyn Entropy>) -> Self {
        let (journey, asymmetric) = (Mutex::new(None), Mutex::new(None));
        let (endpoints, changing, directory) = (Mutex::default(), tokio::sync::Mutex::default(), Arc::default());
        Self { store, entropy, journey, asymmetric, endpoints, changing, directory, most: ENDPOINTS_PER_TENANT }
    }

    /// The same, for so many endpoints of each tenant; the default when nothing is said.
    #[must_use]
    pub fn for_at_most(self, most: Option<usize>) -> Self {
        Self { most: most.unwrap_or(ENDPOINTS_PER_TENANT), ..self }
    }

    /// While this is held, no key is rotated: a generation that is being built is in force before the next rotation.
    pub(super) async fn still(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Notes whose secrets are kept here.
    pub(super) fn keeps(&self, endpoints: BTreeSet<EndpointId>) {
        *lock(&self.endpoints) = endpoints;
    }

    /// The secrets that are kept for endpoints, each with those before it; made when they are first needed.
    pub(super) async fn endpoint_secrets(&self, ids: Vec<EndpointId>) -> Result<EndpointSecrets, BuildError> {
        let kept = self.store.keys(ids.iter().map(name_of).collect(), self.random()).await?;
        let read = |(id, KeptKey { material, retired }): (EndpointId, KeptKey)| {
            let secret = |bytes: &[u8]| {
                let unreadable = |source| BuildError::BadSigningSecret { name: id.to_string(), source: SecretError::into(source) };
                Secret::from_bytes(bytes).map_err(unreadable)
            };
            let earlier = earlier(retired, |bytes| secret(bytes).map(Key::Secret))?;
            Ok((id.clone(), (secret(&material)?, earlier)))
        };
        ids.into_iter().zip(kept).map(read).collect()
    }

    /// The RSA key of the `journey` profile, made when it is first needed.
    pub(super) async fn journey_key(&self) -> Result<Rotating<RsaKey>, BuildError> {
        if let Some(known) = &*lock(&self.journey) {
            return Ok(known.clone());
        }
        let read = |der: &[u8]| RsaKey::from_pkcs8(der).map(Arc::new).map_err(BuildError::JourneyKey);
        let key = read(&self.store.key(JOURNEY, new_rsa_key).await?)?;
        let earlier = self.earlier(JOURNEY, |der| read(der).map(Key::Rsa)).await?;
        Ok(lock(&self.journey).insert((key, earlier)).clone())
    }

    /// The node's key of asymmetric signatures, made when it is first needed.
    pub(super) async fn asymmetric_key(&self) -> Result<Rotating<SigningKey>, BuildError> {
        if let Some(known) = &*lock(&self.asymmetric) {
            return Ok(known.clone());
        }
        let read = |seed: &[u8]| SigningKey::from_bytes(seed).map(Arc::new).map_err(BuildError::AsymmetricKey);
        let key = read(&self.store.key(ASYMMETRIC, self.random()).await?)?;
        let earlier = self.earlier(ASYMMETRIC, |seed| read(seed).map(Key::Ed25519)).await?;
        Ok(lock(&self.asymmetric).insert((key, earlier)).clone())
    }

    /// Puts a new secret of an endpoint in force, `wanted` or a random one; deliveries are signed with the old one too until `until`.
    ///
    /// # Errors
    /// When there is no such endpoint, its secret is not kept by the store, or the store fails. Nothing has changed then.
    pub async fn rotate_secret(
        &self,
        live: &Live,
        endpoint: &EndpointId,
        wanted: Option<Secret>,
        until: Timestamp,
    ) -> Result<Secret, RotateError> {
        let _held = self.changing.lock().await;
        if !live.load().targets.contains_key(endpoint) {
            return Err(RotateError::Unknown(endpoint.clone()));
        }
        if !lock(&self.endpoints).contains(endpoint) {
            return Err(RotateError::Configured(endpoint.clone()));
        }
        let secret = wanted.unwrap_or_else(|| self.new_secret());
        self.store.rotate_key(&name_of(endpoint), secret.as_bytes().to_vec(), until).await?;
        change_signers(live, |id, signer| (id == endpoint).then(|| signer.rotated(Key::Secret(secret.clone()), until)));
        Ok(secret)
    }

    /// How many earlier secrets of an endpoint sign at `now`, because their grace time is not over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn secrets_in_grace(&self, endpoint: &EndpointId, now: Timestamp) -> Result<usize, RotateError> {
        Ok(self.store.retired_keys(&name_of(endpoint), now).await?.len())
    }

    /// Puts new keys of the node in force, as far as any endpoint uses them: RSA for the `journey` profile, Ed25519 for asymmetric
    /// signatures. The old public keys stay published until `until`. The ids of the new ones.
    ///
    /// # Errors
    /// When no endpoint uses them, or a key cannot be made or stored.
    pub async fn rotate_node_keys(&self, live: &Live, until: Timestamp) -> Result<Vec<String>, RotateError> {
        let _held = self.changing.lock().await;
        let mut ids = Vec::new();
        let old = lock(&self.journey).take();
        if old.is_some() {
            let der = tokio::task::spawn_blocking(new_rsa_key).await.unwrap_or_default();
            let key = Arc::new(RsaKey::from_pkcs8(&der).map_err(BuildError::JourneyKey)?);
            self.store.rotate_key(JOURNEY, der, until).await?;
            change_signers(live, |_, signer| Some(signer.rotated(Key::Rsa(Arc::clone(&key)), until)));
            ids.push(key.id().to_owned());
        }
        let old = lock(&self.asymmetric).take();
        if let Some((old, _)) = old {
            let seed = self.random_bytes::<32>();
            let key = Arc::new(SigningKey::from_bytes(&seed).map_err(BuildError::AsymmetricKey)?);
            self.store.rotate_key(ASYMMETRIC, seed.to_vec(), until).await?;
            // An endpoint with a key of its own keeps it.
            let uses = |signer: &Signer| signer.asymmetric().is_some_and(|used| used.id() == old.id());
            change_signers(live, |_, signer| uses(signer).then(|| signer.rotated(Key::Ed25519(Arc::clone(&key)), until)));
            ids.push(key.id().to_owned());
        }
        if ids.is_empty() { Err(RotateError::Unused) } else { Ok(ids) }
    }

    /// What was in force under this name; those whose grace time is over do no harm.
    async fn earlier(&self, name: &str, read: impl Fn(&[u8]) -> Result<Key, BuildError>) -> Result<Vec<Earlier>, BuildError> {
        earlier(self.store.retired_keys(name, Timestamp::UNIX_EPOCH).await?, read)
    }

    /// A new random secret.
    pub(super) fn new_secret(&self) -> Secret {
        Secret::from_random(self.random_bytes())
    }

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Makes the bytes of a secret or of a seed.
    fn random(&self) -> impl Fn() -> Vec<u8> + Send + 'static {
        let entropy = Arc::clone(&self.entropy);
        move || {
            let mut bytes = vec![0; 32];
            entropy.fill(&mut bytes);
            bytes
        }
    }
}

/// A provider that makes no key leaves nothing, which cannot be read as a key afterwards.
fn new_rsa_key() -> Vec<u8> {
    RsaKey::generate().and_then(|key| key.to_pkcs8()).unwrap_or_default()
}

fn earlier(retired: Vec<RetiredKey>, read: impl Fn(&[u8]) -> Result<Key, BuildError>) -> Result<Vec<Earlier>, BuildError> {
    retired.into_iter().map(|retired| Ok(Earlier { key: read(&retired.material)?, until: retired.until })).collect()
}

/// Where the store keeps the secret of an endpoint.
pub(super) fn name_of(endpoint: &EndpointId) -> String {
    format!("endpoint/{endpoint}")
}

/// Swaps in a generation that differs in the signers for which `change` gives another. The caller keeps reloads away.
fn change_signers(live: &Live, change: impl Fn(&EndpointId, &Signer) -> Option<Signer>) {
    let now = live.load_full();
    let changed = |id: &EndpointId, target: &Arc<Target>| match change(id, &target.signer) {
        Some(signer) => Arc::new(Target { signer, ..(**target).clone() }),
        None => Arc::clone(target),
    };
    let targets = now.targets.iter().map(|(id, target)| (id.clone(), changed(id, target))).collect();
    now.own.change_signers(&change);
    live.store(Arc::new(Generation { targets, ..(*now).clone() }));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
