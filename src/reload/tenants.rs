//! The endpoints that tenants have made: from the store into memory, each with its keys; and a change of one. Where the store and the
//! memory are changed, the store comes first, and one change after the other.

use std::sync::Arc;

use jiff::Timestamp;

use super::build::BuildError;
use super::keyring::{Keyring, RotateError};
use crate::access::TenantScope;
use crate::check::{TenantEndpoint, Wants, own_secrets, own_url_secrets};
use crate::delivery::{Destination, Earlier, Key, OwnSecrets, Policy, Secret, Signer};
use crate::endpoints::Definition;
use crate::generation::{Directory, Own, Target};
use crate::ids::{EndpointId, Tenant};
use crate::store::{OwnEndpoint, Placed};

/// Why an endpoint was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is no room for one more.
    #[error("the tenant has {0} endpoints, which is as many as it may make")]
    Full(usize),
    /// There is one in its place already.
    #[error("there is such an endpoint already")]
    Taken,
    /// Somebody else has changed or deleted it meanwhile.
    #[error("the endpoint was changed meanwhile")]
    Changed,
    /// The store, or a key.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Endpoints that are read together.
const PAGE: usize = 1_000;

impl Keyring {
    /// The endpoints that tenants have made.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// Takes all endpoints of the store into memory; how many there are. One that cannot be read is left out with a warning in the log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load_tenants(&self) -> Result<usize, BuildError> {
        let loaded = self.load().await?;
        // What a process that was cut off had begun.
        while self.store().settle_gone().await? {}
        Ok(loaded.len())
    }

    /// Takes up the endpoints of all tenants anew, because another node has changed some.
    ///
    /// # Errors
    /// When the store fails; some may have been taken up then.
    pub async fn reload_tenants(&self) -> Result<(), BuildError> {
        let _held = self.still().await;
        let before = self.directory.all();
        let loaded: std::collections::BTreeSet<EndpointId> =
            self.load().await?.into_iter().flat_map(|id| [Definition::alert_id(&id), id]).collect();
        for gone in before.iter().map(|own| &own.endpoint.id).filter(|id| !loaded.contains(id)) {
            self.directory.remove(gone);
        }
        Ok(())
    }

    async fn load(&self) -> Result<Vec<EndpointId>, BuildError> {
        let (mut after, mut loaded) = (0, Vec::new());
        loop {
            let page = self.store().all_own_endpoints(after, PAGE).await?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            let mut secrets = self.endpoint_secrets(page.iter().map(|(_, _, row)| row.id.clone()).collect()).await?;
            for (_, tenant, row) in page {
                match serde_json::from_str(&row.definition) {
                    Ok(definition) => {
                        let Some(secret) = secrets.remove(&row.id) else { continue };
                        self.put_in_memory(&tenant, &row.id, &definition, secret).await?;
                        loaded.push(row.id);
                    }
                    Err(error) => tracing::error!(endpoint = %row.id, %error, "a stored endpoint cannot be read"),
                }
            }
        }
        Ok(loaded)
    }

    /// Keeps an endpoint, new or changed, and has it called from now on. `secret` is what it is signed with, if that was said.
    ///
    /// # Errors
    /// When the store fails, or the endpoint has no place there.
    pub async fn keep(
        &self,
        tenant: &TenantScope,
        row: OwnEndpoint,
        definition: &Definition,
        secret: Option<Secret>,
    ) -> Result<(), KeepError> {
        let _held = self.still().await;
        let id = row.id.clone();
        match self.store().put_own_endpoint(tenant, row).await.map_err(BuildError::from)? {
            Placed::Kept => {}
            Placed::Full => return Err(KeepError::Full(self.most)),
            Placed::Taken => return Err(KeepError::Taken),
            Placed::Changed => return Err(KeepError::Changed),
        }
        if let Some(secret) = secret {
            let name = super::keyring::name_of(&id);
            self.store().rotate_key(&name, secret.as_bytes().to_vec(), Timestamp::UNIX_EPOCH).await.map_err(BuildError::from)?;
        }
        let secret = self.endpoint_secrets(vec![id.clone()]).await?.remove(&id);
        match secret {
            Some(secret) => Ok(self.put_in_memory(tenant.tenant(), &id, definition, secret).await?),
            None => Ok(()),
        }
    }

    /// The most endpoints that a tenant may make.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Forgets an endpoint; `false` when there is none. What it has still to get has failed.
    ///
    /// # Errors
    /// When the store fails; nothing has changed then.
    pub async fn forget(&self, tenant: &TenantScope, id: &EndpointId, now: Timestamp) -> Result<bool, BuildError> {
        let _held = self.still().await;
        let gone = self.store().delete_own_endpoint(tenant, id, now).await?;
        if gone {
            self.directory.remove(id);
            self.directory.remove(&Definition::alert_id(id));
        }
        Ok(gone)
    }

    /// Puts a new secret of a tenant's endpoint in force, `wanted` or a random one; the old one is used too until `until`.
    ///
    /// # Errors
    /// When the store fails; nothing has changed then.
    pub async fn rotate_own_secret(&self, id: &EndpointId, wanted: Option<Secret>, until: Timestamp) -> Result<Secret, RotateError> {
        let _held = self.still().await;
        let secret = wanted.unwrap_or_else(|| self.new_secret());
        self.store().rotate_key(&super::keyring::name_of(id), secret.as_bytes().to_vec(), until).await?;
        let alert = Definition::alert_id(id);
        let rotated = |signer: &Signer| signer.rotated(Key::Secret(secret.clone()), until);
        self.directory.change_signers(|of, signer| (of == id || *of == alert).then(|| rotated(signer)));
        Ok(secret)
    }

    async fn put_in_memory(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
        definition: &Definition,
        secret: (Secret, Vec<Earlier>),
    ) -> Result<(), BuildError> {
        let policy = Arc::new(definition.policy(id));
        let signer = self.own_signer(secret, &policy).await?;
        let alert_id = Definition::alert_id(id);
        let name: Box<str> = definition.name.as_str().into();
        match definition.alert_place() {
            Some(wants) => {
                let target = Target {
                    name: definition.name.clone(),
                    policy: Arc::default(),
                    signer: signer.clone(),
                    secrets: Some(secrets_of(&wants)),
                };
                let endpoint = Arc::new(TenantEndpoint::new(alert_id, name.clone(), wants));
                self.directory.put(Own { tenant: tenant.clone(), endpoint, target: definition.enabled.then(|| Arc::new(target)) });
            }
            None => self.directory.remove(&alert_id),
        }
        let secrets = Some(secrets_of(&definition.wants));
        let target = Target { name: definition.name.clone(), policy, signer, secrets };
        let endpoint = Arc::new(TenantEndpoint::new(id.clone(), name, definition.wants.clone()));
        self.directory.put(Own { tenant: tenant.clone(), endpoint, target: definition.enabled.then(|| Arc::new(target)) });
        Ok(())
    }

    async fn own_signer(&self, (secret, mut earlier): (Secret, Vec<Earlier>), policy: &Policy) -> Result<Signer, BuildError> {
        let mut asymmetric = None;
        if policy.asymmetric {
            let (key, before) = self.asymmetric_key().await?;
            earlier.extend(before);
            asymmetric = Some(key);
        }
        let mut journey = None;
        if policy.journey {
            let (key, before) = self.journey_key().await?;
            earlier.extend(before);
            journey = Some(key);
        }
        let signer = Signer::new(secret, earlier);
        let signer = asymmetric.into_iter().fold(signer, Signer::with_asymmetric);
        Ok(journey.into_iter().fold(signer, Signer::with_journey))
    }
}

/// What is kept back until a request is sent.
fn secrets_of(wants: &Wants) -> OwnSecrets {
    let headers = own_secrets(&wants.headers).into_iter().map(|secret| (secret.name.into(), secret.value.to_owned().into()));
    let url = own_url_secrets(&wants.url).into_vec().into_iter().map(|secret| (secret.name.into(), secret.value.into_string().into()));
    OwnSecrets { values: headers.chain(url).collect(), destination: Destination::of(&wants.url) }
}
