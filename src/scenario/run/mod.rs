//! A scenario → what happens in it: each save decided by the engine, each delivery sent and settled as the worker would, on a clock that
//! moves only when the scenario says so. The same scenario gives the same bytes in every run. Absent: what should have happened; and of a
//! node its rate limits, its guard of networks and the alerts about endpoints.

mod outbox;
mod world;

pub use outbox::{Attempt, Delivery, State};

use jiff::Timestamp;
use secrecy::SecretString;

use crate::engine::{Decision, Known, Moment, Outcome, Refused, Save, Step as Decide, Watched, evaluate_watched};
use crate::ids::{MessageId, Sequence};
use crate::program::{Operation, Order};
use crate::scenario::setting::Setting;
use crate::scenario::written::{Action, Scenario, Step};
use crate::template::Watch;
use crate::time::{Entropy as _, SeededEntropy};
use outbox::{MOST_ATTEMPTS, Made, Outbox};
use world::World;

/// Rounds of questions about one save, as a node allows them.
const MAX_ROUNDS: usize = 64;

/// Everything that happened in a scenario.
#[derive(Debug)]
pub struct Happened {
    /// One for each step.
    pub steps: Vec<StepOutcome>,
    /// Every delivery as it stands at the end, in the order of their making.
    pub deliveries: Vec<Delivery>,
    /// Why it was broken off, if it was.
    pub broken_off: Option<String>,
}

/// What came of one step.
#[derive(Debug)]
pub struct StepOutcome {
    /// The time at its beginning.
    pub at: Timestamp,
    /// What the save or the passing of time did.
    pub result: StepResult,
    /// The deliveries that it made or that were sent in it, as they stand after it; indexes into [`Happened::deliveries`] beside.
    pub deliveries: Vec<(usize, Delivery)>,
}

/// What a step did.
#[derive(Debug)]
pub enum StepResult {
    /// A save was taken in.
    Saved {
        /// What it was.
        operation: Operation,
        /// Its position.
        sequence: Sequence,
        /// Why each webhook fired or did not.
        decisions: Vec<Decision>,
    },
    /// A save was refused.
    Refused(Vec<Refused>),
    /// Time passed.
    Advanced,
}

/// Runs a scenario. `watch` is told which way each branch of a template goes.
#[must_use]
pub fn run(setting: &Setting<'_>, scenario: &Scenario, watch: Option<&Watch>) -> Happened {
    let secrets = setting.rules.settings.secrets.iter().map(|name| {
        let value = scenario.secrets.get(name).cloned().unwrap_or_else(|| format!("test-{name}"));
        (name.clone(), SecretString::from(value))
    });
    let mut run = Run {
        setting,
        scenario,
        watch,
        now: scenario.start,
        entropy: SeededEntropy::new(0),
        sequence: 0,
        world: World::default(),
        outbox: Outbox::new(setting, secrets.collect(), &scenario.answers),
    };
    for object in &scenario.given {
        run.world.give(object, scenario.start);
    }
    let mut steps = Vec::with_capacity(scenario.steps.len());
    let mut broken_off = None;
    for step in &scenario.steps {
        match run.step(step) {
            Ok(outcome) => steps.push(outcome),
            Err(why) => {
                broken_off = Some(why);
                break;
            }
        }
    }
    Happened { steps, deliveries: run.outbox.deliveries, broken_off }
}

/// A scenario under way.
struct Run<'s> {
    setting: &'s Setting<'s>,
    scenario: &'s Scenario,
    watch: Option<&'s Watch>,
    now: Timestamp,
    entropy: SeededEntropy,
    /// The last one given.
    sequence: i64,
    world: World,
    outbox: Outbox<'s>,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<StepOutcome, String> {
        let at = self.now;
        let mut touched = Vec::new();
        let mut until = at;
        let result = match &step.action {
            Action::Save(save) => {
                let before = self.outbox.deliveries.len();
                let result = self.save(save)?;
                touched.extend(before..self.outbox.deliveries.len());
                result
            }
            Action::Refused(refused) => StepResult::Refused(refused.clone()),
            Action::Advance(duration) => {
                until = at.saturating_add(*duration).unwrap_or(at);
                StepResult::Advanced
            }
        };
        if !self.outbox.run(at, until, &mut touched) {
            return Err(format!("the scenario asks for more than {MOST_ATTEMPTS} attempts"));
        }
        self.now = until;
        let deliveries = touched.into_iter().filter_map(|index| Some((index, self.outbox.deliveries.get(index)?.clone())));
        Ok(StepOutcome { at, result, deliveries: deliveries.collect() })
    }

    fn save(&mut self, save: &Save) -> Result<StepResult, String> {
        let sequence = Sequence::after(self.sequence, self.now.as_second());
        let mut known = Known::default();
        for _ in 0..MAX_ROUNDS {
            let moment = Moment { tenant: self.scenario.tenant.as_str(), own: None, sequence, now: self.now };
            match evaluate_watched(self.setting.rules, save, &known, Watched { moment, watch: self.watch }) {
                Decide::Need(reads) => {
                    let answers = reads.into_iter().map(|read| {
                        let found = self.world.answer(&read);
                        (read, found)
                    });
                    known.found.extend(answers);
                }
                Decide::Refused(refused) => return Ok(StepResult::Refused(vec![refused])),
                Decide::Done(outcome) => {
                    self.sequence = sequence.0;
                    self.world.write(save, &outcome);
                    return Ok(self.post(*outcome, sequence));
                }
            }
        }
        Err("a save asked for its objects without end".to_owned())
    }

    /// Makes the deliveries of what fired.
    fn post(&mut self, outcome: Outcome, sequence: Sequence) -> StepResult {
        let program = &self.setting.rules.program;
        let decisions = outcome.decided.decisions(self.setting.rules);
        for firing in outcome.firings {
            let webhook = program.webhook(firing.webhook);
            let message = MessageId(self.entropy.uuid(self.now));
            for (endpoint, request) in firing.requests {
                let made = Made {
                    webhook: firing.webhook,
                    model: webhook.model,
                    object: &firing.object,
                    endpoint,
                    message,
                    sequence,
                    at: self.now,
                    payload: &firing.payload,
                    request: request.map_err(|error| error.what),
                    ordered: webhook.order == Order::Object,
                };
                self.outbox.add(Delivery::new(made, self.setting));
            }
        }
        StepResult::Saved { operation: outcome.operation, sequence, decisions }
    }
}
