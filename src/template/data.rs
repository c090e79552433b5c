//! What a template reads while it is rendered.

use std::sync::Arc;

use super::branches::Watch;
use crate::ids::Sequence;
use crate::program::{Operation, Program, Record, Settings, Webhook};

/// Everything a template of one firing may see.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// The data model that the records belong to.
    pub program: &'a Program,
    /// The webhook that fires.
    pub webhook: &'a Webhook,
    /// `app`, `server`, `vars`.
    pub settings: &'a Settings,
    /// `object`, with what the webhook embeds. For a delete, the object as it last was.
    pub object: &'a Snapshot,
    /// `previous`.
    pub previous: Option<&'a Record>,
    /// `operation`.
    pub operation: Operation,
    /// `sequence`.
    pub sequence: Sequence,
    /// `account_id`.
    pub tenant: &'a str,
    /// `timestamp`: the time of the save, RFC 3339 in UTC.
    pub timestamp: &'a str,
    /// Is told which way each branch goes, when somebody wants to know.
    pub watch: Option<&'a Watch>,
}

/// An object and the related objects embedded in it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The object.
    pub record: Arc<Record>,
    /// One for each embed of this level, in the order of `Webhook::embeds` or `Embed::embeds`.
    pub embedded: Vec<Embedded>,
}

/// What an embed found.
#[derive(Clone, Debug)]
pub enum Embedded {
    /// A belongs-to: the object, if the relation is set and the object exists.
    One(Option<Box<Snapshot>>),
    /// A has-many: objects ordered by id.
    Many(Vec<Snapshot>),
}
