//! The endpoints that tenants have made by API, in memory: by id for whoever sends, by tenant for whoever saves. A change of one is in
//! force at once for both, and touches no other. A save takes the table of its tenant and keeps it to its end. What the store holds is
//! not known here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;

use super::Target;
use crate::check::{TenantEndpoint, TenantEndpoints};
use crate::delivery::Signer;
use crate::ids::{EndpointId, Tenant};

/// One endpoint of a tenant.
#[derive(Clone, Debug)]
pub struct Own {
    /// Whose it is.
    pub tenant: Tenant,
    /// The compiler's side.
    pub endpoint: Arc<TenantEndpoint>,
    /// How it is called; `None`: it is disabled, and what it has is held.
    pub target: Option<Arc<Target>>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Directory {
    state: RwLock<State>,
    /// Grows with each change.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    by_id: FxHashMap<EndpointId, Own>,
    by_tenant: FxHashMap<Tenant, Arc<TenantEndpoints>>,
}

impl Directory {
    /// Puts an endpoint in the place of the one with its id, if there is one.
    pub fn put(&self, own: Own) {
        let mut state = self.write();
        state.remove(&own.endpoint.id);
        if own.target.is_some() {
            Arc::make_mut(state.by_tenant.entry(own.tenant.clone()).or_default()).insert(&own.endpoint);
        }
        state.by_id.insert(own.endpoint.id.clone(), own);
        drop(state);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Forgets an endpoint.
    pub fn remove(&self, id: &EndpointId) {
        self.write().remove(id);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The enabled endpoints of a tenant, as they are at this moment; `None` when it has none.
    #[must_use]
    pub fn of_tenant(&self, tenant: &Tenant) -> Option<Arc<TenantEndpoints>> {
        self.read().by_tenant.get(tenant).cloned()
    }

    /// How an endpoint is called.
    #[must_use]
    pub fn target(&self, id: &EndpointId) -> Option<Arc<Target>> {
        self.read().by_id.get(id)?.target.clone()
    }

    /// An endpoint.
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<Own> {
        self.read().by_id.get(id).cloned()
    }

    /// Everything, for a look at all of it.
    #[must_use]
    pub fn all(&self) -> Vec<Own> {
        self.read().by_id.values().cloned().collect()
    }

    /// Has an endpoint sign otherwise, or all of them: those for which `change` gives another signer.
    pub fn change_signers(&self, change: impl Fn(&EndpointId, &Signer) -> Option<Signer>) {
        let mut state = self.write();
        #[expect(clippy::iter_over_hash_type, reason = "the order of the changes cannot be seen")]
        for (id, own) in &mut state.by_id {
            if let Some(target) = &own.target
                && let Some(signer) = change(id, &target.signer)
            {
                own.target = Some(Arc::new(Target { signer, ..(**target).clone() }));
            }
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that is another one after each change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: &EndpointId) {
        let Some(own) = self.by_id.remove(id) else { return };
        if let Some(table) = self.by_tenant.get_mut(&own.tenant) {
            Arc::make_mut(table).remove(&own.endpoint);
            if table.is_empty() {
                self.by_tenant.remove(&own.tenant);
            }
        }
    }
}
