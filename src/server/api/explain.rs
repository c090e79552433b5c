//! `T/explain/{model}/{id}`: why each webhook did or did not fire at the last saves of an object.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::objects::{ObjectPath, known_model};
use crate::access::may;
use crate::engine::{TraceEntry, VerdictWord, read_trace};
use crate::ids::Sequence;
use crate::ingest::COPY;
use crate::server::access::Allowed;
use crate::server::openapi::Operation;
use crate::server::request::{Names, Parameters, json, limit};
use crate::server::{App, Problem};
use crate::store::TraceRow;

/// A decision with its reason in words.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Decision")]
pub(super) struct Reason<'a> {
    #[serde(flatten)]
    #[schemars(with = "EntryView")]
    entry: TraceEntry<'a>,
    reason: String,
}

/// As a [`TraceEntry`] is written.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is asked for")]
struct EntryView {
    /// The webhook.
    webhook: String,
    /// The model of the object that it is about: of the saved one, or of one that had waited for it.
    model: String,
    /// The object that it is about.
    object: String,
    /// `fired`, or the kind of reason why not.
    verdict: String,
    /// What the reason is about: a condition's name, `operation`, or the model that is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The value seen, the id waited for, or what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
    /// The value required.
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<String>,
    /// The position of the condition among those of the webhook, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<usize>,
}

/// Why a `ready` webhook has not fired that a copy has used up.
const USED_UP: &str = "used up by the copy: its conditions held for the row as it was before";

/// The decisions of the stored trace of a save of this object; none of one that cannot be read any more.
fn reasons<'a>(row: &'a TraceRow, model: &'a str, object: &'a str) -> Vec<Reason<'a>> {
    let mut reasons = in_words(read_trace(&row.decisions, model, object).unwrap_or_default());
    let used_up = |reason: &&mut Reason<'_>| &*row.operation == COPY && reason.entry.verdict == VerdictWord::AlreadyFired;
    for reason in reasons.iter_mut().filter(used_up) {
        USED_UP.clone_into(&mut reason.reason);
    }
    reasons
}

/// The decisions with their reasons.
pub(super) fn in_words(entries: Vec<TraceEntry<'_>>) -> Vec<Reason<'_>> {
    entries.into_iter().map(|entry| Reason { reason: entry.to_string(), entry }).collect()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Last {
    /// How many saves, 50 unless given.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainedSave")]
struct Explained<'a> {
    sequence: Sequence,
    at: String,
    operation: &'a str,
    decisions: Vec<Reason<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
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
        decisions: reasons(row, &model, &id),
    });
    Ok(json(StatusCode::OK, &Explanation { data: data.collect() }))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("explain::explain")
            .says("Why each webhook did or did not fire at the last saves of an object")
            .needs("objects:read")
            .asks::<Last>()
            .answers::<Explanation<'_>>(200),
    ]
}
