//! The endpoints of a tenant: those that everybody has, then its own, a part at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::may;
use crate::server::access::Allowed;
use crate::server::api::endpoints::{EndpointView, Part, find};
use crate::server::inspector::controls::{CHANGE, WEBHOOK};
use crate::server::inspector::page::{About, Failure, Page, Tab};
use crate::server::inspector::received::{Received, Sentence};
use crate::server::request::{Parameters, different};
use crate::server::{App, Problem};
use crate::store::OwnFilter;

/// Endpoints on a page.
const PAGE: usize = 50;
/// The states by which a list can be narrowed.
const STATES: [&str; 3] = ["active", "suspended", "disabled"];

#[derive(Deserialize)]
pub(in crate::server::inspector) struct Asked {
    /// `event:asset_ready`, `active`, `suspended`, `disabled`; anything else is a name.
    #[serde(default)]
    q: String,
    cursor: Option<String>,
}

pub(in crate::server::inspector) async fn list(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Webhooks, may::List>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Endpoints", tab: Tab::Endpoints, live: "rules", filter: &asked.q };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let filter = read(&asked.q)?;
    let part = Part { cursor: asked.cursor.as_deref(), skip: 0, most: PAGE };
    let (endpoints, next) = find(running, &page.scope, &filter, part).await?;
    let address = &page.address;
    let narrowed = |word: &str| address.to("/endpoints", &[("q", word)]);
    let main = html! {
        h1.unseen { "Endpoints" }
        div.tools {
            nav.states aria-label="States" {
                a href=(narrowed("")) aria-current=[asked.q.is_empty().then_some("true")] { "all" }
                @for state in STATES { a href=(narrowed(state)) aria-current=[(asked.q == state).then_some("true")] { (state) } }
            }
            @if page.scope.permits(CHANGE) { a.button.primary href=(address.to("/endpoints/new", &[])) { "New endpoint" } }
        }
        @if endpoints.is_empty() { (empty(&page, &asked)) } @else {
            table.endpoints {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "State" } th scope="col" { "Event types" } th.wide scope="col" { "Request" } th.wide scope="col" { "From" }
                } }
                tbody { @for endpoint in &endpoints { (row(&page, endpoint)) } }
            }
        }
        nav.turning aria-label="Parts of the list" {
            @if asked.cursor.is_some() { a href=(narrowed(&asked.q)) { "First" } }
            @if let Some(next) = next { a rel="next" href=(address.to("/endpoints", &[("q", &asked.q), ("cursor", &next)])) { "More" } }
        }
    };
    Ok(page.draw(&about, &main))
}

fn read(written: &str) -> Result<OwnFilter, Problem> {
    let mut filter = OwnFilter::default();
    let (mut name, mut events) = (Vec::new(), Vec::new());
    for word in written.split_whitespace() {
        match word {
            "active" => filter.active = Some(true),
            "suspended" => filter.suspended = Some(true),
            "disabled" => filter.enabled = Some(false),
            word => match word.split_once(':') {
                Some(("event", event)) if !event.is_empty() => events.push(event),
                Some(("name", rest)) => name.push(rest),
                Some(_) | None => name.push(word),
            },
        }
    }
    filter.name = (!name.is_empty()).then(|| name.join(" "));
    filter.event_types = different("`event:`", events)?;
    Ok(filter)
}

fn row(page: &Page, endpoint: &EndpointView) -> Markup {
    let link = page.address.endpoint(&endpoint.id);
    html! {
        tr #(endpoint.id) data-row=[page.scope.permits(WEBHOOK).then_some(&link)] {
            td { (page.link(WEBHOOK, &link, &html! { (Received(&endpoint.name)) })) }
            td { (state(endpoint)) }
            td { @if endpoint.all_events { "all" } @else { (few(endpoint.named())) } }
            td.wide.url { (Received(&endpoint.method)) " " (Received(&endpoint.url)) }
            td.wide { (origin(endpoint)) }
        }
    }
}

/// The first names, and how many more there are.
fn few(names: &[Box<str>]) -> Markup {
    html! {
        @for (index, name) in names.iter().take(3).enumerate() { @if index > 0 { ", " } (Received(name)) }
        @if names.len() > 3 { span.quiet { " and " (names.len() - 3) " more" } }
    }
}

/// Whether something is sent to it: a colour and always words.
pub(super) fn state(endpoint: &EndpointView) -> Markup {
    let held = endpoint.held.as_deref();
    html! {
        @match (endpoint.enabled, &endpoint.suspended, held) {
            (false, ..) => { span.pill.wait { "disabled" } },
            (true, Some(suspended), _) => { span.pill.bad title=(suspended.why) { "suspended" } },
            (true, None, Some(why)) => { span.pill.bad title=(why) { "held" } },
            (true, None, None) => { span.pill.ok { "active" } },
        }
    }
}

/// Where it is written.
pub(super) fn origin(endpoint: &EndpointView) -> Markup {
    html! {
        @match endpoint.origin {
            "api" => { "here" },
            "schema" => { "the schema" },
            file => { (file) },
        }
    }
}

fn empty(page: &Page, asked: &Asked) -> Markup {
    html! {
        div.empty {
            @if asked.q.is_empty() {
                h2 { "There is no endpoint yet" }
                p { "An endpoint says where webhooks are sent, and how." }
                @if page.scope.permits(CHANGE) { p { a.button.primary href=(page.address.to("/endpoints/new", &[])) { "New endpoint" } } }
            } @else {
                h2 { "No endpoint fits the filter" }
                p { (Sentence("A filter is a whole name, `event:asset_ready`, `active`, `suspended` or `disabled`.")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_so_many_event_types_and_repeated_ones_count_once() {
        let many = |count: usize| read(&(0..2 * count).map(|number| format!("event:e{}", number % count)).collect::<Vec<_>>().join(" "));
        assert_eq!(many(64).map(|filter| filter.event_types.len()).ok(), Some(64));
        let refused = many(600).map_err(|problem| problem.detail().to_owned());
        assert_eq!(refused.err().as_deref(), Some("`event:` has 600 different words, expected at most 64"));
    }
}
