//! The health of the node: whether it takes saves, which program it runs, what it has to deliver and since when.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::page::{Failure, answer};
use super::received::{Received, Sentence};
use super::{overlay, tenants};
use crate::access::{Caller, may};
use crate::server::App;
use crate::server::access::OfNode;
use crate::server::api::health::readiness;
use crate::server::api::metrics::standing;
use crate::source::{CopyProgress, SourceLag, SourceState};
use crate::telemetry::Depth;

/// What is under way for less than that is nothing that is missing, in seconds.
const LITTLE_S: f64 = 2.0;

pub(super) async fn show(State(app): State<Arc<App>>, _scope: OfNode<may::Read>, caller: Caller) -> Result<Response, Failure> {
    let ready = readiness(&app).await;
    let queue = standing(&app).await;
    let rejection = app.options.inspector.as_ref().and_then(|inspector| inspector.rejected.load_full());
    let named: Vec<&Depth> = queue.lanes.iter().filter(|depth| depth.lane.is_some()).collect();
    // The last one is of all lanes: its age is that of what has waited for longest.
    let oldest = queue.lanes.iter().map(|depth| depth.age).fold(0.0, f64::max);
    let deliveries: i64 = queue.lanes.iter().map(|depth| depth.deliveries).sum();
    let main = html! {
        div.title {
            h1 { "Node" }
            @match &ready {
                Ok(_) => { span.pill.ok { "ready" } },
                Err(_) => { span.pill.bad { "not ready" } },
            }
        }
        @if let Err(problem) = &ready { p.mistakes role="alert" { (Sentence(problem.detail())) } }
        dl.facts {
            dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
            dt { "Store" } dd { @match &ready { Ok(_) => { "takes what is written" }, Err(_) => { "see above" } } }
            (program(&app))
            @if let Some(standing) = app.options.source.as_deref() { (source(&standing.look(), standing.copy().as_ref())) }
            dt { "Files" } dd { @if rejection.is_some() { span.pill.bad { "rejected" } " the last good program goes on" } @else { "in force as they are" } }
            dt { "To deliver" } dd { (deliveries) @if deliveries == 1 { " delivery" } @else { " deliveries" } " in " (queue.count) @if queue.count == 1 { " lane" } @else { " lanes" } }
            dt { "Due for" } dd { (age(oldest)) }
        }
        section aria-labelledby="lanes" {
            h2 #lanes { "The longest lanes" }
            @if named.is_empty() { p.note { "Nothing is to be delivered." } } @else {
                table.lanes {
                    thead { tr { th scope="col" { "Tenant" } th scope="col" { "Endpoint" } th scope="col" { "Deliveries" } th scope="col" { "Due for" } } }
                    tbody { @for depth in named { (lane(depth)) } }
                }
            }
        }
        p.foot { (Sentence("Counted every few seconds. The same numbers, and more, are at `/metrics`.")) }
        @if let Some(rejection) = &rejection { (overlay::draw(rejection)) }
    };
    Ok(answer(StatusCode::OK, tenants::of_all("Node", &caller, &main)))
}

fn program(app: &App) -> Markup {
    let Ok(running) = app.running() else { return html! { dt { "Program" } dd { "none yet" } } };
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    html! {
        dt { "Program" }
        dd {
            @if let Some(id) = generation.origin.program { "program " (id.0) }
            @if let Some(since) = generation.origin.since { ", in force at this store since " (since) }
        }
        dt { "Reloads" } dd { (generation.number.saturating_sub(1)) " since the start" }
        dt { "Rules" }
        dd { (program.models.len()) " models, " (program.webhooks.len()) " webhooks, " (generation.target_count()) @if generation.target_count() == 1 { " endpoint" } @else { " endpoints" } }
    }
}

/// The database that is read.
fn source((state, lag): &(SourceState, SourceLag), copy: Option<&CopyProgress>) -> Markup {
    html! {
        dt { "Source" }
        dd {
            @match state {
                SourceState::Starting => { "not reached yet" },
                SourceState::Copying => {
                    "the rows that are there are copied, before it is read"
                    @if let Some(copy) = copy { ": " (Received(&copy.to_string())) }
                },
                SourceState::Reading => {
                    "the database is read; "
                    @if lag.seconds < LITTLE_S { "nothing is missing" } @else { (lag.bytes) " bytes of its log, for " (age(lag.seconds)) ", are not taken in" }
                },
                SourceState::Waiting => { "another node reads the database" },
                SourceState::Stopped(why) => { span.pill.bad { "stands still" } " for " (age(lag.seconds)) ": " (Received(why)) @if let Some(copy) = copy { "; copied so far: " (Received(&copy.to_string())) } },
            }
        }
    }
}

fn lane(depth: &Depth) -> Markup {
    let (tenant, endpoint) = depth.lane.as_ref().map_or(("", ""), |(tenant, endpoint)| (tenant, endpoint));
    html! {
        tr {
            td { (Received(tenant)) }
            td { (Received(endpoint)) }
            td { (depth.deliveries) }
            td { (age(depth.age)) }
        }
    }
}

/// Seconds as people say them.
fn age(seconds: f64) -> String {
    if seconds < 0.001 {
        "nothing is late".to_owned()
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}
