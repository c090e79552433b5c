//! What every answer of the API has: its request's id, as the client gave it or a new one, in the log and in the answer; and its place in
//! the numbers. The work for it belongs to the span that the client names.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::telemetry::{ApiAnswer, Parent, numbers, within};

/// The header, in requests and answers.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id that a client may choose.
const LONGEST: usize = 128;

pub(super) async fn answered(request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.or_else(|| HeaderValue::try_from(Uuid::now_v7().simple().to_string()).ok());
    let shown = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("request", request_id = shown);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let parent = request.headers().get("traceparent").and_then(|header| Parent::read(header.to_str().ok()?));
    let mut answer = within(parent, next.run(request)).instrument(span.clone()).await;
    let status = answer.status();
    numbers().answered(match status.as_u16() {
        500.. => ApiAnswer::Failed,
        400..500 => ApiAnswer::Refused,
        ..400 => ApiAnswer::Good,
    });
    span.in_scope(|| tracing::debug!(%method, path, status = status.as_u16(), "answered"));
    if let Some(id) = id {
        answer.headers_mut().insert(&REQUEST_ID, id);
    }
    answer
}

/// What may stand in a log as it is.
fn is_plain(id: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'=' | b'+');
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(plain)
}
