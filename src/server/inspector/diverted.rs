//! What was given up and kept: why, with its message; it can be sent again or thrown away.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{DELIVERIES, DELIVERY, DIVERTED, DIVERTED_DELETE, DIVERTED_ONE, DIVERTED_RESEND, RESEND};
use super::deliveries::Asked;
use super::filter::Filter;
use super::json::{colored, lines};
use super::outcome::answer;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::secrecy::is_sensitive;
use super::turning::{Turning, cut};
use crate::access::may;
use crate::ids::DeliveryId;
use crate::server::access::Allowed;
use crate::server::request::{Names, Parameters, parsed};
use crate::server::{App, Problem, Running};
use crate::store::{DeliveryFilter, DeliveryRow, DeliveryState, Page as Part};

/// Events on a page.
const PAGE: usize = 50;
/// Bytes of a message that are shown.
const SHOWN: usize = 64 * 1024;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::DivertedEvents, may::List>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Diverted", tab: Tab::Diverted, live: "deliveries", filter: &asked.q };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let written = Filter::read(&asked.q);
    let filter = DeliveryFilter { states: vec![DeliveryState::Diverted], ..written.deliveries() };
    let before = asked.before.as_deref().map(parsed).transpose()?;
    let mut rows = running.ingest.store.deliveries(&page.scope, &filter, &Part { before, limit: PAGE + 1 }).await?;
    let next = cut(&mut rows, PAGE).map(|row| row.id.to_string());
    let turning = Turning { path: "/diverted", filter: &asked.q, is_first: asked.before.is_none(), next, looked_at: None };
    let now = running.ingest.clock.now();
    let address = &page.address;
    let again = format!("status:diverted {}", asked.q);
    let main = html! {
        h1.unseen { "Diverted events" }
        @for mistake in &written.mistakes { p.note role="alert" { (Sentence(mistake)) } }
        @if rows.is_empty() { (empty(&asked)) } @else {
            div.tools {
                p.note { "What was given up and kept. It can be sent again when the receiver is mended." }
                @if page.scope.permits(RESEND) && page.scope.permits(DELIVERIES) { a.button href=(address.to("/resends", &[("q", again.trim())])) { "Send all of these again" } }
            }
            table.diverted {
                thead { tr {
                    th scope="col" { "Event" } th scope="col" { "Object" } th scope="col" { "Endpoint" } th scope="col" { "Why" } th scope="col" { "Given up" }
                    th scope="col" { span.unseen { "Actions" } }
                } }
                tbody { @for row in &rows { (line(&page, row, now)) } }
            }
        }
        (turning.draw(&page))
    };
    Ok(page.draw(&about, &main))
}

fn line(page: &Page, row: &DeliveryRow, now: Timestamp) -> Markup {
    let link = page.address.diverted(row.id);
    html! {
        tr #(row.id.to_string()) data-row=[page.where_allowed(DIVERTED_ONE, link.clone())] {
            td { @if page.scope.permits(DIVERTED_ONE) { a href=(link) { (Received(&row.event)) } } @else { (Received(&row.event)) } }
            td { (Received(&row.model)) "/" bdi { (Received(&row.object)) } }
            td { (page.endpoint(&row.endpoint)) }
            td { (why(row)) }
            td { (time(row.settled_at.unwrap_or(row.created_at), now)) }
            td { (buttons(page, row)) }
        }
    }
}

/// What the receiver did, and why nothing more is tried.
fn why(row: &DeliveryRow) -> Markup {
    html! {
        span.pill.bad { (answer(row)) }
        " after " (row.attempts) @if row.attempts == 1 { " attempt" } @else { " attempts" }
        @if let Some(reason) = &row.reason { " " span.why { (Received(reason)) } }
    }
}

fn buttons(page: &Page, row: &DeliveryRow) -> Markup {
    let link = page.address.diverted(row.id);
    html! {
        div.row {
            @if page.scope.permits(DIVERTED_RESEND) { form method="post" action={ (link) "/resend" } { button { "Resend" } } }
            @if page.scope.permits(DIVERTED_DELETE) { a.button.danger href={ (link) "/delete" } { "Delete" } }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Shown {
    /// Shows what is hidden.
    reveal: Option<String>,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::DivertedEvents, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(asked): Parameters<Shown>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let row = find(&page, running, &id).await?;
    let now = running.ingest.clock.now();
    let hidden = asked.reveal.is_none() && is_sensitive(&running.ingest.generation().rules, &row.event, &row.model);
    let text = String::from_utf8_lossy(&row.body);
    let shown = text.char_indices().map(|(at, _)| at).find(|at| *at >= SHOWN).and_then(|cut| text.get(..cut)).unwrap_or(&text);
    let about = About { title: "Diverted event", tab: Tab::Diverted, live: "", filter: "" };
    let main = html! {
        div.title data-back=[page.where_allowed(DIVERTED, page.address.to("/diverted", &[]))] {
            h1 { (Received(&row.event)) " " span.arrow { "→" } " " (page.endpoint(&row.endpoint)) }
            div.actions {
                (buttons(&page, &row))
                @if page.scope.permits(DELIVERY) { a.button href=(page.address.delivery(row.id)) { "The delivery" } }
            }
        }
        dl.facts {
            dt { "Why" } dd { (why(&row)) }
            dt { "Given up" } dd { (time(row.settled_at.unwrap_or(row.created_at), now)) }
            dt { "Object" } dd { (Received(&row.model)) "/" bdi { (Received(&row.object)) } }
            dt { "Message" } dd { code { (row.message) } }
            dt { "Request" } dd.breaks { (Received(&row.method)) " " @if hidden { "••••••" } @else { code { (Received(&row.url.shown_url())) } } }
        }
        section aria-labelledby="message" {
            h2 #message { "Message" }
            @if hidden { p.note { (Sentence("It is about a `sensitive` model: its contents are hidden. ")) a href="?reveal=1" { "Show them" } } }
            @else { pre.body tabindex="0" { (colored(&lines(shown))) @if shown.len() < text.len() { "…" } } }
        }
    };
    Ok(page.draw(&about, &main))
}

pub(super) async fn resend(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::DivertedEvents, may::Resend>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let row = find(&page, running, &id).await?;
    running.ingest.store.resend(&page.scope, row.id, running.ingest.clock.now()).await?;
    Ok(page.go_on([(DIVERTED, page.address.to("/diverted", &[]))]))
}

/// Whether it is meant.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::DivertedEvents, may::Delete>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let row = find(&page, page.running()?, &id).await?;
    let about = About { title: "Delete", tab: Tab::Diverted, live: "", filter: "" };
    let back = if page.scope.permits(DIVERTED_ONE) { page.address.diverted(row.id) } else { page.address.to("/diverted", &[]) };
    let main = html! {
        div.title data-back=(back) { h1 { "Delete " (Received(&row.event)) " about " (Received(&row.model)) "/" bdi { (Received(&row.object)) } "?" } }
        p { "It was not delivered to " (page.endpoint(&row.endpoint)) ", and is not kept for being sent again any more. What became of it stays among the deliveries." }
        form.keeping method="post" action={ (page.address.diverted(row.id)) "/delete" } {
            button.danger { "Delete the event" }
            a.button href=(back) { "Keep it" }
        }
    };
    Ok(page.draw(&about, &main))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::DivertedEvents, may::Delete>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let row = find(&page, running, &id).await?;
    running.ingest.store.throw_away(&page.scope, row.id).await?;
    Ok(page.go_on([(DIVERTED, page.address.to("/diverted", &[]))]))
}

/// The event, if it is diverted still.
async fn find(page: &Page, running: &Running, id: &str) -> Result<DeliveryRow, Failure> {
    let id: DeliveryId = parsed(id)?;
    let row = running.ingest.store.delivery(&page.scope, id).await?.filter(|row| row.state == DeliveryState::Diverted);
    row.ok_or_else(|| Problem::not_found("unknown-event", format!("there is no diverted event `{id}`")).into())
}

fn empty(asked: &Asked) -> Markup {
    html! {
        div.empty {
            @if asked.q.is_empty() {
                h2 { "Nothing is diverted" }
                p { "What an endpoint does not take in all its attempts is kept here." }
            } @else { h2 { "No diverted event fits the filter" } }
        }
    }
}
