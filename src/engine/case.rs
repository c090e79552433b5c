//! What is to be decided: one webhook for one object, and what all decisions of one save share.

use std::sync::Arc;

use crate::check::Rules;
use crate::engine::moment::Moment;
use crate::ids::WebhookId;
use crate::program::{Operation, Record, Webhook};
use crate::template::{Data, Predicate, Snapshot, Watch};

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

    pub(super) fn is_subscribed(self, id: WebhookId) -> bool {
        self.rules.subscriptions.get(id.index()).is_some_and(|subscriptions| !subscriptions.is_empty())
    }

    pub(super) fn predicate(self, id: WebhookId) -> Option<&'a Predicate> {
        self.rules.predicates.get(id.index()).and_then(Option::as_ref)
    }
}
