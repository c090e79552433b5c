//! The statuses that a system's document names, where this node's own API has others.

use axum::body::{Body, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::Response;

/// Bytes of a problem.
const LONGEST: usize = 1 << 20;

/// The same answer with another status, also in its body, when it has the first status of a pair.
pub(super) async fn restated(answer: Response, pairs: &[(StatusCode, StatusCode)]) -> Response {
    let Some((_, wanted)) = pairs.iter().find(|(seen, _)| *seen == answer.status()) else { return answer };
    let (mut parts, body) = answer.into_parts();
    parts.status = *wanted;
    if *wanted != StatusCode::UNAUTHORIZED {
        parts.headers.remove(header::WWW_AUTHENTICATE);
    }
    let bytes = to_bytes(body, LONGEST).await.unwrap_or_default();
    let Ok(serde_json::Value::Object(mut problem)) = serde_json::from_slice(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    problem.insert("status".to_owned(), wanted.as_u16().into());
    problem.insert("title".to_owned(), wanted.canonical_reason().unwrap_or("Error").into());
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(serde_json::Value::Object(problem).to_string()))
}
