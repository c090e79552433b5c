//! What a form sends: whether it comes from a page of this node, and its fields.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};

use crate::server::{App, Problem, body};

/// Bytes of a form: an object in a text field, every character of it escaped.
const LONGEST: usize = 4 << 20;

/// Refuses a form of another site. That `Origin` is the node's own is checked for every request; a browser that sends none still says by
/// `Sec-Fetch-Site` where it stands.
pub(super) fn comes_from_here(request: &Request) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let site = request.headers().get("sec-fetch-site").map(|site| site.to_str().unwrap_or("?"));
    match site {
        None | Some("same-origin") => Ok(()),
        Some(site) => {
            let detail = format!("the form was sent from another site (`Sec-Fetch-Site: {site}`), expected a page of this node");
            Err(Problem::new(StatusCode::FORBIDDEN, "foreign-form", detail))
        }
    }
}

/// The fields of a form; of several with one name the last.
pub(super) async fn read(app: &App, body: Body) -> Result<BTreeMap<String, String>, Problem> {
    read_at_most(app, body, LONGEST).await
}

/// The same of a form of at most `limit` bytes.
pub(super) async fn read_at_most(app: &App, body: Body, limit: usize) -> Result<BTreeMap<String, String>, Problem> {
    let body = body::read(app, body, limit).await?;
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(&body.bytes).into_owned().collect();
    // Not every store can be asked for one.
    match fields.iter().find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => {
            Err(Problem::bad_request("invalid-value", format!("`{name}` has the character U+0000, expected a text without it")))
        }
        None => Ok(fields),
    }
}
