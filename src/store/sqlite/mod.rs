//! The store in one SQLite file: one writer thread that commits whatever is queued, a few readers beside it. Verbs in, rows out;
//! each verb is a function over a connection in the file named after what it touches.

mod access;
mod along;
pub(super) mod aside;
mod backlog;
mod backup;
mod choose;
mod doctor;
mod endpoints;
mod failure;
mod keys;
mod lately;
mod list;
mod objects;
mod open;
mod own;
mod own_list;
mod own_sealed;
mod own_verbs;
mod place;
mod prune;
mod queue;
mod readers;
mod receipts;
mod resends;
mod save;
mod saves;
mod sources;
mod session;
mod sessions;
mod settle;
mod tables;
mod taken;
#[cfg(test)]
mod tests;
mod values;
mod waits;
mod writer;

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{Notify, watch};

use crate::ids::{DeliveryId, EndpointId, LaneId, MessageId, Tenant};
use crate::store::{
    AttemptRow, Basket, Claimed, Cutoffs, DeliveryFilter, DeliveryRow, DeliveryState, Due, EndpointState, Handover, IdPage, KeptAnswer,
    Lane, MessageFilter, MessageRow, ObjectRow, Page, Receipt, Removed, SaveJob, Share, StoreError, Suspension, Sweep, TraceRow, WaitRow,
};
use crate::telemetry::Standing;
use crate::vault::Vault;
use keys::Safe;
use readers::Readers;
use save::Saving;
use session::Session;
use writer::{Flow, Writer};

/// What a single delivery may be sent again from.
const NOT_SENDING: [DeliveryState; 4] = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Diverted, DeliveryState::Failed];

/// An open SQLite store.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    writer: Writer,
    readers: Readers,
    vault: Safe,
    resend_bell: Arc<Notify>,
}

impl Sqlite {
    pub(super) async fn open(url: &str, vault: Option<Vault>) -> Result<Self, StoreError> {
        let opened = open::open(url, vault.clone()).await?;
        let readers = Readers::new(opened.path.clone(), opened.place.clone());
        Ok(Self { writer: Writer::start(opened)?, readers, vault: Safe::new(vault), resend_bell: Arc::default() })
    }

    pub(super) async fn open_existing(url: &str) -> Result<Self, StoreError> {
        open::existing(url)?;
        Self::open(url, None).await
    }

    pub(super) fn vault(&self) -> Option<Arc<Vault>> {
        self.vault.get()
    }

    pub(super) fn wake(&self) -> watch::Receiver<u64> {
        self.writer.wake()
    }

    pub(super) fn hand_over_to(&self, taker: Option<Arc<dyn Handover>>) {
        self.writer.hand_over_to(taker);
    }

    pub(super) async fn save<J: SaveJob + 'static>(&self, job: J) -> Result<J, StoreError> {
        let run = |session: &mut Session, saving: &mut Saving<J>| saving.run(session);
        self.writer.write_and_tell(Saving::new(job), run, Saving::committed).await.map(|saving| saving.job)
    }

    pub(super) async fn object(&self, tenant: &Tenant, model: &str, id: &str) -> Result<Option<ObjectRow>, StoreError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        self.read_tenant(tenant, move |connection, tenant| objects::object(connection, tenant, &model, &id)).await.map(Option::flatten)
    }

    pub(super) async fn claim(
        &self,
        lane: &Lane,
        now: Timestamp,
        lease_until: Timestamp,
        share: Share,
    ) -> Result<Vec<Claimed>, StoreError> {
        let lane = lane.clone();
        let claim = move |session: &mut Session, claimed: &mut Vec<Claimed>| {
            *claimed = queue::claim(session, &lane, now, lease_until, share)?;
            Ok(Flow::Keep)
        };
        self.writer.write(Vec::new(), claim).await
    }

    pub(super) fn due(&self, now: Timestamp, after: Option<(i64, LaneId)>, limit: usize) -> Due {
        self.writer.agenda().due(now, after, limit)
    }

    pub(super) async fn suspend(&self, tenant: &Tenant, endpoint: &EndpointId, suspension: Suspension) -> Result<bool, StoreError> {
        let (tenant, endpoint) = (tenant.clone(), endpoint.clone());
        let suspend = move |session: &mut Session, suspended: &mut bool| {
            *suspended = endpoints::suspend_by_hand(session, &tenant, &endpoint, &suspension)?;
            Ok(Flow::Wake)
        };
        self.writer.write(false, suspend).await
    }

    pub(super) async fn unsuspend(&self, tenant: &Tenant, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let (tenant, endpoint) = (tenant.clone(), endpoint.clone());
        let unsuspend = move |session: &mut Session, unsuspended: &mut bool| {
            *unsuspended = endpoints::unsuspend(session, &tenant, &endpoint)?;
            Ok(Flow::Wake)
        };
        self.writer.write(false, unsuspend).await
    }

    pub(super) async fn endpoint_states(&self, tenant: &Tenant) -> Result<Vec<EndpointState>, StoreError> {
        self.read_tenant(tenant, endpoints::states).await.map(Option::unwrap_or_default)
    }

    pub(super) async fn settle(&self, basket: Arc<Basket>, hurry: impl Future<Output = ()>) -> Result<Vec<bool>, StoreError> {
        let settle = move |session: &mut Session, recorded: &mut Vec<bool>| settle::settle(session, &basket.take(), recorded);
        self.writer.write_along(Vec::new(), settle, hurry).await
    }

    pub(super) async fn give_back(&self, deliveries: Vec<Claimed>, now: Timestamp) -> Result<(), StoreError> {
        let give_back = move |session: &mut Session, (): &mut ()| queue::give_back(session, &deliveries, now).map(|()| Flow::Wake);
        self.writer.write((), give_back).await
    }

    pub(super) async fn resend(&self, tenant: &Tenant, delivery: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        let resend = move |session: &mut Session, resent: &mut bool| {
            let place = choose::place_of_delivery(&session.connection, delivery)?;
            *resent = match session.tenant(&tenant)?.zip(place) {
                Some((tenant, (_, row))) => queue::resend(session, tenant.row, row, &NOT_SENDING, now.as_millisecond())?,
                None => false,
            };
            Ok(if *resent { Flow::Wake } else { Flow::Keep })
        };
        self.writer.write(false, resend).await
    }

    pub(super) async fn shift_due(&self, after: i64, by_ms: i64) -> Result<(), StoreError> {
        let shift = move |session: &mut Session, (): &mut ()| queue::shift_due(session, after, by_ms).map(|()| Flow::Wake);
        self.writer.write((), shift).await
    }

    pub(super) async fn messages(
        &self,
        tenant: &Tenant,
        filter: &MessageFilter,
        page: &Page<MessageId>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read_tenant(tenant, move |connection, tenant| list::messages(connection, tenant, &filter, &page))
            .await
            .map(Option::unwrap_or_default)
    }

    pub(super) async fn message(&self, tenant: &Tenant, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        self.read_tenant(tenant, move |connection, tenant| list::message(connection, tenant, id)).await.map(Option::flatten)
    }

    pub(super) async fn deliveries(
        &self,
        tenant: &Tenant,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read_tenant(tenant, move |connection, tenant| list::deliveries(connection, tenant, &filter, &page))
            .await
            .map(Option::unwrap_or_default)
    }

    pub(super) async fn delivery(&self, tenant: &Tenant, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.read_tenant(tenant, move |connection, tenant| list::delivery(connection, tenant, id)).await.map(Option::flatten)
    }

    pub(super) async fn attempts(&self, tenant: &Tenant, delivery: DeliveryId) -> Result<Option<Vec<AttemptRow>>, StoreError> {
        self.read_tenant(tenant, move |connection, tenant| list::attempts(connection, tenant, delivery)).await.map(Option::flatten)
    }

    pub(super) async fn waits(&self, after: i64, limit: usize) -> Result<Vec<(i64, Tenant, WaitRow)>, StoreError> {
        self.readers.read(move |connection| waits::all(connection, after, limit)).await
    }

    pub(super) async fn traces(&self, tenant: &Tenant, model: &str, object: &str, limit: usize) -> Result<Vec<TraceRow>, StoreError> {
        let (model, object) = (model.to_owned(), object.to_owned());
        self.read_tenant(tenant, move |connection, tenant| objects::traces(connection, tenant, &model, &object, limit))
            .await
            .map(Option::unwrap_or_default)
    }

    pub(super) async fn open_receipt(&self, tenant: &Tenant, key: &str, request: [u8; 32], now: Timestamp) -> Result<Receipt, StoreError> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        let open = move |session: &mut Session, receipt: &mut Receipt| {
            *receipt = receipts::open(&session.connection, tenant.as_str(), &key, &request, now.as_millisecond())?;
            Ok(Flow::Keep)
        };
        self.writer.write(Receipt::New, open).await
    }

    pub(super) async fn close_receipt(&self, tenant: &Tenant, key: &str, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        let close = move |session: &mut Session, (): &mut ()| {
            receipts::close(&session.connection, tenant.as_str(), &key, answer.as_ref()).map(|()| Flow::Keep)
        };
        self.writer.write((), close).await
    }

    pub(super) async fn prune(&self, cutoffs: &Cutoffs, sweep: Sweep) -> Result<(Removed, Option<Sweep>), StoreError> {
        let cutoffs = *cutoffs;
        let found = self.readers.read(move |connection| prune::look(connection, &cutoffs, sweep)).await?;
        if found.rows.is_empty() {
            return Ok((Removed::default(), found.next));
        }
        let remove = move |session: &mut Session, removed: &mut Removed| {
            *removed = prune::remove(session, &cutoffs, sweep.stage, &found.rows)?;
            Ok(Flow::Keep)
        };
        self.writer.write(Removed::default(), remove).await.map(|removed| (removed, found.next))
    }

    pub(super) async fn index_children(&self, model: &str, property: &str) -> Result<(), StoreError> {
        let sql = objects::index_children(model, property)
            .ok_or_else(|| StoreError::Failed(format!("`{model}.{property}` is not a name that can be indexed")))?;
        self.writer.write((), move |session, ()| session.connection.execute_batch(&sql).map(|()| Flow::Keep)).await
    }

    pub(super) async fn object_ids(&self, tenant: &Tenant, model: &str, page: IdPage<'_>) -> Result<Vec<Box<str>>, StoreError> {
        let (tenant, model, after) = (tenant.clone(), model.to_owned(), page.after.map(str::to_owned));
        let (older_than, limit) = (page.older_than, page.limit);
        let read = move |connection: &Connection| match objects::tenant_row(connection, &tenant)? {
            Some(row) => objects::ids(connection, row, &model, IdPage { after: after.as_deref(), older_than, limit }),
            None => Ok(Vec::new()),
        };
        self.readers.read(read).await
    }

    pub(super) async fn backlog(&self, now: Timestamp, most: usize) -> Result<Standing, StoreError> {
        self.readers.read(move |connection| backlog::backlog(connection, now, most)).await
    }

    pub(super) async fn forget_taken(&self, source: &str, through: i64) -> Result<(), StoreError> {
        let source = source.to_owned();
        let forget = move |session: &mut Session, (): &mut ()| taken::forget(&session.connection, &source, through).map(|()| Flow::Keep);
        self.writer.write((), forget).await
    }

    pub(super) async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer.write((), move |session, ()| backlog::probe(&session.connection, now).map(|()| Flow::Keep)).await
    }

    pub(super) async fn close(&self) {
        // The readers first: the last connection to close folds the log into the database, and only the writer can.
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Reads as a tenant; `None` when the tenant has never saved anything.
    async fn read_tenant<T, F>(&self, tenant: &Tenant, read: F) -> Result<Option<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    {
        let tenant = tenant.clone();
        let read = move |connection: &Connection| match objects::tenant_row(connection, &tenant)? {
            Some(tenant) => read(connection, tenant).map(Some),
            None => Ok(None),
        };
        self.readers.read(read).await
    }
}
