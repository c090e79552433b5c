//! A save → validated object → decisions with trace → embeds → payload → rendered requests. Synchronous and pure: what must be read
//! is asked for as [`Read`]s and answered in a [`Known`], time and sequence are arguments.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::check::{Rules, Valid};
use crate::ids::{ModelId, PropertyId, Sequence, WebhookId};
use crate::program::{Operation, Record};
use crate::template::{RenderError, Rendered};

/// A save, checked against the data model: what to do to which object.
#[derive(Clone, Debug, PartialEq)]
pub struct Save {
    /// The model.
    pub model: ModelId,
    /// The object's id.
    pub id: Box<str>,
    /// What changes.
    pub change: Change,
}

/// What a save changes. Values are canonical, as in [`Record`].
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Replaces the object: one value per property, unset ones null.
    Put(Vec<Value>),
    /// Merges into an object that exists; null unsets.
    Patch(Vec<(PropertyId, Value)>),
    /// The data of this attachment has arrived: the canonical attachment, to be merged over the stored one.
    Upload(PropertyId, Value),
    /// Removes the object.
    Delete,
}

/// How the body of a save is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb<'a> {
    /// `PUT`: all fields.
    Put,
    /// `PATCH`: some fields.
    Patch,
    /// `PUT …/attachments/{field}`: an attachment.
    Upload(&'a str),
    /// `DELETE`: no body.
    Delete,
}

/// Why a save is refused. Nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Kebab-case kind: `unknown-model`, `unknown-field`, `wrong-type`, `unknown-option`, `invalid-json`, `invalid-id`, `no-such-object`…
    pub kind: &'static str,
    /// JSON pointer into the body, empty for all of it.
    pub pointer: String,
    /// One sentence: what was seen, what was expected.
    pub message: String,
    /// Did-you-mean, or the names that exist.
    pub help: Option<String>,
}

/// Reads a save from the body of a request: JSON text. Every mistake in it is reported.
///
/// # Errors
/// The reasons for refusing it, never empty.
pub fn parse_save(_rules: &Valid<Rules>, _model: &str, _id: &str, _verb: Verb<'_>, _body: &[u8]) -> Result<Save, Vec<Refused>> {
    Err(Vec::new())
}

/// The circumstances of a save.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Whose object it is.
    pub tenant: &'a str,
    /// The save's position.
    pub sequence: Sequence,
    /// The time of the save.
    pub now: Timestamp,
}

/// Something the engine must know from the store before it can decide.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// An object.
    Object(ModelId, Box<str>),
    /// The objects of a model whose belongs-to points to an id, ordered by id.
    Children {
        /// Their model.
        model: ModelId,
        /// Their belongs-to.
        property: PropertyId,
        /// The id it points to.
        parent: Box<str>,
        /// At most so many.
        limit: u32,
    },
    /// Whether a `ready` webhook has fired for an object of its model.
    Ready(WebhookId, Box<str>),
    /// Which firings wait for this object to exist.
    Waiting(ModelId, Box<str>),
}

/// The answer to a [`Read`].
#[derive(Clone, Debug)]
pub enum Found {
    /// To [`Read::Object`].
    Object(Option<Arc<Record>>),
    /// To [`Read::Children`].
    Children(Vec<Arc<Record>>),
    /// To [`Read::Ready`].
    Ready(bool),
    /// To [`Read::Waiting`].
    Waiting(Vec<Wait>),
}

/// A webhook whose conditions held but for a related object that does not exist yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// The webhook.
    pub webhook: WebhookId,
    /// The object it is about, of the webhook's model.
    pub object: Box<str>,
    /// What the save was.
    pub operation: Operation,
    /// `previous` of that save, stored form.
    pub previous: Option<Arc<Record>>,
}

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Known {
    /// Answers by question.
    pub found: FxHashMap<Read, Found>,
}

/// What comes of one evaluation.
#[derive(Debug)]
pub enum Step {
    /// Read these, then evaluate again.
    Need(Vec<Read>),
    /// Decided.
    Done(Box<Outcome>),
    /// The save cannot be done (a PATCH, upload or DELETE of an object that does not exist).
    Refused(Refused),
}

/// Everything that a save causes; to be stored in one transaction.
#[derive(Debug)]
pub struct Outcome {
    /// What the save was.
    pub operation: Operation,
    /// The object after it; `None` after a delete.
    pub object: Option<Arc<Record>>,
    /// One decision for each webhook that was looked at: those of the model in source order, then those that waited for this object.
    pub decisions: Vec<Decision>,
    /// `ready` webhooks that are now used up for an object.
    pub marks: Vec<(WebhookId, Box<str>)>,
    /// Firings that now wait, each with the object it waits for; replaces an earlier wait of the same webhook and object.
    pub waits: Vec<(Wait, ModelId, Box<str>)>,
    /// Webhooks of this very object that no longer wait (they fired, or their conditions do not hold any more), and those of others that this save ended.
    pub ended_waits: Vec<(WebhookId, Box<str>)>,
    /// What fires.
    pub firings: Vec<Firing>,
}

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
#[derive(Clone, Debug)]
pub enum Verdict {
    /// All conditions hold; a message is made.
    Fired,
    /// `ready`, and it has fired for this object before.
    AlreadyFired,
    /// All conditions hold, but no endpoint subscribes.
    NoSubscriber,
    /// The operation is not in `on`.
    OtherOperation,
    /// The first condition that did not hold.
    Unmet {
        /// Index into `Webhook::conditions`; `None` for `when`.
        condition: Option<usize>,
        /// What the condition names, such as `asset_photo`.
        name: Box<str>,
        /// The value seen, as a person would say it: `present`, `null`, `"open"`.
        seen: String,
        /// The value required: `uploaded`, `set`, `"done"`.
        required: String,
    },
    /// All conditions hold but for a related object that does not exist yet.
    Waiting {
        /// Its model.
        model: ModelId,
        /// Its id.
        id: Box<str>,
    },
    /// `when` could not be evaluated.
    Failed(RenderError),
}

/// One webhook that fires for one object.
#[derive(Debug)]
pub struct Firing {
    /// The webhook.
    pub webhook: WebhookId,
    /// The object.
    pub object: Box<str>,
    /// The operation the payload names.
    pub operation: Operation,
    /// The default body, built once.
    pub payload: Bytes,
    /// One request per subscribed endpoint: index into `Rules::endpoints`, and the rendered request or why it cannot be sent.
    pub requests: Vec<(usize, Result<Rendered, RenderError>)>,
}

/// Decides every webhook of the saved object's model, and every firing that waited for it.
#[must_use]
pub fn evaluate(_rules: &Valid<Rules>, _save: &Save, _known: &Known, _moment: Moment<'_>) -> Step {
    Step::Need(Vec::new())
}
