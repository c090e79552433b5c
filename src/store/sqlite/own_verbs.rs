//! The verbs about endpoints that tenants make; see [`Store`](crate::store::Store).

use jiff::Timestamp;

use super::session::Session;
use super::writer::Flow;
use super::{Sqlite, endpoints, own, own_list};
use crate::access::TenantScope;
use crate::ids::{DeliveryId, EndpointId, Tenant};
use crate::store::{EndpointState, OwnEndpoint, OwnEndpointRow, OwnFilter, OwnPage, Placed, StoreError};

impl Sqlite {
    pub(in crate::store) async fn suspended(&self, tenant: &TenantScope) -> Result<Vec<EndpointState>, StoreError> {
        self.read_tenant(tenant, endpoints::suspended).await.map(Option::unwrap_or_default)
    }

    pub(in crate::store) async fn throw_away(&self, tenant: &TenantScope, delivery: DeliveryId) -> Result<bool, StoreError> {
        let tenant = tenant.tenant().clone();
        let throw = move |session: &mut Session, thrown: &mut bool| {
            *thrown = match session.tenant(&tenant)? {
                Some(tenant) => own::throw_away(&session.connection, tenant.row, delivery)?,
                None => false,
            };
            Ok(Flow::Keep)
        };
        self.writer.write(false, throw).await
    }

    pub(in crate::store) async fn put_own_endpoint(&self, tenant: &TenantScope, endpoint: OwnEndpoint) -> Result<Placed, StoreError> {
        if self.vault().is_none() {
            return Err(StoreError::Locked);
        }
        let (safe, tenant) = (self.vault.clone(), tenant.tenant().clone());
        let put = move |session: &mut Session, placed: &mut Placed| {
            *placed = own::put(session, &*safe.at_work()?, &tenant, &endpoint)?;
            Ok(Flow::Wake)
        };
        self.writer.write(Placed::Changed, put).await
    }

    pub(in crate::store) async fn own_endpoint(&self, tenant: &TenantScope, id: &EndpointId) -> Result<Option<OwnEndpointRow>, StoreError> {
        let id = id.clone();
        self.read_tenant(tenant, move |connection, tenant| own::one(connection, tenant, &id)).await.map(Option::flatten)
    }

    pub(in crate::store) async fn own_endpoints(
        &self,
        tenant: &TenantScope,
        filter: &OwnFilter,
        page: OwnPage,
    ) -> Result<Vec<OwnEndpointRow>, StoreError> {
        let filter = filter.clone();
        let list = self.read_tenant(tenant, move |connection, tenant| own_list::list(connection, tenant, &filter, page));
        list.await.map(Option::unwrap_or_default)
    }

    pub(in crate::store) async fn all_own_endpoints(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Tenant, OwnEndpointRow)>, StoreError> {
        self.readers.read(move |connection| own::all(connection, after, limit)).await
    }

    pub(in crate::store) async fn delete_own_endpoint(
        &self,
        tenant: &TenantScope,
        id: &EndpointId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (tenant, id) = (tenant.tenant().clone(), id.clone());
        let delete = move |session: &mut Session, gone: &mut bool| {
            *gone = own::delete(session, &tenant, &id, now)?;
            Ok(Flow::Keep)
        };
        self.writer.write(false, delete).await
    }

    pub(in crate::store) async fn settle_gone(&self) -> Result<bool, StoreError> {
        let settle = move |session: &mut Session, more: &mut bool| {
            *more = own::settle_gone(session)?;
            Ok(Flow::Keep)
        };
        self.writer.write(false, settle).await
    }
}
