//! `T/resend`: all deliveries that match a filter, sent again at a rate. What is begun goes on in the node, also after a restart, until it
//! is done or stopped.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json as schema};

use super::deliveries::{self, DeliveryView};
use crate::access::{TenantScope, may};
use crate::delivery::Rate;
use crate::diagnostics::suggestion;
use crate::endpoints::{Field, Mistake, Object, Style, document};
use crate::ids::{DeliveryId, EndpointId, ResendId};
use crate::server::access::Allowed;
use crate::server::openapi::{Operation, object};
use crate::server::request::{LONGEST_WISH, List, Names, Nothing, Parameters, Part, json, located, parsed};
use crate::server::{App, Problem, Running, body};
use crate::store::{DeliveryFilter, DeliveryState, NewResend, Page, RESENT_STATES, RUNNING_RESENDS, ResendRow, Span};

/// How fast when nothing is said.
pub(in crate::server) const DEFAULT_RATE: Rate = Rate::per_second(10);
/// Deliveries that a dry run shows.
const SAMPLES: usize = 10;
/// What a time looks like.
const TIME: &str = "a time such as `2026-01-31T08:00:00Z`";
/// What a rate looks like, as a pattern.
const RATE: &str = "^[1-9][0-9]{0,5}/(s|min|h)$";
/// Characters of a name in the filter.
const LONGEST_NAME: usize = 1_000;

/// What is asked for.
struct Wish {
    filter: DeliveryFilter,
    after: Option<DeliveryId>,
    rate: Rate,
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Resend")]
struct ResendView {
    id: ResendId,
    state: &'static str,
    filter: FilterView,
    rate: String,
    matched: u64,
    resent: u64,
    last: Option<DeliveryId>,
    by: String,
    created_at: String,
    ended_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct FilterView {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<EndpointId>,
    status: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// What would be sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ResendDryRun")]
struct Tried {
    dry_run: bool,
    matched: u64,
    /// The newest of them.
    samples: Vec<DeliveryView>,
}

pub(in crate::server) async fn begin(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Resend>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST_WISH).await?.bytes;
    let Wish { filter, after, rate, dry_run } = read(&text).map_err(Problem::document)?;
    let store = &running.ingest.store;
    if let Some(after) = after
        && store.delivery(&scope, after).await?.is_none()
    {
        let detail = format!("there is no delivery `{after}` behind which to begin; with `from` in the filter it begins at a time");
        return Err(Problem::at("/after", "unknown-delivery", detail));
    }
    let matched = store.count_deliveries(&scope, &filter, after).await?;
    if matched == 0 {
        known(running, &scope, &filter).await?;
    }
    if dry_run {
        let samples = store.deliveries(&scope, &filter, &Page { before: None, limit: SAMPLES }).await?;
        let samples = samples.into_iter().map(deliveries::view).collect();
        return Ok(json(StatusCode::OK, &Tried { dry_run, matched, samples }));
    }
    let id = start(running, &scope, Wanted { filter, after, rate, matched }).await?;
    let path = format!("/api/v1/tenants/{}/resend/{id}", scope.tenant());
    Ok(located(json(StatusCode::ACCEPTED, &view(find(running, &scope, id).await?)), &path))
}

/// What is to be sent again.
pub(in crate::server) struct Wanted {
    pub(in crate::server) filter: DeliveryFilter,
    pub(in crate::server) after: Option<DeliveryId>,
    pub(in crate::server) rate: Rate,
    /// How many there are.
    pub(in crate::server) matched: u64,
}

/// Begins to send again, unless too much is under way.
pub(in crate::server) async fn start(running: &Running, scope: &TenantScope, wanted: Wanted) -> Result<ResendId, Problem> {
    let Wanted { filter, after, rate, matched } = wanted;
    let at = running.ingest.clock.now();
    let id = ResendId(running.ingest.entropy.uuid(at));
    if running.ingest.store.begin_resend(scope, NewResend { id, filter, after, rate, matched, at }).await? {
        return Ok(id);
    }
    let detail = format!("{RUNNING_RESENDS} resends are running, which is as many as one tenant may have at once");
    Err(Problem::new(StatusCode::CONFLICT, "too-many-resends", detail).help("wait for one to end, or stop one"))
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::List>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let (limit, page) = part.read()?;
    let rows = running.ingest.store.resends(&scope, &page).await?;
    Ok(json(StatusCode::OK, &List::of(rows, limit, |row| row.id.to_string(), view)))
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &view(find(app.running()?, &scope, parsed(&id)?).await?)))
}

pub(in crate::server) async fn stop(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Deliveries, may::Resend>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let id = parsed(&id)?;
    let stopped = running.ingest.store.stop_resend(&scope, id, running.ingest.clock.now()).await?;
    Ok(json(StatusCode::OK, &view(stopped.ok_or_else(|| unknown(id))?)))
}

pub(in crate::server) async fn find(running: &Running, tenant: &TenantScope, id: ResendId) -> Result<ResendRow, Problem> {
    running.ingest.store.resend_of_id(tenant, id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: ResendId) -> Problem {
    Problem::not_found("unknown-resend", format!("there is no resend `{id}`"))
}

fn view(row: ResendRow) -> ResendView {
    let DeliveryFilter { event, endpoint, states, model, object, span, message: _, answered: _, text: _ } = row.filter;
    ResendView {
        id: row.id,
        state: row.state.as_str(),
        filter: FilterView {
            event,
            endpoint,
            status: states.into_iter().map(DeliveryState::as_str).collect(),
            model,
            object,
            from: span.from.map(|at| at.to_string()),
            until: span.until.map(|at| at.to_string()),
        },
        rate: row.rate.to_string(),
        matched: row.matched,
        resent: row.resent,
        last: row.last,
        by: row.actor,
        created_at: row.created_at.to_string(),
        ended_at: row.ended_at.map(|at| at.to_string()),
    }
}

fn read(text: &[u8]) -> Result<Wish, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let Some(mut object) = document(text, Style::Snake, &mut mistakes) else { return Err(mistakes) };
    let out = &mut mistakes;
    let filter = if let Some(field) = object.take("filter") {
        field.object(out).map(|object| read_filter(object, out))
    } else {
        let message = "the request has no `filter`, which says what is to be sent again".to_owned();
        out.push(Mistake { pointer: "/filter".to_owned(), code: "missing-field", message, help: None });
        None
    };
    let after = object.take("after").and_then(|field| parse(&field, "the id of a delivery, `dlv_` and 32 hexadecimal digits", out));
    let rate = object.take("rate").and_then(|field| parse(&field, "a rate such as `100/s`, `30/min` or `500/h`", out));
    let dry_run = object.take("dry_run").and_then(|field| field.boolean(out));
    object.finish(out);
    match filter {
        Some(filter) if mistakes.is_empty() => {
            Ok(Wish { filter: filter.resendable(), after, rate: rate.unwrap_or(DEFAULT_RATE), dry_run: dry_run.unwrap_or(false) })
        }
        Some(_) | None => Err(mistakes),
    }
}

fn read_filter(mut object: Object, out: &mut Vec<Mistake>) -> DeliveryFilter {
    let mut name = |name: &str, out: &mut Vec<Mistake>| object.take(name).and_then(|field| field.text_within(1..=LONGEST_NAME, out));
    let mut filter = DeliveryFilter {
        event: name("event", out),
        endpoint: name("endpoint", out).map(EndpointId::new),
        model: name("model", out),
        object: name("object", out),
        ..DeliveryFilter::default()
    };
    let states = object.take("status").map(Field::one_or_many).unwrap_or_default();
    filter.states = states.into_iter().filter_map(|field| state(&field, out)).collect();
    filter.span.from = object.take("from").and_then(|field| parse(&field, TIME, out));
    let until = object.take("until");
    let place = until.as_ref().map(Field::place);
    filter.span.until = until.and_then(|field| parse(&field, TIME, out));
    if let (Span { from: Some(from), until: Some(until) }, Some(place)) = (filter.span, place)
        && from >= until
    {
        place.wrong("invalid-value", format!("is {until}, expected a time after `from`, which is {from}"), out);
    }
    let pointer = object.pointer().to_owned();
    let is_blank = filter == DeliveryFilter::default();
    let before = out.len();
    object.finish(out);
    if is_blank && out.len() == before && !out.iter().any(|mistake| mistake.pointer.starts_with(&pointer)) {
        let message = "the filter says nothing, expected at least one of its fields".to_owned();
        let help = Some("for everything that was ever sent, say `\"status\": [\"delivered\", \"diverted\", \"failed\"]`".to_owned());
        out.push(Mistake { pointer, code: "invalid-value", message, help });
    }
    filter
}

/// A state that something can be sent again from.
fn state(field: &Field, out: &mut Vec<Mistake>) -> Option<DeliveryState> {
    let state = field.value.as_str().and_then(DeliveryState::named).filter(|state| RESENT_STATES.contains(state));
    if state.is_none() {
        field.unknown_word(&RESENT_STATES.map(DeliveryState::as_str), out);
    }
    state
}

fn parse<T: std::str::FromStr>(field: &Field, expected: &str, out: &mut Vec<Mistake>) -> Option<T> {
    let Value::String(text) = &field.value else {
        field.mismatch(expected, out);
        return None;
    };
    let read = text.parse().ok();
    if read.is_none() {
        field.mismatch(expected, out);
    }
    read
}

/// A name that nothing has ever had is a slip, and not a filter that nothing matches.
async fn known(running: &Running, scope: &TenantScope, filter: &DeliveryFilter) -> Result<(), Problem> {
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    let webhooks = || program.webhooks.iter().map(|webhook| &*webhook.name);
    let models = || program.models.iter().map(|model| &*model.name);
    let mut mistakes = Vec::new();
    let mut check = |name: &str, seen: Option<&str>, known: Vec<&str>, expected: &str| {
        if let Some(seen) = seen.filter(|seen| !known.contains(seen)) {
            mistakes.push(Mistake {
                pointer: format!("/filter/{name}"),
                code: "invalid-value",
                message: format!("`filter.{name}` is `{seen}`, expected {expected} or of earlier deliveries"),
                help: suggestion(seen, known).map(|near| format!("did you mean `{near}`?")),
            });
        }
    };
    check("event", filter.event.as_deref(), webhooks().collect(), "a webhook of the program");
    check("model", filter.model.as_deref(), models().collect(), "a model of the program");
    if let Some(seen) = &filter.endpoint {
        let own = generation.own.endpoint(seen).is_some_and(|own| own.tenant == *scope.tenant());
        let declared: Vec<&str> = generation.rules.endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
        let only = DeliveryFilter { endpoint: Some(seen.clone()), ..DeliveryFilter::default() };
        let had_some = async || running.ingest.store.deliveries(scope, &only, &Page { before: None, limit: 1 }).await;
        if !own && !declared.contains(&seen.as_str()) && had_some().await?.is_empty() {
            check("endpoint", Some(seen.as_str()), declared, "the id of an endpoint that is there");
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::document(mistakes)) }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    let name = || schema!({ "type": "string", "minLength": 1, "maxLength": LONGEST_NAME });
    let time = || schema!({ "type": "string", "format": "date-time" });
    let word = schema!({ "enum": RESENT_STATES.map(DeliveryState::as_str) });
    let filter = schema!({
        "type": "object", "minProperties": 1, "additionalProperties": false, "description": "All that is said must be true of a delivery.",
        "properties": {
            "event": name(), "endpoint": name(), "status": { "anyOf": [word, { "type": "array", "items": word }] },
            "model": name(), "object": name(), "from": time(), "until": time(),
        },
    });
    vec![
        Operation::of("resends::list")
            .says("Resends, the newest first")
            .needs("deliveries:list")
            .asks::<Part>()
            .answers::<List<ResendView>>(200),
        Operation::of("resends::begin")
            .says("Send again all deliveries that match a filter, the oldest first, at a rate")
            .and("The node goes on with it, also after a restart. With `dry_run` it is only counted, and some are shown.")
            .needs("deliveries:resend")
            .takes(object(
                &["filter"],
                schema!({
                    "filter": filter,
                    "after": {
                        "type": ["string", "null"], "pattern": "^dlv_[0-9a-f]{32}$",
                        "description": "The delivery behind which to begin, which must be there.",
                    },
                    "rate": { "type": ["string", "null"], "pattern": RATE, "description": "`10/s` unless given; also `30/min`, `500/h`." },
                    "dry_run": { "type": ["boolean", "null"] },
                }),
            ))
            .answers::<Tried>(200)
            .answers::<ResendView>(202),
        Operation::of("resends::one").says("How far a resend has come").needs("deliveries:read").answers::<ResendView>(200),
        Operation::of("resends::stop")
            .says("Stop a resend; what it has made due is sent")
            .needs("deliveries:resend")
            .answers::<ResendView>(200),
    ]
}
