//! A `ready` webhook over objects that were there before it: each is decided in a transaction of its own, which also uses the webhook up for
//! the object. So it fires once for each object, however often and from wherever this is begun again.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::access::TenantScope;
use crate::check::TenantEndpoints;
use crate::engine::{Known, Moment, Outcome, Read, Step, Verdict, backfill, use_up};
use crate::generation::Generation;
use crate::ids::{Sequence, Tenant, WebhookId};
use crate::ingest::effects::{Circumstances, rows_anew};
use crate::ingest::reads::{found, query};
use crate::ingest::{COPY, Ingest, IngestError};
use crate::store::{Answer, JobStep, SaveJob, StoreError};
use crate::telemetry::{Decided, numbers};
use crate::time::Entropy;

/// Rounds of questions about one object; see the job of a save.
const MAX_ROUNDS: usize = 64;

/// Which objects are decided, and how far.
#[derive(Clone, Debug)]
pub struct Backfill {
    /// The webhook, which must be `ready`, of the generation in force.
    pub webhook: WebhookId,
    /// Objects of its model.
    pub objects: Vec<Box<str>>,
    /// Whether anything is done about it.
    pub mode: Mode,
}

/// Whether what is decided is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Messages are made.
    Fire,
    /// The webhook is used up where it would fire, and no message is made.
    UseUp,
    /// It is only counted what would happen.
    DryRun,
}

impl Mode {
    /// What the trace calls it.
    fn operation(self) -> &'static str {
        match self {
            Self::Fire | Self::DryRun => "backfill",
            Self::UseUp => COPY,
        }
    }
}

/// What became of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    /// It fires for them.
    pub fired: usize,
    /// It would, and is used up for them now.
    pub used_up: usize,
    /// A related object is not there yet: it fires when that comes.
    pub waiting: usize,
    /// It has fired for them before.
    pub already: usize,
    /// A condition does not hold.
    pub unmet: usize,
    /// It could not be decided, or too many wait already.
    pub failed: usize,
}

impl Ingest {
    /// Decides a webhook for existing objects.
    ///
    /// # Errors
    /// When the store fails; what has been done until then stays, and is not done twice when this is asked again.
    pub async fn backfill(&self, tenant: &TenantScope, generation: &Arc<Generation>, asked: Backfill) -> Result<Backfilled, IngestError> {
        let Backfill { webhook, objects, mode } = asked;
        let job = |object| Filling {
            tenant: tenant.tenant().clone(),
            at: self.clock.now(),
            generation: Arc::clone(generation),
            entropy: Arc::clone(&self.entropy),
            own: generation.own.of_tenant(tenant.tenant()),
            webhook,
            object,
            mode,
            known: Known::default(),
            asked: Vec::new(),
            rounds: 0,
            became: None,
            error: None,
        };
        let mut total = Backfilled::default();
        for filled in join_all(objects.into_iter().map(|object| self.store.save(job(object)))).await {
            let filled = filled?;
            if let Some(why) = filled.error {
                return Err(StoreError::Failed(why).into());
            }
            match filled.became {
                Some(Became::Fired) => total.fired += 1,
                Some(Became::UsedUp) => total.used_up += 1,
                Some(Became::Waiting) => total.waiting += 1,
                Some(Became::Already) => total.already += 1,
                Some(Became::Unmet) => total.unmet += 1,
                Some(Became::Failed) => total.failed += 1,
                // The object has been deleted meanwhile.
                None => {}
            }
        }
        if mode == Mode::Fire {
            numbers().decisions(Decided { fired: total.fired, waiting: total.waiting, suppressed: total.already + total.unmet });
        }
        Ok(total)
    }
}

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    Fired,
    UsedUp,
    Waiting,
    Already,
    Unmet,
    Failed,
}

/// One object.
struct Filling {
    tenant: Tenant,
    at: Timestamp,
    generation: Arc<Generation>,
    entropy: Arc<dyn Entropy>,
    own: Option<Arc<TenantEndpoints>>,
    webhook: WebhookId,
    object: Box<str>,
    mode: Mode,
    known: Known,
    asked: Vec<Read>,
    rounds: usize,
    became: Option<Became>,
    error: Option<String>,
}

impl Filling {
    fn learn(&mut self, answers: Vec<Answer>) -> Result<(), String> {
        let program = &self.generation.rules.program;
        for (read, answer) in self.asked.drain(..).zip(answers) {
            let found = found(program, &read, answer)?;
            self.known.found.insert(read, found);
        }
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS { Err("a webhook over existing objects asked the store without end".to_owned()) } else { Ok(()) }
    }

    fn write(&mut self, outcome: Outcome) -> JobStep {
        self.became = outcome.decided.others().first().map(|decision| match &decision.verdict {
            Verdict::Fired => Became::Fired,
            Verdict::Waiting { .. } => Became::Waiting,
            Verdict::AlreadyFired if !outcome.marks.is_empty() => Became::UsedUp,
            Verdict::AlreadyFired => Became::Already,
            Verdict::NoSubscriber | Verdict::OtherOperation(_) | Verdict::Unmet { .. } => Became::Unmet,
            Verdict::Failed(_) => Became::Failed,
        });
        let follows = matches!(self.became, Some(Became::Fired | Became::UsedUp | Became::Waiting));
        if !follows || self.mode == Mode::DryRun {
            return JobStep::Done;
        }
        let circumstances = Circumstances { tenant: &self.tenant, generation: &self.generation, entropy: &self.entropy, at: self.at };
        let effects = rows_anew(circumstances, (self.webhook, &self.object), outcome, self.mode.operation());
        JobStep::Write(Box::new(effects))
    }
}

impl SaveJob for Filling {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep {
        if self.became.is_some() {
            return JobStep::Done;
        }
        if let Err(why) = self.learn(answers) {
            self.error = Some(why);
            return JobStep::Abort;
        }
        let moment = Moment { tenant: self.tenant.as_str(), own: self.own.as_deref(), sequence, now: self.at };
        let (rules, about) = (&self.generation.rules, (self.webhook, &*self.object));
        let decided = match self.mode {
            Mode::Fire | Mode::DryRun => backfill(rules, about, &self.known, moment),
            Mode::UseUp => use_up(rules, about, &self.known, moment),
        };
        match decided {
            Step::Need(reads) => {
                let program = &self.generation.rules.program;
                let queries = reads.iter().map(|read| query(program, read)).collect();
                self.asked = reads;
                JobStep::Read(queries)
            }
            Step::Done(outcome) => self.write(*outcome),
            Step::Refused(_) => {
                self.became = Some(Became::Failed);
                JobStep::Abort
            }
        }
    }
}
