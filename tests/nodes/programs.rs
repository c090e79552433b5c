//! One program for all nodes: what is changed at one reaches the others, which have other folders.

use std::fs;

use crate::node::Node;
use crate::world::{SCHEMA, World, http, save, saved, until};

/// The schema with one more field.
fn wider() -> String {
    SCHEMA.replace("<display>", "<field name=\"size\" label=\"Size\" type=\"text\" />\n        <display>")
}

/// Whether a node knows the field `size`.
async fn knows_size(node: &Node) -> bool {
    matches!(save(node, "probe", r#"{"size": "1"}"#).await.0, 200 | 201)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_changed_at_one_node_is_in_force_at_all() {
    let world = World::new().await;
    let endpoints = world.endpoint("all");
    let folders = ["one", "two", "three"].map(|name| world.project(name, SCHEMA, &endpoints));
    let nodes: Vec<Node> = folders.iter().map(|folder| world.node(folder)).collect();
    for node in &nodes {
        let (status, text) = save(node, "probe", r#"{"size": "1"}"#).await;
        assert!(status == 422 && text.contains("`size` is not a field"), "{status} {text}");
    }
    fs::write(folders[1].join("schema.xml"), wider()).unwrap();
    for node in &nodes {
        until("the field is known to all", async || knows_size(node).await).await;
    }
    let said = nodes[0].wait_for_line("where the program comes from", |line| line.contains("taken up from another node"));
    assert!(said.contains("part: + field size") || said.contains("size"), "{said}");
    // An endpoint too, with its address, though only the folder of one node has it.
    let more = format!("{endpoints}{}", world.endpoint("more"));
    world.project("three", &wider(), &more);
    until("the new endpoint is called for a save at another node", async || {
        save(&nodes[0], "a", r#"{"name": "x"}"#).await;
        world.count("/more") > 0
    })
    .await;

    // A program that cannot be compiled stays where it is.
    fs::write(folders[0].join("schema.xml"), SCHEMA.replace("type=\"text\"", "type=\"txet\"")).unwrap();
    nodes[0].wait_for_line("that it is wrong", |line| line.contains("rejected"));
    for node in &nodes {
        assert!(knows_size(node).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_with_an_earlier_program_takes_up_the_newest() {
    let world = World::new().await;
    let endpoints = world.endpoint("all");
    let (old, new) = (world.project("old", SCHEMA, &endpoints), world.project("new", &wider(), &endpoints));
    let first = world.node(&old);
    let second = world.node(&new);
    until("the running node has what the new one brought", async || knows_size(&first).await).await;
    // Restarted before its files are brought up to date.
    drop(first);
    let first = world.node(&old);
    assert!(knows_size(&first).await, "{}", first.said());
    // Back to the earlier one, because somebody asks for it.
    let answer = http().post(format!("{}/-/reload", first.url)).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    until("the other has the earlier one", async || !knows_size(&second).await).await;
    // A node alone goes by its files, whatever was in force.
    drop((first, second));
    let alone = world.node(&new);
    assert!(knows_size(&alone).await, "{}", alone.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_cannot_run_is_left_to_those_that_can() {
    let world = World::new().await;
    let endpoints = world.endpoint("all");
    let folder = world.project("old", SCHEMA, &endpoints);
    let behind = world.node(&folder);
    // The new program has a secret that only one node is given, for the same endpoint.
    // Above its failure handling, where what belongs to the endpoint itself stands.
    let header = "headers = { x-key = \"{{ secret.part_key }}\" }\n[endpoints.failure_handling]";
    let toml = endpoints.replace("[endpoints.failure_handling]", header) + "[secrets]\npart_key = { env = \"PART_KEY\" }\n";
    let folder = world.project("new", &wider(), &toml);
    let mut command = world.command(&folder);
    command.env("PART_KEY", "open sesame");
    let ahead = Node::launch(command);
    behind.wait_for_line("that it cannot take it up", |line| line.contains("cannot be run here") && line.contains("part_key"));
    // It goes on with its own program, and both send what the other has made as far as they can.
    for number in 0..30 {
        saved(&ahead, &format!("new{number}"), r#"{"name": "n", "size": "1"}"#).await;
        saved(&behind, &format!("old{number}"), r#"{"name": "o"}"#).await;
    }
    until("everything has come", async || world.count("/all") >= 60).await;
    let deliveries = http().get(ahead.of_tenant("deliveries?status=diverted")).send().await.unwrap().text().await.unwrap();
    assert!(deliveries.contains(r#""data":[]"#) || !deliveries.contains("dlv_"), "{deliveries}");
}
