//! The API on one screen. A layer clones and boxes all that is inside it for every call, so there are few: one round everything, one round
//! what asks for a key, and one round what may be repeated with an `Idempotency-Key`. Nested routers would be two more.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::{Router, routing};

use super::access::{Place, asked};
use super::api::{
    attachments, audit, backfill, deliveries, endpoints, explain, health, keys, messages, metrics, objects, public_keys, reload, resends,
    rotate, saves, sink, store_key, webhooks,
};
use super::openapi::{self, Routes, delete, get, post, put};
use super::{App, dialects, entrance, idempotency, inspector};

/// A path in a tenant.
macro_rules! tenant {
    ($path:literal) => {
        concat!("/api/v1/tenants/{tenant}", $path)
    };
}

/// Every route of a node.
pub fn router(app: Arc<App>) -> Router {
    // Only what is posted can be repeated with a key; everything else is spared the layer.
    let posted = Routes::new()
        .route(tenant!("/saves"), post(saves::batch))
        .route(tenant!("/webhooks/{name}/backfill"), post(backfill::backfill))
        .route(tenant!("/endpoints"), get(endpoints::list).post(endpoints::make))
        .route(tenant!("/endpoints/{id}/test"), post(endpoints::try_out))
        .route(tenant!("/endpoints/{id}/suspend"), post(endpoints::suspend))
        .route(tenant!("/endpoints/{id}/unsuspend"), post(endpoints::unsuspend))
        .route(tenant!("/endpoints/{id}/rotate-secret"), post(rotate::secret))
        .route(tenant!("/deliveries/{id}/resend"), post(deliveries::resend))
        .route(tenant!("/resend"), get(resends::list).post(resends::begin))
        .route(tenant!("/keys"), get(keys::list).post(keys::make))
        .route(tenant!("/links"), post(keys::make_link))
        .within(|router| router.route_layer(from_fn_with_state(Arc::clone(&app), idempotency::once)));
    let ours = posted
        .route(tenant!("/objects/{model}/{id}"), get(objects::read).put(objects::put).patch(objects::patch).delete(objects::delete))
        .route(tenant!("/objects/{model}/{id}/attachments/{field}"), put(attachments::uploaded))
        .route(tenant!("/explain/{model}/{id}"), get(explain::explain))
        .route(tenant!("/webhooks"), get(webhooks::list))
        .route(tenant!("/webhooks/{name}"), get(webhooks::one))
        .route(tenant!("/endpoints/{id}"), get(endpoints::one).patch(endpoints::change).delete(endpoints::delete))
        .route(tenant!("/messages"), get(messages::list))
        .route(tenant!("/messages/{id}"), get(messages::one))
        .route(tenant!("/deliveries"), get(deliveries::list))
        .route(tenant!("/deliveries/{id}"), get(deliveries::one))
        .route(tenant!("/deliveries/{id}/attempts"), get(deliveries::attempts))
        .route(tenant!("/resend/{id}"), get(resends::one).delete(resends::stop))
        .route(tenant!("/keys/{id}"), get(keys::one).delete(keys::revoke))
        .route(tenant!("/audit"), get(audit::list))
        .route("/-/keys", get(keys::list_of_all).post(keys::make_of_all))
        .route("/-/keys/{id}", delete(keys::revoke_of_all))
        .route("/-/audit", get(audit::list_of_all))
        .route("/metrics", get(metrics::metrics))
        .route("/-/reload", post(reload::reload))
        .route("/-/rotate-store-key", post(store_key::rotate))
        .route("/-/rotate-keys", post(rotate::node_keys));
    // What follows asks for no key.
    let all = ours
        .within(|router| asked(router, &app, Place::OURS))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/.well-known/webhook-keys.json", get(public_keys::public))
        .route("/openapi.json", get(openapi::json))
        .route("/docs", get(openapi::page))
        .route("/docs/docs.css", get(openapi::style));
    let (mut node, known) = all.into_parts();
    app.consists_of(known);
    for dialect in &app.options.dialects {
        node = node.merge(dialects::routes(*dialect, &app));
    }
    if app.options.dev {
        node = node
            .route("/sink/{*event}", routing::any(sink::take))
            .route("/-/sink", routing::get(sink::shown).delete(sink::clear))
            .route("/-/sink/{*path}", routing::put(sink::tell).delete(sink::untell));
    }
    if app.options.inspector.is_some() {
        node = node.merge(inspector::routes(&app));
    }
    node.fallback(inspector::unknown_path)
        .method_not_allowed_fallback(inspector::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), entrance::enter))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Options;

    #[test]
    fn every_route_is_described_and_every_description_is_of_a_route() {
        let app = App::new(Options::default());
        let _router = router(Arc::clone(&app));
        let document = app.document().unwrap();
        assert_eq!(document.unrouted, Vec::<&str>::new());
        assert_eq!(document.undescribed(), Vec::<String>::new());
    }
}
