//! A save and what is known → what must still be read, or everything that the save causes. Evaluated anew with every answer: the same
//! save and the same knowledge always give the same outcome.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::check::{Rules, TenantEndpoint, Valid};
use crate::engine::apply::{Applied, apply};
use crate::engine::case::{Case, Circumstances};
use crate::engine::decide::{check_own, decide, decide_open, ends_wait};
use crate::engine::decided::{Decided, Together};
use crate::engine::known::{Known, Lookup, Pending, Read, Saved, Wait};
use crate::engine::look::Look;
use crate::engine::mistake::Refused;
use crate::engine::moment::Moment;
use crate::engine::payload::payload;
use crate::engine::save::{Change, Row, Save};
use crate::engine::verdict::{Decision, Verdict};
use crate::engine::waits::refused;
use crate::ids::{ModelId, PropertyId, WebhookId};
use crate::program::{Operation, Program, Record, WebhookType};
use crate::template::{RenderError, Rendered, Snapshot, Watch};

/// What comes of one evaluation.
#[derive(Debug)]
pub enum Step {
    /// Read these, then evaluate again. Never empty, and never anything that is known.
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
    /// What was decided about each webhook of the model, and about those that waited for this object.
    pub decided: Decided,
    /// `ready` webhooks that are now used up for an object.
    pub marks: Vec<(WebhookId, Box<str>)>,
    /// Firings that now wait, each with the object it waits for; replaces an earlier wait of the same webhook and object.
    pub waits: Vec<(Wait, ModelId, Box<str>)>,
    /// Webhooks of this very object that no longer wait (they fired, or their conditions do not hold any more), and those of others
    /// that this save ended.
    pub ended_waits: Vec<(WebhookId, Box<str>)>,
    /// What fires.
    pub firings: Vec<Firing>,
}

impl Outcome {
    /// One in which nothing has happened yet.
    pub(super) fn nothing(operation: Operation) -> Self {
        let (marks, waits, ended_waits, firings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { operation, object: None, decided: Decided::default(), marks, waits, ended_waits, firings }
    }
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
    /// The same for the endpoints that the tenant has made.
    pub own_requests: Vec<(Arc<TenantEndpoint>, Result<Rendered, RenderError>)>,
}

/// Decides every webhook of the saved object's model, and every firing that waited for it.
#[must_use]
pub fn evaluate(rules: &Valid<Rules>, save: &Save, known: &Known, moment: Moment<'_>) -> Step {
    evaluate_watched(rules, save, known, Watched { moment, watch: None })
}

/// A moment that somebody watches.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// The circumstances of the save.
    pub moment: Moment<'a>,
    /// Is told which way each branch of a template goes.
    pub watch: Option<&'a Watch>,
}

/// Decides as [`evaluate`] does, with somebody watching.
#[must_use]
pub fn evaluate_watched(rules: &Valid<Rules>, save: &Save, known: &Known, Watched { moment, watch }: Watched<'_>) -> Step {
    let program = &rules.program;
    let mut lookup = Lookup::before(known);
    let stored = lookup.object(save.model, &save.id);
    let waiting = if may_be_awaited(rules, save) { lookup.waiting(save.model, &save.id) } else { Ok(&[][..]) };
    let origin = origin(save).map(|id| lookup.object(save.model, id)).transpose();
    let (Ok(stored), Ok(waiting), Ok(origin)) = (stored, waiting, origin) else { return Step::Need(lookup.into_needs()) };
    let completed = completed(save, origin.flatten().as_deref());
    let save = &*completed;

    let timestamp = seconds(moment.now);
    let is_new = stored.is_none();
    let before = stored.or_else(|| told_before(program, save, &timestamp));
    let Applied { operation, object } = match apply(program, save, before.as_ref(), &timestamp) {
        Ok(applied) => applied,
        Err(refused) => return Step::Refused(refused),
    };
    let after = (operation != Operation::Delete).then_some(&object);

    let mut lookup = Lookup::after(known, Saved { model: save.model, id: &save.id, after });
    let mut outcome = Outcome { object: after.cloned(), ..Outcome::nothing(operation) };
    let graph = rules.graph(save.model);
    let look = Look::at(graph, &object, before.as_deref());
    let case =
        |id| Case { id, webhook: program.webhook(id), object: Arc::clone(&object), previous: before.clone(), operation, waited: false };
    let open = look.open(graph, operation).into_iter().filter_map(|position| graph.rules.get(position as usize));
    let own: Vec<Case<'_>> = open.map(|rule| case(rule.webhook)).collect();
    let mut woken = Vec::new();
    if is_new && operation != Operation::Delete {
        for wait in waiting {
            match wake(rules, save, wait, &mut lookup) {
                Ok(Woken::Case(case)) => woken.push(case),
                Ok(Woken::Gone) => outcome.ended_waits.push((wait.webhook, wait.object.clone())),
                Ok(Woken::DecidedAnyway) | Err(Pending) => {}
            }
        }
    }
    // An object that is made now has had nothing that could wait.
    let may_wait = graph.can_wait && operation != Operation::Create;
    let own_waits = if may_wait { lookup.waits_of(save.model, &save.id) } else { Ok(&[][..]) };

    let circumstances = Circumstances { rules, moment, timestamp: &timestamp, watch };
    let mut results = Vec::with_capacity(own.len() + woken.len());
    for case in &own {
        let Ok(result) = decide_open(circumstances, &mut lookup, case) else { continue };
        // One that waited before is never refused: that would be the loss of a saver who has nothing to do with it.
        if let Err(Verdict::Waiting { model, id }) = &result
            && let Ok(count) = lookup.wait_count(case.id, &save.id, (*model, id))
            && let Some(refused) = refused(program, (*model, id), count)
        {
            return Step::Refused(refused);
        }
        results.push((case, result));
    }
    for case in &woken {
        if let Ok(result) = decide(circumstances, &mut lookup, case) {
            results.push((case, result));
        }
    }
    let Ok(own_waits) = own_waits else { return Step::Need(lookup.into_needs()) };
    if lookup.needs_more() {
        return Step::Need(lookup.into_needs());
    }
    // Rendered only now, when nothing will be asked again.
    for (case, result) in results {
        conclude(circumstances, case, result, &mut outcome);
    }
    for &id in own_waits.iter().filter(|id| program.webhook(**id).model == save.model) {
        let decided = outcome.decided.own.iter().find(|decision| decision.webhook == id).map(|decision| &decision.verdict);
        let is_over = operation == Operation::Delete
            || match decided {
                Some(verdict) => ends_wait(program.webhook(id), verdict),
                None => check_own(program, &case(id)).is_none_or(|verdict| ends_wait(program.webhook(id), &verdict)),
            };
        if is_over {
            outcome.ended_waits.push((id, save.id.clone()));
        }
    }
    let seen = look.seen(program, graph, &object);
    outcome.decided.together = Some(Together { model: save.model, object: save.id.clone(), operation, seen });
    Step::Done(Box::new(outcome))
}

/// The id that the saved row had before, when what it says nothing about is to be had there.
fn origin(save: &Save) -> Option<&str> {
    match &save.change {
        Change::Row(row) => row.renamed_from.as_deref(),
        Change::Put(_) | Change::Patch(_) | Change::Upload(..) | Change::Delete | Change::RowGone(_) => None,
    }
}

/// The save with what it says nothing about, from the object that its row was before.
fn completed<'s>(save: &'s Save, origin: Option<&Record>) -> Cow<'s, Save> {
    let (Change::Row(row), Some(origin)) = (&save.change, origin) else { return Cow::Borrowed(save) };
    let all = (0_u16..).map(PropertyId).zip(&origin.values).filter(|(id, _)| row.values.iter().all(|(known, _)| known != id));
    let mut values = row.values.clone();
    values.extend(all.map(|(id, value)| (id, value.clone())));
    Cow::Owned(Save { change: Change::Row(Box::new(Row { values, ..Row::default() })), ..save.clone() })
}

/// The object as its source says that it was, when it is not stored.
fn told_before(program: &Program, save: &Save, updated_at: &str) -> Option<Arc<Record>> {
    let told = match &save.change {
        Change::Row(row) => &row.before,
        Change::RowGone(before) => before,
        Change::Put(_) | Change::Patch(_) | Change::Upload(..) | Change::Delete => return None,
    };
    let mut record = Record::empty(program, save.model, &save.id, updated_at);
    for (id, value) in told {
        if let Some(slot) = record.values.get_mut(id.index()) {
            slot.clone_from(value);
        }
    }
    (!told.is_empty()).then(|| Arc::new(record))
}

/// Whether firings may wait for the saved object to exist: only a PUT or a row can make it exist.
fn may_be_awaited(rules: &Rules, save: &Save) -> bool {
    let watched = rules.program.watchers.get(save.model.index()).is_some_and(|watchers| !watchers.is_empty());
    watched && matches!(save.change, Change::Put(_) | Change::Row(_))
}

/// The time of a save as payloads show it: RFC 3339 in UTC, whole seconds, as in seed `004_d9f0e04048f8d44d.txt`.
pub(super) fn seconds(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// What becomes of a wait when the object it waits for arrives.
enum Woken<'a> {
    /// It is decided, on the present state of its object.
    Case(Case<'a>),
    /// Its object does not exist any more.
    Gone,
    /// It is about the saved object, whose webhooks are decided for this save: an older wait cannot add to that.
    DecidedAnyway,
}

fn wake<'a>(rules: &'a Rules, save: &Save, wait: &Wait, lookup: &mut Lookup<'_>) -> Result<Woken<'a>, Pending> {
    let webhook = rules.program.webhook(wait.webhook);
    if webhook.model == save.model && wait.object == save.id {
        return Ok(Woken::DecidedAnyway);
    }
    let Some(object) = lookup.object(webhook.model, &wait.object)? else { return Ok(Woken::Gone) };
    let (previous, operation) = (wait.previous.clone(), wait.operation);
    Ok(Woken::Case(Case { id: wait.webhook, webhook, object, previous, operation, waited: true }))
}

/// Notes what follows from one decision.
pub(super) fn conclude(circumstances: Circumstances<'_>, case: &Case<'_>, result: Result<Snapshot, Verdict>, outcome: &mut Outcome) {
    let key = || (case.id, case.object.id.clone());
    let verdict = match result {
        Ok(snapshot) => {
            outcome.firings.push(fire(circumstances, case, &snapshot));
            if case.webhook.kind == WebhookType::Ready {
                outcome.marks.push(key());
            }
            Verdict::Fired
        }
        Err(verdict) => verdict,
    };
    if let Verdict::Waiting { model, id } = &verdict {
        let wait = Wait { webhook: case.id, object: case.object.id.clone(), operation: case.operation, previous: case.previous.clone() };
        outcome.waits.push((wait, *model, id.clone()));
    } else if case.waited {
        outcome.ended_waits.push(key());
    }
    let decision = Decision { webhook: case.id, object: case.object.id.clone(), verdict };
    match &decision.verdict {
        _ if case.waited => outcome.decided.others.push(decision),
        // Said of all of them together.
        Verdict::NoSubscriber => {}
        Verdict::Fired
        | Verdict::AlreadyFired
        | Verdict::OtherOperation(_)
        | Verdict::Unmet { .. }
        | Verdict::Waiting { .. }
        | Verdict::Failed(_) => outcome.decided.own.push(decision),
    }
}

fn fire(circumstances: Circumstances<'_>, case: &Case<'_>, snapshot: &Snapshot) -> Firing {
    let data = circumstances.data(case, snapshot);
    let subscriptions = circumstances.rules.subscriptions.get(case.id.index()).map(Vec::as_slice).unwrap_or_default();
    Firing {
        webhook: case.id,
        object: case.object.id.clone(),
        operation: case.operation,
        payload: payload(&data),
        requests: subscriptions.iter().map(|subscription| (subscription.endpoint, subscription.request.render(&data))).collect(),
        own_requests: circumstances.own_requests(case, snapshot),
    }
}
