//! A thousand requests under way at once, each to a receiver that attacks: the memory of the process stays bounded, and no place is lost.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::hostile::{Attack, Hostile};
use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project, save};

/// What the attacks may cost, in KiB.
const COST: u64 = 64 * 1024;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_attacks_at_once() {
    let good = Receiver::start().await;
    let mut hostiles = Vec::new();
    let mut toml = "in_flight = 2000\n".to_owned();
    toml += &endpoint("good", &good.url, "");
    for attack in ATTACKS {
        let hostile = Hostile::start(attack).await;
        let scheme = if attack == Attack::SilentTls { "https" } else { "http" };
        let more = "timeout = \"5s\"\nconcurrency = 100\n[endpoints.failure_handling]\nretry = { pattern = \"linear\", interval = \"1s\", max_attempts = 1 }";
        toml += &endpoint(&format!("{attack:?}"), &format!("{scheme}://{}/", hostile.address), more);
        hostiles.push((attack, hostile));
    }
    let folder = project(&toml);
    // The same node first meets a receiver that is well, and warms up.
    let node = Node::start(folder.path(), &["serve"]);
    let saves = IN_FLIGHT / ATTACKS.len();
    let before = node.most_memory();
    let mut batch = String::new();
    for n in 0..saves {
        writeln!(batch, r#"{{"model": "resource", "id": "o{n}", "fields": {{"name": "Pump"}}}}"#).unwrap();
    }
    let (status, answers) = send("POST", &node.of_tenant("saves"), &batch).await;
    assert_eq!(status, 200, "{answers}");
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
    let began = Instant::now();
    for state in ["pending", "sending"] {
        while send("GET", &node.of_tenant(&format!("deliveries?status={state}&limit=1")), "").await.1["data"] != serde_json::json!([]) {
            assert!(began.elapsed() < PATIENCE, "some are {state} for ever");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
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
    println!("{IN_FLIGHT} attacks cost {cost} KiB");
    assert!(cost < COST, "{IN_FLIGHT} attacks cost {cost} KiB");
    assert_eq!(save(&node, "after").await.0, 201);
    good.wait_for(saves + 1).await;
}
