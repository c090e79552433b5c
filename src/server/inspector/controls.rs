//! What may be done and looked at on the pages, by name. A control that would be refused is not drawn: `page.scope.permits(RESEND)`. The
//! right itself is asked for where the form is taken.

use crate::access::{Group, Permission, Verb};

const fn of(group: Group, verb: Verb) -> Permission {
    Permission { group, verb }
}

/// Saving objects.
pub(super) const SAVE: Permission = of(Group::Objects, Verb::Write);
/// Looking at objects and saves.
pub(super) const OBJECTS: Permission = of(Group::Objects, Verb::Read);
/// The list of webhooks and that of endpoints.
pub(super) const WEBHOOKS: Permission = of(Group::Webhooks, Verb::List);
/// Looking at a webhook or an endpoint.
pub(super) const WEBHOOK: Permission = of(Group::Webhooks, Verb::Read);
/// Making and changing endpoints.
pub(super) const CHANGE: Permission = of(Group::Webhooks, Verb::Write);
/// The list of deliveries, and news of them.
pub(super) const DELIVERIES: Permission = of(Group::Deliveries, Verb::List);
/// Looking at a delivery.
pub(super) const DELIVERY: Permission = of(Group::Deliveries, Verb::Read);
/// Sending again.
pub(super) const RESEND: Permission = of(Group::Deliveries, Verb::Resend);
/// The list of what was diverted.
pub(super) const DIVERTED: Permission = of(Group::DivertedEvents, Verb::List);
/// Looking at what was diverted.
pub(super) const DIVERTED_ONE: Permission = of(Group::DivertedEvents, Verb::Read);
/// Sending again what was diverted.
pub(super) const DIVERTED_RESEND: Permission = of(Group::DivertedEvents, Verb::Resend);
/// Throwing away what was diverted.
pub(super) const DIVERTED_DELETE: Permission = of(Group::DivertedEvents, Verb::Delete);
/// Looking at the node: its health, what is wrong with its files.
pub(super) const NODE: Permission = of(Group::Node, Verb::Read);
