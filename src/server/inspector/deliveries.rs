//! The deliveries of a tenant, newest first; two of them can be chosen to be compared, and those that were given up sent again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{DELIVERY, OBJECTS, RESEND, WEBHOOK};
use super::filter::Filter;
use super::outcome::state;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::secrecy::{HIDDEN, is_sensitive};
use super::turning::{Turning, cut};
use crate::access::may;
use crate::check::Rules;
use crate::ids::DeliveryId;
use crate::server::access::Allowed;
use crate::server::request::{Parameters, parsed};
use crate::server::{App, Running};
use crate::store::{DeliveryFilter, DeliveryRow, DeliveryState, MessageFilter, Page as Part};

/// Deliveries on a page.
const PAGE: usize = 50;
/// Messages whose deliveries are looked at one by one for a page: a search in all that is kept would take as long as there is much.
const LOOKED_AT: usize = 5_000;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub(super) q: String,
    pub(super) before: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::List>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Deliveries", tab: Tab::Deliveries, live: "deliveries", filter: &asked.q };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let filter = Filter::read(&asked.q);
    let before = asked.before.as_deref().map(parsed).transpose()?;
    let (within, beyond) = reach(&page, running, &filter, before).await?;
    let mut rows = running.ingest.store.deliveries(&page.scope, &within, &Part { before, limit: PAGE + 1 }).await?;
    let next = cut(&mut rows, PAGE).map(|row| row.id.to_string());
    let beyond = beyond.filter(|_| next.is_none()).map(|id| id.to_string());
    let looked_at = beyond.as_ref().map(|_| (LOOKED_AT, "messages"));
    let turning = Turning { path: "/deliveries", filter: &asked.q, is_first: asked.before.is_none(), next: next.or(beyond), looked_at };
    let failed = filter.mistakes.is_empty() && has_failed(&page, running, &filter, &within).await?;
    let generation = running.ingest.generation();
    let now = running.ingest.clock.now();
    let main = html! {
        h1.unseen { "Deliveries" }
        @for mistake in &filter.mistakes { p.note role="alert" { (Sentence(mistake)) } }
        @if filter.is_about_saves() { p.note { (Sentence("`operation:` is about saves: ")) (page.link(OBJECTS, &page.address.saves(&asked.q), &html! { "look there" })) } }
        (states(&page, &filter, failed, &asked))
        @if rows.is_empty() { (empty(&page, &asked)) } @else {
            form #compare action=[page.where_allowed(DELIVERY, page.address.to("/diff", &[]))] {
                table.deliveries {
                    thead { tr {
                        th scope="col" { span.unseen { "Compare" } } th scope="col" { "Status" } th scope="col" { "Event" } th scope="col" { "Object" }
                        th scope="col" { "Endpoint" } th.wide scope="col" { "Request" } th scope="col" { "Attempts" } th scope="col" { "Time" }
                    } }
                    tbody { @for delivery in &rows { (row(&page, &generation.rules, delivery, now)) } }
                }
                @if page.scope.permits(DELIVERY) { p.foot { button.quiet { "Compare two" } " of the chosen ones" } }
            }
        }
        (turning.draw(&page))
    };
    Ok(page.draw(&about, &main))
}

/// The deliveries that a filter means, as far back as one page looks; and where the next one goes on, if they end there.
async fn reach(
    page: &Page,
    running: &Running,
    filter: &Filter,
    before: Option<DeliveryId>,
) -> Result<(DeliveryFilter, Option<DeliveryId>), Failure> {
    let mut within = filter.deliveries();
    if !filter.looks_into_each() {
        return Ok((within, None));
    }
    // Those of one object have an index.
    let (model, object) = within.model.clone().zip(within.object.clone()).unzip();
    let about = MessageFilter { model, object, ..MessageFilter::default() };
    let part = Part { before: before.map(DeliveryId::message), limit: LOOKED_AT };
    let messages = running.ingest.store.messages(&page.scope, &about, &part).await?;
    let Some(oldest) = messages.last().filter(|_| messages.len() == LOOKED_AT) else { return Ok((within, None)) };
    within.span.from = Some(oldest.created_at);
    Ok((within, Some(DeliveryId::of(oldest.id, 0))))
}

/// Whether the filter lets something through that was given up.
async fn has_failed(page: &Page, running: &Running, filter: &Filter, within: &DeliveryFilter) -> Result<bool, Failure> {
    for state in [DeliveryState::Diverted, DeliveryState::Failed] {
        if filter.state().is_none_or(|asked| asked == state) {
            let filter = DeliveryFilter { states: vec![state], ..within.clone() };
            if !running.ingest.store.deliveries(&page.scope, &filter, &Part { before: None, limit: 1 }).await?.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Links to the states, and sending again what was given up.
fn states(page: &Page, filter: &Filter, failed: bool, asked: &Asked) -> Markup {
    html! {
        div.tools {
            nav.states aria-label="States" {
                a href=(page.address.to("/deliveries", &[])) aria-current=[filter.state().is_none().then_some("true")] { "all" }
                @for state in DeliveryState::ALL {
                    a href=(page.address.deliveries(&format!("status:{}", state.as_str()))) aria-current=[(filter.state() == Some(state)).then_some("true")] { (state.as_str()) }
                }
            }
            @if failed && page.scope.permits(RESEND) {
                a.button #resend-failed href=(page.address.to("/resends", &[("q", &asked.q)])) {
                    @if asked.q.is_empty() { "Resend all failed…" } @else { "Resend the failed ones of these…" }
                }
            }
        }
    }
}

fn row(page: &Page, rules: &Rules, delivery: &DeliveryRow, now: Timestamp) -> Markup {
    let address = &page.address;
    let link = address.delivery(delivery.id);
    let hidden = is_sensitive(rules, &delivery.event, &delivery.model);
    html! {
        tr #(delivery.id.to_string()) data-row=[page.where_allowed(DELIVERY, link.clone())] data-edit=[page.edits(&delivery.model, &delivery.object)]
            data-delivery=[page.where_allowed(DELIVERY, delivery.id.to_string())] data-resend=[page.scope.permits(RESEND).then(|| format!("{link}/resend"))] {
            td { @if page.scope.permits(DELIVERY) { input type="checkbox" name="of" value=(delivery.id.to_string()) aria-label={ "Compare " (delivery.id.to_string()) }; } }
            td { @if page.scope.permits(DELIVERY) { a.plain href=(link) { (state(delivery, now)) } } @else { (state(delivery, now)) } }
            td { (page.link(WEBHOOK, &address.webhook(&delivery.event), &html! { (Received(&delivery.event)) })) }
            td { (page.link(OBJECTS, &address.save(&delivery.model, &delivery.object, delivery.sequence), &html! { (Received(&delivery.model)) "/" bdi { (Received(&delivery.object)) } })) }
            td { (page.endpoint(&delivery.endpoint)) }
            td.wide.url { (Received(&delivery.method)) " " @if hidden { (HIDDEN) } @else { (Received(&delivery.url.shown_url())) } }
            td { (delivery.attempts) }
            td { (time(delivery.created_at, now)) }
        }
    }
}

fn empty(page: &Page, asked: &Asked) -> Markup {
    html! {
        div.empty {
            @if asked.q.is_empty() && asked.before.is_none() {
                h2 { "Nothing was sent yet" }
                p { "The " (page.link(OBJECTS, &page.address.to("", &[]), &html! { "saves" })) " say why." }
            } @else {
                h2 { "No delivery fits the filter" }
                p { a href=(page.address.to("/deliveries", &[])) { "All deliveries" } }
            }
        }
    }
}
