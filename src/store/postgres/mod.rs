//! The store in a `PostgreSQL` database, which several nodes may share: one connection that commits whatever saves are queued, a few for
//! everything else, and one over which the nodes hear of each other. Verbs in, rows out; each verb is a function over a connection in the
//! file named after what it touches.
//!
//! 2026-11-26: what is due is kept in the memory of every node, as beside SQLite, and told by `NOTIFY` in the transaction that causes it.
//! The alternative, asking for the lanes with something due at each look, costs a look into the index of each lane. A delivery that the node
//! which makes it can send is leased by it in the same transaction and never looked for. Deliveries about one object stay in their order by
//! a flag that is kept right under advisory locks, since looking for an earlier one at each claim would walk through what waits.

pub(super) mod aside;
mod access;
mod ask;
mod backlog;
mod choose;
mod conditions;
mod doctor;
mod doubt;
mod effects;
mod endpoints;
mod failure;
mod gone;
mod hub;
mod keys;
mod lately;
mod link;
mod list;
mod lost;
mod nodes;
mod open;
mod overlay;
mod own;
mod own_sealed;
mod programs;
mod prune;
mod queue;
mod receipts;
mod resends;
mod roster;
mod rows;
mod running;
mod saver;
mod saves;
mod scene;
mod sources;
mod sent;
mod seen;
mod sessions;
mod settle;
mod tables;
mod taken;
mod tls;
mod transaction;
mod values;
mod verbs;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::store::{Handover, Quota, StoreError};
use crate::vault::Vault;
use failure::{Trouble, sentence};
use hub::Hub;
use keys::Safe;
pub(super) use open::is_postgres;
use open::{Absent, prepare, way};
pub(crate) use tls::Tls;

/// An open `PostgreSQL` store.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    hub: Arc<Hub>,
    /// Ready when the saves that were queued are committed and no more are taken.
    ended: Arc<tokio::sync::Mutex<Option<oneshot::Receiver<()>>>>,
    resend_bell: Arc<Notify>,
}

/// How the database at a URL is reached.
///
/// # Errors
/// When the URL cannot be read or TLS cannot be used.
pub(crate) fn reach(url: &str) -> Result<(tokio_postgres::Config, Tls), StoreError> {
    way(url).map(|way| (way.config, way.tls))
}

impl Postgres {
    pub(super) async fn open(url: &str, vault: Option<Vault>) -> Result<Self, StoreError> {
        let way = way(url)?;
        prepare(url, &way, Absent::Made).await?;
        let (saves, queued) = mpsc::channel(saver::QUEUE);
        let hub = Arc::new(Hub::new(url, way, Safe::new(vault), saves));
        let failed = |trouble| StoreError::Open { url: open::shown(url), why: reason(trouble) };
        // First, so that of two nodes that start with different keys at least one sees the other.
        nodes::start(&hub).await.map_err(failed)?;
        if let Err(error) = keys::bring_up(&hub).await {
            hub.stop.send_replace(true);
            leave(&hub).await;
            let is_said = matches!(error, StoreError::Open { .. } | StoreError::WrongKey { .. });
            return Err(if is_said { error } else { failed(error.into()) });
        }
        let (end, ended) = oneshot::channel();
        tokio::spawn(saver::run(Arc::downgrade(&hub), saver::Queue::new(queued), end));
        Ok(Self { hub, ended: Arc::new(tokio::sync::Mutex::new(Some(ended))), resend_bell: Arc::default() })
    }

    pub(super) async fn open_existing(url: &str) -> Result<Self, StoreError> {
        aside::existing(url).await?;
        Self::open(url, None).await
    }

    pub(super) fn vault(&self) -> Option<Arc<Vault>> {
        self.hub.vault.get().ok()
    }

    pub(super) fn quota(&self) -> Arc<Quota> {
        self.hub.quota()
    }

    pub(super) fn wake(&self) -> watch::Receiver<u64> {
        self.hub.wake.subscribe()
    }

    pub(super) fn elsewhere(&self) -> watch::Receiver<u64> {
        self.hub.elsewhere.subscribe()
    }

    pub(super) fn hand_over_to(&self, taker: Option<Arc<dyn Handover>>) {
        self.hub.hand_over_to(taker);
    }

    pub(super) async fn close(&self) {
        if self.hub.stop.send_replace(true) {
            return;
        }
        if let Some(ended) = self.ended.lock().await.take() {
            // An error means that it has ended already.
            drop(ended.await);
        }
        leave(&self.hub).await;
        self.hub.pool.close().await;
        self.hub.beside.close().await;
    }
}

async fn leave(hub: &Hub) {
    let left = async { gone::leave(hub, &*hub.link().await?).await };
    if let Err(trouble) = left.await {
        tracing::debug!(error = reason(trouble), "the node could not take its leave; the others notice");
    }
}

/// Why, as one sentence.
fn reason(trouble: Trouble) -> String {
    match trouble {
        Trouble::Database(error) => sentence(&error),
        Trouble::Store(StoreError::Failed(why)) => why,
        Trouble::Store(error) | Trouble::InDoubt(error) => error.to_string(),
        silent @ Trouble::Silent(_) => silent.into_store().to_string(),
    }
}
