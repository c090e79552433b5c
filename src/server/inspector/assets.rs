//! The script, the style and the icon of the pages, compiled into the binary. Their addresses hold a mark of the version, so that a browser
//! keeps them for good and fetches them anew from another version.

use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::page::Failure;
use crate::server::Problem;
use crate::server::request::Names;

/// An embedded file.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const FILES: [File; 3] = [
    File { name: "inspector.css", kind: "text/css; charset=utf-8", text: include_str!("assets/inspector.css") },
    File { name: "inspector.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/inspector.js") },
    File { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// A mark of the contents of all files.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: String = FILES.iter().map(|file| file.text).collect();
    let hash = digest(&SHA256, all.as_bytes());
    hash.as_ref().iter().take(6).fold(String::new(), |mut mark, byte| {
        let _infallible = write!(mark, "{byte:02x}");
        mark
    })
});

/// Where a file is.
pub(super) fn address(name: &str) -> String {
    format!("/ui/assets/{name}?v={}", *VERSION)
}

pub(super) async fn file(Names(name): Names<String>) -> Result<Response, Failure> {
    let found = FILES.iter().find(|file| file.name == name);
    let Some(file) = found else { return Err(Problem::not_found("unknown-path", format!("there is no file `{name}`")).into()) };
    let headers = [(header::CONTENT_TYPE, file.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((StatusCode::OK, headers, file.text).into_response())
}
