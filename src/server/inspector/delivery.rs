//! One delivery: why it was made, what was sent, what came back, how long that took, how it was signed, and what can be done with it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{DELIVERIES, OBJECTS, RESEND, WEBHOOK};
use super::history::History;
use super::outcome::state;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::secrecy::{HIDDEN, is_sensitive};
use super::signature::{self, Signed};
use super::why::{Decided, tree, verdict};
use super::{curl, json, phases};
use crate::access::may;
use crate::engine::read_trace;
use crate::generation::Generation;
use crate::ids::DeliveryId;
use crate::server::access::Allowed;
use crate::server::request::{Names, Parameters, parsed};
use crate::server::{App, Problem, Running, confidential};
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, Page as Part, ProgramRow, TraceRow};

/// Bytes of a body that a page shows; the whole of it is a link away.
const SHOWN: usize = 64 * 1024;
/// Traces of an object that are looked through for that of the save.
const TRACES: usize = 500;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// Shows what is hidden.
    reveal: Option<String>,
}

/// Everything the page shows.
struct Shown<'a> {
    page: &'a Page,
    generation: &'a Generation,
    delivery: &'a DeliveryRow,
    attempts: &'a [AttemptRow],
    trace: Option<&'a TraceRow>,
    program: Option<ProgramRow>,
    /// The delivery before this one, of the same webhook, object and endpoint.
    before: Option<DeliveryId>,
    now: Timestamp,
    /// Whether the save was one of the object that it is about.
    own_save: bool,
    /// Whether the saves that led to it are kept: `dev` keeps them.
    kept: bool,
    contents: Contents,
}

/// How much of what was sent is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Shown,
    /// It is about a sensitive model.
    Hidden,
    /// All of it, since that was asked for.
    Revealed,
}

impl Shown<'_> {
    fn hides(&self) -> bool {
        self.contents == Contents::Hidden
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let id: DeliveryId = parsed(&id)?;
    let (title, live) = (format!("Delivery {id}"), format!("delivery {id}"));
    let about = About { title: &title, tab: Tab::Deliveries, live: &live, filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let delivery = find(&page, running, id).await?;
    let store = &running.ingest.store;
    let attempts = store.attempts(&page.scope, id).await?.unwrap_or_default();
    let traces = store.traces(&page.scope, &delivery.model, &delivery.object, TRACES).await?;
    let trace = traces.iter().find(|trace| trace.sequence == delivery.sequence);
    let program = match trace.and_then(|trace| trace.program) {
        Some(program) => store.program(program).await?,
        None => None,
    };
    let before = DeliveryFilter {
        event: Some(delivery.event.to_string()),
        model: Some(delivery.model.to_string()),
        object: Some(delivery.object.to_string()),
        endpoint: Some(delivery.endpoint.clone()),
        ..DeliveryFilter::default()
    };
    let before = store.deliveries(&page.scope, &before, &Part { before: Some(id), limit: 1 }).await?;
    let history = History::through(store, &page.scope, delivery.sequence).await?;
    let generation = running.ingest.generation();
    let around = history.around(&generation, (&delivery.model, &delivery.object), delivery.sequence);
    let contents = match asked.reveal {
        Some(_) => Contents::Revealed,
        None if is_sensitive(&generation.rules, &delivery.event, &delivery.model) => Contents::Hidden,
        None => Contents::Shown,
    };
    let shown = Shown {
        page: &page,
        generation: &generation,
        delivery: &delivery,
        attempts: &attempts,
        trace,
        program,
        before: before.first().map(|row| row.id),
        now: running.ingest.clock.now(),
        kept: around.is_some(),
        own_save: history.is_of((&delivery.model, &delivery.object), delivery.sequence),
        contents,
    };
    let main = html! {
        (heading(&shown))
        @if shown.hides() {
            p.note { (Sentence("It is about a `sensitive` model: its contents are hidden. ")) a href="?reveal=1" { "Show them" } }
        }
        section aria-labelledby="attempts" { h2 #attempts { "Attempts" } (attempts_of(&shown)) }
        section aria-labelledby="request" { h2 #request { "Request" } (request(&shown)) }
        section aria-labelledby="why" { h2 #why { "Why it was made" } (why(&shown, around.as_ref())) }
        section aria-labelledby="signature" { h2 #signature { "Signature" } (signatures(&shown)) }
        section aria-labelledby="copy" { h2 #copy { "Take it along" } (copies(&shown)) }
    };
    Ok(page.draw(&about, &main))
}

/// The delivery, or that there is none.
pub(super) async fn find(page: &Page, running: &Running, id: DeliveryId) -> Result<DeliveryRow, Failure> {
    let found = running.ingest.store.delivery(&page.scope, id).await?;
    found.ok_or_else(|| Problem::not_found("unknown-delivery", format!("there is no delivery `{id}`")).into())
}

fn heading(shown: &Shown<'_>) -> Markup {
    let Shown { page, delivery, now, .. } = shown;
    let address = &page.address;
    let link = address.delivery(delivery.id);
    let edited = page.edits(&delivery.model, &delivery.object);
    html! {
        div.title data-current data-edit=[edited.as_ref()] data-resend=[page.scope.permits(RESEND).then(|| format!("{link}/resend"))] data-delivery=(delivery.id) data-back=[page.where_allowed(DELIVERIES, address.to("/deliveries", &[]))] {
            h1 { (page.link(WEBHOOK, &address.webhook(&delivery.event), &html! { (Received(&delivery.event)) })) " " span.arrow { "→" } " " (page.endpoint(&delivery.endpoint)) }
            (state(delivery, *now))
            div.actions {
                @if page.scope.permits(RESEND) {
                    form method="post" action={ (link) "/resend" } {
                        button.primary disabled[delivery.state == DeliveryState::Sending] aria-keyshortcuts="r" { "Resend" }
                    }
                }
                @if let Some(object) = &edited { a.button href={ (object) "#edit" } aria-keyshortcuts="e" { "Edit the object" } }
                @if let Some(before) = shown.before {
                    a.button href=(address.to("/diff", &[("of", &before.to_string()), ("of", &delivery.id.to_string())])) { "Compare with the one before" }
                }
            }
        }
        dl.facts.inline {
            dt { "Object" } dd { (page.link(OBJECTS, &address.save(&delivery.model, &delivery.object, delivery.sequence), &html! { (Received(&delivery.model)) "/" bdi { (Received(&delivery.object)) } })) }
            dt { "Save" } dd { (delivery.sequence) @if let Some(trace) = shown.trace { " · " (Received(&trace.operation)) " " (time(trace.at, *now)) } }
            dt { "Program" } dd { (program(shown)) }
            dt { "Delivery" } dd { code { (delivery.id) } }
            @if let Some(reason) = &delivery.reason { dt { "Reason" } dd { (Received(reason)) } }
        }
    }
}

fn program(shown: &Shown<'_>) -> Markup {
    let in_force = shown.generation.origin.program;
    html! {
        @match shown.program {
            Some(program) => {
                "program " (program.id.0) " of " (time(program.since, shown.now))
                @if in_force == Some(program.id) { " · in force" } @else if let Some(now) = in_force { " · program " (now.0) " is in force now" }
            },
            None => { "not known" },
        }
    }
}

fn attempts_of(shown: &Shown<'_>) -> Markup {
    html! {
        @if shown.attempts.is_empty() { p.note { "None yet." } }
        @for attempt in shown.attempts.iter().rev() {
            details.attempt #{ "attempt-" (attempt.number) } open[Some(attempt.number) == shown.attempts.last().map(|last| last.number)] {
                summary {
                    span.number { "#" (attempt.number) } " "
                    @match (attempt.status, &attempt.error) {
                        (Some(status), None) => { span.pill.ok { (status) } },
                        (Some(status), Some(_)) => { span.pill.bad { (status) } },
                        (None, _) => { span.pill.bad { "no answer" } },
                    }
                    " " (time(attempt.started_at, shown.now)) " " (phases::whole(attempt.took))
                    @if let Some(error) = &attempt.error { " " span.why { (Received(error)) } }
                }
                (phases::draw(attempt))
                @if shown.hides() { p.note { "The answer is hidden." } } @else { (answer(attempt)) }
            }
        }
    }
}

fn answer(attempt: &AttemptRow) -> Markup {
    let headers = attempt.response_headers.as_deref().and_then(|text| serde_json::from_str::<Vec<(String, String)>>(text).ok());
    html! {
        @if let Some(headers) = headers.filter(|headers| !headers.is_empty()) {
            details { summary { (headers.len()) " headers of the answer" } (table(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))) }
        }
        @if let Some(body) = attempt.response_body.as_deref().filter(|body| !body.is_empty()) { (text(body)) }
        @else if attempt.status.is_some() { p.note { "The answer has no body." } }
    }
}

fn table<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        table.headers { tbody { @for (name, value) in headers { tr { th scope="row" { (Received(name)) } td { bdi { (Received(value)) } } } } } }
    }
}

/// A body as far as it is shown, JSON on lines of its own.
fn text(body: &[u8]) -> Markup {
    let whole = String::from_utf8_lossy(body);
    let end = whole.floor_char_boundary(SHOWN.min(whole.len()));
    let part = json::lines(whole.get(..end).unwrap_or_default());
    html! {
        pre.body dir="auto" tabindex="0" { (json::colored(&part)) }
        @if end < whole.len() { p.note { "and " (whole.len() - end) " more bytes" } }
    }
}

fn request(shown: &Shown<'_>) -> Markup {
    let delivery = shown.delivery;
    html! {
        p.target { strong { (Received(&delivery.method)) } " " code.breaks { @if shown.hides() { (HIDDEN) } @else { (Received(&delivery.url.shown_url())) } } }
        table.headers { tbody {
            tr { th scope="row" { "content-type" } td { (Received(delivery.content_type.as_deref().unwrap_or("application/json"))) } }
            tr { th scope="row" { "webhook-id" } td { (delivery.message) } }
            tr { th scope="row" { "webhook-sequence" } td { (delivery.sequence) } }
            @for (name, value) in &delivery.headers {
                tr { th scope="row" { (Received(name)) } td { @if shown.hides() { (HIDDEN) } @else { bdi { (Received(&confidential::rendered(name, value.masked()))) } } } }
            }
        } }
        @if !shown.hides() {
            @if delivery.body.is_empty() { p.note { "It has no body." } } @else {
                (text(&delivery.body))
                p.foot { a href={ (shown.page.address.delivery(delivery.id)) "/body" } { "The body as it is sent" } " · " (delivery.body.len()) " bytes" }
            }
        }
    }
}

fn why(shown: &Shown<'_>, around: Option<&crate::engine::Replayed>) -> Markup {
    let delivery = shown.delivery;
    let entries = shown.trace.map(|trace| read_trace(&trace.decisions, &delivery.model, &delivery.object).unwrap_or_default());
    let entry = entries.iter().flatten().find(|entry| *entry.webhook == *delivery.event && *entry.object == *delivery.object);
    html! {
        @match (entry, shown.trace) {
            (Some(entry), Some(trace)) => {
                p { (verdict(entry)) }
                (tree(Decided {
                    generation: shown.generation,
                    same_program: trace.program == shown.generation.origin.program,
                    operation: shown.own_save.then_some(&*trace.operation),
                    around,
                    entry,
                }))
                @if shown.page.scope.permits(OBJECTS) { p.foot { a href=(shown.page.address.save(&delivery.model, &delivery.object, delivery.sequence)) { "Every webhook at this save" } } }
            },
            _ => { p.note { "What was decided is not kept any more, or nothing was: an alert has no conditions." } },
        }
    }
}

fn signatures(shown: &Shown<'_>) -> Markup {
    let target = shown.generation.target(&shown.delivery.endpoint);
    html! {
        @match shown.attempts.last() {
            None => { p.note { "It is signed when it is sent." } },
            Some(attempt) => {
                (signature::draw(&Signed {
                    delivery: shown.delivery,
                    attempt,
                    target: target.as_deref(),
                    hidden: shown.hides(),
                    revealed: shown.contents == Contents::Revealed && shown.page.shows_secrets(),
                    can_reveal: shown.page.shows_secrets(),
                    reveal: "?reveal=1#signature".to_owned(),
                }))
            },
        }
    }
}

fn copies(shown: &Shown<'_>) -> Markup {
    let target = shown.generation.target(&shown.delivery.endpoint);
    let link = shown.page.address.delivery(shown.delivery.id);
    html! {
        @if shown.hides() { p.note { "Hidden." } } @else {
            details.copy #as-curl {
                summary { "As curl" }
                button.quiet type="button" data-copy="#curl" hidden { "Copy" }
                pre #curl tabindex="0" { (Received(&curl::command(shown.delivery, shown.attempts.last(), target.as_ref().map(|target| &target.signer)))) }
            }
            @if shown.kept && shown.page.scope.permits(OBJECTS) {
                p {
                    a href={ (link) "/test.yaml" } { "As a scenario test" } " "
                    button.quiet type="button" data-fetch={ (link) "/test.yaml" } hidden { "Copy" }
                    (Sentence(" for `webhookc test`, with the saves that led to it"))
                }
                p { a href=(shown.page.address.to("/saves.ndjson", &[("through", &shown.delivery.sequence.to_string())])) { "The saves up to it as NDJSON" } (Sentence(" for `webhookc test --from`")) }
            }
        }
    }
}
