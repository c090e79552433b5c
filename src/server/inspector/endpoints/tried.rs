//! What came of a test: the message that was sent just now, and what the receiver made of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::preview::{Request, sent};
use super::show::home;
use crate::access::may;
use crate::ids::EndpointId;
use crate::server::App;
use crate::server::access::Allowed;
use crate::server::api::endpoints::{Tried, Wish, look_up, tried};
use crate::server::inspector::controls::WEBHOOK;
use crate::server::inspector::form;
use crate::server::inspector::page::{About, Failure, Page, Tab};
use crate::server::inspector::received::{Received, Sentence, named};
use crate::server::request::Names;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let fields = form::read(&page.app, body).await?;
    let endpoint = look_up(running, &page.scope, &id).await?;
    let wish = match fields.get("event") {
        Some(event) => json!({ "event": event }).to_string(),
        None => String::new(),
    };
    let outcome = tried(running, &page.scope, EndpointId::new(&*id), Wish::read(wish.as_bytes())?).await?;
    let link = page.address.endpoint(&id);
    let about = About { title: "Test", tab: Tab::Endpoints, live: "", filter: "" };
    let main = html! {
        div.title data-back=(home(&page, &id)) {
            h1 { "Test of " (page.link(WEBHOOK, &link, &named(&endpoint.name))) }
            @if outcome.delivered { span.pill.ok { "delivered" } } @else { span.pill.bad { "not delivered" } }
            div.actions {
                form method="post" action={ (link) "/test" } {
                    input type="hidden" name="event" value=(outcome.event);
                    button.primary { "Send it again" }
                }
                @if page.scope.permits(WEBHOOK) { a.button href=(link) { "To the endpoint" } }
            }
        }
        (answered(&outcome))
        section aria-labelledby="sent" { h2 #sent { "What was sent" } (message(&outcome)) }
        p.note { "It was about an object that is made up, and is kept nowhere." }
    };
    Ok(page.draw(&about, &main))
}

fn answered(outcome: &Tried) -> Markup {
    html! {
        section aria-labelledby="answer" {
            h2 #answer { "What came back" }
            p {
                @match (outcome.status, &outcome.error) {
                    (Some(status), _) => { strong { (status) } " after " (outcome.took_ms) " ms" },
                    (None, Some(error)) => { (Sentence(error)) },
                    (None, None) => { "nothing" },
                }
            }
            @if !outcome.response_headers.is_empty() {
                details { summary { "Headers" }
                    table.headers { tbody { @for (name, value) in &outcome.response_headers {
                        tr { th scope="row" { (Received(name)) } td { (Received(value)) } }
                    } } }
                }
            }
            @if !outcome.response_body.is_empty() { pre.body tabindex="0" { (Received(&outcome.response_body)) } }
        }
    }
}

fn message(outcome: &Tried) -> Markup {
    let headers: Vec<(Box<str>, String)> =
        outcome.request.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    html! {
        p.note { "Event type " code { (Received(&outcome.event)) } ", message " code { (outcome.message) } }
        (sent(&Request {
            method: &outcome.request.method,
            url: &outcome.request.url,
            headers: &headers,
            content_type: None,
            body: outcome.request.body.as_deref().map_or("", serde_json::value::RawValue::get).as_bytes(),
        }))
    }
}
