//! The program that the nodes of one store run: whoever has a new one hands its files on to the others. What the files mean is not known
//! here.

use tokio::sync::watch;

use super::{Backend, Store, StoreError};

/// A program that a node has, as it hands it on.
#[derive(Clone, Debug)]
pub struct Offered {
    /// SHA-256 of the files.
    pub digest: [u8; 32],
    /// The files.
    pub files: Vec<u8>,
    /// Why it is handed on.
    pub occasion: Occasion,
}

/// When a node hands its program on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It starts. What was in force before the newest program is not put in force again while other nodes are at work: the files of this node
    /// have not been brought up to date yet.
    Start,
    /// Its files were changed, or somebody has asked for it.
    Change,
}

/// What is in force after a program was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The newest program's number; each is greater than the one before.
    pub number: i64,
    /// Whether it is the one that was handed on.
    pub is_ours: bool,
}

impl Store {
    /// Whether other nodes may take up what this one runs.
    #[must_use]
    pub fn shares_programs(&self) -> bool {
        matches!(self.0, Backend::Postgres(_))
    }

    /// Hands a program on to the other nodes, unless it is the newest one.
    ///
    /// # Errors
    /// When the store fails; nothing is handed on then.
    pub async fn share_program(&self, offered: &Offered) -> Result<Standing, StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(Standing { number: 0, is_ours: true }),
            Backend::Postgres(backend) => backend.share_program(offered).await,
        }
    }

    /// The newest program that was handed on: its number and its files.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn shared_program(&self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(None),
            Backend::Postgres(backend) => backend.shared_program().await,
        }
    }

    /// The number of the newest program that was handed on, 0 before the first. It ends where there is no other node.
    #[must_use]
    pub fn newest_program(&self) -> watch::Receiver<i64> {
        match &self.0 {
            Backend::Sqlite(_) => watch::channel(0).1,
            Backend::Postgres(backend) => backend.newest_program(),
        }
    }

    /// Whether other nodes run a newer program than this one.
    #[must_use]
    pub fn is_behind(&self, number: i64) -> bool {
        match &self.0 {
            Backend::Sqlite(_) => false,
            Backend::Postgres(backend) => *backend.newest_program().borrow() > number,
        }
    }
}
