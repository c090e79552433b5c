//! A node, its receiver, and what may happen to them. After each step all that can go on without more time has gone on, and nothing that is
//! due may have waited for longer than the worker has a reason for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use webhookc::access::TenantScope;
use webhookc::engine::{Verb, parse_save};
use webhookc::generation::Generation;
use webhookc::ids::{EndpointId, Tenant};
use webhookc::store::Suspension;
use webhookc::time::Clock as _;
use webhookc::worker::Limits;

use crate::book::Book;
use crate::node::{Node, Place};
use crate::receiver::{Receiver, Temper};
use crate::time::Time;
use crate::{DEADLINE_MS, ENDPOINTS, Random};

/// How long something due may wait: the rest of a lane whose endpoint has said that it is gone (2 s), if it is released at once, and a few
/// steps.
const SOON_MS: u64 = 2_500;
/// The same when requests have gone unanswered of late, or were too much: the longest rest of a breaker (10 s), the deadline of a request,
/// and a few steps.
const LATE_MS: u64 = 12_000;
/// How many of the last requests and attempts are shown when something is wrong.
const SHOWN: usize = 20;
/// Looks at which nothing has changed until it counts as quiet, and how often everybody has a turn before each.
const CALM: u32 = 2;
const TURNS: usize = 20;
/// How long the store's thread has, of real time, on a machine that does other things.
const THREADS: Duration = Duration::from_micros(100);
/// The same before it is said that something does not happen at all.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct World {
    place: Place,
    node: Node,
    receiver: Receiver,
    time: Arc<Time>,
    all: Arc<Generation>,
    tenant: TenantScope,
    /// Endpoints that are not called, and since when each has been (again).
    hidden: [bool; ENDPOINTS.len()],
    since: [u64; ENDPOINTS.len()],
    /// The messages, and what each is about.
    fired: BTreeMap<String, String>,
    /// Objects that have been ready, and how many messages said so.
    ready: BTreeMap<&'static str, usize>,
    events: Vec<String>,
    rows: rusqlite::Connection,
}

impl World {
    pub async fn new(seed: u64, random: &Random) -> Self {
        let time = Arc::new(Time::new());
        let limits = Limits { in_flight: random.of(&[1, 2, 3, 8, 256]), drain: Duration::from_millis(random.of(&[0, 500])) };
        let concurrency = ENDPOINTS.map(|_| random.of(&[1, 2, 16]));
        let is_limited = ENDPOINTS.map(|_| random.one_in(3));
        let temper = Temper { hangs: random.one_in(2), is_overloaded: random.one_in(3) };
        let receiver =
            Receiver::start(seed, Arc::clone(&time), temper, Book::new(limits.in_flight - limits.in_flight / 8, concurrency)).await;
        let mut toml = "[egress]\nallow_networks = [\"127.0.0.0/8\"]\n".to_owned();
        for ((name, concurrency), is_limited) in ENDPOINTS.iter().zip(concurrency).zip(is_limited) {
            let interval = random.of(&["300 ms", "2 s", "7 s"]);
            let rate = if is_limited { "rate_limit = \"10/s\"\n" } else { "" };
            write!(
                toml,
                "[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"{}/{name}\"\ntimeout = \"{DEADLINE_MS} ms\"\n\
                 concurrency = {concurrency}\n{rate}\
                 failure_handling = {{ retry = {{ pattern = \"linear\", interval = \"{interval}\", max_attempts = 100 }} }}\n",
                receiver.url
            )
            .unwrap();
        }
        let place = Place::new(&toml, Arc::clone(&time), seed, limits);
        let node = Node::start(&place).await;
        Self {
            all: node.ingest.live.load_full(),
            rows: place.rows(),
            place,
            node,
            receiver,
            time,
            tenant: TenantScope::of_node(Tenant::new("t")),
            hidden: [false; ENDPOINTS.len()],
            since: [0; ENDPOINTS.len()],
            fired: BTreeMap::new(),
            ready: BTreeMap::new(),
            events: vec![toml],
        }
    }

    /// Saves some objects.
    pub async fn save(&mut self, random: &Random) {
        // Into what time has set off.
        self.time.advance(random.of(&[0, 10, 300])).await;
        let generation = self.node.ingest.generation();
        let saves = (0..=random.below(3)).map(|_| {
            let (model, id) = (random.of(&["asset", "note"]), random.of(&["a", "b", "c", "d"]));
            let status = if model == "note" { "" } else { random.of(&[r#", "status": "open""#, r#", "status": "done""#]) };
            // Each time another name: what changes nothing does not fire.
            let body = format!(r#"{{"name": "{} {}"{status}}}"#, self.fired.len(), random.below(1 << 30));
            ((model, id, status), parse_save(&generation.rules, model, id, Verb::Put, body.as_bytes()).unwrap())
        });
        let (names, saves): (Vec<_>, Vec<_>) = saves.unzip();
        let done = self.node.ingest.save(&self.tenant, saves, &generation).await.unwrap();
        for ((model, id, status), saved) in names.into_iter().zip(done) {
            self.note(&format!("save of {model} {id}{status}, {}", saved.sequence));
            if status.contains("done") {
                self.ready.entry(id).or_default();
            }
            for (message, event) in saved.messages {
                if &*event == "asset_ready" {
                    *self.ready.entry(id).or_default() += 1;
                }
                self.fired.insert(message.to_string(), format!("{event} of {id}, {}", saved.sequence));
            }
        }
    }

    pub fn be_well(&mut self, is_well: bool) {
        self.receiver.book(|book| book.is_well = is_well);
        self.note(&format!("the receiver is well: {is_well}"));
    }

    /// Takes an endpoint out of the program, or puts it back.
    pub fn hide_or_show(&mut self, random: &Random) {
        let which = random.below(ENDPOINTS.len());
        self.hidden[which] = !self.hidden[which];
        self.note(&format!("`{}` is hidden: {}", ENDPOINTS[which], self.hidden[which]));
        self.swap();
    }

    fn swap(&mut self) {
        let is_called = |name: &str| ENDPOINTS.iter().position(|known| *known == name).is_some_and(|which| !self.hidden[which]);
        self.node.call_only(&self.all, is_called);
        self.since = [self.time.passed(); ENDPOINTS.len()];
    }

    /// Suspends an endpoint, or releases it.
    pub async fn suspend_or_release(&mut self, random: &Random) {
        let which = random.below(ENDPOINTS.len());
        if !self.release(which).await {
            self.note(&format!("`{}` is suspended", ENDPOINTS[which]));
            let suspension = Suspension { at: self.time.now(), why: "by hand".into(), alarm: None };
            self.node.store().suspend(&self.tenant, &endpoint(which), suspension).await.unwrap();
        }
    }

    async fn release(&mut self, which: usize) -> bool {
        let released = self.node.store().unsuspend(&self.tenant, &endpoint(which)).await.unwrap();
        if released {
            self.note(&format!("`{}` is released", ENDPOINTS[which]));
            self.since[which] = self.time.passed();
        }
        released
    }

    /// The node ends, killed or in order, and starts again.
    pub async fn restart(&mut self, in_order: bool) {
        self.note(&format!("the node ends, in order: {in_order}"));
        if in_order {
            while !self.node.has_stopped() {
                self.step(30).await;
                self.since = [self.time.passed(); ENDPOINTS.len()];
            }
            self.node.store().close().await;
        } else {
            self.node.kill();
            self.place.move_away();
        }
        self.node = Node::start(&self.place).await;
        self.rows = self.place.rows();
        self.receiver.book(|book| book.life += 1);
        self.swap();
    }

    /// From now on nothing goes wrong.
    pub fn all_is_well(&mut self) {
        self.be_well(true);
        self.hidden = [false; ENDPOINTS.len()];
        self.swap();
    }

    /// Releases what is suspended, also by an answer that was still to come. Where nothing is, nothing is asked of the store.
    pub async fn release_all(&mut self) {
        if self.number("SELECT count(*) FROM endpoints WHERE suspended_at IS NOT NULL") > 0 {
            for which in 0..ENDPOINTS.len() {
                self.release(which).await;
            }
        }
    }

    /// Lets a moment pass, and all happen that happens in it. How many deliveries are not settled.
    pub async fn step(&mut self, milliseconds: u64) -> usize {
        self.time.advance(milliseconds).await;
        self.quiet(THREADS).await;
        if self.neglected().is_some() {
            // It may only be this machine that is slow.
            self.quiet(PATIENCE).await;
            if let Some(neglected) = self.neglected() {
                self.fail(&neglected);
            }
        }
        if let Some(wrong) = self.receiver.book(|book| book.wrong.take()) {
            self.fail(&wrong);
        }
        self.number("SELECT count(*) FROM deliveries WHERE state < 2")
    }

    fn number(&self, sql: &str) -> usize {
        let count: i64 = self.rows.prepare_cached(sql).unwrap().query_row([], |row| row.get(0)).unwrap();
        usize::try_from(count).unwrap()
    }

    /// Goes on when nothing more happens by itself. It is only looked, nothing is asked of the store: that could wake the worker.
    async fn quiet(&self, threads: Duration) {
        let (mut seen, mut calm) = (None, 0);
        while calm < CALM {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            std::thread::sleep(threads / CALM);
            let requests = self.receiver.book(|book| (book.requests.len(), book.requests.iter().filter(|it| it.answer.is_some()).count()));
            let commits: i64 = self.rows.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap();
            calm = if seen == Some((requests, commits)) { calm + 1 } else { 0 };
            seen = Some((requests, commits));
        }
    }

    /// An endpoint for which something is due, and to which nothing has been sent for too long.
    fn neglected(&self) -> Option<String> {
        let sql = "SELECT e.name, min(d.due_at) FROM deliveries d JOIN endpoints e ON e.row = d.endpoint
            WHERE d.state < 2 AND d.blocked = 0 AND e.suspended_at IS NULL GROUP BY e.name";
        let mut statement = self.rows.prepare_cached(sql).unwrap();
        let due = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap().map(Result::unwrap);
        let now = self.time.passed();
        let was_held_back = self.receiver.temper.is_overloaded || self.receiver.book(|book| book.hung).is_some_and(|at| now < at + LATE_MS);
        // The others may have all places, each for as long as a request may take.
        let others = DEADLINE_MS * (ENDPOINTS.len() / self.place.limits.in_flight) as u64;
        let soon = if was_held_back { LATE_MS } else { SOON_MS } + others;
        due.into_iter().find_map(|(name, due)| {
            let which = (0..ENDPOINTS.len()).find(|which| endpoint(*which).as_str() == name).unwrap();
            let waits_since = Time::passed_at(due.unsigned_abs()).max(self.receiver.book(|book| book.last[which])).max(self.since[which]);
            let waits = now.saturating_sub(waits_since);
            (!self.hidden[which] && waits > soon)
                .then(|| format!("`{name}` has had something due for {waits} ms, {soon} at most, and is sent nothing"))
        })
    }

    /// What was promised was kept.
    pub fn judge(&self) {
        if let Some(missing) = self.receiver.book(|book| book.missing(&self.fired)) {
            self.fail(&missing);
        }
        if let Some((object, times)) = self.ready.iter().find(|(_, times)| **times != 1) {
            self.fail(&format!("asset {object} was ready {times} times"));
        }
        let made = self.number("SELECT count(*) FROM deliveries");
        if made != self.fired.len() * ENDPOINTS.len() {
            self.fail(&format!("{made} deliveries of {} messages to {} endpoints", self.fired.len(), ENDPOINTS.len()));
        }
    }

    fn note(&mut self, event: &str) {
        self.events.push(format!("{:>7} ms  {event}", self.time.passed()));
    }

    pub fn fail(&self, what: &str) -> ! {
        let requests = self.receiver.book(|book| book.last_of(SHOWN));
        let sql = format!(
            "SELECT hex(d.row), a.number, a.started_at, a.status, a.error FROM attempts a JOIN deliveries d ON d.row = a.delivery ORDER BY a.started_at DESC LIMIT {SHOWN}"
        );
        let mut statement = self.rows.prepare(&sql).unwrap();
        let attempt = |row: &rusqlite::Row<'_>| {
            Ok(format!("{:?}", (0..5).map(|column| row.get::<_, rusqlite::types::Value>(column).unwrap()).collect::<Vec<_>>()))
        };
        let attempts: Vec<_> = statement.query_map([], attempt).unwrap().map(Result::unwrap).collect();
        panic!(
            "WORKER_LOOP_SEED={}, after {} ms: {what}. {:?}\n{}\n{requests}\n{}",
            self.place.seed,
            self.time.passed(),
            self.place.limits,
            self.events.join("\n"),
            attempts.join("\n")
        );
    }
}

fn endpoint(which: usize) -> EndpointId {
    EndpointId::new(format!("ep_{}", ENDPOINTS[which]))
}
