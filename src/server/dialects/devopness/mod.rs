//! Outgoing hooks as in seed `001_ba0a8d3ca41da416.txt`: a hook is an endpoint whose templates are those of the caller, limited to the
//! events, the kind of action and the resource that it names.

mod answer;
mod hooks;
mod submitted;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::server::access::{Place, asked};
use crate::server::{App, idempotency};

/// What endpoints of this API are marked with.
const NAME: &str = "devopness";
/// No path names a tenant: it is that of the key.
const PLACE: Place = Place { header: None, cookie: None, tenant: "" };

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/hooks/outgoing", post(hooks::make))
        .route("/hooks/outgoing/{id}", get(hooks::one).put(hooks::replace).delete(hooks::delete))
        .route("/hooks/outgoing/{id}/requests", get(hooks::requests))
        .route("/applications/{id}/hooks", get(hooks::of_application))
        .route_layer(from_fn_with_state(Arc::clone(app), idempotency::once));
    asked(routes, app, PLACE)
}
