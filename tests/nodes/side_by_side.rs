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

/// The first format of which a node says whom it counts.
const COUNTS: u32 = 22;

/// A database in the format before that one.
fn older_format(made: &str) -> String {
    let database = cluster().database("template1");
    let migrations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres/migrations");
    let mut files: Vec<(u32, std::path::PathBuf)> = std::fs::read_dir(migrations)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap()[1..].split("__").next().unwrap().parse().unwrap(), path))
        .filter(|(version, _)| *version < COUNTS)
        .collect();
    files.sort();
    let mut sql = "CREATE SCHEMA webhookc; SET search_path = webhookc;".to_owned();
    for (_, file) in &files {
        sql.push_str(&std::fs::read_to_string(file).unwrap());
    }
    sql.push_str("CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255));");
    let history = format!(
        "SELECT format('INSERT INTO refinery_schema_history VALUES (%s, %L, %L, %L);', version, name, applied_on, checksum)
            FROM webhookc.refinery_schema_history WHERE version < {COUNTS}"
    );
    sql.push_str(&cluster().psql(made, &history));
    cluster().psql(&database, &sql);
    database
}

/// What a node does at the server that does not say whom it counts, for so many halves of a second.
fn older_node(database: &str, halves: u32) -> std::thread::JoinHandle<()> {
    let database = database.to_owned();
    let sql = format!(
        "DO $$ BEGIN
            INSERT INTO webhookc.nodes (version, pid) VALUES ('0.0.9', pg_backend_pid());
            FOR beat IN 1..{halves} LOOP
                UPDATE webhookc.nodes SET seen_at = clock_timestamp() WHERE pid = pg_backend_pid();
                COMMIT;
                PERFORM pg_sleep(0.5);
            END LOOP;
        END $$"
    );
    std::thread::spawn(move || drop(cluster().psql(&database, &sql)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_node_is_counted_and_keeps_its_leases_while_a_newer_one_changes_the_tables() {
    let new = World::new().await;
    drop(new.node(&new.project("made", SCHEMA, "")));
    let database = older_format(&new.name());
    let world = World::at(cluster().url(&database)).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let older = older_node(&database, 24);
    let is_there = "SELECT count(*) FROM webhookc.nodes WHERE version = '0.0.9'";
    until("the older one is there", async || cluster().psql(&database, is_there) == "1").await;
    let node = world.node(&folder);
    let versions = "SELECT max(version) FROM webhookc.refinery_schema_history";
    assert_eq!(cluster().psql(&database, versions), cluster().psql(&new.name(), versions), "the tables are brought up to date");
    until("both are counted", async || cluster().psql(&database, "SELECT max(cardinality(crew)) FROM webhookc.nodes") == "2").await;
    saved(&node, "a", r#"{"name": "1"}"#).await;
    until("it has come", async || world.count("/all") == 1).await;
    let settled = "SELECT count(*) FROM webhookc.deliveries WHERE state = 2";
    until("it is settled", async || cluster().psql(&database, settled) == "1").await;
    // As if the older one had taken it.
    let taken = "UPDATE webhookc.deliveries SET state = 1, settled_at = NULL, fence = fence + 1, due_at = (extract(epoch FROM now()) * 1000)::bigint + 100000,
        node = (SELECT row FROM webhookc.nodes WHERE version = '0.0.9')";
    cluster().psql(&database, taken);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert!(!older.is_finished());
    assert_eq!(cluster().psql(&database, is_there), "1", "it is well");
    assert_eq!(world.count("/all"), 1, "what it has leased is its own");
    tokio::task::block_in_place(|| older.join().unwrap());
    until("it is missed, and what it had is sent", async || world.count("/all") == 2 && cluster().psql(&database, settled) == "1").await;
    assert_eq!(cluster().psql(&database, "SELECT fence FROM webhookc.deliveries"), "3", "leased anew");
}
