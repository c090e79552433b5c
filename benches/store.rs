//! What the store alone takes, in SQLite and in PostgreSQL in turn: saves and settlements a second at a hundred in a transaction, and how long
//! it takes to claim a hundred deliveries, with few and with a million queued. Each claim is a transaction with its commit.
//!
//! Every delivery has a payload of 1 KiB, and every save that is measured an object as large. PostgreSQL is a private cluster from the installed binaries,
//! as careful with its disk as it is delivered. The last number of a claim's line is how many of them took longer than the aim.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench reports by printing"
)]
#![allow(clippy::cast_precision_loss, reason = "what is counted is small")]

#[path = "../tests/support/cluster.rs"]
mod cluster;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;
use webhookc::delivery::Timing;
use webhookc::ids::{EndpointId, LaneId, MessageId, Sequence, Tenant};
use webhookc::store::{
    Answer, AttemptRow, Claimed, Effects, JobStep, Lane, NewAttempt, NewDelivery, NewMessage, ObjectChange, SaveJob, Settled, Share, Store,
};
use webhookc::template::RenderedText;

/// Saves in one transaction while the queue is filled.
const AT_ONCE: usize = 1_000;
/// Saves and attempts in one transaction while their rate is measured.
const HUNDRED: usize = 100;
/// Saves of each tenant whose rate is measured, and attempts.
const MEASURED: usize = 20_000;
/// Objects that are saved over and over.
const OBJECTS: u64 = 10_000;
/// Claims that are measured.
const CLAIMS: usize = 1_000;
/// How many deliveries are claimed at once, and from which end.
const SHARES: [Share; 2] = [Share { oldest: 100, newest: 0 }, Share { oldest: 75, newest: 25 }];

/// The number of the next message, whoever it belongs to.
static MESSAGES: AtomicU64 = AtomicU64::new(1);

/// Saves that fire one webhook each.
struct Fill {
    tenant: Tenant,
    payload: Bytes,
    left: usize,
    next: u64,
    /// Whether the object is kept too.
    with_object: bool,
}

impl SaveJob for Fill {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn step(&mut self, _sequence: Sequence, _answers: Vec<Answer>) -> JobStep {
        if self.left == 0 {
            return JobStep::Done;
        }
        self.left -= 1;
        self.next += 1;
        let number = if self.with_object { self.next % OBJECTS } else { self.next };
        let object: Box<str> = format!("o{number}").into();
        let change = if self.with_object {
            ObjectChange::Put { updated_at: "2026-01-01T00:00:00Z".into(), json: String::from_utf8_lossy(&self.payload).into() }
        } else {
            ObjectChange::Keep
        };
        let delivery = NewDelivery {
            endpoint: EndpointId::new("erp"),
            ordered: false,
            due: Ok(Timestamp::from_millisecond(i64::try_from(self.next).unwrap()).unwrap()),
            method: "POST".into(),
            url: RenderedText::plain("https://erp.example/hook"),
            headers: Arc::from([]),
            body: None,
        };
        let message = NewMessage {
            id: MessageId::new(Uuid::from_u128(u128::from(MESSAGES.fetch_add(1, Ordering::Relaxed)) << 64)),
            event: "asset_saved".into(),
            model: "asset".into(),
            object: object.clone(),
            operation: "update",
            payload: self.payload.clone(),
            deliveries: vec![delivery],
        };
        JobStep::Write(Box::new(Effects {
            at: self.at(),
            model: "asset".into(),
            object,
            change,
            operation: "update",
            trace: "[]".to_owned(),
            table: None,
            other_traces: Vec::new(),
            marks: Vec::new(),
            waits: Vec::new(),
            ended_waits: Vec::new(),
            record: webhookc::store::Record::default(),
            taken: None,
            messages: vec![message],
        }))
    }
}

/// A store that is there as long as this is.
struct Place {
    name: &'static str,
    /// What 99 of 100 claims may take.
    aim: Duration,
    url: String,
    /// Whether several nodes may have it open.
    is_shared: bool,
    /// Where it is a file.
    _folder: Option<TempDir>,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("queue.db").display());
        Self { name: "SQLite", aim: Duration::from_millis(10), url, is_shared: false, _folder: Some(folder) }
    }

    fn postgres(cluster: &cluster::Cluster) -> Self {
        let url = cluster.url(&cluster.database("template0"));
        Self { name: "PostgreSQL", aim: Duration::from_millis(20), url, is_shared: true, _folder: None }
    }
}

fn payload() -> Bytes {
    Bytes::from(vec![b'x'; 1024])
}

/// Saves of one tenant, some in each transaction.
async fn save(store: &Store, tenant: &str, saves: usize, at_once: usize, with_object: bool) {
    let (tenant, payload) = (Tenant::new(tenant), payload());
    for begun in (0..saves).step_by(at_once) {
        let left = at_once.min(saves - begun);
        store.save(Fill { tenant: tenant.clone(), payload: payload.clone(), left, next: begun as u64, with_object }).await.unwrap();
    }
}

/// Saves a second of so many tenants, each by a node of its own where there can be several.
async fn measure_saves(place: &Place, tenants: usize) {
    let mut stores = Vec::new();
    for _ in 0..if place.is_shared { tenants } else { 1 } {
        stores.push(Store::open(&place.url).await.unwrap());
    }
    let rate = async |names: &str, saves: usize| {
        let began = Instant::now();
        let all = (0..tenants).map(|tenant| {
            let (store, name) = (stores[tenant % stores.len()].clone(), format!("{names}{tenant}"));
            tokio::spawn(async move { save(&store, &name, saves, HUNDRED, true).await })
        });
        for saving in all.collect::<Vec<_>>() {
            saving.await.unwrap();
        }
        (saves * tenants) as f64 / began.elapsed().as_secs_f64()
    };
    // Statements are prepared and files made when they are first needed.
    rate("w", MEASURED / 10).await;
    let rate = rate("t", MEASURED).await;
    println!("{}: {rate:.0} saves a second, {HUNDRED} a transaction, of {tenants} tenants over {} nodes", place.name, stores.len());
    for store in stores {
        store.close().await;
    }
}

fn lane() -> Lane {
    Lane { id: LaneId(1), tenant: Tenant::new("default"), endpoint: EndpointId::new("erp") }
}

async fn claim(store: &Store, share: Share) -> Vec<Claimed> {
    let (now, lease) = (Timestamp::from_second(100_000).unwrap(), Timestamp::from_second(4_000_000_000).unwrap());
    store.claim(&lane(), now, lease, share).await.unwrap()
}

fn delivered(claimed: &Claimed) -> NewAttempt {
    NewAttempt {
        tenant: claimed.tenant.clone(),
        delivery: claimed.id,
        slot: claimed.slot,
        fence: claimed.fence,
        ordered: claimed.ordered,
        attempt: AttemptRow {
            number: claimed.attempts + 1,
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::from_millis(1),
            timing: Timing::default(),
            status: Some(200),
            error: None,
            response_headers: Some(r#"[["content-length","0"],["date","Thu, 01 Jan 1970 00:00:00 GMT"]]"#.into()),
            response_body: None,
            signature: Some("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=".into()),
        },
        then: Settled::Delivered,
        suspend: false,
        alarm: None,
    }
}

async fn measure_settling(place: &Place) {
    let store = Store::open(&place.url).await.unwrap();
    save(&store, "default", MEASURED, AT_ONCE, false).await;
    let mut took = Duration::ZERO;
    for _ in (0..MEASURED).step_by(HUNDRED) {
        let claimed = claim(&store, Share { oldest: HUNDRED, newest: 0 }).await;
        let attempts: Vec<NewAttempt> = claimed.iter().map(delivered).collect();
        let began = Instant::now();
        let recorded = store.settle(attempts).await.unwrap();
        took += began.elapsed();
        assert_eq!(recorded, [true; HUNDRED], "each was recorded");
    }
    println!("{}: {:.0} attempts settled a second, {HUNDRED} a transaction", place.name, MEASURED as f64 / took.as_secs_f64());
    store.close().await;
}

async fn measure_claims(place: &Place, queued: usize) {
    let store = Store::open(&place.url).await.unwrap();
    let began = Instant::now();
    save(&store, "default", queued, AT_ONCE, false).await;
    println!("{}: {queued} queued in {:.1} s", place.name, began.elapsed().as_secs_f64());
    for share in SHARES {
        let mut took = Vec::with_capacity(CLAIMS);
        for _ in 0..CLAIMS.min(queued / share.total() / SHARES.len()) {
            let began = Instant::now();
            let claimed = claim(&store, share).await;
            took.push(began.elapsed());
            assert_eq!(claimed.len(), share.total(), "all that was asked for is there");
        }
        took.sort();
        let of = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
        let too_long = took.iter().filter(|claim| **claim > place.aim).count();
        println!(
            "    {} claims of {} oldest and {} newest: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms, {too_long} over {} ms",
            took.len(),
            share.oldest,
            share.newest,
            of(50),
            of(99),
            of(100),
            place.aim.as_millis()
        );
    }
    store.close().await;
}

#[tokio::main]
async fn main() {
    let million = std::env::var("QUEUED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let cluster = cluster::Cluster::start(cluster::Disk::Careful);
    let both = || [Place::sqlite(), Place::postgres(&cluster)];
    for tenants in [1, 2] {
        for place in both() {
            measure_saves(&place, tenants).await;
        }
    }
    for place in both() {
        measure_settling(&place).await;
    }
    for queued in [20_000, million] {
        for place in both() {
            measure_claims(&place, queued).await;
        }
    }
}
