//! `T/messages`: what fired, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::access::may;
use crate::ids::{MessageId, Sequence};
use crate::server::access::Allowed;
use crate::server::openapi::Operation;
use crate::server::request::{List, Names, Nothing, Parameters, json, parsed, part, span};
use crate::server::{App, Problem};
use crate::store::{MessageFilter, MessageRow};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Filter {
    /// The webhook.
    event: Option<String>,
    /// The object's model.
    model: Option<String>,
    /// The object's id.
    object: Option<String>,
    /// Made at this time or later.
    #[schemars(extend("format" = "date-time"))]
    from: Option<String>,
    /// Made before this time.
    #[schemars(extend("format" = "date-time"))]
    until: Option<String>,
    /// The most items, 50 unless given.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// `next` of the part before.
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
struct MessageView {
    id: MessageId,
    event: Box<str>,
    model: Box<str>,
    object: Box<str>,
    operation: Box<str>,
    sequence: Sequence,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    payload: Option<Box<RawValue>>,
}

fn view(row: MessageRow) -> MessageView {
    let payload = std::str::from_utf8(&row.payload).ok().and_then(|text| RawValue::from_string(text.to_owned()).ok());
    MessageView {
        id: row.id,
        event: row.event,
        model: row.model,
        object: row.object,
        operation: row.operation,
        sequence: row.sequence,
        created_at: row.created_at.to_string(),
        payload,
    }
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::List>,
    Parameters(filter): Parameters<Filter>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let (limit, page) = part(filter.limit, filter.cursor.as_deref())?;
    let span = span(filter.from.as_deref(), filter.until.as_deref())?;
    let filter = MessageFilter { event: filter.event, model: filter.model, object: filter.object, span };
    let rows = running.ingest.store.messages(&scope, &filter, &page).await?;
    Ok(json(StatusCode::OK, &List::of(rows, limit, |row| row.id.to_string(), view)))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let row = running.ingest.store.message(&scope, parsed(&id)?).await?;
    let row = row.ok_or_else(|| Problem::not_found("unknown-message", format!("there is no message `{id}`")))?;
    Ok(json(StatusCode::OK, &view(row)))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("messages::list")
            .says("What fired, the newest first")
            .needs("deliveries:list")
            .asks::<Filter>()
            .answers::<List<MessageView>>(200),
        Operation::of("messages::one").says("A message with its payload").needs("deliveries:read").answers::<MessageView>(200),
    ]
}
