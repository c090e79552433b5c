//! The rules: a picture of models, webhooks and endpoints in which every webhook is a link, and the same as a list.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::controls::{SAVE, WEBHOOK};
use super::page::{About, Failure, Page, Tab};
use super::received::{Received, made, named};
use crate::access::may;
use crate::check::Rules;
use crate::graph::{ModelNode, graph, svg_for_page};
use crate::server::App;
use crate::server::access::Allowed;

/// Webhooks that a picture is of use for; the list has all of them.
const PICTURED: usize = 200;
/// Endpoints of a webhook that are named in a line of the list; its page has more of them.
const NAMED: usize = 10;

pub(super) async fn list(State(app): State<Arc<App>>, allowed: Allowed<may::Webhooks, may::List>) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Webhooks", tab: Tab::Webhooks, live: "rules", filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let generation = running.ingest.generation();
    let rules: &Rules = &generation.rules;
    let own = generation.own.of_tenant(page.scope.tenant());
    let graph = match &own {
        Some(own) => graph(rules).with_own(rules, own),
        None => graph(rules),
    };
    let link: &dyn Fn(&str) -> String = &|webhook| page.address.webhook(webhook);
    let main = html! {
        h1 { "Webhooks" }
        @if rules.program.webhooks.is_empty() { p.note { "The program has none." } }
        @if rules.program.webhooks.len() <= PICTURED {
            figure.graph tabindex="0" aria-label="Models, their webhooks and who receives them" {
                (made(svg_for_page(&graph, page.scope.permits(WEBHOOK).then_some(link))))
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
                                @for endpoint in webhook.endpoints.iter().take(NAMED) { " " span.arrow { "→" } " " (named(endpoint)) }
                                @let others = webhook.others + webhook.endpoints.len().saturating_sub(NAMED);
                                @if others > 0 { span.quiet { " and " (others) " more" } }
                                @else if webhook.endpoints.is_empty() { " " span.pill.wait { "nobody receives it" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
