//! `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header): a request that is repeated with its key is answered as the first
//! time and not done again, for a day, across restarts. Only what was done has an answer that is kept, also what was done in part, such as
//! a batch. What was refused has changed nothing: the draft leaves open which answers are final, and as at Stripe such a request may come
//! again with its key, mended or at a better time. What failed on this side may be repeated; so may what a crash has cut off, which was not
//! answered, and may then be done twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::Deserialize;
use tracing::Instrument as _;

use super::access::{Place, whose};
use super::api::saves::BATCH;
use super::problem::PROBLEM_JSON;
use super::request::located;
use super::tenant_endpoints::LONGEST;
use super::{App, Problem, body};
use crate::access::{Caller, Group, Permission, TenantScope, Verb};
use crate::store::{KeptAnswer, Receipt, Store, StoreError};
use crate::telemetry::{parent, within};

/// The longest key, in characters.
const LONGEST_KEY: usize = 255;
/// What a batch needs.
const SAVE: Permission = Permission { group: Group::Objects, verb: Verb::Write };
/// Of an answer: that it is that of an earlier request.
const REPLAYED: &str = "idempotency-replayed";
/// How long a store that cannot keep an answer is asked again, and how often.
const NOTING: Duration = Duration::from_mins(10);
const NOTING_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn once(
    State(app): State<Arc<App>>,
    names: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_post = request.method() == Method::POST;
    // A path that cannot be read is the handler's to refuse.
    let (Some(key), Ok(names), true) = (key(request.headers())?, names, is_post) else { return Ok(next.run(request).await) };
    let (Some(caller), Some(place)) = (request.extensions().get::<Caller>(), request.extensions().get::<Place>()) else {
        return Ok(next.run(request).await);
    };
    let tenant = whose(*place, Some(&names), caller)?;
    // The body is read before the handler asks what the caller may do: no more of it than anybody may send there.
    let is_batch = request.uri().path().ends_with("/saves");
    let (tenant, limit) = if is_batch { (caller.in_tenant(tenant, SAVE)?, BATCH) } else { (caller.in_own(tenant)?, LONGEST) };
    // What was answered to one is not for another, who may not be allowed to see it.
    let (shown, key) = (key.clone(), format!("{} {key}", caller.actor()));
    let running = app.running()?;
    let (store, now) = (running.ingest.store.clone(), running.ingest.clock.now());
    let (parts, body) = request.into_parts();
    let whole = body::read(&app, body, limit).await?;
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let path = parts.uri.path().to_owned();
    let fingerprint = fingerprint([parts.method.as_str().as_bytes(), target.as_bytes(), &whole.bytes]);
    let request = Request::from_parts(parts, Body::from(whole.bytes.clone()));
    // A task of its own: what has begun is ended and noted, also when the client goes away, and also when it does so before it has begun.
    let work = within(parent(), async move {
        match store.open_receipt(&tenant, &key, fingerprint, now).await? {
            Receipt::New => {}
            Receipt::Answered(answer) => return Ok(replay(answer, &path)),
            Receipt::OfAnother => return Err(reused(&shown)),
            Receipt::UnderWay => return Err(in_use(&shown)),
        }
        let answer = answered(next.run(request)).await;
        drop(whole);
        note(store, tenant, key, answer).await
    });
    let done = tokio::spawn(work.in_current_span());
    done.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended badly");
        Err(ended_badly())
    })
}

fn reused(key: &str) -> Problem {
    let detail = format!("the key `{key}` came before with another request, expected a key of its own for each");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
}

fn in_use(key: &str) -> Problem {
    let detail = format!("the request with the key `{key}` is still under way");
    Problem::new(StatusCode::CONFLICT, "idempotency-key-in-use", detail).help("repeat it in a moment")
}

fn ended_badly() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request could not be answered")
}

/// The key, if there is one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if (1..=LONGEST_KEY).contains(&key.len()) {
        return Ok(Some(key.to_owned()));
    }
    let detail = format!("`Idempotency-Key` has {} bytes, expected 1 to {LONGEST_KEY} characters of ASCII", value.len());
    Err(Problem::bad_request("invalid-idempotency-key", detail))
}

/// The parts with their lengths, hashed: no two requests have the same.
fn fingerprint(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

/// The answer to a request, with all of its body; there is none where the work panics.
async fn answered(work: impl Future<Output = Response>) -> Result<(Parts, Bytes), Problem> {
    let unreadable = |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("the answer could not be read: {error}"));
    let whole = async {
        let (parts, body) = work.await.into_parts();
        Ok((parts, axum::body::to_bytes(body, usize::MAX).await.map_err(unreadable)?))
    };
    AssertUnwindSafe(whole).catch_unwind().await.unwrap_or_else(|_| Err(ended_badly()))
}

/// Keeps the answer of what was done, wholly or in part. A store that cannot at the moment is asked again behind the answer: until it is noted,
/// a repetition hears that the request is under way.
async fn note(store: Store, tenant: TenantScope, key: String, answer: Result<(Parts, Bytes), Problem>) -> Result<Response, Problem> {
    let kept = answer
        .as_ref()
        .ok()
        .filter(|(parts, _)| parts.status.is_success() || parts.extensions.get::<Problem>().is_some_and(Problem::is_done_in_part));
    let kept = kept.map(|(parts, bytes)| kept_of(parts.status, &parts.headers, bytes));
    if let Err(error) = store.close_receipt(&tenant, &key, kept.clone()).await {
        // The request has been done; that it cannot be noted must not make it look otherwise.
        tracing::error!(%error, "the answer to a request with an `Idempotency-Key` could not be kept; trying again");
        tokio::spawn(note_later(store, tenant, key, kept));
    }
    answer.map(|(parts, bytes)| Response::from_parts(parts, Body::from(bytes)))
}

async fn note_later(store: Store, tenant: TenantScope, key: String, kept: Option<KeptAnswer>) {
    let began = Instant::now();
    while began.elapsed() < NOTING {
        tokio::time::sleep(NOTING_PAUSE).await;
        match store.close_receipt(&tenant, &key, kept.clone()).await {
            Ok(()) | Err(StoreError::Closed) => return,
            Err(_) => {}
        }
    }
    tracing::error!("the answer to a request with an `Idempotency-Key` was not kept");
}

/// What a repetition is answered. What may be stored nowhere, a new secret, is not stored here either.
fn kept_of(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> KeptAnswer {
    if headers.get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store") {
        let detail = "the request with this key has been done, and its answer is shown only once";
        let problem = Problem::new(StatusCode::CONFLICT, "answered-once", detail);
        let (status, body) = (StatusCode::CONFLICT.as_u16(), problem.to_json().into());
        return KeptAnswer { status, content_type: PROBLEM_JSON.into(), body };
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    KeptAnswer { status: status.as_u16(), content_type: content_type.into(), body: body.clone() }
}

fn replay(answer: KeptAnswer, path: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let place = place_of_made(status, path, &answer.body);
    let mut response = (status, [(REPLAYED, "true")], answer.body).into_response();
    if let Some(place) = place {
        response = located(response, &place);
    }
    match HeaderValue::from_str(&answer.content_type) {
        Ok(value) if !value.is_empty() => _ = response.headers_mut().insert(header::CONTENT_TYPE, value),
        Ok(_) | Err(_) => _ = response.headers_mut().remove(header::CONTENT_TYPE),
    }
    response
}

/// Where it stands what was made by a call of this node's own API: below the list of the tenant that was called.
fn place_of_made(status: StatusCode, path: &str, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let (_tenant, list) = path.strip_prefix("/api/v1/tenants/")?.split_once('/')?;
    if list.contains('/') || !matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED) {
        return None;
    }
    let Made { id } = serde_json::from_slice(body).ok()?;
    Some(format!("{path}/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_has_no_answer() {
        let (parts, body) = answered(async { "done".into_response() }).await.ok().unwrap();
        assert_eq!((parts.status, &*body), (StatusCode::OK, &b"done"[..]));
        let none = answered(async { panic!("on purpose") }).await.err().unwrap();
        assert_eq!(none.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_secret_is_not_kept() {
        let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))].into_iter().collect();
        let kept = kept_of(StatusCode::OK, &headers, &Bytes::from_static(b"whsec_x"));
        assert_eq!(kept.status, 409);
        assert!(!kept.body.windows(5).any(|part| part == b"whsec"));
    }

    #[test]
    fn requests_that_differ_anywhere_have_different_fingerprints() {
        let one = fingerprint([b"POST", b"/a", b"b"]);
        assert_eq!(one, fingerprint([b"POST", b"/a", b"b"]));
        assert!(
            [[&b"POST"[..], b"/ab", b""], [b"POST", b"/a", b"c"], [b"PUT", b"/a", b"b"]].into_iter().all(|other| fingerprint(other) != one)
        );
    }
}
