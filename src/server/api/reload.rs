//! `POST /-/reload`: read the files again now, and say what came of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::may;
use crate::server::access::OfNode;
use crate::server::openapi::Operation;
use crate::server::request::json;
use crate::server::{App, Problem};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reloaded")]
struct Reloaded<'a> {
    live: bool,
    lines: &'a [String],
}

pub(in crate::server) async fn reload(State(app): State<Arc<App>>, _scope: OfNode<may::Write>) -> Result<Response, Problem> {
    let trigger = app.options.trigger.as_ref().ok_or_else(Problem::not_ready)?;
    let Some(report) = trigger.reload().await else {
        return Err(Problem::shutting_down());
    };
    let status = if report.live { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(json(status, &Reloaded { live: report.live, lines: &report.lines }))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("reload::reload")
            .says("Read the schema, the templates and `webhookc.toml` again now")
            .needs("node:write")
            .answers::<Reloaded<'_>>(200)
            .answers::<Reloaded<'_>>(422),
    ]
}
