//! What happens round every call of the API: its client is not waited for meanwhile, a call that a foreign page may have caused is refused,
//! and the answer has its request's id, as the client gave it or a new one, in the log too, and its place in the numbers. The work for it
//! belongs to the span that the client names. One function and one layer for all of it, because every layer of a router boxes the call
//! once more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{App, Problem, door, guard};
use crate::telemetry::{ApiAnswer, Parent, numbers, within};

/// The header, in requests and answers.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id that a client may choose.
const LONGEST: usize = 128;

pub(super) async fn enter(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let attended = door::attended(&request);
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned().or_else(fresh_id);
    let shown = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("request", request_id = shown);
    let called = tracing::enabled!(tracing::Level::DEBUG).then(|| (request.method().clone(), request.uri().path().to_owned()));
    let admitted = guard::check(app.options.hosts.as_deref(), request.headers(), request.uri().host());
    let mut answer = match admitted.and_then(|()| as_it_is(request.headers())) {
        Ok(()) => {
            let parent = request.headers().get("traceparent").and_then(|header| Parent::read(header.to_str().ok()?));
            within(parent, next.run(request)).instrument(span.clone()).await
        }
        Err(problem) => problem.into_response(),
    };
    let status = answer.status();
    numbers().answered(match status.as_u16() {
        500.. => ApiAnswer::Failed,
        400..500 => ApiAnswer::Refused,
        ..400 => ApiAnswer::Good,
    });
    if let Some((method, path)) = called {
        span.in_scope(|| tracing::debug!(%method, path, status = status.as_u16(), "answered"));
    }
    if let Some(id) = id {
        answer.headers_mut().insert(&REQUEST_ID, id);
    }
    drop(attended);
    answer
}

/// That a body is not compressed: nothing here unpacks one.
fn as_it_is(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let seen = String::from_utf8_lossy(coding.as_bytes());
            let detail = format!("`Content-Encoding` is `{}`, expected a body as it is", seen.escape_debug());
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-encoding", detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// What may stand in a log as it is.
fn is_plain(id: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'=' | b'+');
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(plain)
}

/// An id that no other request has: counted on from a random one, which is drawn once in a process.
fn fresh_id() -> Option<HeaderValue> {
    static FIRST: OnceLock<u128> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let first = *FIRST.get_or_init(|| Uuid::now_v7().as_u128());
    let id = first.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed).into());
    HeaderValue::from_str(Uuid::from_u128(id).simple().encode_lower(&mut Uuid::encode_buffer())).ok()
}
