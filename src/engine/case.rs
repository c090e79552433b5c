//! What is to be decided: one webhook for one object, and what all decisions of one save share.

use std::sync::Arc;

use crate::check::{Fit, Rules, TenantEndpoint};
use crate::engine::moment::Moment;
use crate::ids::WebhookId;
use crate::program::{Operation, Record, Webhook, WebhookType};
use crate::template::{Data, Predicate, RenderError, Rendered, Snapshot, Watch};

/// A webhook that is to be decided for an object.
#[derive(Clone, Debug)]
pub(super) struct Case<'a> {
    pub(super) id: WebhookId,
    pub(super) webhook: &'a Webhook,
    /// For a delete, as it last was.
    pub(super) object: Arc<Record>,
    pub(super) previous: Option<Arc<Record>>,
    pub(super) operation: Operation,
    /// Whether an earlier save made it, and it waited until now.
    pub(super) waited: bool,
}

/// A request to an endpoint that a tenant has made, or why it cannot be sent.
pub(super) type OwnRequest = (Arc<TenantEndpoint>, Result<Rendered, RenderError>);

/// What all decisions of one save share.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) rules: &'a Rules,
    pub(super) moment: Moment<'a>,
    /// `moment.now` in the form of payloads.
    pub(super) timestamp: &'a str,
    /// Is told which way each branch of a template goes.
    pub(super) watch: Option<&'a Watch>,
}

impl<'a> Circumstances<'a> {
    /// What templates see of a case.
    pub(super) fn data(self, case: &'a Case<'a>, object: &'a Snapshot) -> Data<'a> {
        Data {
            program: &self.rules.program,
            webhook: case.webhook,
            settings: &self.rules.settings,
            object,
            previous: case.previous.as_deref(),
            operation: case.operation,
            sequence: self.moment.sequence,
            tenant: self.moment.tenant,
            timestamp: self.timestamp,
            watch: self.watch,
        }
    }

    /// Whether an endpoint of the program receives it.
    pub(super) fn is_subscribed(self, id: WebhookId) -> bool {
        self.rules.subscriptions.get(id.index()).is_some_and(|subscriptions| !subscriptions.is_empty())
    }

    /// The endpoints of the tenant that ask for it, whatever their conditions.
    pub(super) fn own(self, case: &'a Case<'a>) -> impl Iterator<Item = &'a Arc<TenantEndpoint>> {
        let own = self.moment.own.into_iter().flat_map(|own| own.subscribed(&case.webhook.name, &case.object.id));
        own.filter(move |endpoint| endpoint.wants.includes(&self.rules.program, case.webhook))
    }

    /// Whether an endpoint of the tenant takes it: its conditions hold. One that is held cannot be asked: what happens only once is kept for it,
    /// until a later save or a backfill, and anything else is listed as what it did not get.
    pub(super) fn is_taken(self, case: &'a Case<'a>, snapshot: &'a Snapshot) -> bool {
        self.own(case).any(|endpoint| match &*endpoint.fit(self.rules, case.id) {
            Fit::Ready(fitted) => fitted.accepts(&self.data(case, snapshot)),
            Fit::Held(_) => case.webhook.kind != WebhookType::Ready,
        })
    }

    /// The requests to the endpoints of the tenant that take it.
    pub(super) fn own_requests(self, case: &'a Case<'a>, snapshot: &'a Snapshot) -> Vec<OwnRequest> {
        let data = self.data(case, snapshot);
        let request = |endpoint: &Arc<TenantEndpoint>| {
            let rendered = match &*endpoint.fit(self.rules, case.id) {
                Fit::Ready(fitted) => fitted.accepts(&data).then(|| fitted.request.render(&data))?,
                Fit::Held(why) => Err(RenderError { what: format!("the endpoint is held: {why}"), span: None }),
            };
            Some((Arc::clone(endpoint), rendered))
        };
        self.own(case).filter_map(request).collect()
    }

    pub(super) fn predicate(self, id: WebhookId) -> Option<&'a Predicate> {
        self.rules.predicates.get(id.index()).and_then(Option::as_ref)
    }
}
