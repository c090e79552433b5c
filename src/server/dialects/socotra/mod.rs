//! The webhooks API and the diverted-events API of seed `003_beecb844f9d2dceb.txt`: a webhook there is an endpoint here, a diverted event a
//! delivery that was given up and kept.

mod answer;
mod diverted;
mod query;
mod submitted;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, patch, post};

use crate::server::access::{Place, asked};
use crate::server::{App, idempotency};

/// The path names the tenant.
const PLACE: Place = Place { header: None, cookie: None, tenant: "tenantLocator" };

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/event/{tenantLocator}/webhooks", post(webhooks::make))
        .route("/event/{tenantLocator}/webhooks/list", get(webhooks::list))
        .route("/event/{tenantLocator}/webhooks/{webhookLocator}", get(webhooks::one).patch(webhooks::change).delete(webhooks::delete))
        .route("/event/{tenantLocator}/webhooks/{webhookLocator}/unsuspend", patch(webhooks::unsuspend))
        .route("/event/{tenantLocator}/webhooks/{webhookLocator}/diverted", get(diverted::list))
        .route("/event/{tenantLocator}/webhooks/{webhookLocator}/diverted/{eventLocator}", get(diverted::one).delete(diverted::delete))
        .route("/event/{tenantLocator}/webhooks/{webhookLocator}/diverted/{eventLocator}/resend", post(diverted::resend))
        .route_layer(from_fn_with_state(Arc::clone(app), idempotency::once));
    asked(routes, app, PLACE)
}
