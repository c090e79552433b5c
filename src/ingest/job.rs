//! The saves of one request as a job that the store steps: asks what the engine must know, writes what it decides, and stops at the
//! first save that is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::activity::{Activity, Decided, Feed};
use crate::check::TenantEndpoints;
use crate::engine::{Change, Firing, Known, Moment, NO_SUCH_OBJECT, Outcome, Read, Save, Step, adopt, evaluate, trace_entry};
use crate::generation::Generation;
use crate::ids::{Sequence, Tenant};
use crate::ingest::effects::{Circumstances, Written, rows};
use crate::ingest::once::Once;
use crate::ingest::reads::{found, query};
use crate::ingest::{COPY, Followed, IngestError, Saved};
use crate::store::{Advance, Answer, Effects, JobStep, Query, SaveJob, StoreError, Taken};
use crate::telemetry::{self, Parent};
use crate::time::Entropy;

/// Rounds of questions about one save. The engine needs one for each level of embedding and a few more; an engine that goes on asking
/// would hold up every other save.
const MAX_ROUNDS: usize = 64;

pub(super) struct Saving {
    tenant: Tenant,
    at: Timestamp,
    generation: Arc<Generation>,
    /// The endpoints of the tenant when the saves came.
    own: Option<Arc<TenantEndpoints>>,
    entropy: Arc<dyn Entropy>,
    saves: Vec<Save>,
    /// Is told after the commit.
    feed: Feed,
    /// What is known for the save in hand, which is the one after those in `saved` and those that were skipped.
    known: Known,
    asked: Vec<Read>,
    rounds: usize,
    saved: Vec<Saved>,
    /// What is told after the commit.
    news: Vec<Activity>,
    began: Instant,
    /// What the client was doing.
    parent: Option<Parent>,
    decided: telemetry::Decided,
    error: Option<IngestError>,
    /// The step that their source takes with them.
    advance: Option<Advance>,
    /// How many of the saves changed nothing that is there.
    skipped: usize,
    overtaken: bool,
    once: Once,
    decides: Decides,
}

/// What is decided about saves.
#[derive(Clone, Copy)]
enum Decides {
    /// Every webhook.
    All,
    /// Nothing: the objects were there before.
    Nothing,
}

/// What came of the saves of a job.
pub(super) struct Done {
    pub(super) saved: Vec<Saved>,
    pub(super) decided: telemetry::Decided,
    /// Whether the source was not where it was thought to be; nothing is stored then.
    pub(super) overtaken: bool,
    /// Whether they were taken in before, and nothing was done now.
    pub(super) again: bool,
}

impl Done {
    /// What its source is told.
    pub(super) fn followed(self) -> Followed {
        if self.overtaken { Followed::Overtaken } else { Followed::Taken(self.saved.first().map(|saved| saved.sequence)) }
    }
}

impl Saving {
    pub(super) fn new(
        tenant: Tenant,
        at: Timestamp,
        generation: Arc<Generation>,
        entropy: Arc<dyn Entropy>,
        saves: Vec<Save>,
        feed: Feed,
    ) -> Self {
        Self {
            own: generation.own.of_tenant(&tenant),
            tenant,
            at,
            generation,
            entropy,
            saved: Vec::with_capacity(saves.len()),
            saves,
            feed,
            known: Known::default(),
            asked: Vec::new(),
            rounds: 0,
            news: Vec::new(),
            began: Instant::now(),
            parent: telemetry::parent(),
            decided: telemetry::Decided::default(),
            error: None,
            advance: None,
            skipped: 0,
            overtaken: false,
            once: Once::Always,
            decides: Decides::All,
        }
    }

    /// The same, of a source that takes this step with them.
    pub(super) fn of_source(self, advance: Advance) -> Self {
        Self { advance: Some(advance), ..self }
    }

    /// The same, unless the source has brought it before.
    pub(super) fn once(self, taken: Taken) -> Self {
        Self { once: Once::Ask(taken), ..self }
    }

    /// The same, of objects that were there before: nothing is decided.
    pub(super) fn adopted(self) -> Self {
        Self { decides: Decides::Nothing, ..self }
    }

    /// How many saves it has.
    pub(super) fn count(&self) -> usize {
        self.saves.len()
    }

    /// What came of it, after the store has run it.
    pub(super) fn into_result(self) -> Result<Done, IngestError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Done { saved: self.saved, decided: self.decided, overtaken: self.overtaken, again: self.once.is_again() }),
        }
    }

    /// Which save is in hand.
    fn index(&self) -> usize {
        self.saved.len() + self.skipped
    }

    fn learn(&mut self, answers: Vec<Answer>) -> Result<(), String> {
        let program = &self.generation.rules.program;
        for (read, answer) in self.asked.drain(..).zip(answers) {
            let found = found(program, &read, answer)?;
            self.known.found.insert(read, found);
        }
        Ok(())
    }

    fn ask(&mut self, reads: Vec<Read>) -> JobStep {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            debug_assert!(false, "the engine asks without end: {reads:?}");
            return self.fail("a save asked the store without end".to_owned());
        }
        let program = &self.generation.rules.program;
        let queries = reads.iter().map(|read| query(program, read)).collect();
        self.asked = reads;
        JobStep::Read(queries)
    }

    fn write(&mut self, sequence: Sequence, outcome: Outcome) -> JobStep {
        let Some(save) = self.saves.get(self.index()) else { return JobStep::Done };
        let operation = outcome.operation;
        let trace = outcome.decided.trace(&self.generation.rules, operation);
        let program = &self.generation.rules.program;
        let own = |firing: &&Firing| program.webhook(firing.webhook).model == save.model && firing.object == save.id;
        let looked_at = program.model(save.model).webhooks.len();
        self.decided.fired += outcome.firings.len();
        self.decided.waiting += outcome.waits.len();
        self.decided.suppressed += looked_at.saturating_sub(outcome.firings.iter().filter(own).count() + outcome.waits.len());
        let decisions = self.feed.is_watched().then(|| decisions(&self.generation, &outcome));
        let item = self.feed.remembers().then(|| save.to_item(&self.generation.rules.program));
        let circumstances = Circumstances { tenant: &self.tenant, generation: &self.generation, entropy: &self.entropy, at: self.at };
        let written = Written { text: trace.text.clone(), table: Some(Arc::clone(&trace.table)) };
        let taken = if self.saved.is_empty() { self.once.note() } else { None };
        let mut effects = rows(circumstances, (save.model, &save.id), outcome, written);
        (effects.record.item, effects.taken) = (item, taken);
        let messages: Vec<_> = effects.messages.iter().map(|message| (message.id, Arc::from(&*message.event))).collect();
        if let Some(decisions) = decisions {
            self.news.push(Activity::Saved {
                tenant: self.tenant.clone(),
                model: Arc::from(&*program.model(save.model).name),
                object: Arc::from(&*save.id),
                operation: operation.as_str(),
                sequence,
                decisions,
                messages: messages.clone(),
                took: Duration::ZERO,
                parent: self.parent,
            });
        }
        self.saved.push(Saved { operation, sequence, messages, trace });
        self.known.found.clear();
        self.rounds = 0;
        JobStep::Write(Box::new(effects))
    }

    /// Writes an object as it is, about which nothing was decided.
    fn adopt(&mut self, sequence: Sequence, outcome: Outcome) -> JobStep {
        let Some(save) = self.saves.get(self.index()) else { return JobStep::Done };
        let operation = outcome.operation;
        let trace = outcome.decided.trace(&self.generation.rules, operation);
        let circumstances = Circumstances { tenant: &self.tenant, generation: &self.generation, entropy: &self.entropy, at: self.at };
        let written = Written { text: "[]".to_owned(), table: None };
        let effects = Effects { operation: COPY, ..rows(circumstances, (save.model, &save.id), outcome, written) };
        self.saved.push(Saved { operation, sequence, messages: Vec::new(), trace });
        self.known.found.clear();
        self.rounds = 0;
        JobStep::Write(Box::new(effects))
    }

    /// What a save leads to, as far as it is known.
    fn evaluate(&self, save: &Save, known: &Known, sequence: Sequence) -> Step {
        let moment = Moment { tenant: self.tenant.as_str(), own: self.own.as_deref(), sequence, now: self.at };
        match self.decides {
            Decides::All => evaluate(&self.generation.rules, save, known, moment),
            Decides::Nothing => adopt(&self.generation.rules, save, known, moment),
        }
    }

    fn fail(&mut self, why: String) -> JobStep {
        self.error = Some(IngestError::Store(StoreError::Failed(why)));
        JobStep::Abort
    }
}

/// The decisions as whoever watches reads them.
fn decisions(generation: &Generation, outcome: &Outcome) -> Vec<Decided> {
    let decided = |decision| {
        let entry = trace_entry(&generation.rules.program, decision);
        let why = entry.to_string();
        Decided { webhook: Arc::from(&*entry.webhook), fired: matches!(decision.verdict, crate::engine::Verdict::Fired), why }
    };
    outcome.decided.decisions(&generation.rules).iter().map(decided).collect()
}

impl SaveJob for Saving {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep {
        let answers = match self.once.step(answers) {
            Ok(answers) => answers,
            Err(step) => return step,
        };
        if let Err(why) = self.learn(answers) {
            return self.fail(why);
        }
        let index = self.index();
        let Some(save) = self.saves.get(index) else { return JobStep::Done };
        match self.evaluate(save, &self.known, sequence) {
            Step::Need(reads) => self.ask(reads),
            Step::Done(outcome) => match self.decides {
                Decides::All => self.write(sequence, *outcome),
                Decides::Nothing => self.adopt(sequence, *outcome),
            },
            // A row that was never seen is gone: nothing has happened to anything that is here.
            Step::Refused(refused) if matches!(save.change, Change::RowGone(_)) && refused.kind == NO_SUCH_OBJECT => {
                self.skipped += 1;
                self.known.found.clear();
                self.rounds = 0;
                self.step(sequence, Vec::new())
            }
            Step::Refused(refused) => {
                self.error = Some(IngestError::Refused { index, refused });
                JobStep::Abort
            }
        }
    }

    fn foresee(&self, most: usize) -> Vec<Query> {
        let (program, known) = (&self.generation.rules.program, Known::default());
        let mut queries: Vec<Query> = self.once.query().into_iter().collect();
        for save in &self.saves {
            if let Step::Need(reads) = self.evaluate(save, &known, Sequence(0)) {
                queries.extend(reads.iter().map(|read| query(program, read)));
            }
            if queries.len() >= most {
                break;
            }
        }
        queries
    }

    fn advance(&self) -> Option<Advance> {
        self.advance.clone()
    }

    fn overtaken(&mut self) {
        self.overtaken = true;
    }

    fn restart(&mut self) -> bool {
        self.known = Known::default();
        (self.asked, self.rounds, self.error) = (Vec::new(), 0, None);
        (self.skipped, self.overtaken) = (0, false);
        self.once.restart();
        (self.saved, self.news, self.decided) = (Vec::with_capacity(self.saves.len()), Vec::new(), telemetry::Decided::default());
        true
    }

    fn committed(&mut self) {
        for mut activity in self.news.drain(..) {
            if let Activity::Saved { took, .. } = &mut activity {
                *took = self.began.elapsed();
            }
            self.feed.tell(self.at, activity);
        }
    }
}
