//! Bodies, bounded while they arrive.

use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::Problem;

/// Reads all of a body of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| interrupted(&error))?;
        if whole.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

pub(super) fn interrupted(error: &axum::Error) -> Problem {
    Problem::bad_request("incomplete-body", format!("the body could not be read to its end: {error}"))
}

pub(super) fn too_large(limit: usize) -> Problem {
    let size = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body is larger than {size}"))
}
