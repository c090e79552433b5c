//! What was decided about one webhook and one object, with the reason. The words for people are made in `trace`.

use crate::ids::{ModelId, WebhookId};
use crate::program::Operation;
use crate::template::RenderError;

/// Why a webhook fired or did not.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The webhook.
    pub webhook: WebhookId,
    /// The object it is about: the saved one, or the one that waited for it.
    pub object: Box<str>,
    /// The verdict.
    pub verdict: Verdict,
}

/// A verdict with its reason.
///
/// The questions are put in the order of what they cost: the operation; conditions on the object itself, in source order; whether
/// anybody subscribes; whether a `ready` webhook has fired before; related objects and the conditions on them; `when`. (A `when` that
/// can be evaluated without related objects is asked before the subscribers.) The first "no" is the verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All conditions hold; a message is made.
    Fired,
    /// `ready`, and it has fired for this object before.
    AlreadyFired,
    /// The conditions on the object itself hold, but no endpoint subscribes.
    NoSubscriber,
    /// The operation is not in `on`.
    OtherOperation(Operation),
    /// The first condition that did not hold.
    Unmet {
        /// Index into `Webhook::conditions`; `None` for `when`.
        condition: Option<usize>,
        /// What the condition names, such as `asset_photo`.
        name: Box<str>,
        /// The value seen, as a person would say it: `present`, `null`, `"open"`.
        seen: String,
        /// The value required: `uploaded`, `a value`, `"done"`.
        required: String,
    },
    /// All conditions on the object itself hold, but a related object does not exist yet.
    Waiting {
        /// Its model.
        model: ModelId,
        /// Its id.
        id: Box<str>,
    },
    /// `when` could not be evaluated.
    Failed(RenderError),
}
