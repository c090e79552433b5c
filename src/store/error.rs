//! What can go wrong in the store, in words for whoever runs it. How a database reports it is known only in the backend's folder.

use crate::vault::VaultKeyId;

/// The world's failure, as far as the store is concerned. Cheap to clone: one failed commit answers many callers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened, or is not ours.
    #[error("cannot open the store `{url}`: {why}")]
    Open {
        /// As configured.
        url: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// What is encrypted in it is encrypted with another key than the one that was given.
    #[error(
        "cannot open the store `{url}`: its secrets are encrypted with the key {missing}, and the key that was given is {given}; nothing was changed"
    )]
    WrongKey {
        /// As configured.
        url: String,
        /// The key that they are encrypted with.
        missing: VaultKeyId,
        /// The key in force of those that were given.
        given: VaultKeyId,
    },
    /// Another process holds the database.
    #[error("the store is locked by another process, which holds `{file}`")]
    Busy {
        /// The file that is locked.
        file: String,
    },
    /// The server of the database is away, or in the way of itself, and has been for a while.
    #[error("the database cannot be used at present: {0}")]
    Away(String),
    /// No room left on the disk.
    #[error("the disk of the store is full")]
    Full,
    /// A file beside the store, such as a backup, cannot be written.
    #[error("cannot write `{file}`: {why}")]
    Target {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A secret was asked for, and the store was opened without keys.
    #[error("the secrets in the store are encrypted, and it was opened without their key")]
    Locked,
    /// A secret cannot be opened.
    #[error("the secret `{name}` in the store cannot be read: {why}")]
    Secret {
        /// Its name, `endpoint/ep_erp`.
        name: String,
        /// Why.
        why: String,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the store failed: {0}")]
    Failed(String),
}
