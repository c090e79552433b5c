//! Sends what is due: claim → send → settle. One task takes fresh deliveries straight from the store's commits, as far as their lanes have
//! room, and looks for endpoints with something else due, of which it claims as much as their lanes may take; each place among the requests under way has a
//! task, which sends outside any transaction; one task records what has finished. Nothing is asked of the store while nothing is due in it. What follows an attempt is decided in `delivery`.

mod attempt;
mod desk;
mod hand;
mod lane;
mod lanes;
mod line;
mod record;
mod sending;
mod steps;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::activity::Feed;
use crate::egress::Client;
use crate::generation::{Generation, Live, Target};
use crate::ids::{EndpointId, LaneId};
use crate::store::{Claimed, Due, Handover, Lane, Share, Store, StoreError};
use crate::time::{Clock, Entropy};
use attempt::Tools;
use desk::{Arrival, Desk};
use sending::Sending;

/// How much longer a lease is than the deadline of its request: time to record the attempt, also on a slow disk. A lease is always
/// made from the deadline it covers, so it cannot be the shorter one.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// The wait after a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How often a generation is compared (without asking the store) while deliveries of unknown endpoints wait for a new one.
const GENERATION_PAUSE: Duration = Duration::from_millis(500);
/// Lanes that are looked at together, at least.
const LANES_AT_ONCE: usize = 1024;
/// The longest sleep towards a due time, so that a clock that was set forward is noticed.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// How long the last records may take once every request has ended.
const RECORD_PATIENCE: Duration = Duration::from_secs(10);

/// Bounds of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at once, of all endpoints.
    pub in_flight: usize,
    /// How long requests under way may go on after shutdown was asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: 256, drain: Duration::from_secs(20) }
    }
}

/// Everything a worker works with.
#[derive(Clone)]
pub struct Worker {
    /// Where deliveries come from and attempts go.
    pub store: Store,
    /// The way out.
    pub egress: Client,
    /// How endpoints are called.
    pub live: Live,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Is told of every request and answer.
    pub feed: Feed,
    /// Bounds.
    pub limits: Limits,
}

/// What a look at the queue says about the next one.
enum Next {
    /// There may be more right now.
    Now,
    /// Not before the earlier of these, if nothing else happens: when the next delivery is due, when the next lane may send again.
    At(Option<Timestamp>, Option<Instant>),
}

/// The end of a lease that begins now.
fn lease_of(target: &Target, now: Timestamp) -> Timestamp {
    now.saturating_add(target.policy.timeout.saturating_add(LEASE_MARGIN)).unwrap_or(Timestamp::MAX)
}

impl Worker {
    /// Works until `shutdown` is ready (or the store is closed), then claims nothing more, lets requests under way end within
    /// [`Limits::drain`], and records them. What is cut off is taken up again when the store is next opened.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let (finish, finished) = mpsc::channel(record::WAITING);
        let (desk, mut arrivals) = Desk::new(self.limits.in_flight, Arc::clone(&self.live), Arc::clone(&self.clock));
        let recorder = tokio::spawn(record::run(self.store.clone(), self.clock.clone(), self.feed.clone(), finished));
        let steps = tokio::spawn(steps::follow(self.store.clone(), Arc::clone(&self.clock), Arc::clone(&desk)));
        let tools = Tools {
            store: self.store.clone(),
            egress: self.egress.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            feed: self.feed.clone(),
        };
        let (attempts, held) = (JoinSet::new(), FxHashSet::default());
        let sending = Sending { tools: Arc::new(tools), live: Arc::clone(&self.live), desk: Arc::clone(&desk), finish };
        let mut state = State { sending: Arc::new(sending), attempts, held, after: None };
        let mut shutdown = pin!(shutdown);
        let mut wake = self.store.wake();
        desk.keep_within_quota(&self.store);
        let handover: Arc<dyn Handover> = Arc::<Desk>::clone(&desk);
        self.store.hand_over_to(Some(handover));
        let mut look = Some(Instant::now());
        loop {
            while state.attempts.try_join_next().is_some() {}
            let generation = self.live.load_full();
            let version = generation.own.version();
            if look.is_some_and(|at| at <= Instant::now()) {
                // Seen before looking, so that what is committed from here on wakes us.
                wake.borrow_and_update();
                let sleep = match self.look(&generation, &mut state).await {
                    Ok(Next::Now) => Some(Duration::ZERO),
                    Ok(Next::At(due, opens)) => {
                        let opens = opens.map(|opens| opens.saturating_duration_since(Instant::now()));
                        [due.map(|due| self.until(due)), opens].into_iter().flatten().min()
                    }
                    Err(StoreError::Closed) => break,
                    Err(error) => {
                        tracing::error!(%error, "the queue could not be read");
                        Some(STORE_PAUSE)
                    }
                };
                look = sleep.map(|sleep| Instant::now() + sleep);
            }
            let now = Some(Instant::now());
            let watch_generation = !state.held.is_empty();
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(arrival) = arrivals.recv() => {
                    match arrival {
                        // The generation may be another one than before the wait.
                        Arrival::Fresh(fresh) => state.start_fresh(&self.live.load_full(), fresh),
                        Arrival::Returned(returned) => self.give_back(returned).await,
                    }
                    // So that one whose task is lost is found when its lease has ended.
                    look = look.or_else(|| Instant::now().checked_add(LONGEST_SLEEP));
                }
                changed = wake.changed() => if changed.is_err() { break } else { look = now },
                () = desk.room.notified() => look = now,
                () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {}
                () = self.new_generation(&generation, version), if watch_generation => look = now,
            }
        }
        steps.abort();
        desk.close();
        self.drain(state, recorder).await;
        // Until here it is asked how much is under way.
        self.store.hand_over_to(None);
    }

    /// Claims what may be sent now and starts sending it, going on where the last look ended for want of room.
    async fn look(&self, generation: &Arc<Generation>, state: &mut State) -> Result<Next, StoreError> {
        let now = self.clock.now();
        let began_at = state.after.take();
        state.sending.desk.keep_within_quota(&self.store);
        if began_at.is_none() {
            state.sending.desk.lanes().begin_round();
        }
        // More than there are places, so that some are left in line when all places are taken.
        let at_once = self.limits.in_flight.saturating_mul(2).max(LANES_AT_ONCE);
        let mut after = began_at;
        let mut opens: Option<Instant> = None;
        let mut more = false;
        loop {
            let Due { lanes, after: rest, .. } = self.store.due(now, after, at_once).await?;
            let round = self.claim_due(lanes, generation, state).await?;
            more |= round.more;
            // Asked after the claims: what is left in their lanes may be due later.
            let Due { next, .. } = self.store.due(now, None, 0).await?;
            opens = [opens, round.opens.map(Instant::from_std)].into_iter().flatten().min();
            let has_room = state.sending.desk.lanes().has_room();
            match rest {
                Some(rest) if has_room => after = Some(rest),
                Some(rest) => {
                    state.after = Some(rest);
                    return Ok(Next::At(next, opens));
                }
                // What stands before the place where this look began has its turn now.
                None if has_room && (more || began_at.is_some()) => return Ok(Next::Now),
                None => return Ok(Next::At(next, opens)),
            }
        }
    }

    /// Claims from these lanes as much as they may send.
    async fn claim_due(&self, due: Vec<Lane>, generation: &Arc<Generation>, state: &mut State) -> Result<Round, StoreError> {
        state.hold_unknown(&due, generation);
        let known = due.into_iter().filter_map(|lane| {
            let target = generation.target(&lane.endpoint)?;
            Some((lane, target))
        });
        let plan = state.sending.desk.lanes().plan(known.collect(), self.clock.instant());
        let claims = plan.claims.into_iter().map(|(lane, target, share)| self.claim(lane, target, share));
        let mut more = false;
        let mut failed = None;
        // All at once, so that they share one commit. What has been claimed is sent even when another claim failed.
        for claim in join_all(claims).await {
            match claim {
                Ok(Batch { lane, target, claimed, asked }) => {
                    if claimed.len() == asked {
                        more = true;
                        state.sending.desk.lanes().has_more(lane);
                    } else {
                        state.sending.desk.lanes().caught_up(lane);
                    }
                    for delivery in claimed {
                        let now = state.sending.desk.lanes().claimed(delivery, &target.policy, self.clock.instant());
                        if let Some(delivery) = now {
                            state.start(generation, &target, delivery);
                        }
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        let without_place = state.sending.desk.lanes().end_claims();
        if !without_place.is_empty() {
            self.give_back(without_place).await;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Round { more, opens: plan.opens }),
        }
    }

    async fn claim(&self, lane: Lane, target: Arc<Target>, share: Share) -> Result<Batch, StoreError> {
        let now = self.clock.now();
        let claimed = self.store.claim(&lane, now, lease_of(&target, now), share).await?;
        Ok(Batch { lane: lane.id, target, claimed, asked: share.total() })
    }

    /// Lets the store have deliveries that will not be sent now.
    async fn give_back(&self, deliveries: Vec<Claimed>) {
        if let Err(error) = self.store.give_back(deliveries, self.clock.now()).await {
            tracing::warn!(%error, "deliveries could not be given back; they are due again when their lease ends");
        }
    }

    /// Ready when another generation than this one is in force, or a tenant has changed an endpoint.
    async fn new_generation(&self, generation: &Generation, version: u64) {
        while self.live.load().number == generation.number && generation.own.version() == version {
            tokio::time::sleep(GENERATION_PAUSE).await;
        }
    }

    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.clock.now())).unwrap_or_default().min(LONGEST_SLEEP)
    }

    async fn drain(&self, state: State, recorder: tokio::task::JoinHandle<()>) {
        let State { mut attempts, sending, .. } = state;
        drop(sending);
        let ended = async { while attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain, ended).await.is_err() {
            tracing::warn!(requests = attempts.len(), "requests were cut off; they are sent again after the next start");
            attempts.shutdown().await;
        }
        let abort = recorder.abort_handle();
        if tokio::time::timeout(RECORD_PATIENCE, recorder).await.is_err() {
            tracing::error!("the last attempts could not be recorded; they are sent again after the next start");
            abort.abort();
        }
    }
}

/// What came of claiming from some lanes.
struct Round {
    /// Whether a lane may have more.
    more: bool,
    /// When the next lane may send again that could not for a time.
    opens: Option<std::time::Instant>,
}

/// Deliveries of one lane that have just been claimed.
struct Batch {
    lane: LaneId,
    target: Arc<Target>,
    claimed: Vec<Claimed>,
    asked: usize,
}

/// What changes while the worker runs.
struct State {
    sending: Arc<Sending>,
    attempts: JoinSet<()>,
    /// Endpoints that are not part of the generation: their deliveries wait.
    held: FxHashSet<EndpointId>,
    /// Where the next look goes on.
    after: Option<(i64, LaneId)>,
}

impl State {
    /// Starts sending what a commit has handed over, for which places have been taken.
    fn start_fresh(&mut self, generation: &Arc<Generation>, fresh: Vec<Claimed>) {
        for delivery in fresh {
            match generation.target(&delivery.endpoint) {
                Some(target) => self.start(generation, &target, delivery),
                // A new generation without it: the delivery waits for its lease to end, and then for its endpoint.
                None => self.sending.desk.forsake(delivery.lane, &delivery.tenant),
            }
        }
    }

    /// Starts sending a delivery that has its place.
    fn start(&mut self, generation: &Arc<Generation>, target: &Arc<Target>, claimed: Claimed) {
        let sending = Arc::clone(&self.sending).run(Arc::clone(generation), Arc::clone(target), claimed);
        // Boxed: it is large, and a task is moved several times before it runs.
        self.attempts.spawn(Box::pin(sending));
    }

    /// Says once of each unknown endpoint that its deliveries wait.
    fn hold_unknown(&mut self, due: &[Lane], generation: &Generation) {
        self.held.retain(|endpoint| generation.target(endpoint).is_none());
        for Lane { endpoint, .. } in due {
            if generation.target(endpoint).is_none() && self.held.insert(endpoint.clone()) {
                tracing::warn!(%endpoint, "the endpoint is disabled, or no longer declared; its deliveries wait for it");
            }
        }
    }
}
