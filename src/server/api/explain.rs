//! `T/explain/{model}/{id}`: why each webhook did or did not fire at the last saves of an object.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::objects::{ObjectPath, known_model};
use crate::access::may;
use crate::engine::{TraceEntry, read_trace};
use crate::ids::Sequence;
use crate::server::access::Allowed;
use crate::server::request::{Names, Parameters, json, limit};
use crate::server::{App, Problem};

/// A decision with its reason in words.
#[derive(Serialize)]
pub(super) struct Reason<'a> {
    #[serde(flatten)]
    entry: TraceEntry<'a>,
    reason: String,
}

/// The decisions of the stored trace of a save of this object; none of one that cannot be read any more.
fn reasons<'a>(trace: &'a str, model: &'a str, object: &'a str) -> Vec<Reason<'a>> {
    in_words(read_trace(trace, model, object).unwrap_or_default())
}

/// The decisions with their reasons.
pub(super) fn in_words(entries: Vec<TraceEntry<'_>>) -> Vec<Reason<'_>> {
    entries.into_iter().map(|entry| Reason { reason: entry.to_string(), entry }).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Last {
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Explained<'a> {
    sequence: Sequence,
    at: String,
    operation: &'a str,
    decisions: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Explanation<'a> {
    data: Vec<Explained<'a>>,
}

pub(in crate::server) async fn explain(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Read>,
    Names((_, model, id)): ObjectPath,
    Parameters(last): Parameters<Last>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    known_model(running, &model)?;
    let rows = running.ingest.store.traces(&scope, &model, &id, limit(last.limit)?).await?;
    let data = rows.iter().map(|row| Explained {
        sequence: row.sequence,
        at: row.at.to_string(),
        operation: &row.operation,
        decisions: reasons(&row.decisions, &model, &id),
    });
    Ok(json(StatusCode::OK, &Explanation { data: data.collect() }))
}
