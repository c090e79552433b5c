//! One simulation: clients that save, nodes that commit, claim, send and record, receivers that misbehave, a clock that steps, and a
//! crash between any two effects; all of it chosen by one seed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use webhookc::delivery::AttemptOutcome;
use webhookc::engine::{Known, Moment, Outcome, Save, Step, evaluate};
use webhookc::ids::{MessageId, Sequence};
use webhookc::program::Order;
use webhookc::time::{Clock as _, Entropy as _, ManualClock};

use crate::broken::Broken;
use crate::ledger::{Broke, Ledger, ensure};
use crate::random::Random;
use crate::rules::{ENDPOINTS, Setting};
use crate::store::Store;
use crate::worker::{Claim, Lane};

/// Nodes of the larger simulations; the smaller ones have one, which opens the store anew after a crash.
const NODES: usize = 3;
/// Rounds in which everything must settle once nothing goes wrong any more: more than all deliveries have attempts, one by one.
const LAST_ROUNDS: usize = 2_000;
/// When all simulations begin.
const BEGINNING: i64 = 1_464_967_971;

/// What may go wrong in a simulation, and did or did not by its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Crash,
    LostAnswer,
    BadAnswer,
    NoConnection,
    ClockStep,
    Pause,
    Resend,
    Suspension,
}

impl Fault {
    const ALL: [Self; 8] =
        [Self::Crash, Self::LostAnswer, Self::BadAnswer, Self::NoConnection, Self::ClockStep, Self::Pause, Self::Resend, Self::Suspension];
}

/// What a save writes, in the order in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Object,
    Marks,
    Waits,
    Messages,
}

/// A simulation under way.
pub struct World<'a> {
    pub setting: &'a Setting,
    pub broken: Option<Broken>,
    pub random: Random,
    pub clock: ManualClock,
    /// The clock that never steps.
    pub instant: Instant,
    pub store: Store,
    pub ledger: Ledger,
    faults: Vec<Fault>,
    pub nodes: usize,
    pub paused: [bool; NODES],
    pub claims: Vec<Claim>,
    pub claimed: u32,
    /// What each node knows of each endpoint.
    pub lanes: [[Lane; ENDPOINTS]; NODES],
    /// Saves that clients have sent and nobody has answered.
    inbox: Vec<&'a Save>,
    log: Option<Vec<String>>,
}

/// A save that has been decided and written, but not committed.
struct Written<'a> {
    save: &'a Save,
    sequence: i64,
    outcome: Outcome,
    messages: Vec<MessageId>,
    /// The store after it.
    then: Store,
}

/// Runs a seed for so many steps and then to its end; with the events when asked for.
pub fn run(setting: &Setting, seed: u64, steps: usize, broken: Option<Broken>, logged: bool) -> (Result<(), Broke>, Vec<String>) {
    let random = Random::new(seed);
    let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|_| random.once_in(2)).collect();
    let nodes = if random.once_in(2) { NODES } else { 1 };
    let mut store = Store::default();
    store.queue.broken = broken;
    let mut world = World {
        setting,
        broken,
        clock: ManualClock::at(Timestamp::from_second(BEGINNING).unwrap()),
        store,
        ledger: Ledger::default(),
        faults: faults.clone(),
        nodes,
        paused: [false; NODES],
        claims: Vec::new(),
        claimed: 0,
        instant: Instant::now(),
        lanes: Default::default(),
        inbox: Vec::new(),
        log: logged.then(Vec::new),
        random,
    };
    world.note(|| format!("{nodes} nodes, {faults:?}"));
    let result = (0..steps).try_for_each(|_| world.step()).and_then(|()| world.finish());
    (result, world.log.unwrap_or_default())
}

impl<'a> World<'a> {
    /// Writes an event down, if anybody will read it.
    pub fn note(&mut self, event: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(log) = &mut self.log {
            log.push(format!("{now} {}", event()));
        }
    }

    /// Whether this may go wrong here.
    pub fn may(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn step(&mut self) -> Result<(), Broke> {
        let node = self.random.below(self.nodes);
        match self.random.below(100) {
            0..20 => {
                let setting = self.setting;
                self.inbox.push(&setting.saves[self.random.below(setting.saves.len())]);
            }
            20..35 => self.commit(node)?,
            35..50 if !self.paused[node] => self.claim(node, 1 + self.random.below(3))?,
            50..85 => {
                let able: Vec<usize> = (0..self.claims.len()).filter(|&claim| !self.paused[self.claims[claim].node]).collect();
                if !able.is_empty() {
                    self.progress(able[self.random.below(able.len())])?;
                }
            }
            85..93 => self.pass_time(),
            93 | 94 if self.may(Fault::ClockStep) => {
                let step = i64::try_from(self.random.below(14_400_000)).unwrap() - 7_200_000;
                self.clock.advance(step);
                self.note(|| format!("the clock steps by {step} ms"));
            }
            95 | 96 if self.may(Fault::Pause) => {
                self.paused[node] = !self.paused[node];
                self.note(|| format!("node {node} is paused or goes on"));
            }
            97 if self.may(Fault::Resend) => self.resend(),
            98 if self.may(Fault::Crash) => self.crash(node),
            99 if self.may(Fault::Suspension) => self.suspend_or_release()?,
            _ => {}
        }
        self.ledger.check(&self.store.queue.rows, self.clock.now())
    }

    /// Time passes for both clocks.
    fn advance(&mut self, milliseconds: i64) {
        self.clock.advance(milliseconds);
        self.instant += Duration::from_millis(milliseconds.unsigned_abs());
    }

    fn pass_time(&mut self) {
        let milliseconds = match self.random.below(6) {
            0..3 => i64::try_from(self.random.below(5_000)).unwrap(),
            3 => self.store.queue.next_due().map_or(0, |due| due - self.now()).max(0),
            4 => 50_000,
            _ => 3_600_000,
        };
        self.advance(milliseconds);
        self.note(|| format!("{milliseconds} ms pass"));
    }

    /// Perhaps the node dies here; whether it did.
    pub fn crashes(&mut self, node: usize) -> bool {
        let crashes = self.may(Fault::Crash) && self.random.once_in(40);
        if crashes {
            self.crash(node);
        }
        crashes
    }

    fn crash(&mut self, node: usize) {
        self.note(|| format!("node {node} dies"));
        let alone = self.nodes == 1;
        for claim in self.claims.extract_if(.., |claim| claim.node == node) {
            self.ledger.answer_lost(claim.row, claim.number);
        }
        self.paused[node] = false;
        self.lanes[node] = Default::default();
        if alone {
            self.store.queue.reopen();
            self.ledger.reopened();
        }
    }

    /// Commits the saves that have come together, in one transaction, and answers the clients.
    fn commit(&mut self, node: usize) -> Result<(), Broke> {
        let batch: Vec<&'a Save> = self.inbox.drain(..self.inbox.len().min(1 + self.random.below(3))).collect();
        if !self.transaction(node, &batch)? {
            // The clients do not know whether their saves were committed. Some send them again.
            for save in batch {
                if self.random.once_in(2) {
                    self.inbox.push(save);
                }
            }
        }
        Ok(())
    }

    /// Whether the clients were answered.
    fn transaction(&mut self, node: usize, batch: &[&'a Save]) -> Result<bool, Broke> {
        let mut transaction = self.store.clone();
        let mut written = Vec::with_capacity(batch.len());
        for save in batch {
            let reads = if self.broken == Some(Broken::StaleReads) { &self.store } else { &transaction };
            let sequence = Sequence::after(transaction.sequence, self.clock.now().as_second());
            let Some(outcome) = self.decide(reads, save, sequence) else { continue };
            let Some(messages) = self.write(node, &mut transaction, save, sequence, &outcome) else { return Ok(false) };
            written.push(Written { save, sequence: sequence.0, outcome, messages, then: transaction.clone() });
        }
        if self.crashes(node) {
            return Ok(false);
        }
        self.store = transaction;
        for save in &written {
            self.note(|| format!("{:?} is committed, {} fire", save.save, save.outcome.firings.len()));
            let Written { save, sequence, outcome, messages, then } = save;
            self.ledger.committed(self.setting, then, save, *sequence, outcome, messages)?;
        }
        if self.crashes(node) {
            return Ok(false);
        }
        for Written { outcome, messages, .. } in written {
            match self.broken {
                Some(Broken::MarksOutsideTransaction) => self.store.marks.extend(outcome.marks),
                Some(Broken::MessagesOutsideTransaction) => {
                    let mut store = std::mem::take(&mut self.store);
                    self.write_messages(&mut store, &outcome, &messages);
                    self.store = store;
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// What the engine says; `None` when it refuses the save.
    fn decide(&self, store: &Store, save: &Save, sequence: Sequence) -> Option<Outcome> {
        let mut known = Known::default();
        let moment = Moment { tenant: "default", own: None, sequence, now: self.clock.now() };
        loop {
            match evaluate(&self.setting.rules, save, &known, moment) {
                Step::Need(reads) => known.found.extend(reads.into_iter().map(|read| {
                    let found = store.answer(&read);
                    (read, found)
                })),
                Step::Done(outcome) => return Some(*outcome),
                Step::Refused(_) => return None,
            }
        }
    }

    /// Writes the effects of a save one after the other; `None` when the node died between two of them.
    fn write(
        &mut self,
        node: usize,
        transaction: &mut Store,
        save: &Save,
        sequence: Sequence,
        outcome: &Outcome,
    ) -> Option<Vec<MessageId>> {
        transaction.sequence = sequence.0;
        let messages: Vec<_> = outcome.firings.iter().map(|_| self.new_message()).collect();
        for effect in [Effect::Object, Effect::Marks, Effect::Waits, Effect::Messages] {
            if self.crashes(node) {
                return None;
            }
            match effect {
                Effect::Object => transaction.put(save, outcome),
                Effect::Marks if self.broken == Some(Broken::MarksOutsideTransaction) => {}
                Effect::Marks => transaction.marks.extend(outcome.marks.iter().cloned()),
                Effect::Waits => transaction.wait(outcome),
                Effect::Messages if self.broken == Some(Broken::MessagesOutsideTransaction) => {}
                Effect::Messages => self.write_messages(transaction, outcome, &messages),
            }
        }
        Some(messages)
    }

    fn write_messages(&self, store: &mut Store, outcome: &Outcome, messages: &[MessageId]) {
        let now = self.now();
        for (firing, &message) in outcome.firings.iter().zip(messages) {
            let webhook = self.setting.rules.program.webhook(firing.webhook);
            let object = self.setting.object(webhook.model, &firing.object);
            for (endpoint, request) in &firing.requests {
                let due = request.is_ok().then_some(now);
                store.queue.insert(*endpoint, object, webhook.order == Order::Object, due, now);
                store.messages.push(message);
                if due.is_none() {
                    let alert = store.queue.unsendable(*endpoint);
                    store.tell(*endpoint, alert, now, || self.new_message());
                }
            }
        }
    }

    pub fn new_message(&self) -> MessageId {
        MessageId::new(self.random.0.uuid(self.clock.now()))
    }

    /// Nothing goes wrong any more: everything must settle.
    fn finish(&mut self) -> Result<(), Broke> {
        (self.faults, self.paused) = (Vec::new(), [false; NODES]);
        self.note(|| "nothing goes wrong any more".to_owned());
        while !self.inbox.is_empty() {
            self.commit(0)?;
        }
        for _ in 0..LAST_ROUNDS {
            // Whatever was suspended meanwhile, also by the last failures, is released.
            for endpoint in 0..ENDPOINTS {
                if self.store.queue.endpoints[endpoint].suspended {
                    self.release(endpoint);
                }
            }
            for node in 0..self.nodes {
                self.claim(node, 100)?;
            }
            while !self.claims.is_empty() {
                self.progress(0)?;
            }
            self.ledger.check(&self.store.queue.rows, self.clock.now())?;
            if self.store.queue.rows.iter().all(crate::queue::Row::is_settled) {
                return Ok(());
            }
            if let Some(due) = self.store.queue.next_due() {
                self.advance((due - self.now()).max(0));
            }
            let opens = (0..self.nodes).filter_map(|node| self.opens(node)).min();
            if let Some(wait) = opens.and_then(|opens| opens.checked_duration_since(self.instant)) {
                self.advance(i64::try_from(wait.as_millis()).unwrap() + 1);
            }
        }
        let unsettled = self.store.queue.rows.iter().position(|row| !row.is_settled());
        ensure(false, || format!("delivery {unsettled:?} never settles"))
    }

    /// What came of an attempt when the receiver has decided on it.
    pub fn answer(&mut self) -> AttemptOutcome {
        let (status, retry_after) = match if self.may(Fault::BadAnswer) { self.random.below(10) } else { 9 } {
            0 => (500, None),
            1 => (503, Some(120)),
            2 => (429, Some(1)),
            3 => (410, None),
            4 => (404, None),
            5 => (302, None),
            _ => (204, None),
        };
        AttemptOutcome::Answered { status, retry_after: retry_after.map(Duration::from_secs) }
    }
}
