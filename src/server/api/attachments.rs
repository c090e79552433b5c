//! `T/objects/{model}/{id}/attachments/{field}`: the data of an attachment has arrived.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::objects::{self, SaveAnswer};
use crate::access::may;
use crate::engine::Verb;
use crate::server::access::Allowed;
use crate::server::openapi::{Operation, object};
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

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    let url = json!({ "type": ["string", "null"], "format": "uri" });
    vec![
        Operation::of("attachments::uploaded")
            .says("The data of an attachment has arrived")
            .and("Counts as a save of its object, so that webhooks which wait for it fire.")
            .needs("objects:write")
            .asks::<Explain>()
            .takes(object(
                &[],
                json!({
                    "id": { "type": "string", "minLength": 1 }, "state": { "enum": ["pending", "uploaded"] },
                    "original": url, "fullscreen": url, "thumbnail": url,
                }),
            ))
            .answers::<SaveAnswer<'_>>(200)
            .refuses(&[409, 422]),
    ]
}
