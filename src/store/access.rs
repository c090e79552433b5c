//! Keys of the API and the audit log: who may see which is asked with a scope, the check itself looks a key up by its id.

use jiff::Timestamp;

use super::{Page, Store, StoreError};
use crate::access::{Actor, Key, KeyId, NodeScope, Session, TenantScope};
use crate::ids::Tenant;

/// Whose keys and log entries: one tenant's, or everybody's.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Those of one tenant.
    Tenant(TenantScope),
    /// All, of tenants and of the node.
    All(NodeScope),
}

impl Whose {
    /// The one tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::Tenant(scope) => Some(scope.tenant()),
            Self::All(_) => None,
        }
    }

    /// Who asks.
    #[must_use]
    pub fn by(&self) -> Actor {
        match self {
            Self::Tenant(scope) => scope.by(),
            Self::All(scope) => scope.by(),
        }
    }
}

/// Something that was done, or refused, by way of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// In which tenant; `None` for the whole node.
    pub tenant: Option<Tenant>,
    /// By whom: a key's id, `operator` or `anybody`.
    pub actor: String,
    /// The permission that it needed.
    pub permission: String,
    /// Method and path of the call.
    pub call: String,
    /// The status of its answer.
    pub status: u16,
}

impl Store {
    /// Whether any key was ever made, whatever became of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn knows_keys(&self) -> Result<bool, StoreError> {
        verb!(self, knows_keys())
    }

    /// The key of this id, whoever asks: for the check itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn access_key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        verb!(self, access_key(id))
    }

    /// Keeps a new key. `false` when there is one of this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_access_key(&self, key: Key) -> Result<bool, StoreError> {
        verb!(self, add_access_key(key))
    }

    /// Keys and links, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn access_keys(&self, whose: &Whose, page: &Page<KeyId>) -> Result<Vec<Key>, StoreError> {
        verb!(self, access_keys(whose.tenant(), page))
    }

    /// Takes a key back, if it is not already; the key as it is now, `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_access_key(&self, whose: &Whose, id: KeyId, now: Timestamp) -> Result<Option<Key>, StoreError> {
        verb!(self, revoke_access_key(whose.tenant(), id, now))
    }

    /// Notes when keys were last used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_key_use(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        verb!(self, note_key_use(used))
    }

    /// Keeps a session that begins at `now`, and forgets some that are over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_session(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        verb!(self, open_session(session, now))
    }

    /// The session with this hash, whether or not its time is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        verb!(self, session(hash))
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        verb!(self, close_session(hash))
    }

    /// The names of tenants behind `after`, in their order, of those that begin with `prefix`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tenants(&self, _all: &NodeScope, prefix: &str, after: &str, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        verb!(self, tenants(prefix, after, limit))
    }

    /// Adds to the audit log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        verb!(self, note_audit(entry))
    }

    /// The audit log, the newest first; each entry with its row, which is the cursor.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, whose: &Whose, page: &Page<i64>) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        verb!(self, audit(whose.tenant(), page))
    }
}
