//! One endpoint: how it stands, what it asks for, what it sends, and what can be done with it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::lately::{self, Window};
use super::list::{origin, state};
use crate::access::may;
use crate::ids::EndpointId;
use crate::report::counted;
use crate::server::access::Allowed;
use crate::server::api::endpoints::{EndpointView, look_up};
use crate::server::inspector::controls::{CHANGE, DELIVERIES, WEBHOOK, WEBHOOKS};
use crate::server::inspector::json::{colored, lines};
use crate::server::inspector::page::{About, Failure, Page, Tab};
use crate::server::inspector::received::{Received, Sentence};
use crate::server::request::{Names, Parameters};
use crate::server::tenant_endpoints::{self, Kept};
use crate::server::{App, Problem, Running, confidential};

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The window of the charts.
    #[serde(default)]
    last: String,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let endpoint = look_up(running, &page.scope, &id).await?;
    let lately = if page.scope.permits(DELIVERIES) {
        lately::draw(&page, running, &id, Window::named(&asked.last)).await?
    } else {
        html! {}
    };
    let live = format!("endpoint {id}");
    let about = About { title: &endpoint.name, tab: Tab::Endpoints, live: &live, filter: "" };
    let main = html! {
        (heading(&page, &endpoint))
        (standing(&endpoint))
        (lately)
        section aria-labelledby="asks" { h2 #asks { "What it receives" } (asks(&page, running, &endpoint)) }
        section aria-labelledby="request" { h2 #request { "Request" } (request(&endpoint)) }
        section aria-labelledby="sending" { h2 #sending { "How it is sent" } (sending(&endpoint)) }
        @if page.scope.permits(CHANGE) { section aria-labelledby="more" { h2 #more { "More" } (more(&page, &endpoint)) } }
    };
    Ok(page.draw(&about, &main))
}

/// An endpoint that the tenant has made; that it is another's or nobody's is said otherwise than that it cannot be changed here.
pub(super) async fn own(page: &Page, running: &Running, id: &str) -> Result<Kept, Problem> {
    let endpoint = look_up(running, &page.scope, id).await?;
    if endpoint.origin != "api" {
        let detail = format!("the endpoint `{}` is declared in the schema or in `webhookc.toml`, it cannot be changed here", endpoint.name);
        return Err(Problem::new(StatusCode::CONFLICT, "declared-endpoint", detail).help("change it there; it can be suspended here"));
    }
    tenant_endpoints::find(running, &page.scope, &EndpointId::new(id)).await
}

/// Where an endpoint is looked at; without the right to it, where it is listed.
pub(super) fn home(page: &Page, id: &str) -> String {
    page.first_of([(WEBHOOK, page.address.endpoint(id)), (WEBHOOKS, page.address.to("/endpoints", &[]))])
}

/// What whoever has made an endpoint sees first, and once: its secret.
pub(super) fn made(page: &Page, running: &Running, id: &EndpointId) -> Response {
    let target = running.ingest.generation().target(id);
    let secret = target.map(|target| target.signer.secret().reveal());
    let about = About { title: "Endpoint made", tab: Tab::Endpoints, live: "", filter: "" };
    let main = html! {
        h1 { "The endpoint is made" }
        @if let Some(secret) = secret { (revealed(&secret)) } @else { p { "It is disabled: when it is enabled, a secret can be made for it." } }
        @if page.scope.permits(WEBHOOK) { p { a.button.primary href=(page.address.endpoint(id.as_str())) { "To the endpoint" } } }
    };
    let mut answer = page.draw(&about, &main);
    *answer.status_mut() = StatusCode::CREATED;
    answer
}

/// A secret, shown this once.
pub(super) fn revealed(secret: &str) -> Markup {
    html! {
        div.secret {
            p { "Its signing secret, which the receiver verifies requests with. It is shown only now:" }
            p { code #secret.breaks { (secret) } " " button.quiet type="button" data-copy="#secret" hidden { "Copy" } }
        }
    }
}

fn heading(page: &Page, endpoint: &EndpointView) -> Markup {
    let link = page.address.endpoint(&endpoint.id);
    let edit = page.where_allowed(CHANGE, format!("{link}/edit")).filter(|_| endpoint.origin == "api");
    let press = |path: &str, word: &str| html! { form method="post" action={ (link) "/" (path) } { button { (word) } } };
    html! {
        div.title data-current data-back=[page.where_allowed(WEBHOOKS, page.address.to("/endpoints", &[]))] data-edit=[edit] {
            h1 { (Received(&endpoint.name)) }
            (state(endpoint))
            div.actions {
                @if page.scope.permits(DELIVERIES) { a.button href=(page.address.deliveries(&format!("endpoint:{}", endpoint.id))) { "Deliveries" } }
                @if page.scope.permits(CHANGE) {
                    @if endpoint.enabled { form method="post" action={ (link) "/test" } { button.primary { "Send a test" } } }
                    @if endpoint.suspended.is_some() { (press("unsuspend", "Unsuspend")) }
                    @if endpoint.origin == "api" {
                        a.button href={ (link) "/edit" } aria-keyshortcuts="e" { "Edit" }
                        @if endpoint.enabled { (press("disable", "Disable")) } @else { (press("enable", "Enable")) }
                    }
                }
            }
        }
    }
}

fn standing(endpoint: &EndpointView) -> Markup {
    html! {
        @if let Some(suspended) = &endpoint.suspended {
            p.mistakes { "Suspended since " (suspended.at) ": " (Received(&suspended.why)) ". What is made for it collects, and is sent when it is unsuspended." }
        }
        @if let Some(held) = &endpoint.held { p.mistakes { "It does not receive all that it asks for: " (Sentence(held)) } }
        @if endpoint.origin != "api" {
            p.note { "It is written in " (origin(endpoint)) " and is the same for all tenants: it is changed there. It can be suspended here." }
        }
    }
}

fn asks(page: &Page, running: &Running, endpoint: &EndpointView) -> Markup {
    let generation = running.ingest.generation();
    // One that the program does not have any more, or not yet, has no page.
    let is_known = |event: &str| generation.rules.program.webhook_named(event).is_some();
    html! {
        dl.facts {
            dt { "Event types" }
            dd {
                @if endpoint.all_events { "all, also those to come" }
                @else { ul.plain { @for event in endpoint.named() { li { @if is_known(event) { a href=(page.address.webhook(event)) { (Received(event)) } } @else { (Received(event)) } } } } }
            }
            @if !endpoint.about.is_empty() {
                dt { "About" }
                dd { "all that belongs to a " (Received(&endpoint.about.join(" and a "))) ", also events to come" }
            }
            @if let Some(scope) = &endpoint.scope {
                dt { "Only about" }
                dd { (Received(scope.model.as_deref().unwrap_or("any"))) @if let Some(object) = &scope.object { "/" bdi { (Received(object)) } } }
            }
            @if !endpoint.conditions.is_empty() {
                dt { "Only if" }
                dd { ul.plain {
                    @for condition in &endpoint.conditions {
                        @let values: Vec<String> = condition.accepted_values.iter().map(ToString::to_string).collect();
                        li { code { (Received(&condition.path)) } " is " (Received(&values.join(" or "))) }
                    }
                } }
            }
            @if let Some(comment) = &endpoint.comment { dt { "Comment" } dd.breaks { (Received(comment)) } }
        }
    }
}

fn request(endpoint: &EndpointView) -> Markup {
    html! {
        p.breaks { strong { (Received(&endpoint.method)) } " " code { (Received(&endpoint.url)) } }
        table.headers { tbody {
            @if let Some(kind) = &endpoint.content_type { tr { th scope="row" { "content-type" } td { (Received(kind)) } } }
            @for header in &endpoint.headers {
                tr { th scope="row" { (Received(&header.name)) } td { (Received(&confidential::header(&header.name, &*header.value))) } }
            }
        } }
        @match endpoint.body.as_deref() {
            Some(body) => {
                // A template that is no JSON stands in it as a text.
                @match serde_json::from_str::<String>(body.get()) {
                    Ok(text) => { pre.body tabindex="0" { (Received(&text)) } },
                    Err(_) => { pre.body tabindex="0" { (colored(&lines(body.get()))) } },
                }
            },
            None if endpoint.origin == "api" => { p.note { "The default body." } },
            None => {}
        }
    }
}

fn sending(endpoint: &EndpointView) -> Markup {
    let failures = endpoint.failure_handling.as_ref();
    html! {
        dl.facts {
            dt { "Id" } dd { code { (endpoint.id) } }
            @if let Some(timeout) = endpoint.timeout_ms { dt { "Deadline" } dd { (wait(&format!("{timeout} ms"))) } }
            @if let Some(at_once) = endpoint.concurrency { dt { "Requests at once" } dd { (at_once) } }
            @if let Some(rate) = &endpoint.rate_limit { dt { "Requests in a time" } dd { (rate) } }
            @if endpoint.order == Some("object") { dt { "Order" } dd { "kept for each object" } }
            dt { "Signatures" } dd { (endpoint.signatures.join(", ")) }
            @if let Some(key) = &endpoint.public_key { dt { "Public key" } dd { code.breaks { (key) } } }
            @if let Some(failures) = failures {
                dt { "Tried again after" } dd { (failures.triggers.join(", ")) }
                dt { "Waits" } dd.breaks { (Received(&waits(&failures.retry))) }
                @if let Some(alert) = &failures.alert_endpoint { dt { "Who is told" } dd.breaks { (Received(&alert.get("url").unwrap_or(alert).to_string())) } }
                dt { "Given up" } dd { @if failures.divert { "kept to be sent again" } @else { "not kept" } @if failures.suspend { ", and the endpoint is suspended" } }
            }
            @if let Some(at) = &endpoint.created_at { dt { "Made" } dd { (at) } }
            @if let Some(at) = &endpoint.updated_at { dt { "Changed" } dd { (at) } }
        }
    }
}

/// The waits between attempts, as people say them.
fn waits(retry: &Value) -> String {
    let text = |name: &str| retry.get(name).and_then(Value::as_str);
    let most = retry.get("max_attempts").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let attempts = most.map(|most| format!(", {} at most", counted(most, "attempt"))).unwrap_or_default();
    let listed = retry.get("schedule").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let listed: Vec<String> = listed.map(wait).collect();
    match (text("pattern"), text("interval")) {
        _ if !listed.is_empty() => format!("{}{attempts}", listed.join(", ")),
        (Some("exponential"), interval) => format!("{}, twice as long each time{attempts}", interval.unwrap_or("from the first")),
        (Some(_) | None, Some(interval)) => format!("{interval} each time{attempts}"),
        (Some(_) | None, None) => format!("as usual{attempts}"),
    }
}

/// `300000 ms` in the greatest unit that is even.
fn wait(text: &str) -> String {
    let Some(milliseconds) = text.strip_suffix(" ms").and_then(|number| number.parse::<u64>().ok()) else { return text.to_owned() };
    let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let found = units.iter().find(|(unit, _)| milliseconds >= *unit && milliseconds.is_multiple_of(*unit));
    found.map_or_else(
        || if milliseconds == 0 { "0 s".to_owned() } else { text.to_owned() },
        |(unit, name)| format!("{} {name}", milliseconds / unit),
    )
}

/// What is done more rarely.
fn more(page: &Page, endpoint: &EndpointView) -> Markup {
    let link = page.address.endpoint(&endpoint.id);
    html! {
        div.more {
            @if endpoint.enabled && endpoint.events.len() > 1 {
                form method="post" action={ (link) "/test" } {
                    label for="event" { "Send a test of " }
                    select #event name="event" { @for event in &endpoint.events { option { (Received(event)) } } }
                    " " button { "Send" }
                }
            }
            @if endpoint.suspended.is_none() {
                form method="post" action={ (link) "/suspend" } {
                    label for="why" { "Suspend it, because " }
                    input.field.short #why name="why" maxlength="500" placeholder="maintenance" autocomplete="off";
                    " " button { "Suspend" }
                }
            }
            @if endpoint.origin == "api" || page.scope.sees_others() {
                form method="post" action={ (link) "/rotate-secret" } {
                    label for="grace" { "A new signing secret; the old one stays valid for " }
                    input.field.short #grace name="grace" value="24h" autocomplete="off";
                    " " button { "Rotate the secret" }
                }
            }
            @if endpoint.origin == "api" { p { a.button.danger href={ (link) "/delete" } { "Delete…" } } }
        }
    }
}
