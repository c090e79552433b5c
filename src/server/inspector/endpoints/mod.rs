//! The endpoints of a tenant as pages: listed, looked at, made and changed with their templates checked as they are written, tried,
//! suspended, given a new secret, deleted. Everything is done by the calls of the API; here it only gets a face. Absent: the endpoints of
//! the schema and of `webhookc.toml` are shown and can be suspended, and are changed where they are written.

mod act;
mod change;
mod form;
mod lately;
mod list;
mod preview;
mod said;
mod show;
mod tried;
mod written;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::server::App;

/// The pages, below those of a tenant.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/endpoints", get(list::list).post(change::make))
        .route("/endpoints/new", get(change::blank))
        .route("/endpoints/check", post(change::check_new))
        .route("/endpoints/{id}", get(show::show))
        .route("/endpoints/{id}/edit", get(change::edit).post(change::change))
        .route("/endpoints/{id}/check", post(change::check_change))
        .route("/endpoints/{id}/suspend", post(act::suspend))
        .route("/endpoints/{id}/unsuspend", post(act::unsuspend))
        .route("/endpoints/{id}/enable", post(act::enable))
        .route("/endpoints/{id}/disable", post(act::disable))
        .route("/endpoints/{id}/rotate-secret", post(act::rotate))
        .route("/endpoints/{id}/test", post(tried::show))
        .route("/endpoints/{id}/delete", get(act::ask).post(act::delete))
}
