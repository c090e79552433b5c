//! A save job made of prepared steps, and a store in a temporary folder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;
use webhookc::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use webhookc::store::{
    Answer, AttemptRow, Claimed, Effects, JobStep, NewAttempt, NewDelivery, NewMessage, ObjectChange, SaveJob, Settled, Store,
};
use webhookc::template::RenderedText;

/// 2026-01-01T00:00:00Z in milliseconds.
const NEW_YEAR: i64 = 1_767_225_600_000;

/// So many milliseconds after the start of the tests' time.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(NEW_YEAR + milliseconds).unwrap()
}

pub fn tenant(name: &str) -> Tenant {
    Tenant::new(name)
}

pub fn endpoint(name: &str) -> EndpointId {
    EndpointId::new(name)
}

/// A database in a folder of its own.
pub struct Place {
    pub folder: TempDir,
    pub url: String,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("w.db").display());
        Self { folder, url }
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}

/// Steps handed out one after another; keeps what it was told.
pub struct Script {
    tenant: Tenant,
    at: Timestamp,
    steps: std::vec::IntoIter<JobStep>,
    pub sequences: Vec<Sequence>,
    pub answers: Vec<Vec<Answer>>,
}

impl Script {
    pub fn new(tenant_name: &str, steps: Vec<JobStep>) -> Self {
        Self { tenant: tenant(tenant_name), at: at(0), steps: steps.into_iter(), sequences: Vec::new(), answers: Vec::new() }
    }

    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = time;
        self
    }
}

impl SaveJob for Script {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep {
        if !answers.is_empty() {
            self.answers.push(answers);
        }
        let step = self.steps.next().unwrap_or(JobStep::Done);
        if matches!(step, JobStep::Write(_)) {
            self.sequences.push(sequence);
        }
        step
    }
}

/// The effects of a plain save.
pub fn put(model: &str, object: &str, json: &str) -> Effects {
    Effects {
        at: at(0),
        model: model.into(),
        object: object.into(),
        change: ObjectChange::Put { updated_at: "2026-01-01T00:00:00Z".into(), json: json.into() },
        operation: "create",
        trace: format!("[\"{object}\"]"),
        marks: Vec::new(),
        waits: Vec::new(),
        ended_waits: Vec::new(),
        messages: Vec::new(),
    }
}

pub fn write(effects: Effects) -> JobStep {
    JobStep::Write(Box::new(effects))
}

fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A delivery to `endpoint` that is due at once.
pub fn delivery(endpoint_name: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId(id()),
        endpoint: endpoint(endpoint_name),
        ordered: false,
        due: Ok(at(0)),
        method: "POST".into(),
        url: RenderedText::plain("https://a.example/x"),
        headers: Arc::from([("x-a".into(), RenderedText::plain("1"))]),
        body: None,
    }
}

/// A message about an object.
pub fn message(event: &str, model: &str, object: &str, deliveries: Vec<NewDelivery>) -> NewMessage {
    NewMessage {
        id: MessageId(id()),
        event: event.into(),
        model: model.into(),
        object: object.into(),
        operation: "create",
        payload: Bytes::from_static(b"{\"default\":1}"),
        deliveries,
    }
}

/// Saves an object whose one message has these deliveries; their ids.
pub async fn fire(store: &Store, tenant_name: &str, object: &str, deliveries: Vec<NewDelivery>) -> Vec<DeliveryId> {
    let ids = deliveries.iter().map(|delivery| delivery.id).collect();
    let effects = Effects { messages: vec![message("asset_ready", "asset", object, deliveries)], ..put("asset", object, "{}") };
    store.save(Script::new(tenant_name, vec![write(effects)])).await.unwrap();
    ids
}

/// An attempt with this end, as the one who has claimed it records it.
pub fn finished(claimed: &Claimed, then: Settled) -> NewAttempt {
    let delivered = then == Settled::Delivered;
    NewAttempt {
        delivery: claimed.id,
        fence: claimed.fence,
        attempt: AttemptRow {
            number: claimed.attempts + 1,
            started_at: at(5),
            took: std::time::Duration::from_millis(7),
            status: Some(if delivered { 200 } else { 500 }),
            error: (!delivered).then(|| "answered 500".into()),
            response_headers: Some("[[\"a\",\"b\"]]".into()),
            response_body: Some(Bytes::from_static(b"ok")),
        },
        then,
    }
}
