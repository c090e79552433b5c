//! Finished attempts that gather until a commit takes them along.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::NewAttempt;

/// Attempts to be recorded together; more may join them until the store has taken them.
#[derive(Debug)]
pub struct Basket(Mutex<Inside>);

#[derive(Debug)]
enum Inside {
    Open(Vec<NewAttempt>),
    Taken(Arc<[NewAttempt]>),
}

impl Basket {
    /// A basket with these in it.
    #[must_use]
    pub fn of(attempts: Vec<NewAttempt>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inside::Open(attempts))))
    }

    /// Lets more be put in at the end; `false`, and nothing was done, when it has been taken.
    pub fn add(&self, put: impl FnOnce(&mut Vec<NewAttempt>)) -> bool {
        match &mut *self.lock() {
            Inside::Open(attempts) => {
                put(attempts);
                true
            }
            Inside::Taken(_) => false,
        }
    }

    /// What is in it; from now on nothing is added.
    #[must_use]
    pub fn take(&self) -> Arc<[NewAttempt]> {
        let mut inside = self.lock();
        let attempts = match &mut *inside {
            Inside::Open(attempts) => std::mem::take(attempts).into(),
            Inside::Taken(attempts) => Arc::clone(attempts),
        };
        *inside = Inside::Taken(Arc::clone(&attempts));
        attempts
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
