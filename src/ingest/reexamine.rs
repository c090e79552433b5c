//! When another program comes into force, firings that wait may have nothing to wait for any more: each is decided once more, in a
//! transaction of its own.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::check::TenantEndpoints;
use crate::engine::{Known, Moment, Outcome, Read, Step, Wait, reexamine};
use crate::generation::Generation;
use crate::ids::{ModelId, Sequence, Tenant};
use crate::ingest::effects::{Circumstances, rows_anew};
use crate::ingest::reads::{found, query, wait};
use crate::ingest::{Ingest, IngestError};
use crate::store::{Answer, JobStep, SaveJob, StoreError, WaitRow};
use crate::telemetry::{Decided, numbers};
use crate::time::Entropy;

/// Firings that are looked at together, so that they share commits.
const PAGE: usize = 256;
/// Rounds of questions about one firing; see the job of a save.
const MAX_ROUNDS: usize = 64;

impl Ingest {
    /// Decides every waiting firing once more by the rules in force; how many of them fired or wait for something else now.
    ///
    /// # Errors
    /// When the store fails. What has been decided until then stays.
    pub async fn reexamine(&self) -> Result<usize, IngestError> {
        let generation = self.generation();
        let (mut after, mut changed) = (0, 0);
        loop {
            let page = self.store.waits(after, PAGE).await?;
            let Some((last, ..)) = page.last() else { return Ok(changed) };
            after = *last;
            let jobs = page.iter().filter_map(|(_, tenant, row)| Examining::new(self, &generation, tenant, row));
            for job in join_all(jobs.map(|job| self.store.save(job))).await {
                let job = job?;
                match job.error {
                    None => changed += usize::from(job.changed),
                    Some(why) => return Err(StoreError::Failed(why).into()),
                }
            }
        }
    }
}

/// One firing that waits.
struct Examining {
    tenant: Tenant,
    at: Timestamp,
    generation: Arc<Generation>,
    own: Option<Arc<TenantEndpoints>>,
    entropy: Arc<dyn Entropy>,
    wait: Wait,
    awaited: (ModelId, Box<str>),
    known: Known,
    asked: Vec<Read>,
    rounds: usize,
    /// Whether something was written.
    changed: bool,
    error: Option<String>,
}

impl Examining {
    /// `None` when its webhook or its model is no longer part of the program: it waits for one that has it.
    fn new(ingest: &Ingest, generation: &Arc<Generation>, tenant: &Tenant, row: &WaitRow) -> Option<Self> {
        let program = &generation.rules.program;
        let awaited = (program.model_named(&row.for_model)?, row.for_id.clone());
        // One that cannot be read is reported when the object that it waits for arrives.
        let wait = wait(program, row).ok()??;
        Some(Self {
            tenant: tenant.clone(),
            own: generation.own.of_tenant(tenant),
            at: ingest.clock.now(),
            generation: Arc::clone(generation),
            entropy: Arc::clone(&ingest.entropy),
            wait,
            awaited,
            known: Known::default(),
            asked: Vec::new(),
            rounds: 0,
            changed: false,
            error: None,
        })
    }

    fn learn(&mut self, answers: Vec<Answer>) -> Result<(), String> {
        let program = &self.generation.rules.program;
        for (read, answer) in self.asked.drain(..).zip(answers) {
            let found = found(program, &read, answer)?;
            self.known.found.insert(read, found);
        }
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS { Err("a waiting webhook asked the store without end".to_owned()) } else { Ok(()) }
    }

    fn write(&mut self, outcome: Outcome) -> JobStep {
        self.changed = !outcome.decided.others().is_empty();
        if !self.changed {
            return JobStep::Done;
        }
        numbers().decisions(Decided { fired: outcome.firings.len(), waiting: outcome.waits.len(), suppressed: 0 });
        let circumstances = Circumstances { tenant: &self.tenant, generation: &self.generation, entropy: &self.entropy, at: self.at };
        let effects = rows_anew(circumstances, (self.wait.webhook, &self.wait.object), outcome, "reload");
        JobStep::Write(Box::new(effects))
    }
}

impl SaveJob for Examining {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep {
        if self.changed {
            return JobStep::Done;
        }
        if let Err(why) = self.learn(answers) {
            self.error = Some(why);
            return JobStep::Abort;
        }
        let moment = Moment { tenant: self.tenant.as_str(), own: self.own.as_deref(), sequence, now: self.at };
        let awaited = (self.awaited.0, &*self.awaited.1);
        match reexamine(&self.generation.rules, &self.wait, awaited, &self.known, moment) {
            Step::Need(reads) => {
                let program = &self.generation.rules.program;
                let queries = reads.iter().map(|read| query(program, read)).collect();
                self.asked = reads;
                JobStep::Read(queries)
            }
            Step::Done(outcome) => self.write(*outcome),
            Step::Refused(refused) => {
                self.error = Some(refused.message);
                JobStep::Abort
            }
        }
    }
}
