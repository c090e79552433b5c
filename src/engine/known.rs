//! What the engine asks of the store, and the answers, seen as they will be after the save: the saved object stands in for its stored
//! version wherever it is looked up.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::ids::{ModelId, PropertyId, WebhookId};
use crate::program::{Operation, Record};

/// Something the engine must know from the store before it can decide.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// An object.
    Object(ModelId, Box<str>),
    /// The objects of a model whose belongs-to points to an id, ordered by id, byte for byte.
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
    /// Which webhooks' firings about this object wait for another one. Those of other models, about an object of the same id, do no harm.
    WaitsOf(ModelId, Box<str>),
    /// How many firings wait for an object, when one more is to: that of this webhook for this object.
    WaitCount {
        /// The webhook.
        webhook: WebhookId,
        /// The object it is about.
        object: Box<str>,
        /// The model of the object that is waited for.
        model: ModelId,
        /// Its id.
        id: Box<str>,
    },
}

/// How many firings wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitCount {
    /// Whether the one in question is among them.
    pub already: bool,
    /// Those that wait for the object in question; no more than a few thousand are counted.
    pub for_object: u32,
    /// All of the tenant.
    pub of_tenant: u32,
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
    /// To [`Read::WaitsOf`].
    WaitsOf(Vec<WebhookId>),
    /// To [`Read::WaitCount`].
    WaitCount(WaitCount),
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

/// The answer is not known yet; it has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending;

/// The saved object as it will be: `None` after a delete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved<'a> {
    pub(super) model: ModelId,
    pub(super) id: &'a str,
    pub(super) after: Option<&'a Arc<Record>>,
}

/// Looks things up, and notes what must still be read.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    known: &'a Known,
    saved: Option<Saved<'a>>,
    needs: IndexSet<Read, FxBuildHasher>,
}

impl<'a> Lookup<'a> {
    /// Looks into the store as it was before the save.
    pub(super) fn before(known: &'a Known) -> Self {
        Self { known, saved: None, needs: IndexSet::default() }
    }

    /// Looks into the store as it will be after the save.
    pub(super) fn after(known: &'a Known, saved: Saved<'a>) -> Self {
        Self { known, saved: Some(saved), needs: IndexSet::default() }
    }

    /// What must still be read, in the order of asking.
    pub(super) fn into_needs(self) -> Vec<Read> {
        self.needs.into_iter().collect()
    }

    pub(super) fn needs_more(&self) -> bool {
        !self.needs.is_empty()
    }

    pub(super) fn object(&mut self, model: ModelId, id: &str) -> Result<Option<Arc<Record>>, Pending> {
        if let Some(saved) = self.saved
            && saved.model == model
            && saved.id == id
        {
            return Ok(saved.after.cloned());
        }
        match self.find(Read::Object(model, id.into()))? {
            Found::Object(record) => Ok(record.clone()),
            Found::Children(_) | Found::Ready(_) | Found::Waiting(_) | Found::WaitsOf(_) | Found::WaitCount(_) => Ok(None),
        }
    }

    pub(super) fn children(&mut self, model: ModelId, property: PropertyId, parent: &str, limit: u32) -> Result<Vec<Arc<Record>>, Pending> {
        // One more than wanted, for the stored version of the saved object may be among them and not belong there any more.
        let read = Read::Children { model, property, parent: parent.into(), limit: limit.saturating_add(1) };
        let mut children = match self.find(read)? {
            Found::Children(children) => children.clone(),
            Found::Object(_) | Found::Ready(_) | Found::Waiting(_) | Found::WaitsOf(_) | Found::WaitCount(_) => Vec::new(),
        };
        if let Some(saved) = self.saved
            && saved.model == model
        {
            children.retain(|child| *child.id != *saved.id);
            if let Some(after) = saved.after
                && after.related(property) == Some(parent)
            {
                let at = children.partition_point(|child| *child.id < *saved.id);
                children.insert(at, Arc::clone(after));
            }
        }
        children.truncate(limit as usize);
        Ok(children)
    }

    pub(super) fn has_fired(&mut self, webhook: WebhookId, object: &str) -> Result<bool, Pending> {
        self.find(Read::Ready(webhook, object.into())).map(|found| matches!(found, Found::Ready(true)))
    }

    pub(super) fn waiting(&mut self, model: ModelId, id: &str) -> Result<&'a [Wait], Pending> {
        match self.find(Read::Waiting(model, id.into()))? {
            Found::Waiting(waits) => Ok(waits),
            Found::Object(_) | Found::Children(_) | Found::Ready(_) | Found::WaitsOf(_) | Found::WaitCount(_) => Ok(&[]),
        }
    }

    pub(super) fn waits_of(&mut self, model: ModelId, id: &str) -> Result<&'a [WebhookId], Pending> {
        match self.find(Read::WaitsOf(model, id.into()))? {
            Found::WaitsOf(webhooks) => Ok(webhooks),
            Found::Object(_) | Found::Children(_) | Found::Ready(_) | Found::Waiting(_) | Found::WaitCount(_) => Ok(&[]),
        }
    }

    pub(super) fn wait_count(&mut self, webhook: WebhookId, object: &str, (model, id): (ModelId, &str)) -> Result<WaitCount, Pending> {
        match self.find(Read::WaitCount { webhook, object: object.into(), model, id: id.into() })? {
            Found::WaitCount(count) => Ok(*count),
            Found::Object(_) | Found::Children(_) | Found::Ready(_) | Found::Waiting(_) | Found::WaitsOf(_) => Ok(WaitCount::default()),
        }
    }

    fn find(&mut self, read: Read) -> Result<&'a Found, Pending> {
        self.known.found.get(&read).ok_or_else(|| {
            self.needs.insert(read);
            Pending
        })
    }
}
