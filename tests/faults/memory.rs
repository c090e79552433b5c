//! A thousand requests under way at once, each to a receiver that attacks: the memory of the process stays bounded, and no place is lost.

use std::time::{Duration, Instant};

use crate::hostile::{Attack, Hostile};
use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project};

/// What the attacks may cost, in KiB, above a thousand receivers that are well. They have cost 36 to 62 MiB; the HTTP library reads up to
/// 400 KiB of each head before it gives up, lets nobody choose, and how many of these there are at the same time is chance.
const COST: u64 = 80 * 1024;
const IN_FLIGHT: usize = 1_000;

const ATTACKS: [Attack; 20] = [
    Attack::EndlessBody,
    Attack::HugeLength,
    Attack::DripsBody,
    Attack::DripsHead,
    Attack::Bomb,
    Attack::NestedBomb,
    Attack::EmptyBomb,
    Attack::ManyHeaders,
    Attack::LongHeader,
    Attack::Trailers,
    Attack::Interim,
    Attack::Resets,
    Attack::BadVersion,
    Attack::OldProtocol,
    Attack::BadLength,
    Attack::BadChunk,
    Attack::SilentTls,
    Attack::Deaf,
    Attack::Poison,
    Attack::Early,
];

const SCHEMA: &str = r#"<data-model>
    <model name="calm" label="Calm">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="calm_saved"><field name="name" /></webhook>
    </model>
    <model name="storm" label="Storm">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="storm_saved"><field name="name" /></webhook>
    </model>
</data-model>"#;

/// Saves so many objects at once.
async fn save(node: &Node, model: &str, count: usize) {
    let lines: Vec<String> = (0..count).map(|n| format!(r#"{{"model": "{model}", "id": "o{n}", "fields": {{"name": "Pump"}}}}"#)).collect();
    let (status, answers) = send("POST", &node.of_tenant("saves"), &lines.join("\n")).await;
    assert_eq!(status, 200, "{answers}");
}

/// Waits until every delivery has reached its end.
async fn until_settled(node: &Node) {
    let began = Instant::now();
    for state in ["pending", "sending"] {
        while send("GET", &node.of_tenant(&format!("deliveries?status={state}&limit=1")), "").await.1["data"] != serde_json::json!([]) {
            assert!(began.elapsed() < PATIENCE, "some are {state} for ever");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn subscriber(event: &str, name: &str, url: &str, more: &str) -> String {
    endpoint(name, url, more).replace("events = \"*\"", &format!("events = [\"{event}\"]"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_attacks_at_once() {
    let good = Receiver::start().await;
    let mut hostiles = Vec::new();
    let mut toml = "in_flight = 2000\n".to_owned();
    toml += &subscriber("calm_saved", "good", &format!("{}/slow/1", good.url), "concurrency = 1000");
    toml += &subscriber("calm_saved", "talkative", &format!("{}/big", good.url), "concurrency = 4");
    for attack in ATTACKS {
        let hostile = Hostile::start(attack).await;
        let scheme = if attack == Attack::SilentTls { "https" } else { "http" };
        let more = "timeout = \"5s\"\nconcurrency = 100\n[endpoints.failure_handling]\nretry = { pattern = \"linear\", interval = \"1s\", max_attempts = 1 }";
        toml += &subscriber("storm_saved", &format!("{attack:?}"), &format!("{scheme}://{}/", hostile.address), more);
        hostiles.push((attack, hostile));
    }
    let folder = project(&toml);
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    // What as many well-behaved receivers cost is not the attacks' doing, nor that the database keeps pages in memory up to its bound.
    save(&node, "calm", IN_FLIGHT).await;
    good.wait_for(2 * IN_FLIGHT).await;
    until_settled(&node).await;
    let before = node.most_memory();
    save(&node, "storm", IN_FLIGHT.div_ceil(ATTACKS.len())).await;
    let at_once = async {
        loop {
            let open: usize = hostiles.iter().map(|(_, hostile)| hostile.connections()).sum();
            if open >= IN_FLIGHT {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, at_once).await.expect("a thousand requests go out");
    // Every attempt ends, by itself or at its deadline.
    until_settled(&node).await;
    let began = Instant::now();
    for (attack, hostile) in &hostiles {
        while hostile.open() > 0 {
            // A connection whose answer was whole may be kept alive, and only that.
            if *attack == Attack::Early {
                break;
            }
            assert!(began.elapsed() < PATIENCE * 2, "{attack:?}: {} connections are held", hostile.open());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let cost = node.most_memory() - before;
    println!("{IN_FLIGHT} attacks cost {cost} KiB above {before} KiB");
    assert!(cost < COST, "{IN_FLIGHT} attacks cost {cost} KiB above {before} KiB");
    save(&node, "calm", 1).await;
    good.wait_for(2 * IN_FLIGHT + 2).await;
}
