//! One object: as it is, to be edited and saved again, and its last saves with everything that each webhook asked.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{self, SAVE};
use super::history::History;
use super::json;
use super::outcome::{delivery, note};
use super::page::{About, Failure, Page, Tab, time};
use super::received::{Received, Sentence};
use super::secrecy::is_sensitive_model;
use super::why::{Decided, tree, verdict};
use crate::access::may;
use crate::engine::read_trace;
use crate::generation::Generation;
use crate::ids::Sequence;
use crate::server::access::Allowed;
use crate::server::request::{Names, Parameters};
use crate::server::{App, Running};
use crate::store::{DeliveryFilter, DeliveryRow, ObjectRow, Page as Part, TraceRow};

/// Saves that are shown.
const SAVES: usize = 20;
/// Saves that are looked through for one that is asked for.
const TRACES: usize = 500;
/// Decisions of a save that are shown: it may be what a thousand other objects have waited for.
const DECISIONS: usize = 100;
/// Deliveries of these saves.
const DELIVERIES: usize = 200;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The save that is meant.
    at: Option<i64>,
    /// Shows what is hidden.
    reveal: Option<String>,
}

/// An edit that was refused, to be put right.
#[derive(Clone, Copy)]
pub(super) struct Refused<'a> {
    pub text: &'a str,
    pub why: &'a [String],
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Read>,
    Names((_, model, id)): Names<(String, String, String)>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    draw(&page, (&model, &id), &asked, None).await
}

impl Asked {
    pub(super) fn nothing() -> Self {
        Self { at: None, reveal: None }
    }
}

pub(super) async fn draw(page: &Page, about: (&str, &str), asked: &Asked, refused: Option<Refused<'_>>) -> Result<Response, Failure> {
    let (model, id) = about;
    let (title, live) = (format!("{model}/{id}"), format!("object {model}/{id}"));
    // What somebody is writing must not be replaced under his hands.
    let live = if refused.is_some() { "" } else { &live };
    let head = About { title: &title, tab: Tab::Saves, live, filter: "" };
    let Ok(running) = page.running() else { return Ok(page.waiting(&head)) };
    let store = &running.ingest.store;
    let object = store.object(&page.scope, model, id).await?;
    let mut traces = store.traces(&page.scope, model, id, TRACES).await?;
    let meant = asked.at.and_then(|at| traces.iter().position(|trace| trace.sequence.0 == at));
    // The one that is meant is shown however old it is.
    let shown = SAVES.max(meant.map_or(0, |at| at + 1));
    let more = traces.len() > shown;
    traces.truncate(shown);
    // Whoever may not look at deliveries sees none here either.
    let deliveries = if page.scope.permits(controls::DELIVERIES) { deliveries(page, running, about).await? } else { Vec::new() };
    let history = History::through(store, &page.scope, traces.first().map_or(Sequence(0), |trace| trace.sequence)).await?;
    let generation = running.ingest.generation();
    let program = &generation.rules.program;
    let hidden = asked.reveal.is_none() && program.model_named(model).is_none_or(|model| is_sensitive_model(program, model));
    let saves = Saves { page, running, generation: &generation, about, deliveries: &deliveries, history: &history, meant: asked.at };
    let main = html! {
        div.title data-current data-edit="#edit" data-back=(page.address.to("", &[])) {
            h1 { (Received(model)) "/" bdi { (Received(id)) } }
            @if let Some(object) = &object { span.quiet { "as of save " (object.sequence) } } @else { span.pill.wait { "not there" } }
        }
        section aria-labelledby="object" {
            h2 #object { "Object" }
            @if hidden { p.note { (Sentence("It is of a `sensitive` model: its fields are hidden. ")) a href="?reveal=1" { "Show them" } } }
            @else if page.scope.permits(SAVE) { (form(page, about, object.as_ref(), refused)) }
        }
        section aria-labelledby="saves" {
            h2 #saves { "Last saves" }
            @if traces.is_empty() { p.note { "None that is kept." } }
            @for trace in &traces { (saves.draw(trace)) }
            @if more { p.note { "There are more; see the " a href=(page.address.saves(&format!("object:{model}/{id}"))) { "list of saves" } "." } }
        }
    };
    Ok(page.draw(&head, &main))
}

/// The form alone, with its mistakes: for whoever may save the object, but not look at it.
pub(super) fn draw_refused(page: &Page, about: (&str, &str), refused: Refused<'_>) -> Response {
    let (model, id) = about;
    let head = About { title: &format!("{model}/{id}"), tab: Tab::Saves, live: "", filter: "" };
    let main = html! {
        div.title { h1 { (Received(model)) "/" bdi { (Received(id)) } } }
        section aria-labelledby="object" { h2 #object { "Object" } (form(page, about, None, Some(refused))) }
    };
    page.draw(&head, &main)
}

async fn deliveries(page: &Page, running: &Running, (model, id): (&str, &str)) -> Result<Vec<DeliveryRow>, Failure> {
    let filter = DeliveryFilter { model: Some(model.to_owned()), object: Some(id.to_owned()), ..DeliveryFilter::default() };
    Ok(running.ingest.store.deliveries(&page.scope, &filter, &Part { before: None, limit: DELIVERIES }).await?)
}

fn form(page: &Page, (model, id): (&str, &str), object: Option<&ObjectRow>, refused: Option<Refused<'_>>) -> Markup {
    let stored = object.map_or_else(|| "{}".to_owned(), |object| json::lines(&object.json));
    let text = refused.map_or(stored.as_str(), |refused| refused.text);
    let rows = text.lines().count().clamp(4, 24);
    html! {
        form.edit #edit method="post" action=(page.address.object(model, id)) {
            @if let Some(refused) = refused {
                ul.mistakes role="alert" { @for why in refused.why { li { (Sentence(why)) } } }
            }
            label for="fields" { "Fields, as JSON" }
            textarea #fields name="fields" rows=(rows) spellcheck="false" dir="auto" { (text) }
            p { button.primary { "Save" } " replaces the object; every webhook of " code { (Received(model)) } " decides anew." }
        }
    }
}

/// What the saves of an object are shown with.
struct Saves<'a> {
    page: &'a Page,
    running: &'a Running,
    generation: &'a Generation,
    about: (&'a str, &'a str),
    deliveries: &'a [DeliveryRow],
    history: &'a History,
    meant: Option<i64>,
}

impl Saves<'_> {
    fn draw(&self, trace: &TraceRow) -> Markup {
        let (model, id) = self.about;
        let now = self.running.ingest.clock.now();
        let entries = read_trace(&trace.decisions, model, id).unwrap_or_default();
        let meant = self.meant == Some(trace.sequence.0);
        html! {
            article.decided .meant[meant] #{ "s" (trace.sequence) } {
                h3 {
                    (time(trace.at, now)) " " span.operation { (Received(&trace.operation)) }
                    span.quiet { " save " (trace.sequence) @if let Some(program) = trace.program { " · program " (program.0) } }
                }
                @if let Some(note) = note(&trace.operation, !entries.is_empty()) { p.note { (note) } }
                @for (index, entry) in entries.iter().take(DECISIONS).enumerate() {
                    // Another object's, when it had waited for this one.
                    @let whose = (&*entry.model, &*entry.object);
                    details #{ "w" (trace.sequence) "-" (index) } open[meant || self.is_newest(trace)] {
                        summary {
                            (verdict(entry))
                            @if *entry.object != *id { " for " a href=(self.page.address.object(&entry.model, &entry.object)) { (Received(&entry.model)) "/" bdi { (Received(&entry.object)) } } }
                            @for row in self.deliveries.iter().filter(|row| row.sequence == trace.sequence && *row.event == *entry.webhook) {
                                " " (delivery(self.page, row, now))
                            }
                        }
                        (tree(Decided {
                            generation: self.generation,
                            same_program: trace.program == self.generation.origin.program,
                            operation: self.history.is_of(whose, trace.sequence).then_some(&*trace.operation),
                            around: self.history.around(self.generation, whose, trace.sequence).as_ref(),
                            entry,
                        }))
                    }
                }
                @if entries.len() > DECISIONS { p.note { "and " (entries.len() - DECISIONS) " more, each on the page of its object" } }
            }
        }
    }

    fn is_newest(&self, trace: &TraceRow) -> bool {
        self.meant.is_none() && self.history.recordings().last().is_none_or(|last| last.sequence <= trace.sequence)
    }
}
