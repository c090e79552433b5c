//! Two deliveries side by side: what differs in request and body, line by line.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};

use super::controls::DELIVERIES;
use super::delivery::find;
use super::json;
use super::outcome::state;
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::secrecy::is_sensitive;
use crate::access::may;
use crate::ids::DeliveryId;
use crate::server::access::Allowed;
use crate::server::request::parsed;
use crate::server::{App, confidential};
use crate::store::DeliveryRow;

/// How long the search for the shortest difference may take; then a longer one will do.
const PATIENCE: Duration = Duration::from_millis(200);
/// Bytes of a body that are compared.
const COMPARED: usize = 256 * 1024;
/// Lines that stay the same, around those that do not.
const AROUND: usize = 3;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Read>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let about = About { title: "Compare", tab: Tab::Deliveries, live: "", filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&about)) };
    let query = query.unwrap_or_default();
    let asked = |name: &'static str| url::form_urlencoded::parse(query.as_bytes()).filter(move |(key, _)| key == name);
    let ids: Vec<DeliveryId> = asked("of").map(|(_, id)| parsed(&id)).collect::<Result<_, _>>()?;
    let [first, second] = ids.as_slice() else {
        return Ok(page.draw(&about, &too_few(&page, ids.len())));
    };
    // Ids sort by time: the older one is what the newer one is compared with.
    let (old, new) = (find(&page, running, *first.min(second)).await?, find(&page, running, *first.max(second)).await?);
    let generation = running.ingest.generation();
    let revealed = asked("reveal").next().is_some();
    let hidden = !revealed && [&old, &new].iter().any(|row| is_sensitive(&generation.rules, &row.event, &row.model));
    let now = running.ingest.clock.now();
    let one = |row: &DeliveryRow| {
        html! {
            a href=(page.address.delivery(row.id)) { (Received(&row.event)) " " (Received(&row.model)) "/" bdi { (Received(&row.object)) } }
            " " (state(row, now)) " " (time(row.created_at, now))
        }
    };
    let main = html! {
        h1 { "Compare" }
        dl.facts { dt { del { "before" } } dd { (one(&old)) } dt { ins { "after" } } dd { (one(&new)) } }
        @if hidden {
            p.note {
                (Sentence("They are about a `sensitive` model: their contents are hidden. "))
                a href=(page.address.to("/diff", &[("of", &old.id.to_string()), ("of", &new.id.to_string()), ("reveal", "1")])) { "Show them" }
            }
        } @else {
            h2 { "Request" } (difference(&head(&old), &head(&new)))
            h2 { "Body" } (difference(&body(&old), &body(&new)))
        }
    };
    Ok(page.draw(&about, &main))
}

fn too_few(page: &Page, chosen: usize) -> Markup {
    html! {
        div.empty {
            h1 { "Compare" }
            p { (chosen) @if chosen == 1 { " delivery is" } @else { " deliveries are" } " chosen, expected two." }
            @if page.scope.permits(DELIVERIES) { p { a href=(page.address.to("/deliveries", &[])) { "Choose two deliveries" } } }
        }
    }
}

fn head(row: &DeliveryRow) -> String {
    let mut text = format!("{} {}\n", row.method, row.url.shown_url());
    let _infallible = writeln!(text, "content-type: {}", row.content_type.as_deref().unwrap_or("application/json"));
    for (name, value) in &row.headers {
        let _infallible = writeln!(text, "{name}: {}", confidential::rendered(name, value.masked()));
    }
    text
}

fn body(row: &DeliveryRow) -> String {
    let text = String::from_utf8_lossy(&row.body);
    json::lines(text.get(..text.floor_char_boundary(COMPARED.min(text.len()))).unwrap_or_default())
}

fn difference(old: &str, new: &str) -> Markup {
    if old == new {
        return html! { p.note { "The same in both." } };
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let groups = diff.grouped_ops(AROUND);
    html! {
        div.diff tabindex="0" {
            @for (index, group) in groups.iter().enumerate() {
                @if index > 0 { p.gap { "…" } }
                @for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                    @let text = change.value().trim_end_matches('\n');
                    @match change.tag() {
                        ChangeTag::Delete => { del.line { span.sign { "−" } code { (Received(text)) } } },
                        ChangeTag::Insert => { ins.line { span.sign { "+" } code { (Received(text)) } } },
                        ChangeTag::Equal => { span.line { span.sign { " " } code { (Received(text)) } } },
                    }
                }
            }
        }
    }
}
