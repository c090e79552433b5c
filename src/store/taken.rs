//! Sources that may bring the same more than once: what has been taken in of them.

use super::{Store, StoreError};

impl Store {
    /// Forgets that places of a source up to `through` were taken: it will not bring them again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_taken(&self, source: &str, through: i64) -> Result<(), StoreError> {
        verb!(self, forget_taken(source, through))
    }
}
