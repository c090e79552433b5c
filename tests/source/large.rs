//! Transactions that are larger than a commit of ours should be, and a reader that is killed in the middle of them.

use std::time::{Duration, Instant};

use crate::world::{ORDERS, PATIENCE, World, stands_still};

/// Kills the node when the first message has come, starts another, and waits for all objects, each once and in order.
async fn is_whole_although_killed(world: &World, count: usize) {
    let mut node = world.serve();
    let began = Instant::now();
    while world.received.lock().unwrap().is_empty() {
        assert!(began.elapsed() < PATIENCE, "{}", node.said());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    node.kill();
    let came = world.received.lock().unwrap().len();
    assert!(came < count, "killed too late");
    let node = world.serve();
    let ids = world.ids(count, &node).await;
    assert!(ids.iter().enumerate().all(|(place, id)| *id == (place + 1).to_string()), "in the order of the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_many_changes_is_taken_in_parts() {
    let world = World::new(ORDERS, "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    world.init();
    world.sql("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 12001) n");
    is_whole_although_killed(&world, 12_001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_many_bytes_is_taken_in_parts() {
    let world = World::new(ORDERS, "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    world.init();
    // 36 MB in rows that are nearly as large as a save may be.
    world.sql("INSERT INTO orders SELECT n, repeat('x', 900000) FROM generate_series(1, 40) n");
    is_whole_although_killed(&world, 40).await;
    let lengths: Vec<usize> = world.received.lock().unwrap().values().map(|body| body["object"]["name"].as_str().unwrap().len()).collect();
    assert_eq!(lengths, [900_000; 40]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_too_large_is_named_and_waited_for() {
    let world = World::new(ORDERS, "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    world.init();
    let mut node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, repeat('€', 700000)); INSERT INTO orders VALUES (2, 'x')");
    stands_still(
        &mut node,
        &["row `1` of `public.orders`: what it says of `orders` has 21000", "expected at most 1048576", "out of the schema"],
    );
    world.schema(&ORDERS.replace(r#"<field name="name" label="Name" type="text" />"#, "").replace("{name}", "{id}"));
    assert_eq!(world.ids(2, &node).await, ["1", "2"]);
}

/// Rows wait at the database while nothing is taken in, however large they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_rows_that_wait_do_not_fill_the_memory() {
    let world = World::new(ORDERS, "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    world.init();
    let mut node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, repeat('€', 700000))");
    stands_still(&mut node, &["row `1` of `public.orders`"]);
    let before = node.memory();
    // 270 MB.
    world.sql("INSERT INTO orders SELECT n, repeat('x', 900000) FROM generate_series(2, 301) n");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let more = node.most_memory().saturating_sub(before) / 1024;
    assert!(more < 160, "{more} MiB more than before");
    world.schema(&ORDERS.replace(r#"<field name="name" label="Name" type="text" />"#, "").replace("{name}", "{id}"));
    assert_eq!(world.ids(301, &node).await.len(), 301);
}
