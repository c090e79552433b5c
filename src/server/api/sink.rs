//! `/sink/…` of `webhookc dev`: a receiver, so that a webhook and its retries can be seen without one. It answers as the URL's query or
//! `PUT /-/sink/…` says, checks signatures against the keys of the node's own endpoints, and shows the last requests at `GET /-/sink`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::delivery::{Received, Scheme, Verdict, Verifier};
use crate::generation::{Generation, Target};
use crate::ids::EndpointId;
use crate::server::request::{Names, Nothing, Parameters, json, limit};
use crate::server::sink::{Answer, AnswerError, Entry, LONGEST_BODY, Signatures};
use crate::server::{App, Problem, body, door};

/// A receiver need not read more.
const LONGEST: usize = 16 << 20;
/// Bytes of what the receiver is told.
const LONGEST_TELLING: usize = 128 << 10;
/// Endpoints whose keys are tried: in `dev`, few; with more, a signature of the others is not found to hold.
const MOST_TRIED: usize = 1_000;

#[derive(Serialize)]
struct Taken<'a> {
    received: usize,
    signatures: &'a Signatures,
}

/// What is shown of the receiver.
#[derive(Serialize)]
struct Shown {
    /// What has been told, by path.
    answers: std::collections::BTreeMap<String, Answer>,
    /// Requests that came and are not remembered any more.
    forgotten: u64,
    /// The last requests, newest first.
    data: Vec<Entry>,
}

/// What may be asked of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Asked {
    path: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Told<'a> {
    path: &'a str,
    answer: Option<&'a Answer>,
}

pub(in crate::server) async fn take(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let sitting = door::sitting(&request);
    let (parts, body) = request.into_parts();
    let uri = parts.uri;
    let running = app.running()?;
    let body = body::read(&app, body, LONGEST).await?.bytes;
    let (generation, now) = (running.ingest.generation(), running.ingest.clock.now());
    let path = decoded(uri.path().trim_start_matches("/sink/"));
    let headers = pairs(&parts.headers);
    let signatures = judge(&generation, now, Received { headers: &headers, body: &body });
    let message = headers.iter().find(|(name, _)| name == "webhook-id").map_or("", |(_, id)| id.as_str());
    let (turn, told) = app.sink.arrive(&path, message);
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
    let answer = match told {
        Some(told) => Ok(Some(told)),
        None => Answer::read(pairs),
    };
    let answer = answer.map(|answer| answer.filter(|answer| answer.is_for(turn)));
    let answered = match &answer {
        Ok(Some(answer)) => (!answer.drop).then_some(answer.status),
        Ok(None) => Some(StatusCode::OK.as_u16()),
        Err(_) => Some(StatusCode::BAD_REQUEST.as_u16()),
    };
    let mask = |text: &str| masked(text, &generation);
    app.sink.remember(Entry {
        number: 0,
        at: now.to_string(),
        method: parts.method.to_string(),
        path: mask(&path),
        query: uri.query().map(mask),
        headers: headers.iter().map(|(name, value)| (name.clone(), mask(value))).collect(),
        body: String::from_utf8_lossy(body.get(..LONGEST_BODY.min(body.len())).unwrap_or_default()).into_owned(),
        bytes: body.len(),
        attempt: turn.of_message,
        signatures: signatures.clone(),
        answered,
    });
    let taken = json(StatusCode::OK, &Taken { received: body.len(), signatures: &signatures });
    let Some(answer) = answer? else { return Ok(taken) };
    tokio::time::sleep(answer.delay).await;
    if answer.drop {
        return hang_up(sitting);
    }
    Ok(answered_as(answer, taken))
}

/// Ends the connection without an answer.
fn hang_up(sitting: Option<door::Sitting>) -> Result<Response, Problem> {
    let Some(sitting) = sitting else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the connection is not one that can be dropped"));
    };
    sitting.hang_up();
    // Nothing of it is sent.
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn answered_as(answer: Answer, taken: Response) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = match answer.body {
        Some(body) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response(),
        None => taken,
    };
    *response.status_mut() = status;
    if matches!(answer.status, 204 | 205 | 304) {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    if let Some(seconds) = answer.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

pub(in crate::server) async fn shown(State(app): State<Arc<App>>, Parameters(asked): Parameters<Asked>) -> Result<Response, Problem> {
    let (data, forgotten) = app.sink.last(asked.path.as_deref(), limit(asked.limit)?);
    Ok(json(StatusCode::OK, &Shown { answers: app.sink.told(), forgotten, data }))
}

pub(in crate::server) async fn tell(
    State(app): State<Arc<App>>,
    Names(path): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let body = body::read(&app, body, LONGEST_TELLING).await?.bytes;
    let said: serde_json::Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request("invalid-json", format!("the body is not a JSON object: {error}")))?;
    let answer = Answer::read(said.into_iter().map(|(name, value)| (name, text_of(value))))?;
    let Some(answer) = answer else {
        return Err(Problem::bad_request("invalid-answer", "the body says nothing about the answer")
            .help("as in `{\"status\": 503, \"first\": 2}`; DELETE has requests answered with 200 again"));
    };
    app.sink.tell(&path, answer.clone()).map_err(|error| Problem::new(StatusCode::CONFLICT, "too-many-answers", error.to_string()))?;
    Ok(json(StatusCode::OK, &Told { path: &path, answer: Some(&answer) }))
}

pub(in crate::server) async fn untell(
    State(app): State<Arc<App>>,
    Names(path): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    if app.sink.untell(&path) {
        return Ok(json(StatusCode::OK, &Told { path: &path, answer: None }));
    }
    Err(Problem::not_found("unknown-answer", format!("nothing was said about `/sink/{path}`")))
}

pub(in crate::server) async fn clear(State(app): State<Arc<App>>, Parameters(Nothing {}): Parameters<Nothing>) -> StatusCode {
    app.sink.clear();
    StatusCode::NO_CONTENT
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        Self::bad_request("invalid-answer", error.to_string())
    }
}

/// A value as it would stand in a query.
fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Names in lower case, as HTTP libraries have them.
fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

/// What holds of a request's signatures, with the keys of the endpoint that fit best.
fn judge(generation: &Generation, at: Timestamp, received: Received<'_>) -> Signatures {
    // In a fixed order, so that the same request is judged the same each time.
    let mut targets: Vec<_> = generation.targets.iter().take(MOST_TRIED).collect();
    targets.sort_unstable_by_key(|(id, _)| *id);
    let judged = targets.into_iter().map(|(id, target)| judge_by(id, target, &target.signer.verifiers(at), received));
    judged.max_by_key(|(held, _)| *held).map(|(_, signatures)| signatures).unwrap_or_default()
}

fn judge_by(id: &EndpointId, target: &Target, verifiers: &[Verifier], received: Received<'_>) -> (usize, Signatures) {
    let schemes: Vec<_> = target.signer.schemes().collect();
    let verdicts: Vec<_> = Scheme::ALL.into_iter().map(|scheme| (scheme, received.judge(scheme, verifiers))).collect();
    let held = verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Held).count();
    let of = verdicts.into_iter().filter(|(scheme, verdict)| match verdict {
        // Without a signature that holds, nothing tells which endpoint's request it would be.
        Verdict::Missing => held > 0 && schemes.contains(scheme),
        Verdict::Absent => false,
        Verdict::Held | Verdict::Failed | Verdict::Malformed | Verdict::NoKey => true,
    });
    let of = of.map(|(scheme, verdict)| (scheme.name(), verdict.name())).collect();
    (held, Signatures { endpoint: (held > 0).then(|| id.clone()), of })
}

/// The text without the values of secrets: what is remembered can be read by whoever may ask.
fn masked(text: &str, generation: &Generation) -> String {
    let secrets = generation.secrets.values().map(secrecy::ExposeSecret::expose_secret).filter(|secret: &&str| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, "•••") } else { text })
}
