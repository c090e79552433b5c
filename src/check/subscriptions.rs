//! Who receives which webhook, and the templates that come of it: each endpoint's request is compiled once for every webhook it gets,
//! because its types depend on the webhook's model, conditions and embeds.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Subscription;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, suggestion};
use crate::ids::EndpointId;
use crate::program::{EndpointSource, Events, Program, Settings};
use crate::template::{Predicate, Request, Scope, Uses, When};
use crate::text::Spanned;

/// For each webhook the indexes of the endpoints that receive it, ascending.
pub(super) type Subscribers = Vec<Vec<usize>>;

/// The endpoints of the settings, then one for each `<request>` of the schema.
pub(super) fn endpoints(program: &Program, settings: &Settings) -> Vec<Arc<EndpointSource>> {
    let requests = program.webhooks.iter().filter_map(|webhook| {
        let request = webhook.request.as_ref()?;
        Some(Arc::new(EndpointSource {
            id: EndpointId::new(format!("ep_request_{}", webhook.name)),
            name: Spanned::new(webhook.name.clone(), webhook.span),
            events: Events::Named(vec![Spanned::new(webhook.name.clone(), webhook.span)]),
            request: request.clone(),
            enabled: true,
            takes_alerts: false,
        }))
    });
    settings.endpoints.iter().cloned().chain(requests).collect()
}

/// Matches endpoints with webhooks. An endpoint that names an event which does not exist is reported.
pub(super) fn subscribers(program: &Program, endpoints: &[Arc<EndpointSource>], out: &mut Diagnostics) -> Subscribers {
    let mut subscribers: Subscribers = vec![Vec::new(); program.webhooks.len()];
    let mut by_receiver: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (index, webhook) in program.webhooks.iter().enumerate() {
        if let Some(receiver) = &webhook.receiver {
            by_receiver.entry(receiver).or_default().push(index);
        }
    }
    let mut subscribe = |webhook: usize, endpoint: usize, enabled: bool| {
        if enabled
            && let Some(subscribed) = subscribers.get_mut(webhook)
            && subscribed.last() != Some(&endpoint)
        {
            subscribed.push(endpoint);
        }
    };
    for (endpoint, source) in endpoints.iter().enumerate() {
        match &source.events {
            Events::All => (0..program.webhooks.len()).for_each(|webhook| subscribe(webhook, endpoint, source.enabled)),
            Events::Named(names) => {
                for name in names {
                    match program.webhook_named(&name.value) {
                        Some(webhook) => subscribe(webhook.index(), endpoint, source.enabled),
                        None => out.push(unknown_event(program, name)),
                    }
                }
            }
            Events::Receiver(receiver) => {
                by_receiver.get(&**receiver).into_iter().flatten().for_each(|&webhook| subscribe(webhook, endpoint, source.enabled));
            }
            Events::Unclaimed => {}
        }
    }
    for (endpoint, _) in endpoints.iter().enumerate().filter(|(_, source)| matches!(source.events, Events::Unclaimed)) {
        subscribers.iter_mut().filter(|subscribed| subscribed.is_empty()).for_each(|subscribed| subscribed.push(endpoint));
    }
    subscribers
}

fn unknown_event(program: &Program, name: &Spanned<Box<str>>) -> Diagnostic {
    let message = format!("there is no webhook `{}`", name.value);
    let diagnostic = Diagnostic::new(Code::UnknownReference, name.span, message);
    match suggestion(&name.value, program.webhooks.iter().map(|webhook| &*webhook.name)) {
        Some(near) => {
            let fix = Fix::replace(format!("rename to `{near}`"), name.span, near);
            diagnostic.help(format!("did you mean `{near}`?")).fix(fix)
        }
        None => diagnostic.help("an endpoint subscribes to the names of webhooks, or to `*`"),
    }
}

/// What templates are compiled against.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub program: &'a Program,
    pub settings: &'a Settings,
    pub uses: Option<&'a Uses>,
}

/// Compiles the `when` of every webhook that has one.
pub(super) fn predicates(world: World<'_>, out: &mut Diagnostics) -> Vec<Option<Predicate>> {
    let World { program, settings, uses } = world;
    let compile = |webhook| Scope { program, webhook, settings, when: When::Absent, uses };
    program.webhooks.iter().map(|webhook| Predicate::compile(webhook.when.as_ref()?, compile(webhook), out)).collect()
}

/// Compiles every endpoint's request for every webhook it receives.
pub(super) fn compile(
    world: World<'_>,
    endpoints: &[Arc<EndpointSource>],
    predicates: &[Option<Predicate>],
    subscribers: Subscribers,
    out: &mut Diagnostics,
) -> Vec<Vec<Subscription>> {
    let World { program, settings, uses } = world;
    let mut subscriptions = Vec::with_capacity(subscribers.len());
    for ((webhook, predicate), subscribed) in program.webhooks.iter().zip(predicates).zip(subscribers) {
        let when = match predicate {
            Some(predicate) => When::True(predicate.promises()),
            None if webhook.has_when => When::Unreadable,
            None => When::Absent,
        };
        let compiled = subscribed.into_iter().filter_map(|endpoint| {
            let scope = Scope { program, webhook, settings, when, uses };
            let request = Request::compile(&endpoints.get(endpoint)?.request, scope, out)?;
            Some(Subscription { endpoint, request })
        });
        let mut compiled: Vec<Subscription> = compiled.collect();
        // There may be very many.
        compiled.shrink_to_fit();
        subscriptions.push(compiled);
    }
    subscriptions
}
