//! `POST /-/reload`: read the files again now, and say what came of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::access::may;
use crate::server::access::OfNode;
use crate::server::openapi::Operation;
use crate::server::problem::PROBLEM_JSON;
use crate::server::request::{Nothing, Parameters, json as answer, wish};
use crate::server::{App, Problem};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Reloaded")]
struct Reloaded<'a> {
    live: bool,
    lines: &'a [String],
}

pub(in crate::server) async fn reload(
    State(app): State<Arc<App>>,
    _scope: OfNode<may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let Nothing {} = wish(&app, body).await?;
    let trigger = app.options.trigger.as_ref().ok_or_else(Problem::not_ready)?;
    let Some(report) = trigger.reload().await else {
        return Err(Problem::shutting_down());
    };
    let status = if report.live { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(answer(status, &Reloaded { live: report.live, lines: &report.lines }))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("reload::reload")
            .says("Read the schema, the templates and `webhookc.toml` again now")
            .needs("node:write")
            .answers::<Reloaded<'_>>(200)
            .answers::<Reloaded<'_>>(422)
            .answers_with(422, PROBLEM_JSON, json!({ "$ref": "#/components/schemas/Problem" }))
            .refuses(&[408, 413]),
    ]
}
