//! The endpoints that tenants have made, as the store takes them and gives them back, and its verbs about them.

use jiff::Timestamp;

use super::{Backend, EndpointState, Store, StoreError, sealed};
use crate::access::TenantScope;
use crate::ids::{DeliveryId, EndpointId, Tenant};
use crate::vault::Vault;

/// An endpoint to keep.
#[derive(Clone, Debug)]
pub struct OwnEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its name.
    pub name: String,
    /// Whether it is subscribed.
    pub enabled: bool,
    /// Its event types, `*` for all.
    pub events: Vec<Box<str>>,
    /// The API of another system that it was made by, and what it is found by there.
    pub dialect: Option<(String, String)>,
    /// All that is said of it, JSON.
    pub definition: String,
    /// When.
    pub at: Timestamp,
    /// What it takes the place of.
    pub over: Over,
    /// The most that the tenant may have: a new one is not kept when it has so many.
    pub most: usize,
}

/// What an endpoint that is to be kept takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing: it is a new one.
    Nothing,
    /// Nothing, and no other endpoint is found by the same in the API of the other system that it was made by.
    NothingAlike,
    /// The one with its id, as it is since this time, when it was last changed.
    AsOf(Timestamp),
}

/// What came of keeping an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is kept.
    Kept,
    /// It is new, and the tenant has as many as it may.
    Full,
    /// There is one in its place already.
    Taken,
    /// What it was to take the place of was changed or deleted meanwhile.
    Changed,
}

/// An endpoint as it is kept.
#[derive(Clone, Debug)]
pub struct OwnEndpointRow {
    /// Its place in the order in which endpoints were made.
    pub row: i64,
    /// Its id.
    pub id: EndpointId,
    /// All that is said of it, JSON.
    pub definition: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was suspended, and why; `None` when it is not.
    pub suspended: Option<(Timestamp, Box<str>)>,
}

/// Which endpoints.
#[derive(Clone, Debug, Default)]
pub struct OwnFilter {
    /// With exactly this name.
    pub name: Option<String>,
    /// Subscribed or not.
    pub enabled: Option<bool>,
    /// Suspended or not.
    pub suspended: Option<bool>,
    /// Subscribed and not suspended, or not that.
    pub active: Option<bool>,
    /// That receive any of these; empty: whatever they receive.
    pub event_types: Vec<String>,
    /// Made by this API.
    pub dialect: Option<String>,
    /// Found by this there.
    pub dialect_key: Option<String>,
}

/// A part of the list, in the order in which they were made.
#[derive(Clone, Copy, Debug)]
pub struct OwnPage {
    /// Those made after this row; 0: from the first.
    pub after: i64,
    /// So many of them are left out first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// Keeps an endpoint that a tenant has made or changed; its id is its alone, and unique. What is said of it is encrypted. Of several that
    /// are made at once, on whatever nodes, no more get in than there is room; of several changes of one, only the first is made, and the
    /// others are to look at it again. Each change has a later time than the one before.
    ///
    /// # Errors
    /// When the store fails or was opened without keys.
    pub async fn put_own_endpoint(&self, tenant: &TenantScope, endpoint: OwnEndpoint) -> Result<Placed, StoreError> {
        verb!(self, put_own_endpoint(tenant, endpoint))
    }

    /// One endpoint that the tenant has made.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn own_endpoint(&self, tenant: &TenantScope, id: &EndpointId) -> Result<Option<OwnEndpointRow>, StoreError> {
        verb!(self, own_endpoint(tenant, id))?.map(|row| self.unsealed(row)).transpose()
    }

    /// The endpoints that the tenant has made, in the order in which they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn own_endpoints(&self, tenant: &TenantScope, filter: &OwnFilter, page: OwnPage) -> Result<Vec<OwnEndpointRow>, StoreError> {
        verb!(self, own_endpoints(tenant, filter, page))?.into_iter().map(|row| self.unsealed(row)).collect()
    }

    /// The endpoints of all tenants behind the row `after`: the row of each, whose it is, and the endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_own_endpoints(&self, after: i64, limit: usize) -> Result<Vec<(i64, Tenant, OwnEndpointRow)>, StoreError> {
        let each = |(row, tenant, endpoint)| Ok((row, tenant, self.unsealed(endpoint)?));
        verb!(self, all_own_endpoints(after, limit))?.into_iter().map(each).collect()
    }

    /// The endpoint with what was said of it as it was said.
    fn unsealed(&self, row: OwnEndpointRow) -> Result<OwnEndpointRow, StoreError> {
        let definition = sealed::open(self.vault().as_deref(), &row.id, row.definition)?;
        Ok(OwnEndpointRow { definition, ..row })
    }

    /// The vault of the store, if it was opened with keys.
    fn vault(&self) -> Option<std::sync::Arc<Vault>> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.vault(),
            Backend::Postgres(backend) => backend.vault(),
        }
    }

    /// Forgets an endpoint that the tenant has made, and its secret; `false` when there is none. [`Store::settle_gone`] must follow.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_own_endpoint(&self, tenant: &TenantScope, id: &EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        verb!(self, delete_own_endpoint(tenant, id, now))
    }

    /// One bounded step of giving up what deleted endpoints had still to get: `false` when there is nothing more to do.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_gone(&self) -> Result<bool, StoreError> {
        verb!(self, settle_gone())
    }

    /// The endpoints that are suspended for the tenant, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspended(&self, tenant: &TenantScope) -> Result<Vec<EndpointState>, StoreError> {
        verb!(self, suspended(tenant))
    }

    /// Throws a diverted delivery away: it has failed, and is not kept apart any more. `false` when it is not diverted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn throw_away(&self, tenant: &TenantScope, delivery: DeliveryId) -> Result<bool, StoreError> {
        verb!(self, throw_away(tenant, delivery))
    }
}
