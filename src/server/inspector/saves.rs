//! The saves of a tenant, newest first, each with its decisions and what is sent because of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{DELIVERIES, DELIVERY, RESEND, SAVE};
use super::filter::Filter;
use super::outcome::{decision, note};
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::turning::Turning;
use crate::access::{Actor, may};
use crate::engine::{TraceEntry, read_trace};
use crate::server::access::Allowed;
use crate::server::request::Parameters;
use crate::server::{App, Running};
use crate::store::{DeliveryRow, SaveRow};

/// Saves on a page.
const PAGE: usize = 50;
/// Saves that are looked at for one page: those that the filter lets through may be rare.
const LOOKED_AT: usize = 5_000;
/// Decisions of a save that are shown: it may be what a thousand other objects have waited for.
const DECISIONS: usize = 20;
/// Saves that are read at a time.
const PART: usize = 500;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    before: Option<i64>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Read>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Saves", tab: Tab::Saves, live: "saves", filter: &asked.q };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let filter = Filter::read(&asked.q);
    let found = find(&page, running, &filter, asked.before).await?;
    // A page that is not full, with more behind it: they were not looked at.
    let looked_at = (found.next.is_some() && found.saves.len() < PAGE).then_some((LOOKED_AT, "saves"));
    let next = found.next.map(|next| next.to_string());
    let turning = Turning { path: "", filter: &asked.q, is_first: asked.before.is_none(), next, looked_at };
    let now = running.ingest.clock.now();
    let main = html! {
        h1.unseen { "Saves" }
        (notes(&page, &filter, &asked))
        @if found.saves.is_empty() {
            (empty(&page, running, &asked))
        } @else {
            ol.saves aria-label="Saves, newest first" { @for save in &found.saves { (row(&page, save, now)) } }
        }
        (turning.draw(&page))
        @if asked.q.is_empty() && !found.saves.is_empty() {
            p.foot { a href=(page.address.to("/saves.ndjson", &[])) download { "Export as NDJSON" } (Sentence(" for `webhookc test --from`")) }
        }
    };
    Ok(page.draw(&about, &main))
}

/// Saves for one page.
struct Found {
    saves: Vec<SaveRow>,
    /// Where the next page begins, if there may be one.
    next: Option<i64>,
}

async fn find(page: &Page, running: &Running, filter: &Filter, mut before: Option<i64>) -> Result<Found, Failure> {
    let in_store = filter.saves();
    let mut saves = Vec::with_capacity(PAGE);
    let mut looked_at = 0;
    let part = if filter.event().is_none() && filter.texts.is_empty() { PAGE + 1 } else { PART };
    loop {
        let rows = running.ingest.store.saves(&page.scope, &in_store, before, part).await?;
        let more = rows.len() == part;
        looked_at += rows.len();
        for mut row in rows {
            if saves.len() == PAGE {
                return Ok(Found { saves, next: before });
            }
            before = Some(row.position);
            if fits(&row, filter) {
                if !page.scope.permits(DELIVERIES) {
                    // Whoever may not look at deliveries sees none here either.
                    row.deliveries.clear();
                }
                saves.push(row);
            }
        }
        if !more || looked_at >= LOOKED_AT {
            return Ok(Found { saves, next: before.filter(|_| more) });
        }
    }
}

fn entries(save: &SaveRow) -> Vec<TraceEntry<'_>> {
    read_trace(&save.trace.decisions, &save.model, &save.object).unwrap_or_default()
}

/// Whether what the store cannot tell is as asked.
fn fits(save: &SaveRow, filter: &Filter) -> bool {
    let entries = entries(save);
    let text = || {
        let about = std::iter::once(format!("{}/{} {}", save.model, save.object, save.trace.operation));
        let why = entries.iter().map(|entry| format!("{} {entry}", entry.webhook));
        about.chain(why).collect::<Vec<_>>().join("\n").to_lowercase()
    };
    filter.event().is_none_or(|event| entries.iter().any(|entry| entry.webhook == event))
        && (filter.texts.is_empty() || {
            let text = text();
            filter.texts.iter().all(|part| text.contains(&part.to_lowercase()))
        })
}

fn row(page: &Page, save: &SaveRow, now: Timestamp) -> Markup {
    let address = &page.address;
    let link = address.save(&save.model, &save.object, save.trace.sequence);
    let entries = entries(save);
    let mut rest: Vec<&DeliveryRow> = save.deliveries.iter().collect();
    let mut decided = Vec::with_capacity(entries.len().min(DECISIONS));
    for entry in entries.iter().take(DECISIONS) {
        let (own, others) = rest.into_iter().partition(|row| *row.event == *entry.webhook && *row.object == *entry.object);
        rest = others;
        let own: Vec<&DeliveryRow> = own;
        decided.push(decision(page, (&save.model, &save.object), entry, &own, now));
    }
    let first = save.deliveries.first().map(|row| row.id);
    html! {
        li.save #{ "s" (save.position) } data-row=(link) data-edit=[page.edits(&save.model, &save.object)]
            data-delivery=[first.and_then(|id| page.where_allowed(DELIVERY, id.to_string()))]
            data-resend=[first.and_then(|id| page.where_allowed(RESEND, format!("{}/resend", address.delivery(id))))] {
            (time(save.trace.at, now))
            span.operation { (Received(&save.trace.operation)) }
            a.object href=(link) { (Received(&save.model)) "/" bdi { (Received(&save.object)) } }
            ul.decisions {
                @for decision in &decided { (decision) }
                @if entries.len() > DECISIONS { li.decision { a href=(link) { "and " (entries.len() - DECISIONS) " more" } } }
                @if let Some(note) = note(&save.trace.operation, !entries.is_empty()) { li.decision { span.why { (note) } } }
            }
        }
    }
}

fn notes(page: &Page, filter: &Filter, asked: &Asked) -> Markup {
    html! {
        @for mistake in &filter.mistakes { p.note role="alert" { (Sentence(mistake)) } }
        @if filter.is_about_deliveries() {
            p.note { (Sentence("`status:` and `endpoint:` are about deliveries: ")) (page.link(DELIVERIES, &page.address.deliveries(&asked.q), &html! { "look there" })) }
        } @else if !filter.texts.is_empty() {
            p.note { "Looked for in names and reasons. " @if page.scope.permits(DELIVERIES) { a href=(page.address.deliveries(&asked.q)) { "Look for it in the bodies of deliveries" } } }
        }
    }
}

fn empty(page: &Page, running: &Running, asked: &Asked) -> Markup {
    if !asked.q.is_empty() || asked.before.is_some() {
        return html! { div.empty { h2 { "Nothing fits the filter" } p { a href=(page.address.to("", &[])) { "All saves" } } } };
    }
    let generation = running.ingest.generation();
    let model = generation.rules.program.webhooks.first().map(|webhook| &*generation.rules.program.model(webhook.model).name);
    let tenant = page.scope.tenant().as_str();
    html! {
        div.empty {
            h2 { "No save yet" }
            p { "Save an object, and this page says what each webhook makes of it." }
            @if let Some(model) = model {
                @if page.scope.permits(SAVE) {
                    form method="post" action=(page.address.sample(model)) { button.primary { "Save a sample " (Received(model)) } }
                }
                p { "or from a terminal:" }
                pre.command {
                    "curl -X PUT -H 'content-type: application/json' -d '{}' \\\n  "
                    @match page.scope.by() {
                        Actor::Key(_) => { "-H \"authorization: Bearer $WEBHOOKC_API_KEY\" \\\n  " }
                        Actor::Anybody | Actor::Operator => {}
                    }
                    "http://" span data-host { "127.0.0.1:7357" } "/api/v1/tenants/" (tenant) "/objects/" (Received(model)) "/a1" }
            }
        }
    }
}
