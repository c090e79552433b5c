//! The rights that handlers take as parameters. Each is made by the check and by nothing else.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::audit::Noted;
use super::place::Place;
use crate::access::may::{self, GroupMarker, VerbMarker};
use crate::access::{Caller, NodeScope, Permission, TenantScope};
use crate::ids::{DEFAULT_TENANT, Tenant};
use crate::server::request::tenant;
use crate::server::{App, Problem};

/// The right to do `V` with the `G` of the tenant that the call names.
#[derive(Clone, Debug)]
pub(in crate::server) struct Allowed<G, V>(TenantScope, PhantomData<fn() -> (G, V)>);

/// The right to do `V` to the whole node; with a group, to what it has of all tenants.
#[derive(Clone, Debug)]
pub(in crate::server) struct OfNode<V, G = may::Node>(NodeScope, PhantomData<fn() -> (G, V)>);

impl<G, V> Allowed<G, V> {
    /// The right without what it was needed for.
    pub(in crate::server) fn into_scope(self) -> TenantScope {
        self.0
    }
}

impl<V, G> OfNode<V, G> {
    /// The right without what it was needed for.
    pub(in crate::server) fn into_scope(self) -> NodeScope {
        self.0
    }
}

impl<G, V> Deref for Allowed<G, V> {
    type Target = TenantScope;

    fn deref(&self) -> &TenantScope {
        &self.0
    }
}

impl<V, G> Deref for OfNode<V, G> {
    type Target = NodeScope;

    fn deref(&self) -> &NodeScope {
        &self.0
    }
}

impl<G: GroupMarker, V: VerbMarker> FromRequestParts<Arc<App>> for Allowed<G, V> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let (caller, place) = caller(parts, app).await?;
        let names = match RawPathParams::from_request_parts(parts, app).await {
            Ok(names) => Some(names),
            Err(RawPathParamsRejection::MissingPathParams(_)) => None,
            // Otherwise a name that cannot be read would pass for none, and the key's own tenant be taken.
            Err(rejection) => return Err(Problem::bad_request("invalid-path", rejection.body_text())),
        };
        let tenant = whose(place, names.as_ref(), &caller)?;
        let permission = Permission { group: G::GROUP, verb: V::VERB };
        // What the key of a tenant does, or tries to, is in the log of this tenant, never in that of another one.
        Noted::needs(parts, permission, Some(caller.tenant().unwrap_or(&tenant)));
        Ok(Self(caller.in_tenant(tenant, permission)?, PhantomData))
    }
}

impl<G: GroupMarker, V: VerbMarker> FromRequestParts<Arc<App>> for OfNode<V, G> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let (caller, _) = caller(parts, app).await?;
        let permission = Permission { group: G::GROUP, verb: V::VERB };
        Noted::needs(parts, permission, None);
        Ok(Self(caller.in_node(permission)?, PhantomData))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    /// Whoever calls, whatever it may do: to limit what can be given away.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        caller(parts, app).await.map(|(caller, _)| caller)
    }
}

/// Who calls. The router's layer has found that out; where there is none, it is found out here, so that none can be forgotten.
async fn caller(parts: &mut Parts, app: &App) -> Result<(Caller, Place), Problem> {
    let place = parts.extensions.get::<Place>().copied().unwrap_or(Place::OURS);
    let caller = match parts.extensions.get::<Caller>() {
        Some(caller) => caller.clone(),
        None => app.caller(place, &parts.headers).await?,
    };
    Ok((caller, place))
}

/// The tenant that a call concerns: the one in its path, or else the key's own, or else the default one.
pub(in crate::server) fn whose(place: Place, names: Option<&RawPathParams>, caller: &Caller) -> Result<Tenant, Problem> {
    let in_path = names.and_then(|names| names.iter().find(|(name, _)| *name == place.tenant));
    match (in_path, caller.tenant()) {
        (Some((_, name)), _) => tenant(name),
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Ok(Tenant::new(DEFAULT_TENANT)),
    }
}
