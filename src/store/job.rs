//! The saves of one request as a job: the store runs it inside a transaction, reads what it asks for, and writes what it decides.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::ids::{EndpointId, MessageId, Sequence, Tenant};
use crate::program::DecisionTable;
use crate::store::{Advance, Alarm, ObjectRow, Record};
use crate::template::RenderedText;

/// Saves that are committed together or not at all.
pub trait SaveJob: Send {
    /// Whose objects.
    fn tenant(&self) -> &Tenant;

    /// The time of the saves; their sequence numbers follow from it.
    fn at(&self) -> Timestamp;

    /// Goes on. `answers` are those to the queries of the last [`JobStep::Read`], in order, otherwise empty. `sequence` is the number
    /// that the save in hand will have if it is written.
    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep;

    /// What it will ask for certain before anything has been answered, about as much: for a store to which each question is a way to go.
    /// What is not said here is asked when it is asked.
    fn foresee(&self, _most: usize) -> Vec<Query> {
        Vec::new()
    }

    /// The step that the source of the saves takes with them, in the same transaction.
    fn advance(&self) -> Option<Advance> {
        None
    }

    /// The source is not where that step begins, so that nothing is stored: another reader has taken it.
    fn overtaken(&mut self) {}

    /// Forgets everything that was answered and decided, because the transaction was undone by the database; `false` when it cannot.
    fn restart(&mut self) -> bool {
        false
    }

    /// All of it is committed, and nothing of it is on its way yet. Called on the store's own thread: nothing here may wait.
    fn committed(&mut self) {}
}

/// What a job wants next.
#[derive(Debug)]
pub enum JobStep {
    /// Answers to these, then another step.
    Read(Vec<Query>),
    /// Write what one save causes, then another step with the next sequence.
    Write(Box<Effects>),
    /// All saves are decided: commit.
    Done,
    /// Undo everything of this job.
    Abort,
}

/// A question to the store, about the job's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// An object.
    Object {
        /// Its model.
        model: Box<str>,
        /// Its id.
        id: Box<str>,
    },
    /// Objects whose belongs-to points to `parent`, ordered by id.
    Children {
        /// Their model.
        model: Box<str>,
        /// The stored name of the belongs-to, `room_id`.
        property: Box<str>,
        /// The id it points to.
        parent: Box<str>,
        /// At most so many.
        limit: u32,
    },
    /// Whether a `ready` webhook has fired for an object.
    Ready {
        /// The webhook.
        event: Box<str>,
        /// The object.
        object: Box<str>,
    },
    /// The firings that wait for an object.
    Waiting {
        /// Its model.
        model: Box<str>,
        /// Its id.
        id: Box<str>,
    },
    /// The firings about an object that wait for another one.
    WaitsOf {
        /// Its model.
        model: Box<str>,
        /// Its id.
        object: Box<str>,
    },
    /// How many firings wait, when that of an event for an object is to wait for another one.
    WaitCount {
        /// The event.
        event: Box<str>,
        /// The object it is about.
        object: Box<str>,
        /// The model of the object it is to wait for.
        for_model: Box<str>,
        /// The id of that.
        for_id: Box<str>,
    },
    /// Whether something of a source was taken in before.
    Taken(Taken),
}

/// A place in what a source of saves has, such as the number of a message in a stream. It is noted with the saves that it brings, in
/// their transaction: so they are taken in once, however often they come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Taken {
    /// The source.
    pub source: Arc<str>,
    /// The place.
    pub position: i64,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Query::Object`].
    Object(Option<ObjectRow>),
    /// To [`Query::Children`].
    Children(Vec<ObjectRow>),
    /// To [`Query::Ready`].
    Ready(bool),
    /// To [`Query::Waiting`].
    Waiting(Vec<WaitRow>),
    /// To [`Query::WaitsOf`]: their events.
    WaitsOf(Vec<Box<str>>),
    /// To [`Query::WaitCount`].
    WaitCount {
        /// Whether this very firing waits for that object already.
        already: bool,
        /// How many wait for it, counted to a few thousand.
        for_object: u32,
        /// How many of the tenant wait for anything.
        of_tenant: u32,
    },
    /// To [`Query::Taken`].
    Taken(bool),
}

/// A firing that waits for a related object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRow {
    /// The webhook's effective name.
    pub event: Box<str>,
    /// The model of the object it is about.
    pub model: Box<str>,
    /// The object it is about.
    pub object: Box<str>,
    /// `create`, `update`, `delete`.
    pub operation: Box<str>,
    /// The object before that save.
    pub previous: Option<ObjectRow>,
    /// The model of the object it waits for.
    pub for_model: Box<str>,
    /// The id of the object it waits for.
    pub for_id: Box<str>,
}

/// What one save writes.
#[derive(Debug)]
pub struct Effects {
    /// When.
    pub at: Timestamp,
    /// The model's name.
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// What happens to the object.
    pub change: ObjectChange,
    /// `create`, `update`, `delete`; `reload` when it is looked at anew.
    pub operation: &'static str,
    /// The decisions: as JSON, a list, or the text of a [`Trace`](crate::engine::Trace).
    pub trace: String,
    /// The table of that.
    pub table: Option<Arc<DecisionTable>>,
    /// What of them is about other objects, which had waited.
    pub other_traces: Vec<OtherTrace>,
    /// `ready` webhooks used up: event, object.
    pub marks: Vec<(Box<str>, Box<str>)>,
    /// Firings that wait from now on; each replaces one of the same event and object.
    pub waits: Vec<WaitRow>,
    /// Waits that are over: event, object.
    pub ended_waits: Vec<(Box<str>, Box<str>)>,
    /// What fired.
    pub messages: Vec<NewMessage>,
    /// What else is written for whoever looks back.
    pub record: Record,
    /// Where it comes from, when that is noted.
    pub taken: Option<Taken>,
}

/// Decisions about another object than the saved one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherTrace {
    /// Its model.
    pub model: Box<str>,
    /// Its id.
    pub object: Box<str>,
    /// The decisions as JSON, a list.
    pub trace: String,
}

/// What happens to the saved object.
#[derive(Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// It is now this.
    Put {
        /// RFC 3339 in UTC.
        updated_at: Box<str>,
        /// Stored form.
        json: Box<str>,
    },
    /// It is gone.
    Delete,
    /// It stays as it is: it was only looked at anew.
    Keep,
}

/// A message to store.
#[derive(Debug)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// The webhook's effective name.
    pub event: Box<str>,
    /// The object's model (not that of the save, when the firing had waited).
    pub model: Box<str>,
    /// The object's id.
    pub object: Box<str>,
    /// `create`, `update`, `delete`.
    pub operation: &'static str,
    /// The default body.
    pub payload: Bytes,
    /// To whom; the ids follow from the message's and the place in this list.
    pub deliveries: Vec<NewDelivery>,
}

/// A delivery to store.
#[derive(Debug)]
pub struct NewDelivery {
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Whether an earlier delivery about the same object to the same endpoint must be settled first.
    pub ordered: bool,
    /// When to send it, or why it cannot be sent.
    pub due: Result<Timestamp, Unsendable>,
    /// The method.
    pub method: Box<str>,
    /// The URL.
    pub url: RenderedText,
    /// Headers, content type apart.
    pub headers: Arc<[(Box<str>, RenderedText)]>,
    /// A body of its own and its content type; `None` for the message's payload, JSON.
    pub body: Option<(Box<str>, Bytes)>,
}

/// That a delivery cannot be sent at all: it is diverted from the start.
#[derive(Clone, Debug)]
pub struct Unsendable {
    /// Why, one sentence.
    pub why: Box<str>,
    /// Who is told; `None`: nobody.
    pub alarm: Option<Arc<dyn Alarm>>,
}
