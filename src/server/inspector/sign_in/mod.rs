//! The way in to the pages of a node that asks for keys: a key or link is shown once, in a form, and a session stands for it from then on.
//! The key is in no address, no answer and no log; of the session the browser has a cookie that no script can read. Absent: what a key
//! may do, which is asked for each call anew.

mod cookie;
mod form;
mod guesses;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::address::encoded;
use super::form::read_at_most;
use super::home;
use super::page::Failure;
use crate::access::{Caller, Gate, Kind, Session, Token};
use crate::server::access::Place;
use crate::server::confidential::never_stored;
use crate::server::door::from;
use crate::server::request::Parameters;
use crate::server::{App, Problem, Running};
use crate::store::AuditEntry;
pub(in crate::server) use guesses::Guesses;

/// Where the form is.
pub(super) const SIGN_IN: &str = "/sign-in";
/// Bytes of an address that somebody is sent back to.
const LONGEST_WAY: usize = 2_000;
/// Bytes of the form: a key and an address, every character of them escaped. It is read of anybody.
const LONGEST: usize = 8 << 10;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The page that was wanted.
    #[serde(default)]
    back: String,
}

/// The form; it says why, if a session has ended.
pub(super) async fn show(State(app): State<Arc<App>>, Parameters(asked): Parameters<Asked>, headers: HeaderMap) -> Response {
    let why = match Place::PAGES.session(&headers) {
        Some(_) => app.caller(Place::PAGES, &headers).await.err(),
        None => None,
    };
    form::draw(StatusCode::OK, &form::SignIn { back: local(&asked.back), why: why.as_ref() })
}

#[derive(Deserialize)]
pub(super) struct Link {
    /// `whl_…`
    #[serde(default)]
    link: String,
}

/// What somebody finds who follows a link: a button. Nothing has happened before it is pressed, whatever looks at links in mails; and a
/// cookie that is for this site alone is not sent along when another site's page leads here.
pub(super) async fn follow(Parameters(asked): Parameters<Link>) -> Response {
    form::draw_link(&asked.link)
}

/// Begins a session.
pub(super) async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    let running = app.running()?;
    let (who, headers) = (from(&request), request.headers().clone());
    let fields = read_at_most(&app, request.into_body(), LONGEST).await?;
    let field = |name: &str| fields.get(name).map_or("", |text| text.trim());
    let back = local(field("back"));
    let again = |problem: &Problem| {
        let mut answer = form::draw(problem.status(), &form::SignIn { back, why: Some(problem) });
        if let Some(wait) = problem.wait() {
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        answer
    };
    if let Err(wait) = app.guesses.may(who) {
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-guesses", "too many keys were tried in vain from where you are");
        return Ok(again(&problem.help("wait a minute, and try again").retry_after(wait)));
    }
    let token: Token = match field("key").parse() {
        Ok(token) => token,
        Err(error) => {
            app.guesses.wrong(who);
            return Ok(again(&Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-malformed", format!("that is not a key: {error}"))));
        }
    };
    match running.keychain.sign_in(&token, &*running.ingest.entropy).await {
        Ok((fresh, session, caller)) => {
            note(running, &caller).await;
            let to = if back.is_empty() { home(&caller) } else { back.to_owned() };
            let cookie = cookie::begun(&fresh, seconds(running, &session), &headers);
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
        }
        Err(problem) => {
            if problem.status() == StatusCode::UNAUTHORIZED {
                app.guesses.wrong(who);
            }
            Ok(again(&problem))
        }
    }
}

/// Ends the session of whoever asks, if there is one.
pub(super) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap, _body: Body) -> Result<Response, Failure> {
    if let Some(session) = Place::PAGES.session(&headers) {
        app.running()?.keychain.sign_out(&session).await?;
    }
    Ok(([(header::SET_COOKIE, cookie::ended(&headers))], Redirect::to(SIGN_IN)).into_response())
}

/// Sends whoever has to sign in to the form, with the way back. What was to be changed was not, and that is said instead.
pub(in crate::server) async fn entrance(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let html = request.headers().get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"));
    let page = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    let answer = next.run(request).await;
    let closed = app.running().is_ok_and(|running| running.keychain.gate() == Gate::Locked);
    if answer.status() != StatusCode::UNAUTHORIZED || !closed {
        return answer;
    }
    match (reads, html) {
        (true, true) => {
            let to = if page == "/" { SIGN_IN.to_owned() } else { format!("{SIGN_IN}?back={}", encoded(&page)) };
            never_stored(Redirect::to(&to).into_response())
        }
        (true, false) => answer,
        (false, _) => form::draw_undone(),
    }
}

/// The address, if it is one of a page of this node; otherwise nothing.
fn local(address: &str) -> &str {
    let own = address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\");
    let plain = address.len() <= LONGEST_WAY && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own && plain { address } else { "" }
}

fn seconds(running: &Running, session: &Session) -> i64 {
    session.expires_at.as_second().saturating_sub(running.ingest.clock.now().as_second()).max(0)
}

/// Who signs in stands in the audit log, as what is done then does.
async fn note(running: &Running, caller: &Caller) {
    let kind = caller.key().map_or(Kind::Key, |key| key.kind);
    let entry = AuditEntry {
        at: running.ingest.clock.now(),
        tenant: caller.tenant().cloned(),
        actor: caller.actor().to_string(),
        permission: kind.as_str().to_owned(),
        call: format!("POST {SIGN_IN}"),
        status: StatusCode::SEE_OTHER.as_u16(),
    };
    if let Err(error) = running.ingest.store.note_audit(entry).await {
        tracing::error!(%error, "who signed in could not be noted in the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_this_node_alone() {
        for own in ["/ui/acme/deliveries?q=status%3Afailed", "/", "/node"] {
            assert_eq!(local(own), own);
        }
        for foreign in
            ["", "https://evil.example/", "//evil.example", "/\\evil.example", "/a\\b", "javascript:alert(1)", "/ui\r\nx: y", "/ä"]
        {
            assert_eq!(local(foreign), "", "{foreign}");
        }
    }
}
