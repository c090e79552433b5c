//! What an endpoint would send, rendered as it is when it is sent, about an object that the data model allows. Secrets stay names, and what
//! is written out in a header that holds credentials is not shown.

use maud::{Markup, html};

use super::written::Written;
use crate::check::Wants;
use crate::engine::{Moment, Rehearsal};
use crate::generation::Generation;
use crate::ids::{Sequence, WebhookId};
use crate::server::api::endpoints::rendered;
use crate::server::inspector::json::{colored, lines};
use crate::server::inspector::page::Page;
use crate::server::inspector::received::{Received, Sentence};
use crate::server::{Problem, Running, confidential};
use crate::template::Rendered;

/// Bytes of a body that are shown.
const SHOWN: usize = 16 * 1024;

/// The request, or why there is none to show. `wants` is what was written, if that has no mistake.
pub(super) fn draw(page: &Page, running: &Running, wants: Option<Wants>, written: &Written) -> Markup {
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    let events: Vec<(WebhookId, &str)> = wants
        .iter()
        .flat_map(|wants| {
            let webhooks = (0_u32..).zip(&program.webhooks).filter(|(_, webhook)| wants.includes(program, webhook));
            webhooks.map(|(index, webhook)| (WebhookId(index), &*webhook.name)).collect::<Vec<_>>()
        })
        .collect();
    let wanted = written.get("sample");
    let chosen = events.iter().find(|(_, name)| *name == wanted).or(events.first()).copied();
    html! {
        section.preview #preview data-said aria-labelledby="preview-title" {
            h2 #preview-title { "Preview" }
            @match (wants, chosen) {
                (None, _) => { p.note { "It is shown when nothing is wrong." } },
                (Some(_), None) => { p.note { "It receives no event type of the program in force." } },
                (Some(wants), Some((webhook, name))) => {
                    @if events.len() > 1 {
                        p.note {
                            label for="sample" { "Of the event type " }
                            select #sample name="sample" form="endpoint" {
                                @for (_, event) in &events { option value=(event) selected[*event == name] { (Received(event)) } }
                            }
                        }
                    }
                    @match request(page, running, &generation, wants, webhook) {
                        Ok(request) => (request),
                        Err(problem) => { p.mistakes { (Sentence(problem.detail())) } },
                    }
                }
            }
        }
    }
}

fn request(page: &Page, running: &Running, generation: &Generation, wants: Wants, webhook: WebhookId) -> Result<Markup, Problem> {
    let now = running.ingest.clock.now();
    let moment = Moment { tenant: page.scope.tenant().as_str(), own: None, sequence: Sequence::after(0, now.as_second()), now };
    let Rehearsal { payload, request } = rendered(generation, wants, webhook, moment)?;
    Ok(match request {
        Ok(Rendered { method, url, headers, body }) => {
            let (content_type, body) = body.unwrap_or_else(|| ("application/json".into(), payload));
            let headers: Vec<(Box<str>, String)> = headers.into_iter().map(|(name, value)| (name, value.masked())).collect();
            sent(&Request { method: &method, url: &url.shown_url(), headers: &headers, content_type: Some(&content_type), body: &body })
        }
        Err(error) => html! { p.mistakes { (Sentence(&format!("about this object it could not be rendered: {}", error.what))) } },
    })
}

/// A request to be shown, secrets by name.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(Box<str>, String)],
    pub(super) content_type: Option<&'a str>,
    pub(super) body: &'a [u8],
}

pub(super) fn sent(request: &Request<'_>) -> Markup {
    let text = String::from_utf8_lossy(request.body);
    let cut = text.char_indices().map(|(at, _)| at).find(|at| *at >= SHOWN);
    let shown = cut.and_then(|cut| text.get(..cut)).unwrap_or(&text);
    html! {
        p.breaks { strong { (request.method) } " " code { (Received(request.url)) } }
        table.headers {
            tbody {
                @if let Some(kind) = request.content_type { tr { th scope="row" { "content-type" } td { (Received(kind)) } } }
                @for (name, value) in request.headers {
                    tr { th scope="row" { (Received(name)) } td { (Received(&confidential::rendered(name, value.as_str()))) } }
                }
            }
        }
        pre.body tabindex="0" { (colored(&lines(shown))) @if cut.is_some() { "…" } }
    }
}
