//! The pages on which people see what goes on in a node: saves and why each webhook did or did not fire, deliveries, the rules. Every page is
//! whole HTML with plain links and forms, written here; a small script beside it (`assets/`) only brings it up to date and adds keys. The
//! pages are about one tenant and know nothing of `dev`: who may see them is for the router to say. Absent: SQL, rules, and markup that
//! anybody else wrote; what was received is shown as text, see `received`.

mod actions;
mod address;
mod answers;
mod assets;
mod bar;
mod controls;
mod curl;
mod deliveries;
mod delivery;
mod diff;
mod diverted;
mod endpoints;
mod events;
mod export;
mod filter;
mod form;
mod history;
mod json;
mod node;
mod object;
mod outcome;
mod overlay;
mod page;
mod phases;
mod received;
mod resends;
mod saves;
mod scenario;
mod secrecy;
mod sign_in;
mod signature;
mod tenants;
mod turning;
mod webhook;
mod webhooks;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::access::{Place, asked};
use super::{App, Problem, problem};
use crate::activity::Feed;
use crate::reload::Rejected;
use page::Failure;
pub(super) use sign_in::Guesses;
use tenants::home;

/// What the pages need beside the store and the program.
#[derive(Debug)]
pub struct Inspector {
    /// What goes on.
    pub feed: Feed,
    /// Tells the events of this process from those of an earlier one.
    pub process: u64,
    /// Why the files make no program, while they make none.
    pub rejected: Rejected,
}

impl Inspector {
    /// The name of an event.
    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.process)
    }

    /// The name of the last event.
    fn last_event(&self) -> String {
        self.name(self.feed.last())
    }

    /// The number of the event of this name; `None` when it is of another process.
    fn number(&self, name: &str) -> Option<u64> {
        let (process, number) = name.split_once('-')?;
        (process.parse() == Ok(self.process)).then(|| number.parse().ok()).flatten()
    }
}

/// What a page may do: nothing but show itself, with its own script, style and pictures, and talk to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The pages. Those of a tenant ask for a key, or for a session that was begun with one.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let tenant = Router::new()
        .route("/", get(saves::list))
        .route("/saves.ndjson", get(export::saves))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}", get(delivery::show))
        .route("/deliveries/{id}/body", get(export::body))
        .route("/deliveries/{id}/test.yaml", get(export::scenario))
        .route("/deliveries/{id}/resend", post(actions::resend))
        .route("/resends", get(resends::list).post(resends::begin))
        .route("/resends/{id}", get(resends::show))
        .route("/resends/{id}/stop", post(resends::stop))
        .route("/diverted", get(diverted::list))
        .route("/diverted/{id}", get(diverted::show))
        .route("/diverted/{id}/resend", post(diverted::resend))
        .route("/diverted/{id}/delete", get(diverted::ask).post(diverted::delete))
        .route("/diff", get(diff::show))
        .route("/objects/{model}/{id}", get(object::show).post(actions::save))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/{name}", get(webhook::show))
        .route("/models/{model}/sample", post(actions::sample))
        .route("/events", get(events::stream))
        .merge(endpoints::routes());
    let pages = Router::new()
        .route("/", get(tenants::begin))
        .route("/tenants", get(tenants::list))
        .route("/node", get(node::show))
        .route("/ui/{tenant}/", get(tenants::without_slash))
        .nest("/ui/{tenant}", tenant);
    asked(pages, app, Place::PAGES)
        .route_layer(from_fn_with_state(Arc::clone(app), sign_in::entrance))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/enter", get(sign_in::follow))
        .route("/ui/assets/{name}", get(assets::file))
        .layer(from_fn(guarded))
}

/// There is nothing at this path, which is said in the form that whoever asks can read.
pub(super) async fn unknown_path(State(app): State<Arc<App>>, request: Request) -> Response {
    in_the_right_form(&app, &request, problem::unknown_path(request.uri()))
}

/// What is at this path is done with another method.
pub(super) async fn wrong_method(State(app): State<Arc<App>>, request: Request) -> Response {
    in_the_right_form(&app, &request, problem::wrong_method(request.method(), request.uri()))
}

fn in_the_right_form(app: &App, request: &Request, problem: Problem) -> Response {
    let answer = problem.into_response();
    if app.options.inspector.is_some() && reads_pages(request) { readable(answer) } else { answer }
}

/// Headers that keep a page to itself; and a form is only taken from one of these pages. What goes wrong is told as a page to whoever
/// reads pages: JSON is no use to a person with a browser.
async fn guarded(request: Request, next: Next) -> Response {
    let reads = reads_pages(&request);
    let mut answer = match form::comes_from_here(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    keep_to_itself(&mut answer);
    if reads { readable(answer) } else { answer }
}

fn reads_pages(request: &Request) -> bool {
    request.headers().get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

/// A problem as a page; any other answer as it is.
fn readable(mut answer: Response) -> Response {
    let Some(problem) = answer.extensions_mut().remove::<Problem>() else { return answer };
    let mut page = Failure::from(problem).into_response();
    keep_to_itself(&mut page);
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = answer.headers_mut().remove(&name) {
            page.headers_mut().insert(name, value);
        }
    }
    page
}

fn keep_to_itself(answer: &mut Response) {
    let headers = answer.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
