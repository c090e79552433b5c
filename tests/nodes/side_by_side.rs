//! Nodes of two versions, and nodes with different keys, on one database.

use std::process::Command;

use crate::node::Node;
use crate::world::{SCHEMA, World, cluster, http, save, saved, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_works_beside_a_newer_one_as_long_as_the_tables_say_so() {
    let world = World::new().await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    // What a newer version does to the database that changes nothing for this one.
    let database = world.name();
    let newer = "INSERT INTO webhookc.refinery_schema_history VALUES (9000, 'newer', '2030-01-01T00:00:00Z', '0');
        ALTER TABLE webhookc.deliveries ADD COLUMN later text";
    cluster().psql(&database, newer);
    saved(&node, "a", r#"{"name": "1"}"#).await;
    let other = world.node(&folder);
    saved(&other, "b", r#"{"name": "1"}"#).await;
    until("both have come", async || world.count("/all") == 2).await;
    let doctor = Command::new(env!("CARGO_BIN_EXE_webhookc"))
        .args(["doctor", "--store", &world.database])
        .current_dir(&folder)
        .env("WEBHOOKC_KEY", "07".repeat(32))
        .output()
        .unwrap();
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));

    // One that this version cannot work with: it says so, and does nothing more.
    cluster().psql(&database, "UPDATE webhookc.format SET oldest = 9000");
    node.wait_for_line("that it is too old", |line| line.contains("its tables ask for a program of format 9000 or newer"));
    until("saves are refused", async || save(&node, "c", r#"{"name": "1"}"#).await.0 == 503).await;
    let (_, text) = save(&node, "c", r#"{"name": "1"}"#).await;
    assert!(text.contains("use a newer webhookc"), "{text}");
    let ready = http().get(format!("{}/readyz", node.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503, "{}", ready.text().await.unwrap());
    let mut refused = Node::spawn(world.command(&folder));
    assert_eq!(refused.wait().code(), Some(2), "{}", refused.said());
    assert!(refused.said().contains("format 9000 or newer"), "{}", refused.said());
    assert_eq!(cluster().psql(&database, "SELECT count(*) FROM webhookc.objects WHERE id = 'c'"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_exchanged_one_node_after_the_other() {
    let world = World::new().await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let (old, new) = ("07".repeat(32), "08".repeat(32));
    let with = |keys: &str| {
        let mut command = world.command(&folder);
        command.env("WEBHOOKC_KEY", keys);
        command
    };
    let first = Node::launch(with(&old));
    // Neither a stranger's key nor one that the other lacks.
    for keys in [new.clone(), format!("{new},{old}")] {
        let mut refused = Node::spawn(with(&keys));
        assert_eq!(refused.wait().code(), Some(2), "{}", refused.said());
        let said = refused.said();
        assert!(said.contains("give all nodes both keys first") || said.contains("nothing was changed"), "{said}");
    }
    saved(&first, "a", r#"{"name": "1"}"#).await;
    let second = Node::launch(with(&format!("{old},{new}")));
    drop(first);
    let first = Node::launch(with(&format!("{old},{new}")));
    drop(second);
    let second = Node::launch(with(&format!("{new},{old}")));
    drop(first);
    let first = Node::launch(with(&format!("{new},{old}")));
    drop(second);
    let second = Node::launch(with(&new));
    for (number, node) in [&first, &second].into_iter().enumerate() {
        saved(node, &format!("b{number}"), r#"{"name": "1"}"#).await;
    }
    until("all have come", async || world.count("/all") == 3).await;
    let sealed = "SELECT count(*) FROM webhookc.keys WHERE substr(material, 2, 8) <> (SELECT key_ids[1] FROM webhookc.nodes LIMIT 1)";
    assert_eq!(cluster().psql(&world.name(), sealed), "0");
}
