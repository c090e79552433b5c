//! A thousand requests under way at once to receivers that attack, each in its own way and all in the same: the memory of the process
//! stays bounded, and no place is lost.

use std::time::{Duration, Instant};

use crate::hostile::{Attack, Hostile};
use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project};

/// What the attacks may cost, in KiB, above a thousand receivers that are well.
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

/// A model whose saves fire, and one of which each attack has a webhook.
fn schema() -> String {
    let webhook =
        |attack: &Attack| format!("<webhook type=\"update\" name=\"{attack:?}\"><field name=\"name\" equals=\"{attack:?}\" /></webhook>\n");
    let attacks: String = ATTACKS.iter().map(webhook).collect();
    format!(
        r#"<data-model>
    <model name="calm" label="Calm">
        <field name="name" label="Name" type="text" />
        <display>{{name}}</display>
        <webhook type="update" name="calm_saved"><field name="name" /></webhook>
    </model>
    <model name="storm" label="Storm">
        <field name="name" label="Name" type="text" />
        <display>{{name}}</display>
        <webhook type="update" name="storm_saved"><field name="name" equals="all" /></webhook>
        {attacks}
    </model>
</data-model>"#
    )
}

/// Saves so many objects of this name at once.
async fn save(node: &Node, model: &str, name: &str, count: usize) {
    let lines: Vec<String> =
        (0..count).map(|n| format!(r#"{{"model": "{model}", "id": "{name}{n}", "fields": {{"name": "{name}"}}}}"#)).collect();
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

/// What a request of an attack may take.
const ONE_ATTEMPT: &str =
    "timeout = \"5s\"\n[endpoints.failure_handling]\nretry = { pattern = \"linear\", interval = \"1s\", max_attempts = 1 }";

/// A node that has been through a thousand requests at once to a receiver that is well: what these cost is not the attacks' doing, nor
/// that the database keeps pages in memory up to its bound.
struct Warm {
    node: Node,
    good: Receiver,
    memory: u64,
    _folder: tempfile::TempDir,
}

impl Warm {
    async fn start(endpoints: &str) -> Self {
        let good = Receiver::start().await;
        // With two thousand endpoints three quarters are kept for those that have nothing under way.
        let mut toml = "in_flight = 4096\n".to_owned();
        toml += &subscriber("calm_saved", "good", &format!("{}/slow/1", good.url), "concurrency = 1000");
        toml += &subscriber("calm_saved", "talkative", &format!("{}/big", good.url), "concurrency = 4");
        let folder = project(&(toml + endpoints));
        std::fs::write(folder.path().join("schema.xml"), schema()).unwrap();
        let node = Node::start(folder.path(), &["serve"]);
        save(&node, "calm", "Pump", IN_FLIGHT).await;
        good.wait_for(2 * IN_FLIGHT).await;
        until_settled(&node).await;
        node.forget_most_memory();
        let memory = node.most_memory();
        Self { node, good, memory, _folder: folder }
    }

    /// What has been needed at most beyond that.
    fn cost(&self) -> u64 {
        self.node.most_memory() - self.memory
    }

    /// A receiver that is well is served as before.
    async fn still_serves(&self) {
        save(&self.node, "calm", "Late", 1).await;
        self.good.wait_for(2 * IN_FLIGHT + 2).await;
    }
}

/// Waits until the requests have gone out to these, their share of a thousand to each, all of them have ended, and every connection is
/// given up.
async fn until_over(node: &Node, hostiles: &[(Attack, Hostile)]) {
    // A connection whose answer was whole may be kept alive and used again, and only that.
    let lasting: Vec<_> = hostiles.iter().filter(|(attack, _)| *attack != Attack::Early).collect();
    let requests = IN_FLIGHT * lasting.len() / hostiles.len();
    let gone_out = async {
        while lasting.iter().map(|(_, hostile)| hostile.connections()).sum::<usize>() < requests {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone_out).await.expect("a thousand requests go out");
    // Every attempt ends, by itself or at its deadline.
    until_settled(node).await;
    let began = Instant::now();
    for (attack, hostile) in lasting {
        while hostile.open() > 0 {
            assert!(began.elapsed() < PATIENCE * 2, "{attack:?}: {} connections are held", hostile.open());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn url(attack: Attack, hostile: &Hostile) -> String {
    let scheme = if attack == Attack::SilentTls { "https" } else { "http" };
    format!("{scheme}://{}/", hostile.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_attacks_of_all_kinds_at_once() {
    let (mut hostiles, mut toml) = (Vec::new(), String::new());
    for attack in ATTACKS {
        let hostile = Hostile::start(attack).await;
        let more = format!("concurrency = 100\n{ONE_ATTEMPT}");
        toml += &subscriber("storm_saved", &format!("{attack:?}"), &url(attack, &hostile), &more);
        hostiles.push((attack, hostile));
    }
    let warm = Warm::start(&toml).await;
    save(&warm.node, "storm", "all", IN_FLIGHT.div_ceil(ATTACKS.len())).await;
    until_over(&warm.node, &hostiles).await;
    let cost = warm.cost();
    println!("{IN_FLIGHT} attacks of all kinds cost {cost} KiB above {} KiB", warm.memory);
    assert!(cost < COST, "{IN_FLIGHT} attacks of all kinds cost {cost} KiB above {} KiB", warm.memory);
    warm.still_serves().await;
}

/// Endpoints of one kind. An endpoint that fails is given one request at a time, so they share the thousand.
const ENDPOINTS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_attacks_of_one_kind_at_once() {
    let (mut hostiles, mut toml) = (Vec::new(), String::new());
    for attack in ATTACKS {
        let hostile = Hostile::start(attack).await;
        for n in 0..ENDPOINTS {
            let more = format!("concurrency = {}\n{ONE_ATTEMPT}", IN_FLIGHT / ENDPOINTS);
            toml += &subscriber(&format!("{attack:?}"), &format!("{attack:?}{n}"), &url(attack, &hostile), &more);
        }
        hostiles.push((attack, hostile));
    }
    let warm = Warm::start(&toml).await;
    // One kind after the other in the same process, so what an earlier one has left behind counts against the later ones.
    for hostile in hostiles.chunks(1) {
        let began = Instant::now();
        let attack = hostile[0].0;
        save(&warm.node, "storm", &format!("{attack:?}"), IN_FLIGHT / ENDPOINTS).await;
        until_over(&warm.node, hostile).await;
        let cost = warm.cost();
        println!("{IN_FLIGHT} attacks as {attack:?} took {:?}; so far {cost} KiB above {} KiB", began.elapsed(), warm.memory);
        assert!(cost < COST, "{IN_FLIGHT} attacks as {attack:?} cost {cost} KiB above {} KiB", warm.memory);
    }
    warm.still_serves().await;
}
