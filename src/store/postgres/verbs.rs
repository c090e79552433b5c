//! The verbs; see [`Store`](crate::store::Store).

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::Postgres;
use super::hub::{on, within};
use super::{access, ask, backlog, endpoints, keys, lately, list, own, prune, queue, receipts, resends, saver, saves, sessions, settle};
use crate::access::{Key, KeyId, Session, TenantScope};
use crate::ids::{DeliveryId, EndpointId, LaneId, MessageId, ProgramId, ResendId, Sequence, Tenant};
use crate::store::{
    AttemptRow, AuditEntry, Basket, Claimed, Crew, Cutoffs, DeliveryFilter, DeliveryRow, Due, EndpointState, IdPage, KeptAnswer, KeptKey,
    Lane, Lately, MessageFilter, MessageRow, NewResend, ObjectRow, OwnEndpoint, OwnEndpointRow, OwnFilter, OwnPage, Page, Placed,
    ProgramRow, Receipt, Recording, Removed, ResendRow, RetiredKey, SaveFilter, SaveJob, SaveRow, Share, StoreError, Suspension, Sweep,
    TraceRow, TriedLately, WaitRow,
};
use crate::telemetry::Standing;
use crate::vault::Vault;

/// Of the lock that is held while an index is made: `whki`.
const INDEX_LOCK: i64 = 0x7768_6b69;

/// Reads as a tenant; the default when the tenant is not known. `long`: what may take long.
macro_rules! of_tenant {
    ($self:expr, $tenant:expr, |$link:ident, $row:ident| $read:expr) => {
        of_tenant!($self, $tenant, link, |$link, $row| $read)
    };
    ($self:expr, $tenant:expr, $lent:ident, |$link:ident, $row:ident| $read:expr) => {
        on!($self.hub, $lent, |$link| match $self.hub.tenant(&$link, $tenant).await? {
            Some($row) => $read,
            None => Ok(Default::default()),
        })
    };
}

impl Postgres {
    pub(in crate::store) async fn save<J: SaveJob + 'static>(&self, job: J) -> Result<J, StoreError> {
        saver::save(&self.hub, job).await
    }

    pub(in crate::store) async fn object(&self, tenant: &Tenant, model: &str, id: &str) -> Result<Option<ObjectRow>, StoreError> {
        let sql = "SELECT id, sequence, updated_at, json FROM objects WHERE tenant = $1 AND model = $2 AND id = $3";
        of_tenant!(self, tenant, |link, row| {
            let found = link.first(sql, &[&row, &model, &id]).await?;
            found.map(|found| ask::object_row(&found, 0)).transpose()
        })
    }

    pub(in crate::store) async fn claim(
        &self,
        lane: &Lane,
        now: Timestamp,
        lease_until: Timestamp,
        share: Share,
    ) -> Result<Vec<Claimed>, StoreError> {
        queue::claim(&self.hub, lane, now, lease_until, share).await
    }

    pub(in crate::store) fn due(&self, now: Timestamp, after: Option<(i64, LaneId)>, limit: usize) -> Due {
        self.hub.agenda().due(now, after, limit)
    }

    pub(in crate::store) fn crew(&self) -> Crew {
        self.hub.crew()
    }

    pub(in crate::store) async fn holds(&self, node: i64) -> bool {
        self.hub.holds(node).await
    }

    pub(in crate::store) fn time(&self) -> Option<Timestamp> {
        self.hub.time()
    }

    pub(in crate::store) async fn suspend(
        &self,
        tenant: &Tenant,
        endpoint: &EndpointId,
        suspension: Suspension,
    ) -> Result<bool, StoreError> {
        endpoints::suspend(&self.hub, tenant, endpoint, &suspension).await
    }

    pub(in crate::store) async fn unsuspend(&self, tenant: &Tenant, endpoint: &EndpointId) -> Result<bool, StoreError> {
        endpoints::unsuspend(&self.hub, tenant, endpoint).await
    }

    pub(in crate::store) async fn endpoint_states(&self, tenant: &Tenant) -> Result<Vec<EndpointState>, StoreError> {
        endpoints::states(&self.hub, tenant, "").await
    }

    pub(in crate::store) async fn suspended(&self, tenant: &Tenant) -> Result<Vec<EndpointState>, StoreError> {
        endpoints::states(&self.hub, tenant, "AND suspended_at IS NOT NULL").await
    }

    /// Attempts are recorded over a connection of their own, so that there is no commit to go along with; company is waited for all the same.
    pub(in crate::store) async fn settle(&self, basket: Arc<Basket>, hurry: impl Future<Output = ()>) -> Result<Vec<bool>, StoreError> {
        hurry.await;
        settle::settle(&self.hub, &basket.take()).await
    }

    pub(in crate::store) fn resend_bell(&self) -> Arc<Notify> {
        Arc::clone(&self.resend_bell)
    }

    pub(in crate::store) async fn count_deliveries(
        &self,
        tenant: &Tenant,
        filter: &DeliveryFilter,
        after: Option<DeliveryId>,
    ) -> Result<u64, StoreError> {
        of_tenant!(self, tenant, long, |link, row| resends::count(&link, row, filter, after).await)
    }

    pub(in crate::store) async fn begin_resend(&self, tenant: &TenantScope, resend: NewResend) -> Result<bool, StoreError> {
        let runs = resends::begin(&self.hub, tenant, &resend).await?;
        if runs {
            self.resend_bell.notify_one();
        }
        Ok(runs)
    }

    pub(in crate::store) async fn stop_resend(
        &self,
        tenant: &Tenant,
        id: ResendId,
        now: Timestamp,
    ) -> Result<Option<ResendRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| resends::stop(&link, row, id, now).await)
    }

    pub(in crate::store) async fn resend_of_id(&self, tenant: &Tenant, id: ResendId) -> Result<Option<ResendRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| resends::one(&link, row, id).await)
    }

    pub(in crate::store) async fn resends(&self, tenant: &Tenant, page: &Page<ResendId>) -> Result<Vec<ResendRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| resends::list(&link, row, page).await)
    }

    pub(in crate::store) async fn advance_resends(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        resends::advance(&self.hub, now).await
    }

    pub(in crate::store) async fn open_session(&self, opened: Session, now: Timestamp) -> Result<(), StoreError> {
        on!(self.hub, |link| sessions::open(&link, &opened, now).await)
    }

    pub(in crate::store) async fn session(&self, hash: [u8; 32]) -> Result<Option<Session>, StoreError> {
        on!(self.hub, |link| sessions::one(&link, hash).await)
    }

    pub(in crate::store) async fn close_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        on!(self.hub, |link| sessions::close(&link, hash).await)
    }

    pub(in crate::store) async fn tenants(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        on!(self.hub, |link| sessions::tenants(&link, (prefix, after), limit).await)
    }

    pub(in crate::store) async fn give_back(&self, deliveries: Vec<Claimed>, now: Timestamp) -> Result<(), StoreError> {
        queue::give_back(&self.hub, &deliveries, now).await
    }

    pub(in crate::store) async fn resend(&self, tenant: &Tenant, delivery: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        queue::resend(&self.hub, tenant, delivery, now).await
    }

    pub(in crate::store) async fn shift_due(&self, after: i64, by_ms: i64) -> Result<(), StoreError> {
        queue::shift_due(&self.hub, after, by_ms).await
    }

    pub(in crate::store) async fn messages(
        &self,
        tenant: &Tenant,
        filter: &MessageFilter,
        page: &Page<MessageId>,
    ) -> Result<Vec<MessageRow>, StoreError> {
        of_tenant!(self, tenant, long, |link, row| list::messages(&link, row, filter, page).await)
    }

    pub(in crate::store) async fn message(&self, tenant: &Tenant, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| list::message(&link, row, id).await)
    }

    pub(in crate::store) async fn deliveries(
        &self,
        tenant: &Tenant,
        filter: &DeliveryFilter,
        page: &Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        of_tenant!(self, tenant, long, |link, row| list::deliveries(&link, row, filter, page).await)
    }

    pub(in crate::store) async fn delivery(&self, tenant: &Tenant, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| list::delivery(&link, row, id).await)
    }

    pub(in crate::store) async fn attempts(&self, tenant: &Tenant, delivery: DeliveryId) -> Result<Option<Vec<AttemptRow>>, StoreError> {
        of_tenant!(self, tenant, |link, row| list::attempts(&link, row, delivery).await)
    }

    pub(in crate::store) async fn waits(&self, after: i64, limit: usize) -> Result<Vec<(i64, Tenant, WaitRow)>, StoreError> {
        on!(self.hub, |link| ask::all_waits(&link, after, super::values::limit(limit)).await)
    }

    pub(in crate::store) async fn traces(
        &self,
        tenant: &Tenant,
        model: &str,
        object: &str,
        limit: usize,
    ) -> Result<Vec<TraceRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| saves::traces(&link, row, (model, object), limit).await)
    }

    pub(in crate::store) async fn open_receipt(
        &self,
        tenant: &Tenant,
        key: &str,
        request: [u8; 32],
        now: Timestamp,
    ) -> Result<Receipt, StoreError> {
        receipts::open(&self.hub, (tenant.as_str(), key), &request, now.as_millisecond()).await
    }

    pub(in crate::store) async fn close_receipt(&self, tenant: &Tenant, key: &str, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        on!(self.hub, |link| receipts::close(&link, (tenant.as_str(), key), answer.as_ref()).await)
    }

    pub(in crate::store) async fn prune(&self, cutoffs: &Cutoffs, sweep: Sweep) -> Result<(Removed, Option<Sweep>), StoreError> {
        prune::prune(&self.hub, cutoffs, sweep).await
    }

    pub(in crate::store) async fn index_children(&self, model: &str, property: &str) -> Result<(), StoreError> {
        let sql = ask::index_children(model, property)
            .ok_or_else(|| StoreError::Failed(format!("`{model}.{property}` is not a name that can be indexed")))?;
        // One node after the other: two that make the same at the same moment are in each other's way.
        within!(self.hub, long, |link| {
            link.query("SELECT pg_advisory_xact_lock($1)", &[&INDEX_LOCK]).await?;
            link.run_long(&sql).await
        })
    }

    pub(in crate::store) async fn object_ids(&self, tenant: &Tenant, model: &str, page: IdPage<'_>) -> Result<Vec<Box<str>>, StoreError> {
        of_tenant!(self, tenant, |link, row| saves::ids(&link, row, model, page).await)
    }

    pub(in crate::store) async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO probe (row, at) VALUES (1, $1) ON CONFLICT (row) DO UPDATE SET at = excluded.at";
        on!(self.hub, |link| link.execute(sql, &[&now.as_millisecond()]).await.map(drop))
    }

    pub(in crate::store) async fn saves(
        &self,
        tenant: &Tenant,
        filter: &SaveFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SaveRow>, StoreError> {
        of_tenant!(self, tenant, long, |link, row| saves::saves(&link, row, filter, (before, limit)).await)
    }

    pub(in crate::store) async fn recordings(&self, tenant: &Tenant, through: Sequence) -> Result<Vec<Recording>, StoreError> {
        of_tenant!(self, tenant, |link, row| saves::recordings(&link, row, through).await)
    }

    pub(in crate::store) async fn note_program(&self, digest: [u8; 32], now: Timestamp) -> Result<ProgramRow, StoreError> {
        saves::note_program(&self.hub, &digest, now).await
    }

    pub(in crate::store) async fn program(&self, id: ProgramId) -> Result<Option<ProgramRow>, StoreError> {
        on!(self.hub, |link| saves::program(&link, id).await)
    }

    pub(in crate::store) async fn key(&self, name: &str, make: impl FnOnce() -> Vec<u8> + Send + 'static) -> Result<Vec<u8>, StoreError> {
        keys::one(&self.hub, name, make).await
    }

    pub(in crate::store) async fn keys(
        &self,
        names: Vec<String>,
        make: impl FnMut() -> Vec<u8> + Send,
    ) -> Result<Vec<KeptKey>, StoreError> {
        keys::many(&self.hub, names, make).await
    }

    pub(in crate::store) async fn rotate_key(&self, name: &str, material: Vec<u8>, until: Timestamp) -> Result<(), StoreError> {
        keys::rotate(&self.hub, name, &material, until.as_millisecond()).await
    }

    pub(in crate::store) async fn retired_keys(&self, name: &str, now: Timestamp) -> Result<Vec<RetiredKey>, StoreError> {
        keys::retired(&self.hub, name, now).await
    }

    pub(in crate::store) async fn rekey(&self, vault: Vault) -> Result<u64, StoreError> {
        keys::rekey(&self.hub, vault).await
    }

    pub(in crate::store) async fn put_own_endpoint(&self, tenant: &Tenant, endpoint: OwnEndpoint) -> Result<Placed, StoreError> {
        own::put(&self.hub, tenant, &endpoint).await
    }

    pub(in crate::store) async fn own_endpoint(&self, tenant: &Tenant, id: &EndpointId) -> Result<Option<OwnEndpointRow>, StoreError> {
        of_tenant!(self, tenant, |link, row| own::one(&link, row, id).await)
    }

    pub(in crate::store) async fn own_endpoints(
        &self,
        tenant: &Tenant,
        filter: &OwnFilter,
        page: OwnPage,
    ) -> Result<Vec<OwnEndpointRow>, StoreError> {
        of_tenant!(self, tenant, long, |link, row| own::list(&link, row, filter, page).await)
    }

    pub(in crate::store) async fn all_own_endpoints(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Tenant, OwnEndpointRow)>, StoreError> {
        on!(self.hub, |link| own::all(&link, after, limit).await)
    }

    pub(in crate::store) async fn delete_own_endpoint(&self, tenant: &Tenant, id: &EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        own::delete(&self.hub, tenant, id, now).await
    }

    pub(in crate::store) async fn settle_gone(&self) -> Result<bool, StoreError> {
        own::settle_gone(&self.hub).await
    }

    pub(in crate::store) async fn throw_away(&self, tenant: &Tenant, delivery: DeliveryId) -> Result<bool, StoreError> {
        of_tenant!(self, tenant, |link, row| own::throw_away(&link, row, delivery).await)
    }

    pub(in crate::store) async fn knows_keys(&self) -> Result<bool, StoreError> {
        on!(self.hub, |link| access::knows_keys(&link).await)
    }

    pub(in crate::store) async fn access_key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        on!(self.hub, |link| access::key(&link, id).await)
    }

    pub(in crate::store) async fn add_access_key(&self, key: Key) -> Result<bool, StoreError> {
        on!(self.hub, |link| {
            let added = access::add(&link, &key).await?;
            self.hub.tell_of_change(&link).await.map(|()| added)
        })
    }

    pub(in crate::store) async fn access_keys(&self, tenant: Option<&Tenant>, page: &Page<KeyId>) -> Result<Vec<Key>, StoreError> {
        on!(self.hub, |link| access::keys(&link, tenant, page).await)
    }

    pub(in crate::store) async fn revoke_access_key(
        &self,
        tenant: Option<&Tenant>,
        id: KeyId,
        now: Timestamp,
    ) -> Result<Option<Key>, StoreError> {
        on!(self.hub, |link| {
            let revoked = access::revoke(&link, tenant, id, now).await?;
            self.hub.tell_of_change(&link).await.map(|()| revoked)
        })
    }

    pub(in crate::store) async fn note_key_use(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        on!(self.hub, |link| access::note_use(&link, &used).await)
    }

    pub(in crate::store) async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        on!(self.hub, |link| access::note_audit(&link, &entry).await)
    }

    pub(in crate::store) async fn audit(&self, tenant: Option<&Tenant>, page: &Page<i64>) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        on!(self.hub, |link| access::audit(&link, tenant, page).await)
    }

    pub(in crate::store) async fn tried_lately(
        &self,
        tenant: &Tenant,
        endpoint: &EndpointId,
        lately: Lately,
    ) -> Result<TriedLately, StoreError> {
        of_tenant!(self, tenant, |link, row| lately::tried(&link, row, endpoint, lately).await)
    }

    pub(in crate::store) async fn backlog(&self, now: Timestamp, most: usize) -> Result<Standing, StoreError> {
        on!(self.hub, |link| backlog::backlog(&link, now, most).await)
    }
}
