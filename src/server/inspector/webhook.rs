//! One webhook: how it is written, what it means, the type of what it sends, who receives it, and when it last fired.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::controls::{DELIVERIES, DELIVERY, SAVE, WEBHOOKS};
use super::outcome::state;
use super::overlay::frame;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence, named};
use crate::access::may;
use crate::explain::{Event, Member, Receiver, event};
use crate::generation::Generation;
use crate::program::Webhook;
use crate::report::Frame;
use crate::server::access::Allowed;
use crate::server::request::Names;
use crate::server::{App, Problem, Running};
use crate::store::{DeliveryFilter, DeliveryRow, Page as Part};

/// Deliveries that are shown.
const LAST: usize = 10;
/// A tenant's own receivers that are shown: it may have many thousands.
const RECEIVERS: usize = 40;
/// Lines of a webhook that are shown.
const LINES: u32 = 60;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Read>,
    Names((_, name)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let live = format!("webhook {name}");
    let about = About { title: &name, tab: Tab::Webhooks, live: &live, filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let generation = running.ingest.generation();
    // Whoever may not look at deliveries sees none here either.
    let last = if page.scope.permits(DELIVERIES) { last(&page, running, &name).await? } else { Vec::new() };
    let Some(id) = generation.rules.program.webhook_named(&name) else {
        if last.is_empty() {
            return Err(Problem::not_found("unknown-webhook", format!("there is no webhook `{name}`")).into());
        }
        let gone = html! { h1 { (Received(&name)) } p.note { "It is not in the program in force any more, or it is an alert." } (firings(&page, running, &last)) };
        return Ok(page.draw(&about, &gone));
    };
    let sources = &generation.origin.sources;
    let webhook = generation.rules.program.webhook(id);
    let own = generation.own.of_tenant(page.scope.tenant());
    let mut own = own.iter().flat_map(|own| own.takers(&generation.rules.program, webhook)).map(|endpoint| Receiver::own(endpoint));
    let explained = event(&generation.rules, sources, id, Vec::new()).also_to(own.by_ref().take(RECEIVERS));
    let others = own.count();
    let main = html! {
        div.title data-current data-back=[page.where_allowed(WEBHOOKS, page.address.to("/webhooks", &[]))] {
            h1 { (Received(&name)) }
            span.quiet { (explained.kind) " webhook of " (Received(&explained.model)) }
            div.actions {
                @if page.scope.permits(SAVE) {
                    form method="post" action=(page.address.sample(&explained.model)) { button.primary { "Save a sample " (Received(&explained.model)) } }
                }
                @if page.scope.permits(DELIVERIES) { a.button href=(page.address.deliveries(&format!("event:{name}"))) { "Its deliveries" } }
            }
        }
        (meaning(&explained))
        section aria-labelledby="source" { h2 #source { "Source" } (source(&generation, webhook)) }
        section aria-labelledby="payload" { h2 #payload { "Payload" } (payload(&explained.payload)) }
        section aria-labelledby="receivers" { h2 #receivers { "Receivers" } (receivers(&explained, others)) }
        @if page.scope.permits(DELIVERIES) {
            section aria-labelledby="last" { h2 #last { "Last firings" } (firings(&page, running, &last)) }
        }
    };
    Ok(page.draw(&about, &main))
}

async fn last(page: &Page, running: &Running, name: &str) -> Result<Vec<DeliveryRow>, Failure> {
    let filter = DeliveryFilter { event: Some(name.to_owned()), ..DeliveryFilter::default() };
    Ok(running.ingest.store.deliveries(&page.scope, &filter, &Part { before: None, limit: LAST }).await?)
}

fn meaning(explained: &Event) -> Markup {
    html! {
        section.prose aria-label="What it means" {
            p { "It " (Sentence(&explained.fires)) @if explained.conditions.is_empty() { "." } @else { ":" } }
            @if !explained.conditions.is_empty() { ul.conditions { @for condition in &explained.conditions { li { (Received(condition)) } } } }
            @for note in &explained.notes { p.note { (Sentence(note)) "." } }
        }
    }
}

/// The element as it is written: from its name to its end.
fn source(generation: &Generation, webhook: &Webhook) -> Markup {
    let sources = &generation.origin.sources;
    let file = sources.file(webhook.span.file);
    let start = webhook.span.start as usize;
    let behind = file.text.get(start..).unwrap_or_default();
    let tag = behind.find('>').unwrap_or(0);
    let closed = behind.get(..tag).is_some_and(|tag| tag.ends_with('/'));
    let length = if closed { tag } else { behind.find("</webhook>").unwrap_or(tag) };
    let line = |at: usize| file.position(u32::try_from(at).unwrap_or(u32::MAX)).line;
    let (first, end) = (line(start), line(start + length));
    let shown = Frame::of(sources, webhook.span, first..=end.min(first.saturating_add(LINES)));
    html! { @if file.text.is_empty() { p.note { "Not kept by this node." } } @else { (frame(&shown)) } }
}

fn payload(members: &[Member]) -> Markup {
    html! {
        ul.payload { @for member in members { li { code.key { (Received(&member.name)) } " " span.quiet { (Received(&member.kind)) } @if !member.members.is_empty() { (payload(&member.members)) } } } }
    }
}

fn receivers(explained: &Event, others: usize) -> Markup {
    html! {
        @if explained.receivers.is_empty() { p.note { "Nobody: it will not fire." } }
        ul.plain {
            @for receiver in &explained.receivers {
                li {
                    strong { (named(&receiver.name)) } " " (Received(&receiver.method)) " " code.breaks { (Received(&receiver.url)) }
                    @if let Some(body) = &receiver.own_body { " · a body of its own, " (Received(body)) }
                    @if let Some(place) = receiver.place.as_ref().filter(|place| !place.file.is_empty()) { span.place { " " (Received(&place.to_string())) } }
                }
            }
        }
        @if others > 0 { p.note { "and " (others) " more" } }
    }
}

fn firings(page: &Page, running: &Running, last: &[DeliveryRow]) -> Markup {
    let now = running.ingest.clock.now();
    html! {
        @if last.is_empty() { p.note { "It has not fired yet, or what it fired is not kept any more." } }
        ul.firings {
            @for row in last {
                li data-row=[page.scope.permits(DELIVERY).then(|| page.address.delivery(row.id))] {
                    (time(row.created_at, now)) " "
                    (page.link(DELIVERY, &page.address.delivery(row.id), &html! { (Received(&row.model)) "/" bdi { (Received(&row.object)) } })) " "
                    span.arrow { "→" } " " (page.endpoint(&row.endpoint)) " " (state(row, now))
                }
            }
        }
    }
}
