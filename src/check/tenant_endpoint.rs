//! The endpoints that a tenant has made by API, beside those of the program: found by event type and object, and compiled for the rules in
//! force when they are first needed, so that neither a change of one nor a reload compiles the others. What no longer compiles is held.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustc_hash::FxHashMap;

use super::alerts::{self, OperationalEvent};
use super::wants::{Fitted, Part, Wants};
use super::{Rules, Valid};
use crate::diagnostics::{Diagnostics, Severity};
use crate::ids::{EndpointId, WebhookId};
use crate::program::{Program, Settings, Webhook};
use crate::template::{Request, Scope, When};

/// One endpoint of a tenant, the compiler's side.
#[derive(Debug)]
pub struct TenantEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its name.
    pub name: Box<str>,
    /// What it asks for.
    pub wants: Wants,
    compiled: Mutex<Compiled>,
}

/// What has been compiled so far, and for which rules.
#[derive(Debug, Default)]
struct Compiled {
    rules: Weak<()>,
    fits: Vec<(WebhookId, Arc<Fit>)>,
    /// Whether it is held, once that was asked for: lists ask it of each.
    held: Option<Held>,
}

/// Why an endpoint is held, if it is.
#[derive(Debug)]
struct Held(Option<Box<str>>);

impl Compiled {
    /// What is kept for these rules; nothing when others were in force before.
    fn by(&mut self, rules: &Rules) -> &mut Self {
        let identity = Arc::downgrade(&rules.identity);
        if !self.rules.ptr_eq(&identity) {
            *self = Self { rules: identity, ..Self::default() };
        }
        self
    }
}

/// What became of an endpoint by the rules in force, for one event type.
#[derive(Debug)]
pub enum Fit {
    /// It can be rendered.
    Ready(Fitted),
    /// It cannot: the first reason, one sentence.
    Held(String),
}

impl TenantEndpoint {
    /// Nothing is compiled yet.
    #[must_use]
    pub fn new(id: EndpointId, name: Box<str>, wants: Wants) -> Self {
        Self { id, name, wants, compiled: Mutex::default() }
    }

    /// It for this event type, compiled when that is asked for the first time.
    #[must_use]
    pub fn fit(&self, rules: &Rules, webhook: WebhookId) -> Arc<Fit> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = compiled.by(rules);
        if let Some((_, known)) = compiled.fits.iter().find(|(known, _)| *known == webhook) {
            return Arc::clone(known);
        }
        let mut found = Diagnostics::default();
        let fit = match self.wants.fit(rules, webhook, &mut found) {
            Some(fitted) => Fit::Ready(fitted),
            None => Fit::Held(first(&self.wants, &found)),
        };
        let fit = Arc::new(fit);
        compiled.fits.push((webhook, Arc::clone(&fit)));
        fit
    }

    /// Why it cannot receive all that it asks for by these rules, one sentence; `None` when it can.
    #[must_use]
    pub fn held(&self, rules: &Valid<Rules>) -> Option<String> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let held = compiled.by(rules).held.get_or_insert_with(|| {
            let found = self.wants.check(rules);
            Held(found.has_errors().then(|| first(&self.wants, &found).into()))
        });
        held.0.as_deref().map(str::to_owned)
    }

    /// Its request for an operational event, and the data model that the event is about.
    #[must_use]
    pub fn alert(&self, event: OperationalEvent) -> Option<Request> {
        let program = alerts::program();
        let settings = Settings::default();
        let scope = Scope { program, webhook: program.webhook(event.webhook()), settings: &settings, when: When::Absent, uses: None };
        self.wants.fit_alone(scope, &mut Diagnostics::default())
    }
}

/// The first error, with the text that it is about.
fn first(wants: &Wants, found: &Diagnostics) -> String {
    let Some(error) = found.iter().find(|found| found.severity() == Severity::Error) else {
        return "its templates do not compile".to_owned();
    };
    let what = match Part::of(error.primary.span.file) {
        Part::EventType(_) => "event types",
        Part::Model => "scope",
        Part::Url => "URL",
        Part::HeaderName(index) | Part::HeaderValue(index) => {
            return format!("header `{}`: {}", wants.text(Part::HeaderName(index)), error.message);
        }
        Part::ContentType | Part::Body => "body",
        Part::Path(_) => "conditions",
    };
    format!("{what}: {}", error.message)
}

/// Endpoints by the id of the object that they are limited to.
type ByObject = FxHashMap<Box<str>, Vec<Arc<TenantEndpoint>>>;

/// The enabled endpoints of one tenant. A change makes another table that shares what has not changed.
#[derive(Clone, Debug, Default)]
pub struct TenantEndpoints {
    /// By event type (`*` too), of any object.
    by_event: FxHashMap<Box<str>, Arc<Vec<Arc<TenantEndpoint>>>>,
    /// By event type and the id of the object that they are limited to.
    by_object: FxHashMap<Box<str>, ByObject>,
}

impl TenantEndpoints {
    /// Those that ask for an event about an object, by name and id alone. Each once.
    pub fn subscribed<'a>(&'a self, event: &'a str, object: &'a str) -> impl Iterator<Item = &'a Arc<TenantEndpoint>> {
        [event, super::ALL_EVENTS].into_iter().flat_map(move |name| {
            let any = self.by_event.get(name).map_or(&[][..], |list| list.as_slice());
            let own = self.by_object.get(name).and_then(|objects| objects.get(object)).map_or(&[][..], Vec::as_slice);
            any.iter().chain(own)
        })
    }

    /// Those that receive a webhook, about whatever object. Each once.
    pub fn takers<'a>(&'a self, program: &'a Program, webhook: &'a Webhook) -> impl Iterator<Item = &'a Arc<TenantEndpoint>> {
        let names = [&*webhook.name, super::ALL_EVENTS];
        let any = names.into_iter().filter_map(|name| self.by_event.get(name)).flat_map(|list| list.iter());
        let own = names.into_iter().filter_map(|name| self.by_object.get(name)).flat_map(|objects| objects.values().flatten());
        any.chain(own).filter(|endpoint| endpoint.wants.includes(program, webhook))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_event.is_empty() && self.by_object.is_empty()
    }

    /// Adds one, which must not be there.
    pub fn insert(&mut self, endpoint: &Arc<TenantEndpoint>) {
        for name in names(&endpoint.wants) {
            match &endpoint.wants.object {
                None => Arc::make_mut(self.by_event.entry(name.into()).or_default()).push(Arc::clone(endpoint)),
                Some(object) => {
                    self.by_object.entry(name.into()).or_default().entry(object.clone()).or_default().push(Arc::clone(endpoint));
                }
            }
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, endpoint: &TenantEndpoint) {
        let others = |other: &Arc<TenantEndpoint>| other.id != endpoint.id;
        for name in names(&endpoint.wants) {
            if let Some(list) = self.by_event.get_mut(name) {
                Arc::make_mut(list).retain(others);
                if list.is_empty() {
                    self.by_event.remove(name);
                }
            }
            if let Some(objects) = self.by_object.get_mut(name)
                && let Some(object) = &endpoint.wants.object
                && let Some(list) = objects.get_mut(object)
            {
                list.retain(others);
                if list.is_empty() {
                    objects.remove(object);
                }
                if objects.is_empty() {
                    self.by_object.remove(name);
                }
            }
        }
    }
}

/// The names that it is found by: `*` alone when it is among them, and none twice.
fn names(wants: &Wants) -> Vec<&str> {
    if wants.all_events() {
        return vec![super::ALL_EVENTS];
    }
    let mut names: Vec<&str> = wants.event_types.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.dedup();
    names
}
