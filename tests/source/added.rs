//! A table that gets a model when the source is read already: its rows are copied without a webhook, although others write and the slot is
//! behind; of what is committed afterwards nothing is missing, and nothing comes twice.

use std::time::Duration;

use serde_json::Value;

use crate::copy::stored;
use crate::node::{Node, send};
use crate::world::{World, stands_still};
use crate::writer::Writer;

const ORDERS: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
"#;
const LINES: &str = r#"    <model name="lines" label="Line">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="line" on="create update delete" order="object" />
        <webhook type="ready" name="seen"><field name="name" /></webhook>
    </model>
"#;
const TABLES: &str = "CREATE TABLE orders (id int PRIMARY KEY, name text); CREATE TABLE lines (id int PRIMARY KEY, name text);
    INSERT INTO lines SELECT id, 'line ' || id FROM generate_series(1, 5000) id";
/// The first id of a line that is new.
const NEW: u64 = 10_000;

fn schema(models: &[&str]) -> String {
    format!("{}</data-model>", models.concat())
}

/// Makes an order and a line in each transaction, and changes the line in the next.
fn transaction(count: u64) -> String {
    let line = NEW + count;
    format!(
        "BEGIN; INSERT INTO orders VALUES ({count}, 'new'); INSERT INTO lines VALUES ({line}, 'new');
         UPDATE lines SET name = 'old' WHERE id = {}; COMMIT;",
        line - 1
    )
}

/// What came for an event, in order: what was done, and the id.
pub fn told(came: &[Value], event: &str) -> Vec<(String, u64)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = came.iter().filter(|body| body["event"] == event);
    of.map(|body| (text(&body["operation"]), text(&body["object"]["id"]).parse().unwrap())).collect()
}

pub fn made(node: &mut Node) {
    node.wait_for_new_line("that the copy is made", |line| line.contains("the copy of new tables is made"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_gets_a_model_later_is_copied_while_others_write_and_nothing_is_lost() {
    let world = World::new(&schema(&[ORDERS]), TABLES).await;
    world.init();
    let mut node = world.serve();
    node.wait_for_line("that it reads", |line| line.contains("the source is read"));

    // The model comes, and nothing is written: it is said all the same.
    world.schema(&schema(&[ORDERS, LINES]));
    let mends = "run `webhookc source init`, with `--snapshot` to have the rows copied that it has";
    stands_still(&mut node, &["the table `public.lines` of the model `lines` is not in the publication", mends]);
    let writer = Writer::begin(&world, Duration::from_millis(4), transaction);
    std::thread::sleep(Duration::from_millis(500));
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted && said.contains("the rows of `public.lines` are copied before it is read"), "{said}");
    made(&mut node);
    std::thread::sleep(Duration::from_millis(500));
    // What was taken in before the slot came to where the copy was made is told by it once more.
    node.kill();
    let node = world.serve();
    std::thread::sleep(Duration::from_millis(500));
    let last = writer.end();

    let count = usize::try_from(last).unwrap();
    let mut came = world.wait(count, &node).await;
    while told(&came, "any").len() < count || told(&came, "seen").last() != Some(&("create".to_owned(), NEW + last)) {
        came = world.wait(came.len() + 1, &node).await;
    }
    let create = |id| ("create".to_owned(), id);
    assert_eq!(told(&came, "any"), (1..=last).map(create).collect::<Vec<_>>(), "of `orders` nothing is missing");
    let seen = told(&came, "seen");
    let first = seen[0].1;
    assert!(first > NEW + 1 && first < NEW + last, "{first} of {last}: some were copied, and some came later");
    assert_eq!(seen, (first..=NEW + last).map(create).collect::<Vec<_>>());
    let lines = (first..=NEW + last).flat_map(|id| [create(id), ("update".to_owned(), id - 1)]);
    assert_eq!(told(&came, "line"), lines.collect::<Vec<_>>(), "the one before was copied, and is changed");
    assert!(!node.said().contains("copy of new tables"), "it is made once: {}", node.said());
    drop(node);
    let store = format!("sqlite:{}/webhookc.db", world.folder.path().display());
    let rows = world.sql("SELECT id || '|' || name FROM lines ORDER BY id::text COLLATE \"C\"");
    assert_eq!(stored(&store, "lines", &["name"]).await, rows.lines().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_the_rows_of_a_table_that_comes_is_said() {
    let world = World::new(&schema(&[ORDERS, LINES]), TABLES).await;
    world.sql("CREATE TABLE parts (id int PRIMARY KEY, name text); INSERT INTO parts VALUES (1, 'part')");
    world.schema(&schema(&[ORDERS]));
    world.init();
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(!noted && said.contains("no table has come to those that are read"), "{said}");

    // Without a copy a row becomes an object when it changes.
    world.schema(&schema(&[ORDERS, LINES]));
    let (done, said) = world.webhookc(&["source", "init"]);
    let later = "`public.lines` is read from here on; the rows that it has become objects when they change";
    assert!(done && said.contains(later) && !said.contains("public.orders` is read"), "{said}");
    let node = world.serve();
    world.sql("UPDATE lines SET name = 'changed' WHERE id = 7");
    let came = world.wait(2, &node).await;
    assert_eq!(told(&came, "line"), [("create".to_owned(), 7)]);
    drop(node);

    // A copy waits for a node, and leaves `ready` when asked to.
    let parts = LINES.replace("lines", "parts").replace("\"line\"", "\"part\"").replace("\"seen\"", "\"part-seen\"");
    world.schema(&schema(&[ORDERS, LINES, &parts]));
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot", "--leave-ready"]);
    assert!(noted && said.contains("the rows of `public.parts` are copied") && !said.contains("`public.lines` are"), "{said}");
    let (_, said) = world.webhookc(&["source", "status"]);
    assert!(said.contains("the copy of new tables waits for a node") && said.contains("is read up to"), "{said}");
    let (_, said) = world.webhookc(&["doctor"]);
    assert!(said.contains("warning[source-copy-waits]") && said.contains("let the one that runs take up the schema"), "{said}");
    let (again, said) = world.webhookc(&["source", "init"]);
    assert!(again && !said.contains("public.parts` is read"), "it is not forgotten, and not said of a table that was there: {said}");
    let mut node = world.serve();
    made(&mut node);
    let (there, object) = send("GET", &node.object("parts", "1"), "").await;
    assert_eq!((there, &object["fields"]["name"]), (200, &"part".into()), "{object}");
    let (done, said) = world.webhookc(&["backfill", "part-seen", "--dry-run", "--url", &node.url]);
    assert!(done && said.contains("1 would fire"), "{said}");
    world.sql("INSERT INTO parts VALUES (2, 'new')");
    let came = world.wait(4, &node).await;
    assert_eq!((told(&came, "part"), came.len()), (vec![("create".to_owned(), 2)], 4));

    // One that goes, and comes again, is copied anew.
    world.schema(&schema(&[ORDERS, LINES]));
    stands_still(&mut node, &["has the table `public.parts`, which no model is for"]);
    assert!(world.webhookc(&["source", "init"]).0);
    node.wait_for_new_line("that it reads", |line| line.contains("the source is read"));
    world.sql("UPDATE parts SET name = 'unseen'");
    world.schema(&schema(&[ORDERS, LINES, &parts]));
    assert!(world.webhookc(&["source", "init", "--snapshot"]).0);
    made(&mut node);
    let (_, object) = send("GET", &node.object("parts", "1"), "").await;
    assert_eq!(object["fields"]["name"], "unseen", "{object}");
}
