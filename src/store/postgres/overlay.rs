//! What a transaction of saves knows: answers that were fetched, kept right by what its saves have decided and not yet written. So most
//! questions of a save are answered without asking the database, and saves see those before them in the same transaction.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ids::Sequence;
use crate::store::{Answer, Effects, ObjectChange, ObjectRow, Query};

/// A question of a tenant, which has this place in the transaction.
type Asked = (usize, Query);

#[derive(Default)]
pub(super) struct Overlay {
    answers: FxHashMap<Asked, Answer>,
    /// What the answers were before the job in hand changed them.
    before: Vec<(Asked, Option<Answer>)>,
    /// Models of which objects were changed, and tenants of which waits were, since everything was last written.
    changed: FxHashSet<(usize, Box<str>)>,
    waited: FxHashSet<usize>,
}

impl Overlay {
    /// A fetched answer.
    pub(super) fn fetched(&mut self, tenant: usize, query: Query, answer: Answer) {
        self.answers.insert((tenant, query), answer);
    }

    pub(super) fn answer(&self, tenant: usize, query: &Query) -> Option<Answer> {
        self.answers.get(&(tenant, query.clone())).cloned()
    }

    /// Whether the database would answer without something that was decided and is not written yet.
    pub(super) fn is_ahead(&self, tenant: usize, query: &Query) -> bool {
        match query {
            // Whatever was decided of these is an answer here.
            Query::Object { .. } | Query::Ready { .. } | Query::Taken(_) => false,
            Query::Children { model, .. } => self.changed.contains(&(tenant, model.clone())),
            Query::Waiting { .. } | Query::WaitsOf { .. } | Query::WaitCount { .. } => self.waited.contains(&tenant),
        }
    }

    /// Everything that was decided is written.
    pub(super) fn written(&mut self) {
        self.changed.clear();
        self.waited.clear();
    }

    /// A job begins.
    pub(super) fn job(&mut self) {
        self.before.clear();
    }

    /// What the job in hand has decided does not count.
    pub(super) fn undo(&mut self) {
        while let Some((asked, before)) = self.before.pop() {
            match before {
                Some(answer) => drop(self.answers.insert(asked, answer)),
                None => drop(self.answers.remove(&asked)),
            }
        }
    }

    /// Something was decided.
    pub(super) fn decided(&mut self, tenant: usize, sequence: Sequence, effects: &Effects) {
        let Effects { model, object, change, .. } = effects;
        let now = match change {
            ObjectChange::Put { updated_at, json } => {
                Some(Some(ObjectRow { id: object.clone(), sequence, updated_at: updated_at.clone(), json: json.clone() }))
            }
            ObjectChange::Delete => Some(None),
            ObjectChange::Keep => None,
        };
        if let Some(now) = now {
            self.set((tenant, Query::Object { model: model.clone(), id: object.clone() }), Some(Answer::Object(now)));
            self.forget(tenant, |query| matches!(query, Query::Children { model: of, .. } if of == model));
            self.changed.insert((tenant, model.clone()));
        }
        if let Some(taken) = &effects.taken {
            self.set((tenant, Query::Taken(taken.clone())), Some(Answer::Taken(true)));
        }
        for (event, object) in &effects.marks {
            let query = Query::Ready { event: event.clone(), object: object.clone() };
            self.set((tenant, query), Some(Answer::Ready(true)));
        }
        if !effects.waits.is_empty() || !effects.ended_waits.is_empty() {
            self.forget(tenant, |query| matches!(query, Query::Waiting { .. } | Query::WaitsOf { .. } | Query::WaitCount { .. }));
            self.waited.insert(tenant);
        }
    }

    fn set(&mut self, asked: Asked, answer: Option<Answer>) {
        let before = match answer {
            Some(answer) => self.answers.insert(asked.clone(), answer),
            None => self.answers.remove(&asked),
        };
        self.before.push((asked, before));
    }

    fn forget(&mut self, tenant: usize, which: impl Fn(&Query) -> bool) {
        let gone = self.answers.keys().filter(|(of, query)| *of == tenant && which(query));
        for asked in gone.cloned().collect::<Vec<_>>() {
            self.set(asked, None);
        }
    }
}
