//! SQLite's errors in the store's words.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;
use crate::vault::VaultKeyId;

/// What a failed statement on this database means to a caller.
pub(super) fn failure(path: &Path, error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { file: path.display().to_string() },
        Some(ErrorCode::ReadOnly) => StoreError::Failed("the database file cannot be written".to_owned()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Failed(format!("the database file is damaged: {error}")),
        Some(_) | None => StoreError::Failed(error.to_string()),
    }
}

/// Why a database cannot be opened, without its name.
pub(super) enum Unopened {
    /// In words.
    Why(String),
    /// Its secrets are encrypted with another key than the one that was given.
    WrongKey { missing: VaultKeyId, given: VaultKeyId },
}

impl From<String> for Unopened {
    fn from(why: String) -> Self {
        Self::Why(why)
    }
}

/// Why a database cannot be opened.
pub(super) fn open_failure(error: &Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "the file is not a SQLite database".to_owned(),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "the file or its folder cannot be written".to_owned()
        }
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program has locked the database".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => format!("the database file is damaged: {error}"),
        Some(_) | None => error.to_string(),
    }
}
