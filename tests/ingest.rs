//! Saves against real rules and a real store: what is committed together, and what is left of a batch that is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use webhookc::access::TenantScope;
use webhookc::activity::{Activity, Feed};
use webhookc::delivery::{Secret, Signer};
use webhookc::engine::{Save, Verb, parse_save, read_trace};
use webhookc::generation::{Generation, Target};
use webhookc::ids::{EndpointId, Tenant};
use webhookc::ingest::{Ingest, IngestError, Saved};
use webhookc::program::Operation;
use webhookc::store::{DeliveryFilter, DeliveryState, MessageFilter, Page, Share, Store};
use webhookc::time::{ManualClock, SeededEntropy};

const SCHEMA: &str = r#"<data-model>
  <model name="user" label="User">
    <field name="name" label="Name" type="text:name"/>
    <display>{name}</display>
  </model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text:name"/>
    <field name="asset_photo" label="Asset Photo" type="photo"/>
    <belongs-to model="user"/>
    <has-many model="part" name="parts"/>
    <display>{name}</display>
    <webhook type="ready" name="asset_ready">
      <field name="asset_photo" state="uploaded"/>
      <field name="user" embed="false"/>
    </webhook>
    <webhook type="ready" name="asset_owned">
      <field name="user"/>
    </webhook>
    <webhook type="update" name="asset_parts" order="object">
      <field name="name"/>
      <field name="parts" required="false"/>
    </webhook>
  </model>
  <model name="part" label="Part">
    <field name="name" label="Name" type="text:name"/>
    <belongs-to model="asset"/>
    <display>{name}</display>
  </model>
</data-model>"#;

struct World {
    ingest: Ingest,
    generation: Arc<Generation>,
    tenant: TenantScope,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("w.db").display())).await.unwrap();
        let compilation = support::compile_text(SCHEMA);
        let found = support::in_words(&compilation);
        let rules = Arc::new(compilation.rules.unwrap_or_else(|| panic!("the schema does not compile:\n{found}")));
        let signer = Signer::new(Secret::from_random([7; 32]), Vec::new());
        let target = Target { name: "sink".to_owned(), policy: Arc::default(), signer, secrets: None };
        let targets = [(EndpointId::new("ep_sink"), Arc::new(target))].into_iter().collect();
        let generation = Arc::new(Generation {
            shared: webhookc::generation::Shared::default(),
            number: 1,
            rules,
            targets,
            secrets: std::collections::BTreeMap::default(),
            own: Arc::default(),
            origin: Arc::default(),
        });
        let ingest = Ingest {
            store,
            live: Arc::new(ArcSwap::new(Arc::clone(&generation))),
            clock: Arc::new(ManualClock::at(Timestamp::from_second(1_767_225_600).unwrap())),
            entropy: Arc::new(SeededEntropy::new(7)),
            feed: Feed::default(),
        };
        Self { ingest, generation, tenant: TenantScope::of_node(Tenant::new("t")), _folder: folder }
    }

    fn parse(&self, model: &str, id: &str, verb: Verb<'_>, body: &str) -> Save {
        parse_save(&self.generation.rules, model, id, verb, body.as_bytes()).unwrap()
    }

    fn put(&self, model: &str, id: &str, body: &str) -> Save {
        self.parse(model, id, Verb::Put, body)
    }

    async fn save(&self, saves: Vec<Save>) -> Result<Vec<Saved>, IngestError> {
        self.ingest.save(&self.tenant, saves, &self.generation).await
    }

    async fn one(&self, save: Save) -> Saved {
        self.save(vec![save]).await.unwrap().remove(0)
    }

    async fn payload(&self, saved: &Saved, event: &str) -> Value {
        let (id, _) = saved.messages.iter().find(|(_, fired)| &**fired == event).unwrap();
        let message = self.ingest.store.message(&self.tenant, *id).await.unwrap().unwrap();
        serde_json::from_slice(&message.payload).unwrap()
    }

    async fn deliveries(&self) -> usize {
        let page = Page { before: None, limit: 1000 };
        self.ingest.store.deliveries(&self.tenant, &DeliveryFilter::default(), &page).await.unwrap().len()
    }
}

fn events(saved: &Saved) -> Vec<&str> {
    saved.messages.iter().map(|(_, event)| &**event).collect()
}

/// The reason of one webhook in a trace.
fn why(saved: &Saved, webhook: &str) -> String {
    saved.trace.entries("asset", "of the test").iter().find(|entry| entry.webhook == webhook).unwrap().to_string()
}

#[tokio::test]
async fn a_ready_webhook_fires_when_the_photo_has_arrived_and_never_again() {
    let world = World::new().await;
    let body = r#"{"name": "Pump", "asset_photo": "p1", "user_id": "u1"}"#;
    let pending = world.one(world.put("asset", "a1", body)).await;
    assert_eq!(pending.operation, Operation::Create);
    assert!(!events(&pending).contains(&"asset_ready"));
    assert_eq!(why(&pending, "asset_ready"), "asset_photo is present, needs uploaded");

    let upload = world.parse("asset", "a1", Verb::Upload("asset_photo"), r#"{"id": "p1", "original": "https://m.example/1.jpg"}"#);
    let uploaded = world.one(upload).await;
    assert_eq!(uploaded.operation, Operation::Update);
    assert!(uploaded.sequence > pending.sequence);
    assert!(events(&uploaded).contains(&"asset_ready"));
    let payload = world.payload(&uploaded, "asset_ready").await;
    assert_eq!(payload["object"]["asset_photo"]["original"], "https://m.example/1.jpg");
    assert_eq!((&payload["account_id"], payload["sequence"].as_i64()), (&Value::from("t"), Some(uploaded.sequence.0)));

    let again = world.one(world.parse("asset", "a1", Verb::Patch, r#"{"name": "Pump 2"}"#)).await;
    assert_eq!(why(&again, "asset_ready"), "has fired for this object before");
    world.one(world.parse("asset", "a1", Verb::Delete, "")).await;
    let body = r#"{"asset_photo": {"id": "p1", "state": "uploaded"}, "user_id": "u1"}"#;
    let reborn = world.one(world.put("asset", "a1", body)).await;
    assert_eq!(reborn.operation, Operation::Create);
    assert_eq!(why(&reborn, "asset_ready"), "has fired for this object before");

    let traces = world.ingest.store.traces(&world.tenant, "asset", "a1", 10).await.unwrap();
    assert_eq!(traces.len(), 5);
    let stored = read_trace(&traces[3].decisions, "asset", "a1").unwrap();
    assert_eq!(stored, uploaded.trace.entries("asset", "a1"), "the trace is committed with the save");
}

#[tokio::test]
async fn a_batch_sees_its_own_effects_and_waits_end_when_the_object_arrives() {
    let world = World::new().await;
    let saves = vec![
        world.put("part", "p2", r#"{"name": "Valve", "asset_id": "a1"}"#),
        world.put("part", "p1", r#"{"name": "Hose", "asset_id": "a1"}"#),
        world.put("asset", "a1", r#"{"name": "Pump", "user_id": "u1"}"#),
        world.put("asset", "a1", r#"{"name": "Pump", "user_id": "u1"}"#),
        world.put("user", "u1", r#"{"name": "Ada"}"#),
    ];
    let done = world.save(saves).await.unwrap();
    assert_eq!(done.iter().map(|saved| saved.operation.as_str()).collect::<Vec<_>>(), ["create", "create", "create", "update", "create"]);
    assert!(done.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert_eq!(why(&done[2], "asset_owned"), "waits for user `u1`");
    let parts = world.payload(&done[2], "asset_parts").await;
    let ids: Vec<&str> = parts["object"]["parts"].as_array().unwrap().iter().map(|part| part["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p1", "p2"], "ordered by id");
    assert_eq!(events(&done[4]), ["asset_owned"], "the save of the user ends the wait");
    let owned = world.payload(&done[4], "asset_owned").await;
    assert_eq!((&owned["object"]["id"], &owned["object"]["user"]["name"]), (&Value::from("a1"), &Value::from("Ada")));
    let later = world.one(world.put("user", "u1", r#"{"name": "Ada L."}"#)).await;
    assert!(events(&later).is_empty(), "a wait ends once");
}

#[tokio::test]
async fn a_refused_save_takes_the_whole_batch_with_it() {
    let world = World::new().await;
    let saves = vec![
        world.put("asset", "a1", r#"{"name": "Pump"}"#),
        world.parse("asset", "missing", Verb::Patch, r#"{"name": "x"}"#),
        world.put("asset", "a2", r#"{"name": "Pump"}"#),
    ];
    let Err(IngestError::Refused { index, refused }) = world.save(saves).await else { panic!("it was taken in") };
    assert_eq!((index, refused.kind), (1, "no-such-object"));
    for id in ["a1", "a2"] {
        assert_eq!(world.ingest.store.object(&world.tenant, "asset", id).await.unwrap(), None);
    }
    let page = Page { before: None, limit: 9 };
    assert!(world.ingest.store.messages(&world.tenant, &MessageFilter::default(), &page).await.unwrap().is_empty());
    assert_eq!(world.deliveries().await, 0);
    let alone = world.one(world.put("asset", "a1", r#"{"name": "Pump"}"#)).await;
    assert_eq!(alone.operation, Operation::Create, "nothing was left");
}

#[tokio::test]
async fn deliveries_are_due_at_once_and_keep_the_order_that_the_webhook_asks_for() {
    let world = World::new().await;
    for name in ["one", "two"] {
        world.one(world.put("asset", "a1", &format!(r#"{{"name": "{name}"}}"#))).await;
    }
    world.one(world.put("asset", "a2", r#"{"name": "other"}"#)).await;
    let now = world.ingest.clock.now();
    let due = world.ingest.store.due(now, None, 10).await.unwrap();
    let [lane] = &due.lanes[..] else { panic!("{due:?}") };
    let claimed = world.ingest.store.claim(lane, now, now, Share { oldest: 10, newest: 0 }).await.unwrap();
    let bodies: Vec<Value> = claimed.iter().map(|claimed| serde_json::from_slice(&claimed.body).unwrap()).collect();
    let names: Vec<&str> = bodies.iter().map(|body| body["object"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "other"], "the second save of a1 waits for the first");
    assert_eq!(claimed[0].url.masked(), "http://127.0.0.1:9/sink");
    let row = world.ingest.store.delivery(&world.tenant, claimed[0].id).await.unwrap().unwrap();
    assert_eq!((row.state, row.created_at), (DeliveryState::Sending, now));
}

#[tokio::test]
async fn many_saves_at_once_are_all_taken_in() {
    let world = World::new().await;
    let saves = (0..300).map(|n| world.save(vec![world.put("asset", &format!("a{n}"), r#"{"name": "Pump"}"#)]));
    let mut sequences: Vec<i64> =
        futures_util::future::join_all(saves).await.into_iter().map(|saved| saved.unwrap()[0].sequence.0).collect();
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), 300);
    assert_eq!(world.deliveries().await, 300);
}

#[tokio::test]
async fn whoever_watches_is_told_of_each_save_and_its_decisions() {
    let world = World::new().await;
    let mut news = world.ingest.feed.watch();
    world.one(world.put("asset", "a1", r#"{"name": "Pump", "asset_photo": "p1"}"#)).await;
    let Activity::Saved { model, object, operation, decisions, .. } = news.recv().await.unwrap().what else { panic!("other news") };
    assert_eq!((&*model, &*object, operation), ("asset", "a1", "create"));
    let words: Vec<String> = decisions.iter().map(|decided| format!("{} {} {}", decided.webhook, decided.fired, decided.why)).collect();
    assert_eq!(
        words,
        ["asset_ready false asset_photo is present, needs uploaded", "asset_owned false user is null, needs a value", "asset_parts true "]
    );
}
