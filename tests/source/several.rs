//! Several nodes and one slot: one reads, the others wait. Their store is a database, also one of the same cluster, also the same database.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::node::{Node, send};
use crate::world::{World, metric};

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
        <webhook type="ready" name="seen" />
    </model>
</data-model>"#;
const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, name text)";

/// Within this another node has taken over, on a machine that has other things to do. The database gives up a node after 10 s.
const SOON: Duration = Duration::from_secs(25);

/// A project of the world whose store is this database.
async fn with_store(database: impl Fn(&World) -> String) -> World {
    let world = World::new(SCHEMA, TABLE).await;
    world.project(&format!("[store]\nurl = \"{}\"\n", world.cluster.url(&database(&world))));
    world
}

/// A node of it, with the key that all of them have.
fn serve(world: &World) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(world.folder.path()).env("WEBHOOKC_KEY", "5e".repeat(32));
    Node::launch(command)
}

/// Writes rows until `until` says so, and one more: how many there are then.
async fn write(world: &World, from: usize, mut until: impl FnMut() -> bool) -> usize {
    let began = Instant::now();
    let mut next = from;
    loop {
        let is_over = until();
        world.sql(&format!("INSERT INTO orders VALUES ({next}, 'new'); UPDATE orders SET name = 'old' WHERE id = {next}"));
        next += 1;
        if is_over {
            return next;
        }
        assert!(began.elapsed() < SOON, "nobody has taken over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often a node has said that it reads.
fn reads(node: &Node) -> usize {
    node.said().matches("the source is read").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_goes_on_when_one_is_killed_or_stands_still() {
    let world = with_store(|world| world.cluster.database("template1")).await;
    world.init();
    let mut first = serve(&world);
    first.wait_for_line("that it reads", |line| line.contains("the source is read"));
    let second = serve(&world);
    second.wait_for_line("that it waits", |line| line.contains("another node reads the source; this one waits"));
    assert_eq!((metric(&first, "webhookc_source_up").await, metric(&second, "webhookc_source_up").await), (1, 0));
    let (_, answer) = send("GET", &format!("{}/readyz", second.url), "").await;
    assert_eq!(answer["source"]["state"], "waiting", "{answer}");

    // Killed: the database sees that at once.
    let mut next = write(&world, 1, || world.received.lock().unwrap().len() > 5).await;
    first.kill();
    next = write(&world, next, || reads(&second) == 1).await;

    // Stopped: the database gives it up after a while, and when it goes on it finds that another one has.
    let third = serve(&world);
    third.wait_for_line("that it waits", |line| line.contains("another node reads the source; this one waits"));
    second.signal(Signal::STOP);
    let began = Instant::now();
    next = write(&world, next, || reads(&third) == 1).await;
    eprintln!("taken over after {:.1} s", began.elapsed().as_secs_f64());
    second.signal(Signal::CONT);
    second.wait_for_line("that it waits", |line| line.contains("another node reads the source; this one waits"));
    next = write(&world, next, || true).await;

    let rows = next - 1;
    let came = world.wait(3 * rows, &third).await;
    let told = |id: usize, event: &str| -> Vec<String> {
        let id = id.to_string();
        let of = came.iter().filter(|body| body["event"] == event && body["object"]["id"] == id.as_str());
        of.map(|body| body["operation"].as_str().unwrap().to_owned()).collect()
    };
    for id in 1..=rows {
        assert_eq!(
            (told(id, "any"), told(id, "seen")),
            (vec!["create".to_owned(), "update".to_owned()], vec!["create".to_owned()]),
            "{id}"
        );
    }
    assert_eq!(came.len(), 3 * rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_can_be_in_the_database_that_is_read() {
    let world = with_store(|world| world.database.clone()).await;
    world.init();
    let mut node = serve(&world);
    let next = write(&world, 1, || world.received.lock().unwrap().len() > 20).await;
    node.kill();
    let next = write(&world, next, || true).await;
    let node = serve(&world);
    let rows = next - 1;
    assert_eq!(world.wait(3 * rows, &node).await.len(), 3 * rows);
    // What the node writes there itself is nothing that it reads.
    let began = Instant::now();
    while metric(&node, "webhookc_source_lag_bytes").await > 0 {
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
