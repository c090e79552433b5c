//! Making and changing an endpoint: the form empty, filled, checked, kept. What is checked and what is kept is what the API would, by the
//! same calls.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;

use super::form::{self, Form};
use super::preview;
use super::said::Said;
use super::show::{home, made, own};
use super::written::Written;
use crate::access::may;
use crate::endpoints::{Definition, Draft, Style, document};
use crate::ids::EndpointId;
use crate::server::access::Allowed;
use crate::server::inspector::controls::WEBHOOKS;
use crate::server::inspector::page::{About, Failure, Page, Tab};
use crate::server::inspector::received::Received;
use crate::server::request::Names;
use crate::server::tenant_endpoints::{self, Kept, LONGEST, Seat, Submitted};
use crate::server::{App, Problem, Running, body};

/// Seconds within which a form that is sent twice was meant once: a second press, or a browser that tries again.
const MOMENT_S: i64 = 60;

/// The endpoint that a form is about.
struct Subject {
    id: EndpointId,
    /// As it is kept; `None` while there is none.
    kept: Option<Definition>,
}

impl Subject {
    fn new() -> Self {
        Self { id: EndpointId::new(""), kept: None }
    }
}

pub(super) async fn blank(State(app): State<Arc<App>>, allowed: Allowed<may::Webhooks, may::Write>) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    Ok(drawn(&page, running, &Subject::new(), &Tried::unsaid(Written::blank())))
}

pub(super) async fn edit(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let subject = subject(&page, running, &id).await?;
    let written = subject.kept.as_ref().map(Written::of).unwrap_or_default();
    let tried = judged(&page, running, &subject, written).await?;
    Ok(drawn(&page, running, &subject, &tried))
}

/// Checks what is written in the form of a new endpoint; whoever may see the form may.
pub(super) async fn check_new(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let written = Written::read(&body::read(&page.app, body, LONGEST).await?.bytes);
    let tried = judged(&page, running, &Subject::new(), written).await?;
    Ok(drawn(&page, running, &Subject::new(), &tried))
}

pub(super) async fn check_change(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let written = Written::read(&body::read(&page.app, body, LONGEST).await?.bytes);
    let subject = subject(&page, running, &id).await?;
    let tried = judged(&page, running, &subject, written).await?;
    Ok(drawn(&page, running, &subject, &tried))
}

pub(super) async fn make(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let written = Written::read(&body::read(&page.app, body, LONGEST).await?.bytes);
    let once = id_of_form(&page, written.get("form"));
    if let Some(id) = &once
        && let Ok(kept) = tenant_endpoints::find(running, &page.scope, id).await
    {
        return Ok(again(&page, running, &kept));
    }
    let submitted = submitted(&written, None);
    let seat = once.map_or_else(|| Seat::new(running), Seat::of);
    let id = seat.id.clone();
    match tenant_endpoints::keep(running, &page.scope, seat, submitted).await {
        Ok(Some(kept)) => Ok(made(&page, running, &kept.row.id)),
        // The same form came twice at once.
        Ok(None) => Ok(again(&page, running, &tenant_endpoints::find(running, &page.scope, &id).await?)),
        Err(problem) => refused(&page, running, &Subject::new(), (written, problem)),
    }
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let written = Written::read(&body::read(&page.app, body, LONGEST).await?.bytes);
    let subject = subject(&page, running, &id).await?;
    let into = |before: Kept| Ok(submitted(&written, Some(&before.definition)));
    match tenant_endpoints::change(running, &page.scope, &subject.id, into).await {
        Ok(kept) => Ok(Redirect::to(&home(&page, kept.row.id.as_str())).into_response()),
        Err(problem) => refused(&page, running, &subject, (written, problem)),
    }
}

/// The id of the endpoint that a form makes: a form that is sent twice makes it once. The tenant is part of it, so that nobody can name one
/// that is another's.
fn id_of_form(page: &Page, token: &str) -> Option<EndpointId> {
    let parts = [page.scope.tenant().as_str(), "\0", token];
    let hash = digest(&SHA256, parts.concat().as_bytes());
    let (half, _) = hash.as_ref().split_first_chunk::<16>()?;
    (!token.is_empty()).then(|| EndpointId::new(format!("ep_{:032x}", u128::from_be_bytes(*half))))
}

/// The answer to a form that comes again: the same within a moment, and later no secret.
fn again(page: &Page, running: &Running, kept: &Kept) -> Response {
    let age = running.ingest.clock.now().as_second() - kept.row.created_at.as_second();
    if age <= MOMENT_S { made(page, running, &kept.row.id) } else { Redirect::to(&home(page, kept.row.id.as_str())).into_response() }
}

/// The endpoint of this id, if the tenant has made it.
async fn subject(page: &Page, running: &Running, id: &str) -> Result<Subject, Problem> {
    let kept = own(page, running, id).await?;
    Ok(Subject { id: kept.row.id, kept: Some(kept.definition) })
}

/// What was written, as the API has it.
fn submitted(written: &Written, base: Option<&Definition>) -> Submitted {
    let text = written.document(base).to_string();
    let mut mistakes = Vec::new();
    let mut definition = base.cloned().unwrap_or_else(Draft::blank);
    let read = match document(text.as_bytes(), Style::Snake, &mut mistakes) {
        Some(mut object) => {
            let draft = Draft::own(&mut object, text.as_bytes());
            object.finish(&mut mistakes);
            draft.apply(&mut definition, &mut mistakes)
        }
        None => crate::endpoints::Read::default(),
    };
    Submitted { definition, read, mistakes }
}

/// What was written, and what was said about it.
struct Tried {
    written: Written,
    said: Said,
    /// What it means, when nothing is wrong.
    definition: Option<Definition>,
}

impl Tried {
    fn unsaid(written: Written) -> Self {
        Self { written, said: Said::default(), definition: None }
    }
}

/// Checks what was written.
async fn judged(page: &Page, running: &Running, subject: &Subject, written: Written) -> Result<Tried, Problem> {
    let submitted = submitted(&written, subject.kept.as_ref());
    match tenant_endpoints::examine(running, &page.scope, &subject.id, &submitted).await {
        Ok(warnings) => Ok(Tried { written, said: Said { warnings, ..Said::default() }, definition: Some(submitted.definition) }),
        Err(problem) if problem.errors().is_empty() => Err(problem),
        Err(problem) => Ok(Tried { written, said: Said { errors: problem.errors().to_vec(), ..Said::default() }, definition: None }),
    }
}

/// The form again, with what is wrong: nothing was kept.
fn refused(page: &Page, running: &Running, subject: &Subject, (written, problem): (Written, Problem)) -> Result<Response, Failure> {
    if problem.errors().is_empty() {
        return Err(problem.into());
    }
    let tried = Tried { written, said: Said { errors: problem.errors().to_vec(), ..Said::default() }, definition: None };
    let mut answer = drawn(page, running, subject, &tried);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

fn drawn(page: &Page, running: &Running, subject: &Subject, tried: &Tried) -> Response {
    let generation = running.ingest.generation();
    let address = &page.address;
    let (action, check, back) = if subject.kept.is_some() {
        let link = address.endpoint(subject.id.as_str());
        (format!("{link}/edit"), format!("{link}/check"), home(page, subject.id.as_str()))
    } else {
        let list = address.to("/endpoints", &[]);
        (list.clone(), format!("{list}/check"), page.first_of([(WEBHOOKS, list)]))
    };
    let wants = tried.definition.as_ref().map(|definition| definition.wants.clone());
    // Of a form that was sent and came back it is the one that it had.
    let token = match tried.written.get("form") {
        "" => running.ingest.entropy.uuid(running.ingest.clock.now()).simple().to_string(),
        known => known.to_owned(),
    };
    let form = Form {
        program: &generation.rules.program,
        written: &tried.written,
        said: &tried.said,
        action: &action,
        check: &check,
        keep: if subject.kept.is_some() { "Save" } else { "Create" },
        back: &back,
        is_new: subject.kept.is_none(),
        token: &token,
        preview: preview::draw(page, running, wants, &tried.written),
    };
    let title = subject.kept.as_ref().map_or("New endpoint", |kept| &kept.name);
    let about = About { title, tab: Tab::Endpoints, live: "", filter: "" };
    let main = html! {
        div.title data-back=(back) { h1 { @if subject.kept.is_some() { "Edit " } (Received(title)) } }
        (form::draw(&form))
    };
    page.draw(&about, &main)
}
