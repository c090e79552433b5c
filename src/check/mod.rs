//! Whether the program may run: one file a check, named as its code. Makes [`Valid`], the only thing that a runtime accepts. What a
//! name refers to, and conditions that the resolution itself depends on, have been said in `program`.

mod about;
mod alerts;
mod duplicate_event_name;
mod event_name_not_a_name;
mod fires_on_every_save;
mod never_fires;
mod own_secrets;
mod subscriptions;
mod tenant_endpoint;
mod wants;
mod webhook_without_target;

pub use about::{is_about, path_of, path_to};
pub use alerts::{Alerts, OperationalEvent};
pub use own_secrets::{OwnSecret, is_written_out, own_secrets, own_url_secrets};
pub use tenant_endpoint::{Fit, TenantEndpoint, TenantEndpoints};
pub use wants::{ALL_EVENTS, Accepts, Fitted, Part, Wants};

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use subscriptions::World;

use crate::diagnostics::Diagnostics;
use crate::ids::ModelId;
use crate::program::{EndpointSource, Program, RuleGraph, Settings};
use crate::template::{Predicate, Request, Uses};

/// A value that has passed every check without an error. Can be had only from [`check`].
#[derive(Debug)]
pub struct Valid<T>(T);

impl<T> std::ops::Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The compiled rules: the data model with its rule graph, and every template typed.
#[derive(Debug)]
pub struct Rules {
    /// Models, webhooks, relations.
    pub program: Program,
    /// What templates read of the configuration.
    pub settings: Settings,
    /// The compiled `when` of each webhook that has one. Indexed by `WebhookId`.
    pub predicates: Vec<Option<Predicate>>,
    /// Every endpoint: those of the settings, then one for each `<request>` of the schema.
    pub endpoints: Vec<Arc<EndpointSource>>,
    /// Who receives each webhook, and its request as compiled for it. Indexed by `WebhookId`.
    pub subscriptions: Vec<Vec<Subscription>>,
    /// What alert endpoints are told, when there are any.
    pub alerts: Option<Alerts>,
    /// What templates of endpoints made by API read of the configuration: variables, and no secret, which are the operator's.
    tenant_settings: Settings,
    /// Tells these rules from any others.
    identity: Arc<()>,
    /// Made at the first save of each model: most programs are only checked. Indexed by `ModelId`.
    graphs: Vec<OnceLock<RuleGraph>>,
}

impl Rules {
    /// The rule graph of a model.
    ///
    /// # Panics
    /// When the id is of another program: ids never leave the program that made them.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an id is made only with its row")]
    pub fn graph(&self, model: ModelId) -> &RuleGraph {
        self.graphs[model.index()].get_or_init(|| RuleGraph::of(&self.program, model))
    }
}

/// An endpoint's interest in one webhook.
#[derive(Debug)]
pub struct Subscription {
    /// Index into [`Rules::endpoints`].
    pub endpoint: usize,
    /// The endpoint's request, typed against this webhook.
    pub request: Request,
}

/// Checks the program and compiles its templates. What comes back as an error is what there is of the rules when there is a mistake, also
/// one that came before: to look names up in, never to be run.
pub fn check(program: Program, settings: Settings, uses: Option<&Uses>, out: &mut Diagnostics) -> Result<Valid<Rules>, Box<Rules>> {
    duplicate_event_name::check(&program, out);
    event_name_not_a_name::check(&program, out);
    fires_on_every_save::check(&program, out);
    let endpoints = subscriptions::endpoints(&program, &settings);
    let subscribers = subscriptions::subscribers(&program, &endpoints, out);
    webhook_without_target::check(&program, &subscribers, out);
    let world = World { program: &program, settings: &settings, uses };
    let predicates = subscriptions::predicates(world, out);
    never_fires::check(&program, &settings, &predicates, out);
    let subscriptions = subscriptions::compile(world, &endpoints, &predicates, subscribers, out);
    let alerts = alerts::compile(&settings, &endpoints, out);
    let graphs = program.models.iter().map(|_| OnceLock::new()).collect();
    let tenant_settings = Settings { secrets: BTreeSet::new(), brokers: None, endpoints: Vec::new(), ..settings.clone() };
    let identity = Arc::new(());
    let rules = Rules { program, settings, predicates, endpoints, subscriptions, alerts, tenant_settings, identity, graphs };
    if out.has_errors() { Err(Box::new(rules)) } else { Ok(Valid(rules)) }
}
