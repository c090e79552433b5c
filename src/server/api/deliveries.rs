//! `T/deliveries`: each message to each endpoint, its attempts, and sending it again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::access::{TenantScope, may};
use crate::delivery::Timing;
use crate::diagnostics::one_of;
use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence};
use crate::server::access::Allowed;
use crate::server::openapi::Operation;
use crate::server::request::{List, Names, Nothing, Parameters, json, parsed, part, span, wish};
use crate::server::{App, Problem, Running, confidential};
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Filter {
    /// The webhook.
    event: Option<String>,
    /// The endpoint's id.
    endpoint: Option<String>,
    /// `pending`, `sending`, `delivered`, `diverted`, `failed`; several with commas between them.
    #[schemars(regex(pattern = "^(pending|sending|delivered|diverted|failed)(,(pending|sending|delivered|diverted|failed))*$"))]
    status: Option<String>,
    /// The object's model.
    model: Option<String>,
    /// The object's id.
    object: Option<String>,
    /// The message's id.
    #[schemars(regex(pattern = "^msg_[0-9a-f]{32}$"))]
    message: Option<String>,
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
#[schemars(rename = "Delivery")]
pub(super) struct DeliveryView {
    id: DeliveryId,
    message: MessageId,
    endpoint: EndpointId,
    event: Box<str>,
    model: Box<str>,
    object: Box<str>,
    sequence: Sequence,
    status: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    reason: Option<Box<str>>,
    due_at: Option<String>,
    created_at: String,
    settled_at: Option<String>,
    request: RequestView,
}

/// What is sent; secrets by name alone.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct RequestView {
    method: Box<str>,
    url: String,
    headers: Vec<HeaderView>,
    /// JSON as it is, anything else as a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    body: Option<Box<RawValue>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct HeaderView {
    name: Box<str>,
    value: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attempt")]
struct AttemptView {
    number: u32,
    started_at: String,
    took_ms: u128,
    timing: TimingView,
    status: Option<u16>,
    error: Option<Box<str>>,
    #[schemars(with = "Option<Vec<[String; 2]>>")]
    response_headers: Option<Box<RawValue>>,
    response_body: Option<String>,
}

/// Where the time went, in microseconds; a step that was not taken is left out.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TimingView {
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_us: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_us: Option<u128>,
    total_us: u128,
    reused: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AttemptList")]
struct AttemptList {
    data: Vec<AttemptView>,
}

pub(super) fn view(row: DeliveryRow) -> DeliveryView {
    DeliveryView {
        id: row.id,
        message: row.message,
        endpoint: row.endpoint,
        event: row.event,
        model: row.model,
        object: row.object,
        sequence: row.sequence,
        status: row.state.as_str(),
        attempts: row.attempts,
        last_status: row.last_status,
        reason: row.reason,
        due_at: row.due_at.map(|at| at.to_string()),
        created_at: row.created_at.to_string(),
        settled_at: row.settled_at.map(|at| at.to_string()),
        request: RequestView {
            method: row.method,
            url: row.url.shown_url(),
            headers: row.headers.into_iter().map(|(name, value)| header_view(name, value.masked())).collect(),
            body: (!row.body.is_empty()).then(|| raw_or_text(&row.body)).flatten(),
        },
    }
}

fn header_view(name: Box<str>, value: String) -> HeaderView {
    HeaderView { value: confidential::rendered(&name, value).into_owned(), name }
}

fn raw_or_text(body: &[u8]) -> Option<Box<RawValue>> {
    let text = String::from_utf8_lossy(body).into_owned();
    RawValue::from_string(text).ok().or_else(|| serde_json::value::to_raw_value(&String::from_utf8_lossy(body)).ok())
}

fn attempt(row: AttemptRow) -> AttemptView {
    AttemptView {
        number: row.number,
        started_at: row.started_at.to_string(),
        took_ms: row.took.as_millis(),
        timing: timing(row.timing, row.took),
        status: row.status,
        error: row.error,
        response_headers: row.response_headers.and_then(|headers| RawValue::from_string(headers.into()).ok()),
        response_body: row.response_body.map(|body| String::from_utf8_lossy(&body).into_owned()),
    }
}

fn timing(timing: Timing, took: Duration) -> TimingView {
    let micros = |step: Option<Duration>| step.map(|step| step.as_micros());
    TimingView {
        resolve_us: micros(timing.resolve),
        connect_us: micros(timing.connect),
        tls_us: micros(timing.tls),
        first_byte_us: micros(timing.first_byte),
        total_us: took.as_micros(),
        reused: timing.reused,
    }
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::List>,
    Parameters(filter): Parameters<Filter>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let (limit, page) = part(filter.limit, filter.cursor.as_deref())?;
    let filter = DeliveryFilter {
        event: filter.event,
        endpoint: filter.endpoint.map(EndpointId::new),
        states: filter.status.as_deref().into_iter().flat_map(|words| words.split(',')).map(state).collect::<Result<_, _>>()?,
        model: filter.model,
        object: filter.object,
        message: filter.message.as_deref().map(parsed).transpose()?,
        span: span(filter.from.as_deref(), filter.until.as_deref())?,
        ..DeliveryFilter::default()
    };
    let rows = running.ingest.store.deliveries(&scope, &filter, &page).await?;
    Ok(json(StatusCode::OK, &List::of(rows, limit, |row| row.id.to_string(), view)))
}

fn state(word: &str) -> Result<DeliveryState, Problem> {
    DeliveryState::named(word).ok_or_else(|| {
        let detail = format!("`status` is `{word}`, expected {}", one_of(DeliveryState::ALL.map(DeliveryState::as_str)));
        Problem::bad_request("invalid-parameter", detail)
    })
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let row = find(running, &scope, parsed(&id)?).await?;
    Ok(json(StatusCode::OK, &view(row)))
}

pub(in crate::server) async fn attempts(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let rows = running.ingest.store.attempts(&scope, parsed(&id)?).await?;
    let rows = rows.ok_or_else(|| unknown(&id))?;
    Ok(json(StatusCode::OK, &AttemptList { data: rows.into_iter().map(attempt).collect() }))
}

pub(in crate::server) async fn resend(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Resend>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let Nothing {} = wish(&app, body).await?;
    let delivery = parsed(&id)?;
    find(running, &scope, delivery).await?;
    if !running.ingest.store.resend(&scope, delivery, running.ingest.clock.now()).await? {
        return Err(Problem::new(StatusCode::CONFLICT, "under-way", format!("the delivery `{id}` is being sent at this moment")));
    }
    Ok(json(StatusCode::ACCEPTED, &view(find(running, &scope, delivery).await?)))
}

async fn find(running: &Running, tenant: &TenantScope, id: DeliveryId) -> Result<DeliveryRow, Problem> {
    running.ingest.store.delivery(tenant, id).await?.ok_or_else(|| unknown(&id.to_string()))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found("unknown-delivery", format!("there is no delivery `{id}`"))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("deliveries::list")
            .says("Deliveries, the newest first")
            .needs("deliveries:list")
            .asks::<Filter>()
            .answers::<List<DeliveryView>>(200),
        Operation::of("deliveries::one").says("A delivery with what is sent").needs("deliveries:read").answers::<DeliveryView>(200),
        Operation::of("deliveries::attempts").says("Its attempts, in order").needs("deliveries:read").answers::<AttemptList>(200),
        Operation::of("deliveries::resend")
            .says("Send it once more, under its own id")
            .needs("deliveries:resend")
            .answers::<DeliveryView>(202),
    ]
}
