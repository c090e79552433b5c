//! The rules: a picture of models, webhooks and endpoints in which every webhook is a link, and the same as a list.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::controls::{SAVE, WEBHOOK};
use super::page::{About, Failure, Page, Tab};
use super::received::{Received, made};
use crate::access::may;
use crate::check::Rules;
use crate::graph::{ModelNode, graph, linked_svg};
use crate::server::App;
use crate::server::access::Allowed;

/// Webhooks that a picture is of use for; the list has all of them.
const PICTURED: usize = 200;

pub(super) async fn list(State(app): State<Arc<App>>, allowed: Allowed<may::Webhooks, may::List>) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Webhooks", tab: Tab::Webhooks, live: "rules", filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let generation = running.ingest.generation();
    let rules: &Rules = &generation.rules;
    let graph = graph(rules);
    let main = html! {
        h1 { "Webhooks" }
        @if rules.program.webhooks.is_empty() { p.note { "The program has none." } }
        @if rules.program.webhooks.len() <= PICTURED {
            figure.graph tabindex="0" aria-label="Models, their webhooks and who receives them" {
                (made(linked_svg(&graph, &|webhook| page.address.webhook(webhook))))
            }
        }
        @for model in &graph.models { (draw(&page, model)) }
    };
    Ok(page.draw(&about, &main))
}

fn draw(page: &Page, model: &ModelNode<'_>) -> Markup {
    html! {
        section.model aria-labelledby={ "model-" (model.name) } {
            h2 #{ "model-" (model.name) } {
                (Received(model.name)) " " span.quiet { (Received(model.label)) }
                @if page.scope.permits(SAVE) {
                    form method="post" action=(page.address.sample(model.name)) { button.quiet { "Save a sample " (Received(model.name)) } }
                }
            }
            @if model.webhooks.is_empty() { p.note { "No webhook looks at it." } } @else {
                ul.webhooks {
                    @for webhook in &model.webhooks {
                        li data-row=[page.scope.permits(WEBHOOK).then(|| page.address.webhook(webhook.name))] {
                            @if page.scope.permits(WEBHOOK) { a.event href=(page.address.webhook(webhook.name)) { (Received(webhook.name)) } } @else { span.event { (Received(webhook.name)) } }
                            " " span.quiet { (webhook.kind) " · " (webhook.on.join(", ")) }
                            @if !webhook.conditions.is_empty() { " " span.why { (Received(&webhook.conditions.join(" · "))) } }
                            span.to {
                                @for endpoint in &webhook.endpoints { " " span.arrow { "→" } " " (Received(endpoint)) }
                                @if webhook.endpoints.is_empty() { span.pill.wait { "nobody receives it" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
