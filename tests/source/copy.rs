//! The rows that are there before a source is read: copied without a webhook, while others write, and although the reader is killed in the
//! middle. What is committed after the moment of the copy fires, once and in order, and nothing that was before.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use webhookc::access::TenantScope;
use webhookc::ids::Tenant;
use webhookc::store::{IdPage, Store};

use crate::node::{Node, send};
use crate::world::{PATIENCE, World, cluster, metric, stands_still};
use crate::writer::Writer;

/// The table of entries comes before the one that they point to.
pub const SCHEMA: &str = r#"<data-model>
    <model name="person" label="Person">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
    </model>
    <model name="entry" label="Entry">
        <field name="name" label="Name" type="text" />
        <field name="version" label="Version" type="integer" />
        <field name="state" label="State" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
        <belongs-to model="person" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
        <webhook type="ready" name="seen"><field name="name" /><field name="person" /></webhook>
    </model>
</data-model>"#;
pub const TABLES: &str = "
    CREATE TABLE person (id int PRIMARY KEY, name text);
    INSERT INTO person SELECT id, 'person ' || id FROM generate_series(1, 500) id;
    CREATE TABLE entry (id int PRIMARY KEY, person_id int, name text, version int NOT NULL DEFAULT 1, state text);
    INSERT INTO entry SELECT id, 1 + id % 500, 'entry ' || id FROM generate_series(1, 20000) id;
    UPDATE entry SET name = NULL WHERE id = 15000;
    UPDATE entry SET person_id = 999 WHERE id = 15001;
    UPDATE entry SET state = 'odd' WHERE id IN (2999, 13999);
    CLUSTER entry USING entry_pkey;
    ANALYZE";
/// The first id of an entry that is new.
const NEW: u64 = 100_000;
/// The first of those that change, and how many there are.
const CHANGING: (u64, u64) = (10_000, 40);

/// Makes an entry, removes one, and changes one.
fn transaction(count: u64) -> String {
    let (new, person, changing) = (NEW + count, 1 + count % 500, CHANGING.0 + count % CHANGING.1);
    format!(
        "BEGIN; INSERT INTO entry VALUES ({new}, {person}, 'new', 1, 'open'); DELETE FROM entry WHERE id = {count};
         UPDATE entry SET version = version + 1 WHERE id = {changing}; COMMIT;"
    )
}

/// What fires for the transactions from one to another, in order: event, operation, id, version.
fn fired_for(transactions: std::ops::RangeInclusive<u64>) -> Vec<(String, String, u64, u64)> {
    let told = |event: &str, operation: &str, id, version| (event.to_owned(), operation.to_owned(), id, version);
    let of = |count: u64| {
        let changes = (1..=count).filter(|earlier| earlier % CHANGING.1 == count % CHANGING.1).count() as u64;
        [
            told("any", "create", NEW + count, 1),
            told("seen", "create", NEW + count, 1),
            told("any", "delete", count, 1),
            told("any", "update", CHANGING.0 + count % CHANGING.1, 1 + changes),
        ]
    };
    transactions.flat_map(of).collect()
}

fn told(body: &Value) -> (String, String, u64, u64) {
    let (object, text) = (&body["object"], |value: &Value| value.as_str().unwrap().to_owned());
    (text(&body["event"]), text(&body["operation"]), text(&object["id"]).parse().unwrap(), object["version"].as_u64().unwrap())
}

/// How many rows have been copied, as `source status` says.
fn rows_so_far(world: &World) -> Option<u64> {
    let (_, said) = world.webhookc(&["source", "status"]);
    said.split_once("the first copy is being made: ")?.1.split(' ').next()?.parse().ok()
}

/// Waits until the copy stands still at a row that the data model does not allow: so it is in the middle however fast it is.
pub fn stands_in_the_middle(world: &World, node: &Node, row: u64) {
    node.wait_for_line("that it stands still", |line| {
        line.contains("stands still") && line.contains(&format!("row `{row}` of `public.entry`"))
    });
    let began = Instant::now();
    while rows_so_far(world).is_none_or(|rows| rows + 4_000 < row || rows >= row) {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", world.webhookc(&["source", "status"]).1);
    }
}

pub fn mend(world: &World, row: u64) {
    world.sql(&format!("UPDATE entry SET state = 'done' WHERE id = {row}"));
}

pub fn copied(node: &mut Node) {
    node.wait_for_new_line("that the copy is made", |line| line.contains("the first copy is made"));
}

/// The objects of a model that are stored, as `id|field|field`, when no node has the store.
pub async fn stored(url: &str, model: &str, fields: &[&str]) -> Vec<String> {
    let store = Store::open(url).await.unwrap();
    let scope = TenantScope::of_node(Tenant::new("default"));
    let page = IdPage { after: None, older_than: None, limit: 1_000_000 };
    let mut all = Vec::new();
    for id in store.object_ids(&scope, model, page).await.unwrap() {
        let object = store.object(&scope, model, &id).await.unwrap().unwrap();
        let object: Value = serde_json::from_str(&object.json).unwrap();
        let values = fields.iter().map(|field| match &object[*field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        });
        all.push(std::iter::once(id.to_string()).chain(values).collect::<Vec<_>>().join("|"));
    }
    store.close().await;
    all
}

pub fn in_table(world: &World) -> Vec<String> {
    let sql = "SELECT concat_ws('|', id, coalesce(person_id::text, ''), coalesce(name, ''), version, coalesce(state, '')) FROM entry ORDER BY id::text COLLATE \"C\"";
    world.sql(sql).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_there_are_copied_and_changes_fire_although_the_reader_is_killed_in_the_middle() {
    let world = World::new(SCHEMA, TABLES).await;
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted && said.contains("the rows that the tables have are copied first"), "{said}");
    let (_, said) = world.webhookc(&["source", "status"]);
    assert!(said.contains("the first copy waits for a node"), "{said}");
    let (again, said) = world.webhookc(&["source", "init"]);
    assert!(again && said.contains("the first copy is still to be made"), "it is not forgotten: {said}");

    mend(&world, 2_999);
    let writer = Writer::begin(&world, Duration::from_millis(5), transaction);
    let mut node = world.serve();
    stands_in_the_middle(&world, &node, 13_999);
    let rows = rows_so_far(&world).unwrap();
    assert_eq!(metric(&node, r#"webhookc_source_copied_rows_total{table="public.entry"}"#).await, rows);
    assert_eq!(metric(&node, "webhookc_source_copy_rows").await, 20_500);
    let (_, page) = send("GET", &format!("{}/node", node.url), "").await;
    assert!(page.as_str().unwrap().contains(&format!("copied so far: {rows} of about 20500 rows, public.entry")), "{page}");
    let (_, said) = world.webhookc(&["source", "drop"]);
    assert!(said.contains("a node makes the first copy at present"), "{said}");
    let emptied = cluster().try_psql(&world.database, "SET lock_timeout = '50ms'; TRUNCATE entry");
    assert!(emptied.unwrap_err().contains("lock timeout"), "tables stay as they are");
    std::thread::sleep(Duration::from_millis(300));
    node.kill();
    mend(&world, 13_999);
    let mut node = world.serve();
    copied(&mut node);
    assert!(node.said().contains("copied table=\"public.person\" rows=500"), "{}", node.said());
    let began = Instant::now();
    // The last table is told of a moment before the copy is over.
    while metric(&node, "webhookc_source_copy_rows").await != 0 {
        assert!(began.elapsed() < PATIENCE, "{}", node.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::thread::sleep(Duration::from_secs(1));
    let last = writer.end();
    world.sql("UPDATE entry SET name = 'at last' WHERE id = 15000; INSERT INTO person VALUES (999, 'late')");

    // What one save causes has no order.
    let order = |body: &Value| (body["sequence"].as_u64(), body["event"].to_string());
    let mut came = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..60 {
        came = world.wait(4, &node).await;
        came.sort_by_key(order);
        let first = told(&came[0]).2 - NEW;
        assert!((2..=last).contains(&first), "{first} of {last}");
        expected = fired_for(first..=last);
        let more = [("any", "update", 15_000), ("seen", "update", 15_000), ("seen", "update", 15_001)];
        expected.extend(more.map(|(event, operation, id)| (event.to_owned(), operation.to_owned(), id, 1)));
        if came.len() >= expected.len() {
            break;
        }
    }
    let all: Vec<_> = came.iter().map(told).collect();
    let other = all.iter().zip(&expected).find(|(fired, expected)| fired != expected);
    assert_eq!((other, all.len()), (None, expected.len()), "of {last} transactions; the last was {:?}", all.last());
    let embedded = came.iter().filter(|body| body["event"] == "seen").all(|body| body["object"]["person"]["name"].is_string());
    assert!(embedded, "what is related was there");

    // What is stored is what the table has, and `ready` is used up for what was there.
    let (_, explained) = send("GET", &node.of_tenant("explain/entry/14000"), "").await;
    assert!(explained.to_string().contains("\"copy\"") && explained.to_string().contains("used up by the copy"), "{explained}");
    let (done, said) = world.webhookc(&["backfill", "seen", "--dry-run", "--url", &node.url]);
    assert!(done && said.contains(" 0 would fire"), "{said}");
    node.kill();
    let store = format!("sqlite:{}/webhookc.db", world.folder.path().display());
    let objects = stored(&store, "entry", &["person_id", "name", "version", "state"]).await;
    assert_eq!(objects.len(), in_table(&world).len());
    assert_eq!(objects, in_table(&world));
    assert_eq!(stored(&store, "person", &["name"]).await.len(), 501);

    // A restart copies nothing again.
    let node = world.serve();
    world.sql("UPDATE entry SET version = 0 WHERE id = 14000");
    let came = world.wait(expected.len() + 1, &node).await;
    assert_eq!(told(came.last().unwrap()), ("any".to_owned(), "update".to_owned(), 14_000, 0));
    assert!(!node.said().contains("first copy"), "{}", node.said());

    // A store that is new gets a copy of its own when it is asked for: the slot could be another store's.
    drop(node);
    for file in std::fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().path()) {
        if file.file_name().unwrap().to_str().unwrap().starts_with("webhookc.db") {
            std::fs::remove_file(file).unwrap();
        }
    }
    let mut node = world.serve();
    stands_still(&mut node, &["this store has taken in nothing of it", "if this store is new and the only one"]);
    node.kill();
    for arguments in [&["source", "drop"][..], &["source", "init", "--snapshot"]] {
        let (done, said) = world.webhookc(arguments);
        assert!(done, "{said}");
    }
    copied(&mut world.serve());
    assert_eq!(stored(&store, "entry", &["person_id", "name", "version", "state"]).await, in_table(&world));
}

/// Two nodes on one store in PostgreSQL are started at once, and the one that copies stands still in the middle, until the other has made the copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_nodes_copies_and_ready_is_left_when_asked_for() {
    let world = World::new(SCHEMA, TABLES).await;
    world.sql("DELETE FROM entry WHERE id > 6000");
    let store = cluster().url(&cluster().database("template1"));
    std::fs::write(world.folder.path().join("key"), "07".repeat(32)).unwrap();
    world.project(&format!("[store]\nurl = \"{store}\"\nkey = {{ file = \"key\" }}\n"));
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot", "--leave-ready"]);
    assert!(noted, "{said}");
    let mut nodes = [world.serve(), world.serve()];
    let is_waiting = |node: &Node| node.said().contains("another node reads the source");
    let began = Instant::now();
    while !nodes.iter().any(is_waiting) {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", nodes[0].said());
    }
    let copying = nodes.iter().position(|node| !is_waiting(node)).unwrap();
    stands_in_the_middle(&world, &nodes[copying], 2_999);
    nodes[copying].signal(Signal::STOP);
    mend(&world, 2_999);
    world.sql("DELETE FROM entry WHERE id <= 100; UPDATE entry SET name = 'changed' WHERE id = 200");
    let other = 1 - copying;
    nodes[other].wait_for_new_line("that it begins", |line| line.contains("the first copy has begun"));
    copied(&mut nodes[other]);
    nodes[copying].signal(Signal::CONT);
    world.sql("UPDATE entry SET version = 2 WHERE id = 300");
    let mut came = world.wait(2, &nodes[other]).await;
    came.sort_by_key(|body| body["event"].to_string());
    let (any, seen) = (("any".to_owned(), "update".to_owned(), 300, 2), ("seen".to_owned(), "update".to_owned(), 300, 2));
    assert_eq!(came.iter().map(told).collect::<Vec<_>>(), [any, seen], "`ready` is left for the next save");
    let (done, said) = world.webhookc(&["backfill", "seen", "--dry-run", "--url", &nodes[other].url]);
    assert!(done && said.contains("5900 objects: 5899 would fire"), "{said}");
    nodes[copying].wait_for_line("that it has lost its turn", |line| line.contains("another node reads the source"));
    drop(nodes);
    assert_eq!(stored(&store, "entry", &["person_id", "name", "version", "state"]).await, in_table(&world));
}
