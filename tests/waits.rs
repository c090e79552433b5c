//! Webhooks that wait for a related object, on a real store: their limits, what a new program does to them, and `ready` exactly once
//! however many saves come at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tempfile::TempDir;
use webhookc::access::TenantScope;
use webhookc::activity::Feed;
use webhookc::delivery::{Secret, Signer};
use webhookc::engine::{Save, Verb, parse_save, read_trace};
use webhookc::generation::{Generation, Target};
use webhookc::ids::{EndpointId, Tenant};
use webhookc::ingest::{Ingest, IngestError, Saved};
use webhookc::store::{MessageFilter, Page, Store};
use webhookc::time::{Entropy as _, ManualClock, SeededEntropy};

/// `OWNER` is what `asset_ready` says of its owner.
const SCHEMA: &str = r#"<data-model>
  <model name="user" label="User">
    <field name="name" label="Name" type="text"/>
    <display>{name}</display>
  </model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <belongs-to model="user" name="owner"/>
    <display>{name}</display>
    <webhook type="ready" name="asset_ready"><field name="name"/>OWNER</webhook>
  </model>
</data-model>"#;

const EMBEDDED: &str = "<field name=\"owner\"/>";
const BY_ID: &str = "<field name=\"owner\" embed=\"false\"/>";

fn generation(number: u64, schema: &str) -> Arc<Generation> {
    let compilation = support::compile_text(schema);
    let found = support::in_words(&compilation);
    let rules = Arc::new(compilation.rules.unwrap_or_else(|| panic!("the schema does not compile:\n{found}")));
    let signer = Signer::new(Secret::from_random([7; 32]), Vec::new());
    let target = Target { name: "sink".to_owned(), policy: Arc::default(), signer, secrets: None };
    let targets = [(EndpointId::new("ep_sink"), Arc::new(target))].into_iter().collect();
    Arc::new(Generation {
        number,
        shared: webhookc::generation::Shared::default(),
        rules,
        targets,
        secrets: BTreeMap::default(),
        own: Arc::default(),
        origin: Arc::default(),
    })
}

struct World {
    ingest: Ingest,
    tenant: TenantScope,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ingest = Ingest {
            store: Store::open(&format!("sqlite:{}", folder.path().join("w.db").display())).await.unwrap(),
            live: Arc::new(ArcSwap::new(generation(1, &SCHEMA.replace("OWNER", EMBEDDED)))),
            clock: Arc::new(ManualClock::at(Timestamp::from_second(1_767_225_600).unwrap())),
            entropy: Arc::new(SeededEntropy::new(7)),
            feed: Feed::default(),
        };
        Self { ingest, tenant: TenantScope::of_node(Tenant::new("t")), _folder: folder }
    }

    fn parse(&self, model: &str, id: &str, verb: Verb<'_>, body: &str) -> Save {
        parse_save(&self.ingest.generation().rules, model, id, verb, body.as_bytes()).unwrap()
    }

    fn asset(&self, id: &str, owner: &str) -> Save {
        self.parse("asset", id, Verb::Put, &format!("{{\"name\":\"n\",\"owner_id\":\"{owner}\"}}"))
    }

    fn user(&self, id: &str) -> Save {
        self.parse("user", id, Verb::Put, "{}")
    }

    async fn save(&self, saves: Vec<Save>) -> Result<Vec<Saved>, IngestError> {
        self.ingest.save(&self.tenant, saves, &self.ingest.generation()).await
    }

    /// What has fired, by object, oldest first.
    async fn fired(&self) -> Vec<String> {
        let page = Page { before: None, limit: 10_000 };
        let messages = self.ingest.store.messages(&self.tenant, &MessageFilter::default(), &page).await.unwrap();
        messages.into_iter().rev().map(|message| message.object.into()).collect()
    }

    /// The last decision about an asset: at which kind of save, and its reason in words.
    async fn explained(&self, asset: &str) -> (String, String) {
        let trace = self.ingest.store.traces(&self.tenant, "asset", asset, 1).await.unwrap().remove(0);
        let entries = read_trace(&trace.decisions, "asset", asset).unwrap();
        (trace.operation.to_string(), entries[0].to_string())
    }

    fn reload(&self, schema: &str) {
        let number = self.ingest.generation().number + 1;
        self.ingest.live.store(generation(number, schema));
    }
}

fn kind(refused: Result<Vec<Saved>, IngestError>) -> (&'static str, String) {
    match refused {
        Err(IngestError::Refused { refused, .. }) => (refused.kind, refused.message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn no_more_than_a_thousand_wait_for_one_object_and_all_of_them_fire() {
    let world = World::new().await;
    let saves = (0..1_000).map(|n| world.asset(&format!("a{n:04}"), "u1")).collect();
    world.save(saves).await.unwrap();
    let (kind, message) = kind(world.save(vec![world.asset("late", "u1")]).await);
    assert_eq!(kind, "too-many-waiting");
    assert_eq!(message, "1000 webhooks wait for `user/u1`, which is not there yet, expected at most 1000");
    assert!(world.ingest.store.object(&world.tenant, "asset", "late").await.unwrap().is_none(), "nothing is stored");
    world.save(vec![world.asset("a0007", "u1")]).await.expect("one that waits already may be saved again");
    world.save(vec![world.asset("other", "u2")]).await.expect("others may wait for another object");
    assert!(world.fired().await.is_empty());
    world.save(vec![world.user("u1")]).await.unwrap();
    let mut fired = world.fired().await;
    fired.sort_unstable();
    fired.dedup();
    assert_eq!(fired.len(), 1_000);
    world.save(vec![world.asset("late", "u1")]).await.expect("nobody waits any more");
}

#[tokio::test]
async fn what_fires_when_its_object_arrives_is_explained_at_both() {
    let world = World::new().await;
    world.save(vec![world.asset("a1", "u1")]).await.unwrap();
    assert_eq!(world.explained("a1").await, ("create".to_owned(), "waits for user `u1`".to_owned()));
    let saved = world.save(vec![world.user("u1")]).await.unwrap().remove(0);
    assert_eq!(world.explained("a1").await, ("create".to_owned(), String::new()), "it fired");
    let entries = saved.trace.entries("user", "u1");
    assert!(entries.iter().any(|entry| entry.webhook == "asset_ready" && entry.object == "a1"), "{entries:?}");
}

#[tokio::test]
async fn a_new_program_fires_what_need_not_wait_any_more_once() {
    let world = World::new().await;
    world.save(vec![world.asset("a1", "u1"), world.asset("a2", "u2")]).await.unwrap();
    assert_eq!(world.ingest.reexamine().await.unwrap(), 0, "the same program decides the same");
    world.reload(&SCHEMA.replace("asset_ready", "asset_done").replace("OWNER", BY_ID));
    assert_eq!(world.ingest.reexamine().await.unwrap(), 0, "a webhook that is gone waits for its return");
    world.reload(&SCHEMA.replace("OWNER", &format!("{BY_ID}<field name=\"name\" equals=\"other\"/>")));
    assert_eq!(world.ingest.reexamine().await.unwrap(), 0, "what does not fire by the new rules is left as it is");
    world.reload(&SCHEMA.replace("OWNER", BY_ID));
    assert_eq!(world.ingest.reexamine().await.unwrap(), 2);
    assert_eq!(world.fired().await, ["a1", "a2"]);
    assert_eq!(world.explained("a1").await, ("reload".to_owned(), String::new()));
    assert_eq!(world.ingest.reexamine().await.unwrap(), 0);
    world.reload(&SCHEMA.replace("OWNER", EMBEDDED));
    world.save(vec![world.user("u1"), world.asset("a1", "u1")]).await.unwrap();
    assert_eq!(world.fired().await, ["a1", "a2"], "ready is used up");
}

/// Random saves of a few objects, many at a time; what has fired is what the rules say, and nothing twice.
async fn race(seed: u64) {
    let world = World::new().await;
    let random = SeededEntropy::new(seed);
    let below = |bound: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    };
    for _ in 0..12 {
        let mut batch = Vec::new();
        for _ in 0..8 {
            let (asset, user) = (format!("a{}", below(3)), format!("u{}", below(3)));
            batch.push(match below(10) {
                0..4 => world.asset(&asset, &user),
                4 => world.parse("asset", &asset, Verb::Patch, "{}"),
                5 => world.parse("asset", &asset, Verb::Delete, ""),
                6 => world.parse("user", &user, Verb::Delete, ""),
                7 if below(2) == 0 => world.parse("asset", &asset, Verb::Put, "{\"name\":\"n\"}"),
                _ => world.user(&user),
            });
        }
        let reloads = async {
            match below(6) {
                0 | 1 => drop(world.ingest.reexamine().await.unwrap()),
                2 => {
                    let owner = if below(2) == 0 { BY_ID } else { EMBEDDED };
                    world.reload(&SCHEMA.replace("OWNER", owner));
                    world.ingest.reexamine().await.unwrap();
                }
                _ => {}
            }
        };
        // A save of what is not there is refused, and that is all right.
        let saves = futures_util::future::join_all(batch.into_iter().map(|save| world.save(vec![save])));
        let (saves, ()) = futures_util::future::join(saves, reloads).await;
        for saved in saves {
            assert!(matches!(saved, Ok(_) | Err(IngestError::Refused { .. })), "seed {seed}: {saved:?}");
        }
        let mut fired = world.fired().await;
        fired.sort_unstable();
        let total = fired.len();
        fired.dedup();
        assert_eq!(total, fired.len(), "seed {seed}: ready fired twice for an object");
        for n in 0..3 {
            let id = format!("a{n}");
            let Some(asset) = world.ingest.store.object(&world.tenant, "asset", &id).await.unwrap() else { continue };
            let asset: serde_json::Value = serde_json::from_str(&asset.json).unwrap();
            let Some(owner) = asset["owner_id"].as_str() else { continue };
            let exists = world.ingest.store.object(&world.tenant, "user", owner).await.unwrap().is_some();
            assert!(!exists || fired.contains(&id), "seed {seed}: {id} and its owner {owner} are there, and ready has not fired");
        }
    }
    world.ingest.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_fires_exactly_once_however_saves_race() {
    for seed in 0..16 {
        race(seed).await;
    }
}
