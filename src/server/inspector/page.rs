//! What all pages have: the head, the bar with its links and the search field, what is wrong with the files, and the list of keys.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use super::address::Address;
use super::controls::{DELIVERIES, DIVERTED, NODE, OBJECTS, SAVE, WEBHOOKS};
use super::received::{Sentence, named};
use super::{Inspector, assets, bar, overlay};
use crate::access::{Actor, Permission, TenantScope};
use crate::ids::{DEFAULT_TENANT, EndpointId};
use crate::server::{App, Problem, Running};
use crate::store::StoreError;

/// A day, after which a time alone says too little. Seconds.
const DAY: i64 = 24 * 3600;
/// What the keys do.
const KEYS: [(&str, &str); 10] = [
    ("j k", "next, previous"),
    ("Enter", "open"),
    ("u", "back to the list"),
    ("/", "search"),
    ("r", "send the delivery again"),
    ("e", "edit the object and save it again, or the endpoint"),
    ("d", "compare: mark one delivery, then another"),
    ("g s · g d · g v", "saves, deliveries, what was diverted"),
    ("g e · g w · g n", "endpoints, webhooks, the node"),
    ("?", "this list"),
];

/// A page of a tenant, to be filled.
pub(super) struct Page {
    pub(super) app: Arc<App>,
    /// Whose, and that whoever asks may look.
    pub(super) scope: TenantScope,
    pub(super) address: Address,
    /// The last event before anything of it was looked up, as events are named.
    since: Option<String>,
}

/// What a page says of itself.
pub(super) struct About<'a> {
    pub(super) title: &'a str,
    pub(super) tab: Tab,
    /// What brings it up to date: `saves`, `deliveries`, or one of them by name.
    pub(super) live: &'a str,
    /// What is written in the search field.
    pub(super) filter: &'a str,
}

/// Where a page belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Saves,
    Deliveries,
    Diverted,
    Webhooks,
    Endpoints,
}

impl Page {
    pub(super) fn open(app: Arc<App>, scope: TenantScope) -> Self {
        let address = Address::of(scope.tenant());
        let since = app.options.inspector.as_ref().map(Inspector::last_event);
        Self { app, scope, address, since }
    }

    pub(super) fn running(&self) -> Result<&Running, Problem> {
        self.app.running()
    }

    pub(super) fn inspector(&self) -> Result<&Inspector, Problem> {
        self.app.options.inspector.as_ref().ok_or_else(|| Problem::not_found("unknown-path", "this node has no inspector"))
    }

    /// The name of an endpoint that is known by its id; of one that is gone, what is left.
    pub(super) fn endpoint(&self, id: &EndpointId) -> Markup {
        let own = self.running().ok().and_then(|running| running.ingest.generation().own.endpoint(id));
        let own = own.filter(|own| own.tenant == *self.scope.tenant());
        let name = own.as_ref().map_or_else(|| id.as_str().strip_prefix("ep_").unwrap_or(id.as_str()), |own| &own.endpoint.name);
        named(name)
    }

    /// A link, where whoever looks may follow it; otherwise its words alone.
    pub(super) fn link(&self, needed: Permission, to: &str, shown: &Markup) -> Markup {
        html! { @if self.scope.permits(needed) { a href=(to) { (shown) } } @else { (shown) } }
    }

    /// Where something leads, for whoever may follow it.
    pub(super) fn where_allowed(&self, needed: Permission, to: String) -> Option<String> {
        self.scope.permits(needed).then_some(to)
    }

    /// Where an object is edited, for whoever may look at it and save it.
    pub(super) fn edits(&self, model: &str, id: &str) -> Option<String> {
        self.where_allowed(OBJECTS, self.address.object(model, id)).filter(|_| self.scope.permits(SAVE))
    }

    /// The first of these that may be looked at; where none may, where everybody begins.
    pub(super) fn first_of<const COUNT: usize>(&self, places: [(Permission, String); COUNT]) -> String {
        let allowed = places.into_iter().find(|(needed, _)| self.scope.permits(*needed));
        allowed.map_or_else(|| "/".to_owned(), |(_, place)| place)
    }

    /// Goes on there.
    pub(super) fn go_on<const COUNT: usize>(&self, places: [(Permission, String); COUNT]) -> Response {
        Redirect::to(&self.first_of(places)).into_response()
    }

    /// The whole page.
    pub(super) fn draw(&self, about: &About<'_>, main: &Markup) -> Response {
        let inspector = self.inspector().ok().filter(|_| self.scope.permits(NODE));
        let rejection = inspector.and_then(|inspector| inspector.rejected.load_full());
        let of_tenant = if self.scope.tenant().as_str() == DEFAULT_TENANT { String::new() } else { format!(" · {}", self.scope.tenant()) };
        let page = whole(
            &format!("{}{of_tenant} · webhookc", about.title),
            &html! {
                body data-base=(self.address.to("", &[])) data-events=[self.events()] data-live=(about.live) {
                    a.skip href="#main" { "Skip to the content" }
                    header.bar {
                        (bar::navigation(self, about.tab))
                        (self.search(about))
                        (self.standing())
                        (bar::leaving(self.scope.by()))
                    }
                    div #overlay { @if let Some(rejection) = rejection { (overlay::draw(&rejection)) } }
                    main #main tabindex="-1" { (main) }
                    p #said .unseen role="status" aria-live="polite" {}
                    (keys())
                }
            },
        );
        answer(StatusCode::OK, page)
    }

    /// The page while there is no program to show anything of.
    pub(super) fn waiting(&self, about: &About<'_>) -> Response {
        self.draw(
            about,
            &html! {
                div.empty {
                    h1 { "Waiting for a program" }
                    p { "The files make none yet. When they do, this page goes on by itself." }
                }
            },
        )
    }

    /// Whether signing secrets may be asked for: by whoever works on his own machine. Whoever signs in can only have a new one made.
    pub(super) fn shows_secrets(&self) -> bool {
        match self.scope.by() {
            Actor::Anybody => self.app.options.dev,
            Actor::Key(_) | Actor::Operator => false,
        }
    }

    /// Where news come from, for whoever may hear them.
    fn events(&self) -> Option<String> {
        let heard = self.scope.permits(DELIVERIES);
        heard.then(|| self.address.to("/events", &[("after", self.since.as_deref().unwrap_or_default())]))
    }

    fn search(&self, about: &About<'_>) -> Markup {
        let (needed, path, hint) = match about.tab {
            Tab::Saves | Tab::Webhooks => (OBJECTS, "", "object:a1  event:asset_ready"),
            Tab::Endpoints => (WEBHOOKS, "/endpoints", "its name  event:…  suspended"),
            Tab::Diverted => (DIVERTED, "/diverted", "event:…  endpoint:…  object:…"),
            Tab::Deliveries => (DELIVERIES, "/deliveries", "status:>=400  event:…  any text"),
        };
        html! {
            @if let Some(list) = self.where_allowed(needed, self.address.to(path, &[])) {
                form.search role="search" action=(list) {
                    input #search type="search" name="q" value=(about.filter) placeholder=(hint) aria-label="Filter and search" autocomplete="off" spellcheck="false";
                }
            }
        }
    }

    /// Which program is in force, and whether the page is live.
    fn standing(&self) -> Markup {
        let origin = self.running().ok().map(|running| running.ingest.generation().origin.clone());
        let program = origin.as_ref().and_then(|origin| origin.program.zip(origin.since));
        html! {
            span #program .program {
                @if let Some((program, since)) = program {
                    span title={ "in force at this store since " (since) } { "program " (program.0) }
                }
            }
            span #connection .connection {}
            button #keys-button .quiet type="button" aria-haspopup="dialog" hidden { span aria-hidden="true" { "?" } span.unseen { "Keys" } }
        }
    }
}

/// Why there is no page, as a page.
pub(super) struct Failure(Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let page = whole(
            &format!("{} · webhookc", problem.title()),
            &html! {
                body {
                    header.bar { a.brand href="/" { "webhookc" } }
                    main #main {
                        div.empty role="alert" {
                            h1 { (problem.title()) }
                            p { (Sentence(problem.detail())) }
                            @if let Some(help) = problem.advice() { p.note { (Sentence(help)) } }
                            p { a href="/" { "To the first page" } }
                        }
                    }
                }
            },
        );
        answer(problem.status(), page)
    }
}

pub(super) fn whole(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" { (head(title)) (body) }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) }
            link rel="stylesheet" href=(assets::address("inspector.css"));
            link rel="icon" href=(assets::address("icon.svg")) type="image/svg+xml";
            script type="module" src=(assets::address("inspector.js")) {}
        }
    }
}

fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys { @for (key, meaning) in KEYS { dt { kbd { (key) } } dd { (meaning) } } }
            form method="dialog" { button { "Close" } }
        }
    }
}

pub(super) fn answer(status: StatusCode, page: Markup) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

/// A time as people read it: with its date when it is another day's.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    let local = at.to_zoned(TimeZone::system());
    let recent = now.as_second().saturating_sub(at.as_second()).abs() < DAY && local.date() == now.to_zoned(TimeZone::system()).date();
    let text = local.strftime(if recent { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string();
    html! { time datetime=(at.to_string()) title=(at.to_string()) { (text) } }
}
