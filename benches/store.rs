//! How long it takes to claim a hundred deliveries, with few and with a million queued: each claim is a transaction with its commit.
//!
//! Every delivery has a payload of 1 KiB. The last number is how many of the claims took longer than the aim.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a bench reports by printing")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;
use webhookc::ids::{EndpointId, LaneId, MessageId, Sequence, Tenant};
use webhookc::store::{Answer, Effects, JobStep, Lane, NewDelivery, NewMessage, ObjectChange, SaveJob, Share, Store};
use webhookc::template::RenderedText;

/// Saves in one transaction while the queue is filled.
const AT_ONCE: usize = 1_000;
/// Claims that are measured.
const CLAIMS: usize = 1_000;
/// What 99 of 100 claims may take.
const AIM: Duration = Duration::from_millis(10);

/// Saves that fire one webhook each.
struct Fill {
    tenant: Tenant,
    payload: Bytes,
    left: usize,
    next: u64,
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
        let object: Box<str> = format!("o{}", self.next).into();
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
            id: MessageId::new(Uuid::from_u128(u128::from(self.next) << 64)),
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
            change: ObjectChange::Keep,
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

async fn fill(store: &Store, queued: usize) {
    let (tenant, payload) = (Tenant::new("default"), Bytes::from(vec![b'x'; 1024]));
    for begun in (0..queued).step_by(AT_ONCE) {
        let job = Fill { tenant: tenant.clone(), payload: payload.clone(), left: AT_ONCE.min(queued - begun), next: begun as u64 };
        store.save(job).await.unwrap();
    }
}

async fn measure(queued: usize, share: Share) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", folder.path().join("queue.db").display())).await.unwrap();
    let began = Instant::now();
    fill(&store, queued).await;
    let filled = began.elapsed();
    let lane = Lane { id: LaneId(1), tenant: Tenant::new("default"), endpoint: EndpointId::new("erp") };
    let (now, lease) = (Timestamp::from_second(100_000).unwrap(), Timestamp::from_second(200_000).unwrap());
    let mut took = Vec::with_capacity(CLAIMS);
    for _ in 0..CLAIMS.min(queued / share.total()) {
        let began = Instant::now();
        let claimed = store.claim(&lane, now, lease, share).await.unwrap();
        took.push(began.elapsed());
        assert_eq!(claimed.len(), share.total(), "all that was asked for is there");
    }
    store.close().await;
    took.sort();
    let of = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
    let too_long = took.iter().filter(|claim| **claim > AIM).count();
    println!(
        "{queued} queued (filled in {:.1} s): {} claims of {} oldest and {} newest: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms, {too_long} over {} ms",
        filled.as_secs_f64(),
        took.len(),
        share.oldest,
        share.newest,
        of(50),
        of(99),
        of(100),
        AIM.as_millis()
    );
}

#[tokio::main]
async fn main() {
    let million = std::env::var("QUEUED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    for queued in [20_000, million] {
        for share in [Share { oldest: 100, newest: 0 }, Share { oldest: 75, newest: 25 }] {
            measure(queued, share).await;
        }
    }
}
