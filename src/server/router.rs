//! The API on one screen.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, delete, get, post, put};

use super::access::{Place, asked};
use super::api::{
    attachments, audit, backfill, deliveries, endpoints, explain, health, keys, messages, metrics, objects, public_keys, reload, resends,
    rotate, saves, sink, store_key, webhooks,
};
use super::{App, answered, dialects, door, guard, idempotency, inspector, problem};

/// Every route of a node.
pub fn router(app: Arc<App>) -> Router {
    let tenant = Router::new()
        .route("/objects/{model}/{id}", get(objects::read).put(objects::put).patch(objects::patch).delete(objects::delete))
        .route("/objects/{model}/{id}/attachments/{field}", put(attachments::uploaded))
        .route("/saves", post(saves::batch))
        .route("/explain/{model}/{id}", get(explain::explain))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/{name}", get(webhooks::one))
        .route("/webhooks/{name}/backfill", post(backfill::backfill))
        .route("/endpoints", get(endpoints::list).post(endpoints::make))
        .route("/endpoints/{id}", get(endpoints::one).patch(endpoints::change).delete(endpoints::delete))
        .route("/endpoints/{id}/test", post(endpoints::try_out))
        .route("/endpoints/{id}/suspend", post(endpoints::suspend))
        .route("/endpoints/{id}/unsuspend", post(endpoints::unsuspend))
        .route("/endpoints/{id}/rotate-secret", post(rotate::secret))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::one))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}", get(deliveries::one))
        .route("/deliveries/{id}/attempts", get(deliveries::attempts))
        .route("/deliveries/{id}/resend", post(deliveries::resend))
        .route("/resend", get(resends::list).post(resends::begin))
        .route("/resend/{id}", get(resends::one).delete(resends::stop))
        .route("/keys", get(keys::list).post(keys::make))
        .route("/keys/{id}", get(keys::one).delete(keys::revoke))
        .route("/links", post(keys::make_link))
        .route("/audit", get(audit::list))
        .route_layer(from_fn_with_state(Arc::clone(&app), idempotency::once));
    let ours = Router::new()
        .nest("/api/v1/tenants/{tenant}", tenant)
        .route("/-/keys", get(keys::list_of_all).post(keys::make_of_all))
        .route("/-/keys/{id}", delete(keys::revoke_of_all))
        .route("/-/audit", get(audit::list_of_all))
        .route("/metrics", get(metrics::metrics))
        .route("/-/reload", post(reload::reload))
        .route("/-/rotate-store-key", post(store_key::rotate))
        .route("/-/rotate-keys", post(rotate::node_keys));
    let ours = ours.route_layer(from_fn_with_state(Arc::clone(&app), health::takes));
    // What follows asks for no key.
    let mut node = asked(ours, &app, Place::OURS)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/.well-known/webhook-keys.json", get(public_keys::public));
    for dialect in &app.options.dialects {
        node = node.merge(dialects::routes(*dialect, &app));
    }
    if app.options.dev {
        node = node
            .route("/sink/{*event}", any(sink::take))
            .route("/-/sink", get(sink::shown).delete(sink::clear))
            .route("/-/sink/{*path}", put(sink::tell).delete(sink::untell));
    }
    if app.options.inspector.is_some() {
        node = node.merge(inspector::routes(&app));
    }
    node = node
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::called_by_name));
    if app.options.inspector.is_some() {
        node = node.layer(from_fn(inspector::readable));
    }
    node.layer(from_fn(answered::answered)).layer(from_fn(door::attend)).with_state(app)
}
