//! Keys of a store that this process opens itself: whoever may open its file, or its database, may make every key.

use super::shown::{NewKey, Row};
use super::{Failure, Order};
use crate::access::{Actor, KeyId, KeyOrder, NodeScope, OrderError, Permissions, TenantScope, Token};
use crate::cli::stored::unusable;
use crate::ids::Tenant;
use crate::store::{AuditEntry, Page, Store, StoreError, Whose};
use crate::time::{Clock as _, SystemClock, SystemEntropy};

/// A store that this process has open: a file alone, a database perhaps beside nodes.
pub(super) struct Offline {
    store: Store,
    tenant: Tenant,
}

impl Offline {
    /// Opens the store; `None` when another process has it.
    pub(super) async fn open(url: &str, tenant: &str, make: bool) -> Result<Option<Self>, Failure> {
        let tenant = Tenant::parse(tenant).map_err(|error| Failure::new(error.to_string()))?;
        let store = if make { Store::open(url).await } else { Store::open_existing(url).await };
        match store {
            Ok(store) => {
                // Keys end by the time of the store, which may not be this machine's.
                store.set_right(&SystemClock);
                Ok(Some(Self { store, tenant }))
            }
            Err(StoreError::Busy { .. }) => Ok(None),
            Err(error) => Err(unusable(&error)),
        }
    }

    pub(super) async fn make(&self, order: Order) -> Result<NewKey, Failure> {
        let Order { kind, all_tenants, wish, rate_limit } = order;
        let now = SystemClock.now();
        let token = Token::random(kind, &SystemEntropy);
        let permissions = wish.permissions.join(",");
        let tenant = (!all_tenants).then(|| self.tenant.clone());
        let order = KeyOrder {
            kind,
            tenant: tenant.clone(),
            name: &wish.name,
            permissions: &permissions,
            expires: wish.expires.as_deref(),
            rate_limit: rate_limit.as_deref(),
            own: Permissions::all(),
            made_by: None,
        };
        let key = order.fill(&token, now).map_err(|error: OrderError| Failure::new(error.to_string()))?;
        let made = NewKey::of(&token, &key);
        if !self.store.add_access_key(key).await.map_err(|error| unusable(&error))? {
            return Err(Failure::new("the key could not be made, because there is one of its id; try again"));
        }
        self.note(tenant, "keys create").await?;
        Ok(made)
    }

    pub(super) async fn list(&self, all_tenants: bool) -> Result<Vec<Row>, Failure> {
        let page = Page { before: None, limit: usize::MAX };
        let keys = self.store.access_keys(&self.whose(all_tenants), &page).await.map_err(|error| unusable(&error))?;
        Ok(keys.iter().map(|key| Row::of(key, SystemClock.now())).collect())
    }

    pub(super) async fn revoke(&self, id: &str, all_tenants: bool) -> Result<Row, Failure> {
        let parsed: KeyId = id.parse().map_err(|error: crate::access::ParseKeyIdError| Failure::new(error.to_string()))?;
        let now = SystemClock.now();
        let revoked = self.store.revoke_access_key(&self.whose(all_tenants), parsed, now).await.map_err(|error| unusable(&error))?;
        let Some(key) = revoked else {
            let help = "`webhookc keys list --all-tenants` names them all";
            let what =
                if all_tenants { format!("there is no key `{parsed}`") } else { format!("tenant `{}` has no key `{parsed}`", self.tenant) };
            return Err(Failure::new(what).help(help).code(1));
        };
        self.note(key.tenant.clone(), &format!("keys revoke {parsed}")).await?;
        Ok(Row::of(&key, now))
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }

    fn whose(&self, all_tenants: bool) -> Whose {
        if all_tenants { Whose::All(NodeScope::of_node()) } else { Whose::Tenant(TenantScope::of_node(self.tenant.clone())) }
    }

    async fn note(&self, tenant: Option<Tenant>, call: &str) -> Result<(), Failure> {
        let (actor, permission) = (Actor::Operator.to_string(), "keys:write".to_owned());
        let entry = AuditEntry { at: SystemClock.now(), tenant, actor, permission, call: format!("webhookc {call}"), status: 200 };
        self.store.note_audit(entry).await.map_err(|error| unusable(&error))
    }
}
