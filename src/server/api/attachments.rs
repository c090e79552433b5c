//! `T/objects/{model}/{id}/attachments/{field}`: the data of an attachment has arrived.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;

use super::objects;
use crate::access::may;
use crate::engine::Verb;
use crate::server::access::Allowed;
use crate::server::request::{Explain, Names, Parameters};
use crate::server::{App, Problem};

pub(in crate::server) async fn uploaded(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Write>,
    Names((owner, model, id, field)): Names<(String, String, String, String)>,
    Parameters(explain): Parameters<Explain>,
    body: Body,
) -> Result<Response, Problem> {
    objects::save(&app, &scope, &(owner, model, id), Verb::Upload(&field), body, &explain).await
}
