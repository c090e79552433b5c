//! Sending again all that a filter lets through: first what it would be, then the order and how far it has come. An order is the node's and
//! outlives the page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{DELIVERIES, DELIVERY, RESEND};
use super::filter::Filter;
use super::form;
use super::outcome::state;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use crate::access::may;
use crate::delivery::Rate;
use crate::ids::ResendId;
use crate::server::access::Allowed;
use crate::server::api::resends::{DEFAULT_RATE, Wanted, find, start};
use crate::server::request::{Names, Parameters, parsed};
use crate::server::{App, Problem};
use crate::store::{DeliveryFilter, DeliveryState, Page as Part, ResendRow, ResendState};

/// Deliveries that are shown of what would be sent.
const SAMPLES: usize = 10;
/// Orders that are listed.
const LISTED: usize = 20;
/// How often a page looks how far an order has come, in milliseconds.
const AGAIN: u32 = 1_000;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// As in the list of deliveries.
    #[serde(default)]
    q: String,
    #[serde(default)]
    rate: String,
}

/// What is meant by a filter here: what was given up, unless it says otherwise.
fn meant(filter: &Filter) -> DeliveryFilter {
    let mut meant = filter.deliveries();
    if meant.states.is_empty() {
        meant.states = vec![DeliveryState::Diverted, DeliveryState::Failed];
    }
    meant.resendable()
}

/// The dry run, and the orders so far.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::List>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let store = &running.ingest.store;
    let filter = Filter::read(&asked.q);
    let meant = meant(&filter);
    // A filter of states that are on their way lets nothing through, and no filter of states would let everything. What of a filter cannot
    // be understood would let through more than is meant.
    let matched =
        if meant.states.is_empty() || !filter.mistakes.is_empty() { 0 } else { store.count_deliveries(&page.scope, &meant, None).await? };
    let samples =
        if matched == 0 { Vec::new() } else { store.deliveries(&page.scope, &meant, &Part { before: None, limit: SAMPLES }).await? };
    let orders = store.resends(&page.scope, &Part { before: None, limit: LISTED }).await?;
    let now = running.ingest.clock.now();
    let address = &page.address;
    let about = About { title: "Send again", tab: Tab::Deliveries, live: "resend", filter: "" };
    let main = html! {
        div.title data-back=(address.deliveries(&asked.q)) { h1 { "Send again" } }
        @for mistake in &filter.mistakes { p.mistakes role="alert" { (Sentence(mistake)) } }
        form.tools action=(address.to("/resends", &[])) {
            input.field name="q" value=(asked.q) aria-label="Which deliveries" placeholder="what was given up; or narrow it: endpoint:… event:… status:delivered" autocomplete="off" spellcheck="false";
            button { "Look" }
        }
        p #matched { strong { (matched) } @if matched == 1 { " delivery matches." } @else { " deliveries match." } " Nothing was sent yet." }
        @if !samples.is_empty() {
            table.samples {
                thead { tr { th scope="col" { "Status" } th scope="col" { "Event" } th scope="col" { "Object" } th scope="col" { "Endpoint" } th scope="col" { "Time" } } }
                tbody {
                    @for row in &samples {
                        tr {
                            td { (page.link(DELIVERY, &address.delivery(row.id), &state(row, now))) }
                            td { (Received(&row.event)) }
                            td { (Received(&row.model)) "/" bdi { (Received(&row.object)) } }
                            td { (page.endpoint(&row.endpoint)) }
                            td { (time(row.created_at, now)) }
                        }
                    }
                }
            }
            @if matched > SAMPLES as u64 { p.foot { "The newest of them." } }
            @if page.scope.permits(RESEND) {
                form.keeping method="post" action=(address.to("/resends", &[])) {
                    input type="hidden" name="q" value=(asked.q);
                    label for="rate" { "at a rate of " }
                    input.field.short #rate name="rate" value=(if asked.rate.is_empty() { DEFAULT_RATE.to_string() } else { asked.rate.clone() }) autocomplete="off";
                    button.primary #begin { "Send " (matched) " again" }
                }
            }
        }
        @if !orders.is_empty() {
            section aria-labelledby="orders" {
                h2 #orders { "Orders" }
                ul.orders { @for order in &orders { li data-row=[page.where_allowed(DELIVERY, link(&page, order.id))] { (line(&page, order, now)) } } }
            }
        }
    };
    Ok(page.draw(&about, &main))
}

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Resend>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let fields = form::read(&page.app, body).await?;
    let field = |name: &str| fields.get(name).map_or("", |text| text.trim());
    let filter = Filter::read(field("q"));
    if let Some(mistake) = filter.mistakes.first() {
        return Err(Problem::bad_request("invalid-parameter", mistake.clone()).into());
    }
    let rate: Rate = match field("rate") {
        "" => DEFAULT_RATE,
        text => text.parse().map_err(|error: crate::delivery::RateError| Problem::bad_request("invalid-parameter", error.to_string()))?,
    };
    let filter = meant(&filter);
    let matched = if filter.states.is_empty() { 0 } else { running.ingest.store.count_deliveries(&page.scope, &filter, None).await? };
    if matched == 0 {
        return Ok(page.go_on([(DELIVERIES, page.address.to("/resends", &[("q", field("q"))]))]));
    }
    let id = start(running, &page.scope, Wanted { filter, after: None, rate, matched }).await?;
    Ok(begun(&page, id))
}

/// How far an order has come.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Read>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let order = find(running, &page.scope, parsed(&id)?).await?;
    let about = About { title: "Send again", tab: Tab::Deliveries, live: "resend", filter: "" };
    let is_running = order.state == ResendState::Running;
    let main = html! {
        div.title data-back=[page.where_allowed(DELIVERIES, page.address.to("/resends", &[]))] {
            h1 { "Send again" }
            (word(order.state))
            div.actions {
                @if is_running && page.scope.permits(RESEND) {
                    form method="post" action={ (link(&page, order.id)) "/stop" } { button { "Stop" } }
                }
                @if page.scope.permits(DELIVERIES) { a.button href=(page.address.to("/resends", &[])) { "All orders" } }
            }
        }
        div #progress data-again=[is_running.then_some(AGAIN)] {
            progress max=(order.matched.max(1)) value=(order.resent.min(order.matched.max(1))) aria-labelledby="sent" {}
            p #sent { strong { (order.resent) } " of " (order.matched) " sent again" @if is_running { " so far" } }
        }
        dl.facts {
            dt { "Which" } dd { (Received(&words(&order.filter))) }
            dt { "Rate" } dd { (order.rate) }
            dt { "Asked for by" } dd { (Received(&order.actor)) }
            dt { "Began" } dd { (time(order.created_at, running.ingest.clock.now())) }
            @if let Some(at) = order.ended_at { dt { "Ended" } dd { (time(at, running.ingest.clock.now())) } }
            @if let Some(last) = order.last { dt { "The last one" } dd { a href=(page.address.delivery(last)) { code { (last) } } } }
        }
    };
    Ok(page.draw(&about, &main))
}

pub(super) async fn stop(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Resend>,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let id: ResendId = parsed(&id)?;
    find(running, &page.scope, id).await?;
    running.ingest.store.stop_resend(&page.scope, id, running.ingest.clock.now()).await?;
    Ok(begun(&page, id))
}

/// Goes on at an order, or where those stand that may be looked at.
fn begun(page: &Page, id: ResendId) -> Response {
    page.go_on([(DELIVERY, link(page, id)), (DELIVERIES, page.address.to("/resends", &[]))])
}

fn link(page: &Page, id: ResendId) -> String {
    page.address.to(&format!("/resends/{id}"), &[])
}

fn line(page: &Page, order: &ResendRow, now: Timestamp) -> Markup {
    html! {
        (page.link(DELIVERY, &link(page, order.id), &html! { (Received(&words(&order.filter))) })) " "
        (word(order.state)) " " (order.resent) " of " (order.matched) " " (time(order.created_at, now))
    }
}

fn word(state: ResendState) -> Markup {
    let class = match state {
        ResendState::Running => "busy",
        ResendState::Done => "ok",
        ResendState::Stopped => "wait",
    };
    html! { span.pill .(class) { (state.as_str()) } }
}

/// A filter as it would be written.
fn words(filter: &DeliveryFilter) -> String {
    let mut words: Vec<String> = filter.states.iter().map(|state| format!("status:{}", state.as_str())).collect();
    words.extend(filter.event.iter().map(|event| format!("event:{event}")));
    words.extend(filter.endpoint.iter().map(|endpoint| format!("endpoint:{endpoint}")));
    match (&filter.model, &filter.object) {
        (Some(model), Some(object)) => words.push(format!("object:{model}/{object}")),
        (Some(model), None) => words.push(format!("model:{model}")),
        (None, Some(object)) => words.push(format!("object:{object}")),
        (None, None) => {}
    }
    words.extend(filter.answered.iter().map(|(first, last)| format!("status:{first}-{last}")));
    words.extend(filter.span.from.map(|at| format!("from {at}")));
    words.extend(filter.span.until.map(|at| format!("until {at}")));
    words.extend(filter.text.iter().map(|text| format!("\"{text}\"")));
    words.join(" ")
}
