//! Deliveries under the scenario's clock: the earliest thing that is due happens next, an answer or an attempt, until nothing is due any
//! more. Which request is sent and what follows an answer are decided by the functions that the worker uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::delivery::{AttemptOutcome, End, Filling, Frozen, Keys, Request, Secrets, Settlement, request, settle};
use crate::ids::{MessageId, ModelId, Sequence, WebhookId};
use crate::scenario::setting::Setting;
use crate::scenario::written::Answer;
use crate::template::Rendered;

/// Attempts in one scenario; one that asks for more has a mistake, such as a year of retries.
pub(super) const MOST_ATTEMPTS: usize = 10_000;

/// One delivery, as it stands.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The webhook that fired.
    pub webhook: WebhookId,
    /// The model of the object it is about.
    pub model: ModelId,
    /// The object.
    pub object: Box<str>,
    /// Index into [`Rules::endpoints`](crate::check::Rules::endpoints).
    pub endpoint: usize,
    /// Sent as `webhook-id`.
    pub message: MessageId,
    /// The save.
    pub sequence: Sequence,
    /// When it was made.
    pub made_at: Timestamp,
    /// Where it is on its way.
    pub state: State,
    /// So far.
    pub attempts: Vec<Attempt>,
    /// The rendered request, the body apart.
    rendered: Arc<Rendered>,
    content_type: Box<str>,
    body: Bytes,
    ordered: bool,
    /// Attempts that counted.
    spent: u32,
}

/// Where a delivery is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// To be sent, not before.
    Pending(Timestamp),
    /// The answer comes then.
    Sending(Timestamp),
    /// Answered with success.
    Delivered,
    /// Given up and kept for inspection: why.
    Diverted(String),
    /// Given up: why.
    Failed(String),
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// What was sent; `None` when it could not be put together.
    pub request: Option<Arc<Request>>,
    /// What comes of it, at the end of its time.
    pub outcome: AttemptOutcome,
}

impl Delivery {
    /// A delivery of a message to one endpoint. What could not be rendered is diverted at once.
    pub(super) fn new(made: Made<'_>, setting: &Setting<'_>) -> Self {
        let Made { webhook, model, object, endpoint, message, sequence, at, payload, request, ordered } = made;
        let first = setting.targets.get(endpoint).and_then(|target| target.policy.failure_handling.retry.wait_after(0));
        let (state, rendered) = match request {
            Ok(rendered) => (State::Pending(at.saturating_add(first.unwrap_or_default()).unwrap_or(at)), rendered),
            Err(why) => {
                let nothing =
                    Rendered { method: "".into(), url: crate::template::RenderedText::default(), headers: Vec::new(), body: None };
                (State::Diverted(format!("the request could not be rendered: {why}")), nothing)
            }
        };
        let (content_type, body) = rendered.body.clone().unwrap_or_else(|| ("application/json".into(), payload.clone()));
        let object = object.into();
        let (attempts, spent, rendered) = (Vec::new(), 0, Arc::new(rendered));
        Self {
            webhook,
            model,
            object,
            endpoint,
            message,
            sequence,
            made_at: at,
            state,
            attempts,
            rendered,
            content_type,
            body,
            ordered,
            spent,
        }
    }

    /// The request as rendered. Secrets are placeholders.
    #[must_use]
    pub fn frozen(&self) -> Frozen<'_> {
        Frozen {
            message: self.message,
            sequence: self.sequence,
            method: &self.rendered.method,
            url: &self.rendered.url,
            headers: &self.rendered.headers,
            content_type: &self.content_type,
            body: &self.body,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Pending(_) | State::Sending(_))
    }
}

/// What a delivery is made of.
pub(super) struct Made<'a> {
    pub webhook: WebhookId,
    pub model: ModelId,
    pub object: &'a str,
    pub endpoint: usize,
    pub message: MessageId,
    pub sequence: Sequence,
    pub at: Timestamp,
    pub payload: &'a Bytes,
    pub request: Result<Rendered, String>,
    pub ordered: bool,
}

/// All deliveries of a scenario.
pub(super) struct Outbox<'s> {
    pub setting: &'s Setting<'s>,
    pub secrets: Secrets,
    pub answers: &'s BTreeMap<String, Arc<[Answer]>>,
    pub deliveries: Vec<Delivery>,
    /// Those that are not settled, in the order of their making.
    open: Vec<usize>,
    /// Endpoints that are sent nothing more: what is for them waits.
    suspended: BTreeSet<usize>,
    /// Answers given so far, by endpoint.
    answered: Vec<usize>,
    attempts: usize,
}

impl<'s> Outbox<'s> {
    pub(super) fn new(setting: &'s Setting<'s>, secrets: Secrets, answers: &'s BTreeMap<String, Arc<[Answer]>>) -> Self {
        let answered = vec![0; setting.targets.len()];
        Self { setting, secrets, answers, deliveries: Vec::new(), open: Vec::new(), suspended: BTreeSet::new(), answered, attempts: 0 }
    }

    pub(super) fn add(&mut self, delivery: Delivery) {
        if delivery.is_open() {
            self.open.push(self.deliveries.len());
        }
        self.deliveries.push(delivery);
    }

    /// Lets everything happen that is due by `until`, and notes which deliveries that was about. Whether it all could.
    pub(super) fn run(&mut self, now: Timestamp, until: Timestamp, touched: &mut Vec<usize>) -> bool {
        let mut now = now;
        while let Some((at, index)) = self.next(now).filter(|(at, _)| *at <= until) {
            now = now.max(at);
            if !touched.contains(&index) {
                touched.push(index);
            }
            let is_answer = self.deliveries.get(index).is_some_and(|delivery| matches!(delivery.state, State::Sending(_)));
            if is_answer {
                self.settle(index, now);
            } else if self.attempts < MOST_ATTEMPTS {
                self.attempts += 1;
                self.send(index, now);
            } else {
                return false;
            }
        }
        true
    }

    /// The earliest thing that can happen; answers before attempts, earlier deliveries first.
    fn next(&self, now: Timestamp) -> Option<(Timestamp, usize)> {
        let mut blocked: Vec<(ModelId, &str, usize)> = Vec::new();
        let mut under_way = vec![0_u32; self.setting.targets.len()];
        for delivery in self.open.iter().filter_map(|&index| self.deliveries.get(index)) {
            if let (State::Sending(_), Some(count)) = (&delivery.state, under_way.get_mut(delivery.endpoint)) {
                *count += 1;
            }
        }
        let mut earliest: Option<(Timestamp, bool, usize)> = None;
        for &index in &self.open {
            let Some(delivery) = self.deliveries.get(index) else { continue };
            let lane = (delivery.model, &*delivery.object, delivery.endpoint);
            let behind = delivery.ordered && blocked.contains(&lane);
            if delivery.ordered {
                blocked.push(lane);
            }
            let candidate = match delivery.state {
                State::Sending(ends) => Some((ends, false, index)),
                State::Pending(at) => {
                    let room = self.setting.targets.get(delivery.endpoint).map_or(0, |target| target.policy.concurrency);
                    let full = under_way.get(delivery.endpoint).is_none_or(|count| *count >= room);
                    let suspended = self.suspended.contains(&delivery.endpoint);
                    (!behind && !full && !suspended).then(|| (at.max(now), true, index))
                }
                State::Delivered | State::Diverted(_) | State::Failed(_) => None,
            };
            earliest = match (earliest, candidate) {
                (Some(known), Some(new)) => Some(known.min(new)),
                (known, new) => known.or(new),
            };
        }
        earliest.map(|(at, _, index)| (at, index))
    }

    /// Begins an attempt.
    fn send(&mut self, index: usize, now: Timestamp) {
        let Some(delivery) = self.deliveries.get_mut(index) else { return };
        let Some(target) = self.setting.targets.get(delivery.endpoint) else { return };
        let timeout = target.policy.timeout;
        let sent = request(&delivery.frozen(), Keys { signer: &target.signer, secrets: Filling::Program(&self.secrets) }, timeout, now);
        let (request, outcome, delay) = match sent {
            Err(outcome) => (None, outcome, std::time::Duration::ZERO),
            Ok(request) => {
                let answer = next_answer(self.setting, self.answers, &mut self.answered, delivery.endpoint);
                let late = answer.delay >= timeout;
                let outcome = if late { AttemptOutcome::TimedOut } else { answer.outcome };
                (Some(Arc::new(request)), outcome, answer.delay.min(timeout))
            }
        };
        delivery.attempts.push(Attempt { at: now, request, outcome });
        delivery.state = State::Sending(now.saturating_add(delay).unwrap_or(now));
    }

    /// Ends the attempt under way.
    fn settle(&mut self, index: usize, now: Timestamp) {
        let Some(delivery) = self.deliveries.get_mut(index) else { return };
        let (Some(attempt), Some(target)) = (delivery.attempts.last(), self.setting.targets.get(delivery.endpoint)) else { return };
        // Jitter only ever adds; here it adds nothing, so that times can be foretold.
        let then = settle(&target.policy, delivery.spent.saturating_add(1), &attempt.outcome, now, 0.0);
        delivery.state = match then {
            Settlement::Delivered => State::Delivered,
            Settlement::Retry { at, counts } => {
                delivery.spent += u32::from(counts);
                State::Pending(at)
            }
            Settlement::GivenUp { end, reason, suspend } => {
                if suspend {
                    self.suspended.insert(delivery.endpoint);
                }
                match end {
                    End::Diverted => State::Diverted(reason),
                    End::Failed => State::Failed(reason),
                }
            }
        };
        if !delivery.is_open() {
            self.open.retain(|&open| open != index);
        }
    }
}

/// The next answer of an endpoint: as the scenario says, the last one again and again; 200 when it says nothing.
fn next_answer(setting: &Setting<'_>, answers: &BTreeMap<String, Arc<[Answer]>>, answered: &mut [usize], endpoint: usize) -> Answer {
    let script = setting.rules.endpoints.get(endpoint).and_then(|endpoint| answers.get(&*endpoint.name.value));
    let (Some(script), Some(count)) = (script, answered.get_mut(endpoint)) else { return Answer::ok() };
    let answer = script.get(*count).or(script.last()).cloned().unwrap_or_else(Answer::ok);
    *count += 1;
    answer
}
