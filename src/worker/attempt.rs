//! One attempt: the request with its secrets and signatures, the exchange, and the decision on what follows. Recording is not done here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::activity::{Activity, Feed};
use crate::delivery::{AttemptOutcome, End, Frozen, Request, Settlement, TOO_LATE, Timing, request, settle};
use crate::egress::{Client, Exchange};
use crate::generation::{Generation, Target};
use crate::ingest::Bell;
use crate::store::{Alarm, AttemptRow, Claimed, NewAttempt, Settled, Store};
use crate::time::{Clock, Entropy};
use crate::worker::hand::Hand;
use crate::worker::lane::Reached;
use crate::worker::record::{Finished, Told};

/// What every attempt works with.
pub(super) struct Tools {
    pub store: Store,
    pub egress: Client,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub feed: Feed,
}

/// What an attempt works with.
pub(super) struct Attempt {
    pub tools: Arc<Tools>,
    pub generation: Arc<Generation>,
    pub target: Arc<Target>,
    /// Where it is in hand from its begin until it is recorded.
    pub hand: Arc<Hand>,
}

impl Attempt {
    /// Makes the attempt; never longer than the endpoint's deadline. `None` when the lease might end before it does.
    pub(super) async fn run(self, claimed: Claimed) -> Option<(Finished, Reached)> {
        let tools = &*self.tools;
        if !tools.store.holds(claimed.node).await {
            tracing::warn!(delivery = %claimed.id, "a delivery was not sent: this node was away, and others have taken it over");
            return None;
        }
        let started_at = tools.clock.now();
        if started_at.saturating_add(self.target.policy.timeout).unwrap_or(Timestamp::MAX) > claimed.lease_until {
            tracing::warn!(delivery = %claimed.id, "a delivery was not sent: it came so late that its lease might have ended before the answer");
            return None;
        }
        let held = self.hand.take(&claimed);
        let number = claimed.attempts.saturating_add(1);
        if tools.feed.is_watched() {
            tools.feed.tell(started_at, sending(&claimed, number));
        }
        let keys = self.generation.keys(&self.target);
        let mut signature = None;
        let exchange = match request(&frozen(&claimed), keys, self.target.policy.timeout, started_at) {
            Ok(request) => {
                signature = tools.feed.remembers().then(|| signature_of(&request)).flatten();
                tools.egress.exchange(Request { delivery: Some(claimed.id), ..request }).await
            }
            Err(outcome) if self.leaves(&claimed, &outcome).await => return None,
            Err(outcome) => unsent(outcome),
        };
        let reached = reached(&exchange, self.target.policy.timeout);
        let now = tools.clock.now();
        let spent = claimed.spent.saturating_add(1);
        // Drawn only where there may be a wait.
        let delivered = matches!(exchange.outcome, AttemptOutcome::Answered { status: 200..=299, .. });
        let jitter = if delivered { 0.0 } else { tools.entropy.fraction() };
        let then = settle(&self.target.policy, spent, &exchange.outcome, now, jitter);
        let error = error(&exchange.outcome);
        let suspend = matches!(then, Settlement::GivenUp { suspend: true, .. });
        let (then, note) = follow(then, error.as_deref(), now);
        let alarm = self.alarm(&claimed);
        let attempt = NewAttempt {
            tenant: claimed.tenant,
            delivery: claimed.id,
            slot: claimed.slot,
            fence: claimed.fence,
            ordered: claimed.ordered,
            attempt: AttemptRow {
                number,
                started_at,
                took: exchange.took,
                timing: exchange.timing,
                status: exchange.status,
                error,
                response_headers: headers_json(&exchange),
                response_body: exchange.status.map(|_| exchange.body),
                signature,
            },
            then,
            suspend,
            alarm,
        };
        let told = Told { message: claimed.message, endpoint: claimed.endpoint, event: claimed.event, note, _held: held };
        Some((Finished { attempt, told }, reached))
    }

    /// What cannot be filled in here, such as a secret of a newer program, is left to the nodes that run it, if there are any.
    async fn leaves(&self, claimed: &Claimed, why: &AttemptOutcome) -> bool {
        let AttemptOutcome::OurFault(why) = why else { return false };
        if !self.tools.store.is_behind(self.generation.shared.number) {
            return false;
        }
        if self.generation.shared.leave(claimed.endpoint.clone()) {
            tracing::warn!(endpoint = %claimed.endpoint, why, "its deliveries are left to the nodes that run a newer program");
        }
        if let Err(error) = self.tools.store.give_back(vec![claimed.clone()], self.tools.clock.now()).await {
            tracing::warn!(%error, "a delivery could not be given back; it is due again when its lease ends");
        }
        true
    }

    /// Who is told when it goes wrong, or well again.
    fn alarm(&self, claimed: &Claimed) -> Option<Arc<dyn Alarm>> {
        self.target.policy.failure_handling.alert_endpoint.as_ref()?;
        let (generation, entropy) = (Arc::clone(&self.generation), Arc::clone(&self.tools.entropy));
        let delivery = Some((claimed.id, claimed.event.clone()));
        Bell { generation, entropy, tenant: claimed.tenant.clone(), endpoint: claimed.endpoint.clone(), delivery }.alarm()
    }
}

/// The signature of a request, for whoever looks back.
fn signature_of(request: &Request) -> Option<Box<str>> {
    let header = request.headers.iter().find(|(name, _)| name == "webhook-signature")?;
    Some(header.1.as_str().into())
}

/// What the claim holds of the request.
fn frozen(claimed: &Claimed) -> Frozen<'_> {
    Frozen {
        message: claimed.message,
        sequence: claimed.sequence,
        method: &claimed.method,
        url: &claimed.url,
        headers: &claimed.headers,
        content_type: &claimed.content_type,
        body: &claimed.body,
    }
}

fn sending(claimed: &Claimed, attempt: u32) -> Activity {
    Activity::Sending {
        tenant: claimed.tenant.clone(),
        delivery: claimed.id,
        message: claimed.message,
        endpoint: claimed.endpoint.clone(),
        method: Arc::from(&*claimed.method),
        url: Arc::from(claimed.url.shown_url()),
        attempt,
    }
}

/// An exchange that did not take place.
fn unsent(outcome: AttemptOutcome) -> Exchange {
    Exchange { status: None, headers: Vec::new(), body: bytes::Bytes::new(), took: Duration::ZERO, timing: Timing::default(), outcome }
}

fn reached(exchange: &Exchange, timeout: Duration) -> Reached {
    match &exchange.outcome {
        AttemptOutcome::Answered { status, .. } => Reached::Answered(*status),
        AttemptOutcome::TimedOut | AttemptOutcome::ConnectionFailed(_) => Reached::No,
        // A resolver that is silent: whosever fault it is, others need the place.
        AttemptOutcome::OurFault(_) if exchange.took >= timeout => Reached::No,
        AttemptOutcome::Refused(_) | AttemptOutcome::OurFault(_) => Reached::Unknown,
    }
}

/// Why there was no answer, or no success.
fn error(outcome: &AttemptOutcome) -> Option<Box<str>> {
    match outcome {
        AttemptOutcome::Answered { status: 200..=299, .. } => None,
        AttemptOutcome::Answered { status, .. } => Some(format!("answered {status}").into()),
        AttemptOutcome::TimedOut => Some(TOO_LATE.into()),
        AttemptOutcome::ConnectionFailed(why) | AttemptOutcome::Refused(why) | AttemptOutcome::OurFault(why) => Some(why.as_str().into()),
    }
}

/// The decision for the store, and in words for whoever watches.
fn follow(then: Settlement, error: Option<&str>, now: Timestamp) -> (Settled, String) {
    let error = error.unwrap_or_default();
    match then {
        Settlement::Delivered => (Settled::Delivered, String::new()),
        Settlement::Retry { at, counts } => {
            let note = format!("{error} · retry in {}", span(at.duration_since(now).as_secs()));
            (Settled::Pending { at, counts }, note)
        }
        Settlement::GivenUp { end: End::Diverted, reason, .. } => {
            let note = format!("{reason} · diverted");
            (Settled::Diverted(reason), note)
        }
        Settlement::GivenUp { end: End::Failed, reason, .. } => {
            let note = format!("{reason} · failed");
            (Settled::Failed(reason), note)
        }
    }
}

/// A wait in its largest whole unit.
fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn headers_json(exchange: &Exchange) -> Option<Box<str>> {
    exchange.status?;
    serde_json::to_string(&exchange.headers).ok().map(Into::into)
}
