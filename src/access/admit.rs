//! The check: a caller with what it has shown → the right to do one thing to one tenant, or to the node. Only here are scopes made.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Actor, Key, KeyId, KeyState, Permission, Permissions, Session, Token};
use crate::ids::Tenant;

/// Whether a call without a key is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It is: no key was ever made, or this is `dev`.
    Open,
    /// It is not.
    Locked,
}

/// Somebody who may call: a key that was checked, or anybody while the gate is open.
#[derive(Clone, Debug)]
pub struct Caller(Who);

#[derive(Clone, Debug)]
enum Who {
    Anybody,
    Key(Arc<Key>),
}

/// The right to do something in one tenant. What belongs to a tenant is asked of the store with this.
#[derive(Clone, Debug)]
pub struct TenantScope {
    tenant: Tenant,
    by: Actor,
    /// All that may be done there by whoever has the right.
    may: Permissions,
    /// Whether it may be done in all tenants.
    everywhere: bool,
}

/// The right to do something to the node as a whole, or to all tenants.
#[derive(Clone, Debug)]
pub struct NodeScope {
    by: Actor,
}

/// Why a call is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No key came.
    #[error("the call has no key")]
    Missing,
    /// What came is not a key.
    #[error("the call's key cannot be read: {0}")]
    Malformed(String),
    /// There is no such key, or its secret is another.
    #[error("the call's key is not known here")]
    Unknown,
    /// The session is over, or was none.
    #[error("the session is over")]
    Over,
    /// Its time is over.
    #[error("the key `{0}` expired at {1}")]
    Expired(KeyId, Timestamp),
    /// It, or the key that made a link, was taken back.
    #[error("the key `{0}` was revoked at {1}")]
    Revoked(KeyId, Timestamp),
    /// It makes more calls than it may.
    #[error("the key `{0}` makes more calls than it may")]
    TooMany(KeyId, Duration),
    /// It may not do this.
    #[error("the key `{key}` lacks the permission `{permission}`")]
    Lacking {
        /// The key.
        key: KeyId,
        /// What it would need.
        permission: Permission,
    },
    /// The tenant is another's, or none: the two cannot be told apart.
    #[error("there is no tenant `{0}`")]
    NoTenant(Tenant),
    /// It is one tenant's, and the call concerns all.
    #[error("the key `{0}` is that of a tenant, and this call concerns the whole node")]
    NotOfNode(KeyId),
}

impl Caller {
    /// Anybody, as long as the gate is open.
    ///
    /// # Errors
    /// When it is not.
    pub fn anybody(gate: Gate) -> Result<Self, Denied> {
        match gate {
            Gate::Open => Ok(Self(Who::Anybody)),
            Gate::Locked => Err(Denied::Missing),
        }
    }

    /// Whoever shows `token`. `key` is the one that the token names, `maker`, of a link, the key that made it.
    ///
    /// # Errors
    /// When the secret is another, or one of the two keys is not of use at `now`. What is wrong with a key is told only to who has it.
    pub fn of_key(key: Arc<Key>, maker: Option<&Key>, token: &Token, now: Timestamp) -> Result<Self, Denied> {
        if !token.is_of(&key.hash) || token.kind != key.kind || token.id != key.id {
            return Err(Denied::Unknown);
        }
        of_use(&key, maker, now)?;
        Ok(Self(Who::Key(key)))
    }

    /// Whoever has this session. `key` is the one that it was begun with, `maker`, of a link, the key that made it.
    ///
    /// # Errors
    /// When the session is over, or one of the two keys is not of use at `now`.
    pub fn of_session(session: &Session, key: Arc<Key>, maker: Option<&Key>, now: Timestamp) -> Result<Self, Denied> {
        if session.key != key.id || session.expires_at <= now {
            return Err(Denied::Over);
        }
        of_use(&key, maker, now)?;
        Ok(Self(Who::Key(key)))
    }

    /// The right to do this in this tenant.
    ///
    /// # Errors
    /// When the tenant is not its own, or it lacks the permission.
    pub fn in_tenant(&self, tenant: Tenant, permission: Permission) -> Result<TenantScope, Denied> {
        if let Who::Key(key) = &self.0 {
            if key.tenant.as_ref().is_some_and(|own| *own != tenant) {
                return Err(Denied::NoTenant(tenant));
            }
            if !key.permissions.contains(permission) {
                return Err(Denied::Lacking { key: key.id, permission });
            }
        }
        Ok(self.scope(tenant))
    }

    /// The right to do this to the node, or to what belongs to all tenants.
    ///
    /// # Errors
    /// When it is one tenant's, or lacks the permission.
    pub fn in_node(&self, permission: Permission) -> Result<NodeScope, Denied> {
        if let Who::Key(key) = &self.0 {
            if key.tenant.is_some() {
                return Err(Denied::NotOfNode(key.id));
            }
            if !key.permissions.contains(permission) {
                return Err(Denied::Lacking { key: key.id, permission });
            }
        }
        Ok(NodeScope { by: self.actor() })
    }

    /// The right to have one's own calls in this tenant remembered, whatever they were.
    ///
    /// # Errors
    /// When the tenant is not its own.
    pub fn in_own(&self, tenant: Tenant) -> Result<TenantScope, Denied> {
        match self.tenant() {
            Some(own) if *own != tenant => Err(Denied::NoTenant(tenant)),
            Some(_) | None => Ok(self.scope(tenant)),
        }
    }

    /// The right to know which tenants there are: whoever may do something in each of them.
    ///
    /// # Errors
    /// When it is one tenant's.
    pub fn in_all(&self) -> Result<NodeScope, Denied> {
        match self.key().filter(|key| key.tenant.is_some()) {
            Some(key) => Err(Denied::NotOfNode(key.id)),
            None => Ok(NodeScope { by: self.actor() }),
        }
    }

    fn scope(&self, tenant: Tenant) -> TenantScope {
        TenantScope { tenant, by: self.actor(), may: self.permissions(), everywhere: self.tenant().is_none() }
    }

    /// Who it is.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.0 {
            Who::Anybody => Actor::Anybody,
            Who::Key(key) => Actor::Key(key.id),
        }
    }

    /// The tenant that is meant when none is named: its own; `None` if it has none.
    #[must_use]
    pub fn tenant(&self) -> Option<&Tenant> {
        self.key().and_then(|key| key.tenant.as_ref())
    }

    /// What it may do; nobody can give away more.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.key().map_or_else(Permissions::all, |key| key.permissions)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        match &self.0 {
            Who::Anybody => None,
            Who::Key(key) => Some(key),
        }
    }
}

/// Whether a key, and what made it, are of use.
fn of_use(key: &Key, maker: Option<&Key>, now: Timestamp) -> Result<(), Denied> {
    for part in [Some(key), maker].into_iter().flatten() {
        match part.state(now) {
            KeyState::Active => {}
            KeyState::Expired(at) => return Err(Denied::Expired(key.id, at)),
            KeyState::Revoked(at) => return Err(Denied::Revoked(key.id, at)),
        }
    }
    Ok(())
}

impl TenantScope {
    /// What the node does by itself in a tenant, and what whoever has its file may do. Not for the API: `tests/layout.rs` keeps it out.
    #[must_use]
    pub fn of_node(tenant: Tenant) -> Self {
        Self { tenant, by: Actor::Operator, may: Permissions::all(), everywhere: true }
    }

    /// Whether this may be done there too, so that what may not need not be offered. It gives no right.
    #[must_use]
    pub fn permits(&self, permission: Permission) -> bool {
        self.may.contains(permission)
    }

    /// Whether the same may be done in other tenants. It gives no right.
    #[must_use]
    pub fn sees_others(&self) -> bool {
        self.everywhere
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Who has the right.
    #[must_use]
    pub fn by(&self) -> Actor {
        self.by
    }
}

impl Deref for TenantScope {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.tenant
    }
}

impl NodeScope {
    /// What whoever has the store's file may do. Not for the API: `tests/layout.rs` keeps it out.
    #[must_use]
    pub fn of_node() -> Self {
        Self { by: Actor::Operator }
    }

    /// Who has the right.
    #[must_use]
    pub fn by(&self) -> Actor {
        self.by
    }
}
