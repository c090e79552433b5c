//! The API's description: what the router is built of, with what stands beside each handler, → an `OpenAPI` 3.1 document and a page about it.
//! A route that nobody describes, and a description of no route, fail a test. Not in it: the APIs of other systems, which are described
//! there, the pages of the inspector, and the receiver of `dev`.

mod document;
mod operation;
mod page;
mod routes;

pub(super) use document::Document;
pub(super) use operation::{Operation, object};
pub(super) use page::{page, style};
pub(super) use routes::{Known, Routes, delete, get, post, put};

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::{App, Problem};

/// `GET /openapi.json`.
pub(super) async fn json(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let document = app.document()?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document.text.clone()).into_response())
}

/// What is said of the handlers of this folder.
pub(super) fn described() -> Vec<Operation> {
    vec![
        Operation::of("openapi::json").says("This document").answers_with(200, "application/json", serde_json::json!({ "type": "object" })),
        Operation::of("openapi::page").says("This document as a page").answers_with(200, "text/html; charset=utf-8", text()),
        Operation::of("openapi::style").says("The style of that page").answers_with(200, "text/css; charset=utf-8", text()),
    ]
}

fn text() -> serde_json::Value {
    serde_json::json!({ "type": "string" })
}
