//! What has been promised and what has been seen, kept apart from the store, and the invariants that compare the two.

use std::collections::BTreeSet;

use jiff::Timestamp;
use webhookc::engine::{Outcome, Save};
use webhookc::ids::MessageId;
use webhookc::program::{Operation, Order};
use webhookc::store::{Alert, Settled};

use crate::queue::{Row, State, Verdict};
use crate::rules::{ENDPOINTS, OPS, Setting, as_object};
use crate::store::Store;

/// An invariant that does not hold.
pub type Broke = String;

/// The longest wait that a policy can ask for, with its jitter, in milliseconds.
const LONGEST_WAIT: i64 = 24 * 3_600_000 * 12 / 10;

/// One delivery as it was promised.
#[derive(Debug)]
struct Promise {
    message: MessageId,
    ordered: bool,
    /// The alert that it is, and about which endpoint.
    alert: Option<(Alert, usize)>,
    sent_with: Option<MessageId>,
    /// The claim that stands, and when it ends.
    holder: Option<(u32, i64)>,
    /// The claim whose request the receiver has answered with success, unless the answer was lost.
    accepted: Option<u32>,
    /// Since when it may be sent.
    not_before: i64,
    counted: u32,
    resent: u32,
    settled_once: bool,
}

impl Promise {
    fn of(message: MessageId) -> Self {
        Self {
            message,
            ordered: false,
            alert: None,
            sent_with: None,
            holder: None,
            accepted: None,
            not_before: i64::MIN,
            counted: 0,
            resent: 0,
            settled_once: false,
        }
    }
}

/// What has happened to an endpoint, and what was told of it.
#[derive(Debug, Default)]
struct Story {
    suspended: bool,
    /// Whether something was told since it last took a delivery.
    trouble: bool,
}

/// The ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    sequence: i64,
    latest: i64,
    promises: Vec<Promise>,
    ready: BTreeSet<Box<str>>,
    /// Assets whose last save waits for an owner.
    owed: BTreeSet<Box<str>>,
    messages: BTreeSet<MessageId>,
    stories: [Story; ENDPOINTS],
}

impl Ledger {
    /// A save has been committed with these messages, one for each firing.
    pub fn committed(
        &mut self,
        setting: &Setting,
        store: &Store,
        save: &Save,
        sequence: i64,
        outcome: &Outcome,
        messages: &[MessageId],
    ) -> Result<(), Broke> {
        ensure(sequence > self.sequence, || format!("sequence {sequence} came after {}", self.sequence))?;
        self.sequence = sequence;
        for (firing, &message) in outcome.firings.iter().zip(messages) {
            ensure(self.messages.insert(message), || format!("the message id {message} was given twice"))?;
            if firing.webhook == setting.ready {
                ensure(self.ready.insert(firing.object.clone()), || format!("ready fired twice for {}", firing.object))?;
            }
            let ordered = setting.rules.program.webhook(firing.webhook).order == Order::Object;
            for (endpoint, request) in &firing.requests {
                self.promises.push(Promise { ordered, settled_once: request.is_err(), ..Promise::of(message) });
                if request.is_err() && !std::mem::replace(&mut self.stories[*endpoint].trouble, true) {
                    self.told(store, *endpoint, Alert::Diverted)?;
                }
            }
        }
        self.fired_as_the_rules_say(setting, store, save, outcome)
    }

    /// An alert has been made, in the transaction of what it is about.
    fn told(&mut self, store: &Store, endpoint: usize, alert: Alert) -> Result<(), Broke> {
        let message = store.messages.get(self.promises.len()).copied();
        ensure(message.is_some(), || format!("{alert:?} of endpoint {endpoint} was not told"))?;
        self.promises.extend(message.map(|message| Promise { alert: Some((alert, endpoint)), ..Promise::of(message) }));
        Ok(())
    }

    /// An endpoint was suspended by hand.
    pub fn suspended(&mut self, store: &Store, endpoint: usize) -> Result<(), Broke> {
        if std::mem::replace(&mut self.stories[endpoint].suspended, true) || endpoint == OPS {
            return Ok(());
        }
        self.stories[endpoint].trouble = true;
        self.told(store, endpoint, Alert::Suspended)
    }

    /// An endpoint was released by hand.
    pub fn unsuspended(&mut self, endpoint: usize) {
        self.stories[endpoint].suspended = false;
    }

    /// What has to be told of an attempt, each thing once.
    fn tell(&mut self, store: &Store, endpoint: usize, verdict: &Verdict) -> Result<(), Broke> {
        let tells = endpoint != OPS;
        let story = &mut self.stories[endpoint];
        match &verdict.then {
            Settled::Pending { .. } => {}
            Settled::Delivered if story.trouble && !story.suspended => {
                story.trouble = false;
                self.told(store, endpoint, Alert::Recovered)?;
            }
            Settled::Delivered => {}
            Settled::Diverted(_) if tells && !std::mem::replace(&mut story.trouble, true) => self.told(store, endpoint, Alert::Diverted)?,
            Settled::Failed(_) if tells && !std::mem::replace(&mut story.trouble, true) => self.told(store, endpoint, Alert::Failed)?,
            Settled::Diverted(_) | Settled::Failed(_) => {}
        }
        if verdict.suspend { self.suspended(store, endpoint) } else { Ok(()) }
    }

    /// The meaning of the three webhooks of assets, said anew without the engine.
    fn fired_as_the_rules_say(&mut self, setting: &Setting, store: &Store, save: &Save, outcome: &Outcome) -> Result<(), Broke> {
        let fired = |webhook, object: &str| outcome.firings.iter().filter(|it| it.webhook == webhook && *it.object == *object).count();
        let exists = |user: &str| store.objects.contains_key(&(setting.user, user.into()));
        if save.model == setting.asset {
            ensure(fired(setting.each_save, &save.id) == 1, || format!("asset_saved did not fire once for {}", save.id))?;
            self.owed.remove(&save.id);
            if let Some(owner) = outcome.object.as_deref().and_then(|asset| asset.related(setting.owner)) {
                let exists = exists(owner);
                ensure(fired(setting.with_owner, &save.id) == usize::from(exists), || format!("asset_owned of {} is wrong", save.id))?;
                if !exists {
                    self.owed.insert(save.id.clone());
                }
            }
        } else if outcome.operation == Operation::Create {
            for id in std::mem::take(&mut self.owed) {
                let owner = store.objects.get(&(setting.asset, id.clone())).and_then(|asset| asset.related(setting.owner));
                if owner == Some(&*save.id) {
                    ensure(fired(setting.with_owner, &id) == 1, || format!("the owner of {id} arrived, and asset_owned did not fire"))?;
                } else {
                    self.owed.insert(id);
                }
            }
        }
        for ((_, id), asset) in store.objects.iter().filter(|((model, _), _)| *model == setting.asset) {
            let done = asset.value(setting.status) == "done";
            if let (true, false, Some(owner)) = (done, self.ready.contains(id), asset.related(setting.owner)) {
                let waits = store.waits.contains_key(&(setting.ready, id.clone()));
                ensure(!exists(owner) && waits, || format!("{id} is ready or waits for an owner, and ready neither fired nor waits"))?;
            }
        }
        for ((_, object), (_, model, id)) in &store.waits {
            let missing = !store.objects.contains_key(&(*model, id.clone()));
            ensure(missing, || format!("{object} waits for {id}, which exists"))?;
        }
        Ok(())
    }

    /// A worker has claimed a delivery. A lease that had ended is lost.
    pub fn claimed(&mut self, (row, endpoint): (usize, usize), claim: u32, now: i64, until: i64) -> Result<(), Broke> {
        ensure(!self.stories[endpoint].suspended, || format!("delivery {row} was claimed while its endpoint is suspended"))?;
        let promise = &mut self.promises[row];
        if let Some((holder, ends)) = promise.holder {
            ensure(ends <= now, || format!("delivery {row} was claimed again {} ms before its lease ended", ends - now))?;
            if promise.accepted == Some(holder) {
                promise.accepted = None;
            }
        }
        ensure(now >= promise.not_before, || format!("delivery {row} was claimed {} ms too early", promise.not_before - now))?;
        (promise.holder, promise.not_before) = (Some((claim, until)), i64::MIN);
        Ok(())
    }

    /// A request has arrived at the receiver.
    pub fn arrived(&mut self, rows: &[Row], row: usize, claim: u32, now: i64, until: i64, message: MessageId) -> Result<(), Broke> {
        ensure(now < until, || format!("delivery {row} was sent {} ms after its lease had ended", now - until))?;
        let promise = &mut self.promises[row];
        let first = *promise.sent_with.get_or_insert(message);
        ensure(first == message && message == promise.message, || format!("delivery {row} of {} was sent as {message}", promise.message))?;
        if promise.holder.map(|(holder, _)| holder) != Some(claim) {
            return Ok(());
        }
        ensure(promise.accepted.is_none(), || format!("delivery {row} was sent again after an answer that was not lost"))?;
        if promise.ordered && !promise.settled_once {
            let lane = |other: &Row| (other.endpoint, other.object);
            let open = |other: &usize| self.promises[*other].ordered && !self.promises[*other].settled_once;
            let overtaken = (0..row).find(|other| lane(&rows[*other]) == lane(&rows[row]) && open(other));
            ensure(overtaken.is_none(), || format!("delivery {row} was sent before {overtaken:?}, which is earlier"))?;
        }
        Ok(())
    }

    /// The receiver has taken it.
    pub fn accepted(&mut self, row: usize, claim: u32) {
        let promise = &mut self.promises[row];
        if promise.holder.is_some_and(|(holder, _)| holder == claim) {
            promise.accepted = Some(claim);
        }
    }

    /// The answer to a claim's request was lost on the way, or with the worker that had it.
    pub fn answer_lost(&mut self, row: usize, claim: u32) {
        let promise = &mut self.promises[row];
        if promise.accepted == Some(claim) {
            promise.accepted = None;
        }
    }

    /// The only node has died and opened the store anew: every claim is void.
    pub fn reopened(&mut self) {
        for promise in &mut self.promises {
            promise.holder = None;
        }
    }

    /// An attempt has been recorded.
    pub fn recorded(&mut self, store: &Store, row: usize, claim: u32, verdict: &Verdict, attempts: usize) -> Result<(), Broke> {
        let endpoint = store.queue.rows[row].endpoint;
        let promise = &mut self.promises[row];
        let holder = promise.holder.take().map(|(holder, _)| holder);
        ensure(holder == Some(claim), || format!("delivery {row} was recorded by a worker that had lost it"))?;
        match &verdict.then {
            Settled::Delivered => {
                promise.counted += 1;
                promise.settled_once = true;
                ensure(promise.accepted == Some(claim), || format!("delivery {row} is delivered, and nobody took it"))?;
            }
            Settled::Diverted(_) | Settled::Failed(_) => {
                promise.counted += 1;
                promise.settled_once = true;
            }
            Settled::Pending { at, counts } => {
                promise.counted += u32::from(*counts);
                promise.not_before = at.as_millisecond();
                let most = attempts + promise.resent as usize;
                ensure((promise.counted as usize) < most, || {
                    format!("delivery {row} has another try after {} of {most}", promise.counted)
                })?;
            }
        }
        self.tell(store, endpoint, verdict)
    }

    /// A person wants it sent again.
    pub fn resent(&mut self, row: usize) {
        let promise = &mut self.promises[row];
        promise.resent += 1;
        (promise.holder, promise.accepted, promise.not_before) = (None, None, i64::MIN);
    }

    /// What holds after every step.
    pub fn check(&mut self, rows: &[Row], now: Timestamp) -> Result<(), Broke> {
        self.latest = self.latest.max(now.as_millisecond());
        ensure(rows.len() == self.promises.len(), || format!("{} deliveries of {} are stored", rows.len(), self.promises.len()))?;
        let mut unsettled = [[None; 8]; ENDPOINTS];
        for (index, (row, promise)) in rows.iter().zip(&self.promises).enumerate() {
            let about = promise.alert.map(|(_, endpoint)| as_object(endpoint));
            ensure((row.endpoint == OPS) == about.is_some() && about.is_none_or(|about| about == row.object), || {
                format!("delivery {index} is not what was promised: {row:?}, {promise:?}")
            })?;
            ensure(row.spent == promise.counted, || format!("delivery {index} counts {} of {} attempts", row.spent, promise.counted))?;
            if row.is_settled() {
                continue;
            }
            let soon = row.due.is_some_and(|due| due <= self.latest + LONGEST_WAIT);
            ensure(soon, || format!("delivery {index} has no future: {row:?}"))?;
            let before = &mut unsettled[row.endpoint][row.object];
            ensure(!row.blocked || before.is_some(), || format!("delivery {index} is blocked by nothing"))?;
            let free = row.ordered && row.state == State::Pending && !row.blocked;
            ensure(!(free && before.is_some()), || format!("delivery {index} may overtake {before:?}"))?;
            if row.ordered {
                before.get_or_insert(index);
            }
        }
        Ok(())
    }
}

pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Broke> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
