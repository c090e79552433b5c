//! Keys of the API and the audit log: who may see which is asked with a scope, the check itself looks a key up by its id.

use jiff::Timestamp;

use super::{Backend, Page, Store, StoreError};
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
        match &self.0 {
            Backend::Sqlite(backend) => backend.knows_keys().await,
        }
    }

    /// The key of this id, whoever asks: for the check itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn access_key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.access_key(id).await,
        }
    }

    /// Keeps a new key. `false` when there is one of this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_access_key(&self, key: Key) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.add_access_key(key).await,
        }
    }

    /// Keys and links, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn access_keys(&self, whose: &Whose, page: &Page<KeyId>) -> Result<Vec<Key>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.access_keys(whose.tenant(), page).await,
        }
    }

    /// Takes a key back, if it is not already; the key as it is now, `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_access_key(&self, whose: &Whose, id: KeyId, now: Timestamp) -> Result<Option<Key>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.revoke_access_key(whose.tenant(), id, now).await,
        }
    }

    /// Notes when keys were last used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_key_use(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.note_key_use(used).await,
        }
    }

    /// Keeps a session that begins at `now`, and forgets some that are over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_session(&self, session: Session, now: Timestamp) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.open_session(session, now).await,
        }
    }

    /// The session with this hash, whether or not its time is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.session(hash).await,
        }
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.close_session(hash).await,
        }
    }

    /// The names of tenants behind `after`, in their order, of those that begin with `prefix`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tenants(&self, _all: &NodeScope, prefix: &str, after: &str, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.tenants(prefix, after, limit).await,
        }
    }

    /// Adds to the audit log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.note_audit(entry).await,
        }
    }

    /// The audit log, the newest first; each entry with its row, which is the cursor.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, whose: &Whose, page: &Page<i64>) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.audit(whose.tenant(), page).await,
        }
    }
}
