//! Operational events: what an alert endpoint is told, as a small data model of our own. So its templates are typed against that model as
//! any other, and its payload has the form of any other: the object is the endpoint that is in trouble.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::diagnostics::Diagnostics;
use crate::ids::{EndpointId, ModelId, WebhookId};
use crate::program::{Context, EndpointSource, Program, Settings, resolve};
use crate::template::{Request, Scope, When};
use crate::text::SourceMap;
use crate::{schema, syntax};

/// The data model of endpoints.
const MODEL: &str = include_str!("alerts.xml");

/// An operational event. No webhook of a user can be called as one: a name has no dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationalEvent {
    /// A delivery was diverted.
    DeliveryDiverted,
    /// A delivery has failed for good.
    DeliveryFailed,
    /// The endpoint was suspended.
    EndpointSuspended,
    /// The endpoint took a delivery again.
    EndpointRecovered,
}

impl OperationalEvent {
    /// All of them, in the order of the model.
    pub const ALL: [Self; 4] = [Self::DeliveryDiverted, Self::DeliveryFailed, Self::EndpointSuspended, Self::EndpointRecovered];

    /// The event type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryDiverted => "delivery.diverted",
            Self::DeliveryFailed => "delivery.failed",
            Self::EndpointSuspended => "endpoint.suspended",
            Self::EndpointRecovered => "endpoint.recovered",
        }
    }

    /// The event of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// Its place in [`Alerts::program`].
    #[must_use]
    pub fn webhook(self) -> WebhookId {
        WebhookId(match self {
            Self::DeliveryDiverted => 0,
            Self::DeliveryFailed => 1,
            Self::EndpointSuspended => 2,
            Self::EndpointRecovered => 3,
        })
    }
}

/// What alert endpoints are told, and how.
#[derive(Debug)]
pub struct Alerts {
    /// The request of each alert endpoint for each event, in their order.
    requests: BTreeMap<EndpointId, Vec<Request>>,
}

impl Alerts {
    /// The model of endpoints.
    pub const ENDPOINT: ModelId = ModelId(0);

    /// The data model of endpoints with a webhook for each operational event.
    #[must_use]
    pub fn program() -> &'static Program {
        program()
    }

    /// The request that tells an alert endpoint of an event.
    #[must_use]
    pub fn request(&self, endpoint: &EndpointId, event: OperationalEvent) -> Option<&Request> {
        self.requests.get(endpoint)?.get(event.webhook().index())
    }
}

/// Compiles the requests of alert endpoints; `None` when there is no such endpoint.
pub(super) fn compile(settings: &Settings, endpoints: &[Arc<EndpointSource>], out: &mut Diagnostics) -> Option<Alerts> {
    let mut taking = endpoints.iter().filter(|endpoint| endpoint.takes_alerts).peekable();
    taking.peek()?;
    let program = program();
    let mut requests = BTreeMap::new();
    for endpoint in taking {
        let mut compiled = Vec::with_capacity(OperationalEvent::ALL.len());
        for event in OperationalEvent::ALL {
            let scope = Scope { program, webhook: program.webhook(event.webhook()), settings, when: When::Absent, uses: None };
            compiled.extend(Request::compile(&endpoint.request, scope, out));
        }
        requests.insert(endpoint.id.clone(), compiled);
    }
    Some(Alerts { requests })
}

/// The data model with its webhooks under the names of their events.
pub(super) fn program() -> &'static Program {
    static PROGRAM: LazyLock<Program> = LazyLock::new(resolved);
    &PROGRAM
}

fn resolved() -> Program {
    let mut found = Diagnostics::default();
    let mut sources = SourceMap::default();
    let file = sources.add("operational events", MODEL.as_bytes().to_vec());
    let tree = syntax::parse(file, sources.file(file), &mut found);
    let schema = schema::declare(&tree, None, &mut found);
    let context = Context { sources: &sources, templates: &[], settings: &Settings::default() };
    let mut program = resolve(&[schema], context, &mut found);
    debug_assert!(!found.has_errors(), "our own data model compiles: {found:?}");
    for (webhook, event) in program.webhooks.iter_mut().zip(OperationalEvent::ALL) {
        webhook.name = event.as_str().into();
    }
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_stands_at_its_place_in_the_model() {
        let program = program();
        assert_eq!(program.webhooks.len(), OperationalEvent::ALL.len());
        assert_eq!(&*program.model(Alerts::ENDPOINT).name, "endpoint");
        for event in OperationalEvent::ALL {
            assert_eq!(&*program.webhook(event.webhook()).name, event.as_str());
            assert_eq!(OperationalEvent::named(event.as_str()), Some(event));
        }
        assert_eq!(OperationalEvent::named("endpoint_suspended"), None);
    }
}
