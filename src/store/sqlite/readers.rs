//! A few connections that read beside the writer, on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::store::StoreError;
use crate::store::sqlite::failure::failure;
use crate::store::sqlite::open::open_reader;
use crate::store::sqlite::place::Place;

/// Reads at the same time; more would only wait for the same disk.
const READERS: u32 = 4;

/// The pool. Connections are opened when first needed.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    place: Place,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, place: Place) -> Self {
        Self(Arc::new(Pool { path, place, permits: Semaphore::new(READERS as usize), idle: Mutex::default() }))
    }

    /// Runs `read` on a connection; it sees one snapshot per statement.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let _permit = self.0.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let pool = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let failed = |error: rusqlite::Error| failure(&pool.path, &error);
            let connection = if let Some(connection) = idle {
                connection
            } else {
                pool.place.check()?;
                open_reader(&pool.path).map_err(failed)?
            };
            let answer = read(&connection).map_err(failed)?;
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(answer)
        });
        match task.await {
            Ok(answer) => answer,
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    }

    /// Waits for reads under way and closes every connection.
    pub(super) async fn close(&self) {
        let all = self.0.permits.acquire_many(READERS).await;
        self.0.permits.close();
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(all);
    }
}
