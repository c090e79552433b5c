//! What is there no more: the slot, the log that it needs, the database, the right to read it. The source stands still and says what to do;
//! the node goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::Cluster;
use crate::node::{Node, send};
use crate::proxy::{Proxy, Way};
use crate::world::{PATIENCE, World, logical, metric, stands_still};

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="status" label="Status" type="single-choice"><option key="open">Open</option></field>
        <display>{status}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;
const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, status text); CREATE TABLE other (filler text)";

/// The node takes saves by its API, and says that it is ready, and that its source stands still; why, only on its page.
async fn serves(node: &Node, id: &str, why: &str) {
    let (saved, answer) = send("PUT", &node.object("orders", id), r#"{"status": "open"}"#).await;
    assert_eq!(saved, 201, "{answer}");
    let (ready, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert_eq!((ready, &answer["source"]["state"]), (200, &json!("stopped")), "{answer}");
    let (_, page) = send("GET", &format!("{}/node", node.url), "").await;
    let page = page.as_str().unwrap();
    assert!(page.contains(">ready<") && page.contains("stands still") && page.contains(why), "{page}");
    assert!(!answer.to_string().contains(why), "not for everybody: {answer}");
}

/// `webhookc doctor` finds this, and nothing else.
fn finds(world: &World, what: &str) {
    let (is_well, said) = world.webhookc(&["doctor"]);
    assert!(!is_well && said.contains(what) && said.contains("1 finding in "), "{said}");
}

/// Ends the session that reads the slot, and drops it.
fn drop_slot(world: &World) {
    let slot = &world.database;
    world.sql(&format!("SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = '{slot}' AND active"));
    let dropped = (0..100).any(|_| world.cluster.try_psql(slot, &format!("SELECT pg_drop_replication_slot('{slot}')")).is_ok());
    assert!(dropped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_was_dropped_is_made_anew_by_whoever_runs_the_node() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    let mut node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, 'open')");
    assert_eq!(world.ids(1, &node).await, ["1"]);
    drop_slot(&world);
    world.sql("INSERT INTO orders VALUES (2, 'open')");
    stands_still(&mut node, &[&format!("there is no slot `{}` in the database", world.database), "run `webhookc source init`"]);
    serves(&node, "by-api", "there is no slot").await;
    finds(&world, "error[source-slot-missing]");
    let (there, said) = world.webhookc(&["source", "status"]);
    assert!(!there && said.contains("there is no slot"), "{said}");

    world.init();
    node.wait_for_new_line("that it reads", |line| line.contains("the source is read"));
    world.sql("INSERT INTO orders VALUES (3, 'open'); UPDATE orders SET status = 'open' WHERE id = 2");
    assert_eq!(world.ids(4, &node).await, ["1", "by-api", "3", "2"], "what was committed without a slot comes when it changes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_whose_log_is_thrown_away_is_lost() {
    let cluster = Arc::new(logical());
    let set = |settings: &[&str]| {
        for setting in settings {
            cluster.psql("postgres", &format!("ALTER SYSTEM SET {setting}"));
        }
        cluster.psql("postgres", "SELECT pg_reload_conf()");
    };
    set(&["min_wal_size = '32MB'", "max_wal_size = '32MB'"]);
    let world = World::on(&cluster, SCHEMA, TABLE).await;
    world.init();
    let mut node = world.serve();
    // A row that the schema does not allow holds the source up, and the log grows.
    world.sql("INSERT INTO orders VALUES (1, 'lost')");
    stands_still(&mut node, &["row `1` of `public.orders`"]);
    let grow = || {
        for _ in 0..4 {
            world.sql("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 16000)");
            world.sql("SELECT pg_switch_wal()");
        }
    };
    grow();
    finds(
        &world,
        &format!(
            "warning[source-log-grows] the database of `[source.postgres]` keeps more of its log for the slot than `max_wal_size`: 1\n  {}: ",
            world.database
        ),
    );
    // No checkpoint may come before it is looked at.
    set(&["max_wal_size = '8GB'", "max_slot_wal_keep_size = '16MB'"]);
    grow();
    finds(&world, "error[source-log-threatened]");
    world.sql("CHECKPOINT");
    let lost = "has thrown away the log that the slot";
    stands_still(&mut node, &[lost, "run `webhookc source drop` and `webhookc source init`", "`max_slot_wal_keep_size`"]);
    serves(&node, "by-api", "has thrown away the log").await;
    finds(&world, "error[source-slot-lost]");
    let (is_well, said) = world.webhookc(&["source", "status"]);
    assert!(!is_well && said.contains("the database has thrown away the log that it needs: drop and init it anew"), "{said}");
    let (made, said) = world.webhookc(&["source", "init"]);
    assert!(!made && said.contains(lost), "{said}");

    let (dropped, said) = world.webhookc(&["source", "drop"]);
    assert!(dropped, "{said}");
    world.init();
    world.sql("INSERT INTO orders VALUES (2, 'open')");
    assert_eq!(world.ids(2, &node).await, ["by-api", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_may_go_and_come_back() {
    let cluster = Arc::new(logical());
    let mut world = World::on(&cluster, SCHEMA, TABLE).await;
    let network = Proxy::to(cluster.socket()).await;
    world.database_url = format!("postgres://reader:geheim@127.0.0.1:{}/{}?sslmode=disable", network.port(), world.database);
    world.project("");
    world.init();
    let mut node = world.serve();
    let mut count = 0;
    let mut next = || {
        count += 1;
        world.sql(&format!("INSERT INTO orders VALUES ({count}, 'open')"));
        count
    };
    let ids = |count: usize| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>();
    assert_eq!(world.ids(next(), &node).await, ids(1));

    // The network.
    network.be(Way::Cut);
    next();
    stands_still(&mut node, &[]);
    assert_eq!(metric(&node, "webhookc_source_up").await, 0);
    network.be(Way::Open);
    assert_eq!(world.ids(2, &node).await, ids(2));

    // The session.
    world.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    assert_eq!(world.ids(next(), &node).await, ids(3));

    // The server: ended in order, then with a crash, after which it may tell again what was acknowledged.
    for (mode, came) in [("fast", 4), ("immediate", 5)] {
        cluster.stop(mode);
        stands_still(&mut node, &[]);
        let (ready, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
        assert_eq!(ready, 200, "{answer}");
        cluster.begin();
        next();
        assert_eq!(world.ids(came, &node).await, ids(came));
    }

    // The right to sign in.
    world.sql("ALTER ROLE reader PASSWORD 'other'; SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    stands_still(&mut node, &["password authentication failed for user \"reader\""]);
    assert!(!node.said().contains("geheim"), "{}", node.said());
    next();
    let (read, said) = world.webhookc(&["source", "status"]);
    assert!(!read && said.contains("password authentication failed for user \"reader\"") && !said.contains("geheim"), "{said}");
    finds(&world, "error[source-unreachable]");
    world.sql("ALTER ROLE reader PASSWORD 'geheim'");
    assert_eq!(world.ids(6, &node).await, ids(6));
    let began = Instant::now();
    while metric(&node, "webhookc_source_up").await == 0 {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(metric(&node, "webhookc_source_changes_total").await, 6);
    let (_, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert_eq!(answer["source"]["state"], "reading", "{answer}");
}

/// Of several servers, the one is read that can be written to, whichever is named first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_named_first_is_passed_over() {
    let primary = Arc::new(logical());
    let mut world = World::on(&primary, SCHEMA, TABLE).await;
    let standby = Cluster::standby_of(&primary);
    let hosts = format!("host={}&host=", standby.folder().display());
    world.database_url = world.database_url.replacen("host=", &hosts, 1) + "&target_session_attrs=read-write";
    world.project("");
    world.init();
    let node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, 'open')");
    assert_eq!(world.ids(1, &node).await, ["1"]);
}
